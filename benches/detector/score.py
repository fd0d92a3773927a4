"""What the detector is worth: candidates to boxes, boxes against truth."""

import numpy as np

from frames import to_frame
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


def measure(detections: list[np.ndarray], truth: np.ndarray) -> dict:
    """Recall of objects that are at least half visible, precision, and how far the found ones are off.

    A detection is right when it matches any object of which something is to be seen.
    """
    wanted = found = given = right = 0
    corners, centres = [], []
    for boxes, objects in zip(detections, truth):
        objects = objects[objects[:, 4] > HIDDEN]
        pairs = [(overlap(b, o), i, j) for i, b in enumerate(boxes) for j, o in enumerate(objects)]
        taken_boxes, taken_objects = set(), set()
        for share, i, j in sorted(pairs, reverse=True):
            if share < MATCH:
                break
            if i in taken_boxes or j in taken_objects:
                continue
            taken_boxes.add(i)
            taken_objects.add(j)
            if objects[j, 4] >= SEEN:
                found += 1
                corners.append(corner(boxes[i], objects[j]))
                middle = (boxes[i][:2] + boxes[i][2:4] - objects[j][:2] - objects[j][2:4]) / 2
                centres.append(float(np.hypot(*middle)))
        given += len(boxes)
        right += len(taken_boxes)
        wanted += int((objects[:, 4] >= SEEN).sum())
    at = lambda values, q: round(float(np.quantile(values, q)), 3) if values else None
    return {
        "frames": len(detections),
        "objects": wanted,
        "recall": round(found / max(wanted, 1), 4),
        "precision": round(right / max(given, 1), 4),
        "centre_error_px": {"median": at(centres, 0.5), "p95": at(centres, 0.95)},
        "worst_corner_px": {"median": at(corners, 0.5), "p95": at(corners, 0.95), "p99": at(corners, 0.99)},
    }
