"""What the detector is worth: candidates to boxes, boxes against truth."""

import numpy as np

from frames import FRAME, to_frame
from network import HIDDEN, SEEN

THRESHOLD = 0.5  # the same as in card.toml
OVERLAP = 0.45  # of boxes that are one object; the same as in card.toml
MATCH = 0.4  # least overlap of a detection with its object


def decode(candidates: np.ndarray) -> np.ndarray:
    """Detections of one frame, n × 5: x0, y0, x1, y1 in frame pixels and score, best first.

    `candidates` is 5 × 240. The card asks the SDK for the same: threshold, hard suppression, clipping.
    """
    x, y, w, h, score = candidates[:, candidates[4] >= THRESHOLD]
    boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1)
    kept = []
    for i in np.argsort(-score, kind="stable"):
        if all(overlap(boxes[i], boxes[j]) <= OVERLAP for j in kept):
            kept.append(i)
    return np.concatenate([to_frame(boxes[kept]), score[kept, None]], -1)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    inside = max(w, 0) * max(h, 0)
    return inside / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inside)


def corner(a: np.ndarray, b: np.ndarray) -> float:
    """The largest distance of corresponding corners: what the card's tolerance bounds."""
    off = np.abs(a[:4] - b[:4])
    return float(np.hypot(max(off[0], off[2]), max(off[1], off[3])))


def clear(objects: np.ndarray) -> np.ndarray:
    """Which objects of one frame are wholly visible, inside the frame and apart from each other."""
    inside = (objects[:, :2] > 0).all(1) & (objects[:, 2:4] < FRAME).all(1)
    apart = [all(i == j or overlap(a, b) < 0.05 for j, b in enumerate(objects)) for i, a in enumerate(objects)]
    return inside & (objects[:, 4] > 0.97) & np.array(apart, bool)


def measure(detections: list[np.ndarray], truth: np.ndarray) -> dict:
    """Recall of objects that are at least half visible, precision, and how far the found ones are off.

    A detection is right when it matches any object of which something is to be seen.
    """
    given = right = 0
    rows = []  # for each wanted object: found, clear, worst corner, centre
    for boxes, objects in zip(detections, truth):
        objects = list(objects[objects[:, 4] > HIDDEN])
        pairs = [(overlap(b, o), i, j) for i, b in enumerate(boxes) for j, o in enumerate(objects)]
        match = {}  # object to detection
        for share, i, j in sorted(pairs, reverse=True):
            if share >= MATCH and j not in match and i not in match.values():
                match[j] = i
        given += len(boxes)
        right += len(match)
        for j, (o, plain) in enumerate(zip(objects, clear(np.reshape(objects, (-1, 5))))):
            if o[4] >= SEEN and j in match:
                box = boxes[match[j]]
                middle = (box[:2] + box[2:4] - o[:2] - o[2:4]) / 2
                rows.append((1, plain, corner(box, o), np.hypot(*middle)))
            elif o[4] >= SEEN:
                rows.append((0, plain, np.nan, np.nan))
    rows = np.array(rows, float)
    summary = {"frames": len(detections)} | figures(rows)
    return summary | {"precision": round(right / max(given, 1), 4), "clear": figures(rows[rows[:, 1] > 0])}


def figures(rows: np.ndarray) -> dict:
    """Recall and errors of place of some of the wanted objects."""
    found = rows[rows[:, 0] > 0]
    at = lambda column, q: round(float(np.quantile(found[:, column], q)), 2)
    return {
        "objects": len(rows),
        "recall": round(len(found) / len(rows), 4),
        "worst_corner_px": {"median": at(2, 0.5), "p95": at(2, 0.95), "p99": at(2, 0.99)},
        "centre_error_px": {"median": at(3, 0.5), "p95": at(3, 0.95)},
    }
