"""From an RGB picture to a model's tensor, and from its outputs to boxes or points, as a careful app does it.

Invariant: the same as the system cards of the tasks say, so that results can be compared with Inbetween's.
It does not run models.
"""

from __future__ import annotations

import cv2
import numpy as np


class Input:
    """The model's tensor of a picture, in memory that is reused."""

    def __init__(self, size: tuple[int, int], fit: str, scale: float, offset: float, region=None) -> None:
        self.width, self.height = size
        self.fit, self.scale, self.offset, self.region = fit, np.float32(scale), np.float32(offset), region
        self.tensor = np.full((1, self.height, self.width, 3), self.offset, np.float32)
        self.place = None

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        left, top, width, height = self.region or (0, 0, picture.shape[1], picture.shape[0])
        part = picture[top : top + height, left : left + width]
        if self.fit == "letterbox":
            ratio = min(self.width / width, self.height / height)
            w, h = round(width * ratio), round(height * ratio)
        else:
            w, h = self.width, self.height
        x, y = (self.width - w) // 2, (self.height - h) // 2
        small = cv2.resize(part, (w, h), interpolation=cv2.INTER_LINEAR)
        inner = self.tensor[0, y : y + h, x : x + w]
        np.multiply(small, self.scale, out=inner)
        inner += self.offset
        sx, sy = width / w, height / h
        self.place = (sx, sy, left - x * sx, top - y * sy, picture.shape[1], picture.shape[0])
        return self.tensor


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-np.clip(x, -100.0, 100.0)))


def overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of one box with many."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.prod(np.maximum(high - low, 0.0), axis=1)
    area = lambda b: (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    union = area(box) + area(others) - common
    return common / np.maximum(union, 1e-9)


def weighted(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, iou: float, most: int) -> list[tuple]:
    """Weighted suppression (arXiv 1907.05047, section 3.3): (class, score, box), best first."""
    order = np.argsort(-scores, kind="stable")
    boxes, scores, classes = boxes[order], scores[order], classes[order]
    kept = []
    while len(scores) and len(kept) < most:
        same = (overlap(boxes[0], boxes) > iou) & (classes == classes[0])
        same[0] = True
        weights = scores[same]
        kept.append((int(classes[0]), float(scores[0]), weights @ boxes[same] / weights.sum()))
        boxes, scores, classes = boxes[~same], scores[~same], classes[~same]
    return kept


class Boxes:
    """Boxes relative to anchors (SSD, BlazeFace)."""

    def __init__(self, size, layers, scale, order, exponential, background, threshold, iou, most) -> None:
        self.anchors = anchors(size, layers)
        self.scale = np.array(scale, np.float32)
        self.order, self.exponential, self.background = order, exponential, background
        self.raw, self.iou, self.most = float(np.log(threshold / (1.0 - threshold))), iou, most

    def __call__(self, boxes: np.ndarray, scores: np.ndarray, place) -> list[tuple]:
        boxes = boxes.reshape(len(self.anchors), -1)[:, :4]
        scores = scores.reshape(len(self.anchors), -1)[:, int(self.background) :]
        rows = np.flatnonzero(scores.max(axis=1) >= self.raw)
        if not len(rows):
            return []
        scores = scores[rows]
        classes = scores.argmax(axis=1)
        scores = sigmoid(scores[np.arange(len(rows)), classes])
        anchor, numbers = self.anchors[rows], boxes[rows][:, self.order] / self.scale
        centres = numbers[:, :2] * anchor[:, 2:] + anchor[:, :2]
        sizes = (np.exp(numbers[:, 2:]) if self.exponential else numbers[:, 2:]) * anchor[:, 2:]
        corners = np.hstack([centres - sizes / 2, centres + sizes / 2])
        sx, sy, x, y, width, height = place
        found = []
        for label, score, box in weighted(corners, scores, classes, self.iou, self.most):
            box = box * (sx, sy, sx, sy) + (x, y, x, y)
            box = np.clip(box, 0.0, (width, height, width, height))
            if box[2] > box[0] and box[3] > box[1]:
                found.append((label, score, box.tolist()))
        return found


class Points:
    """Points of one instance, in pixels of the model; none where the instance is not there."""

    def __init__(self, dims: int) -> None:
        self.dims = dims

    def __call__(self, points: np.ndarray, presence: np.ndarray, place) -> np.ndarray:
        if presence.reshape(-1)[0] < 0.0:  # sigmoid below one half
            return np.zeros((0, 2), np.float32)
        sx, sy, x, y, *_ = place
        return points.reshape(-1, self.dims)[:, :2] * np.float32((sx, sy)) + np.float32((x, y))


def anchors(size: tuple[int, int], layers) -> np.ndarray:
    """Centre and size of each anchor: (stride, sizes); `None` as a size is the whole picture."""
    width, height = size
    out = []
    for stride, sizes in layers:
        columns, rows = -(-width // stride), -(-height // stride)
        for row in range(rows):
            for column in range(columns):
                centre = ((column + 0.5) / columns * width, (row + 0.5) / rows * height)
                out += [(*centre, *(s or (width, height))) for s in sizes]
    return np.array(out, np.float32)


STREET = (
    (16, ((30, 30), (84.85, 42.43), (42.43, 84.85))),
    (32, ((105, 105), (148.49, 74.25), (74.25, 148.49), (181.87, 60.62), (60.62, 181.87), (125.5, 125.5))),
    (64, ((150, 150), (212.13, 106.07), (106.07, 212.13), (259.81, 86.6), (86.6, 259.82), (171.03, 171.03))),
    (100, ((195, 195), (275.77, 137.89), (137.89, 275.77), (337.75, 112.58), (112.58, 337.77), (216.33, 216.33))),
    (150, ((240, 240), (339.41, 169.71), (169.71, 339.41), (415.69, 138.56), (138.56, 415.71), (261.53, 261.53))),
    (300, ((285, 285), (403.05, 201.53), (201.53, 403.05), (493.63, 164.54), (164.54, 493.66), (292.4, 292.4))),
)


def of_task(name: str, region):
    """Input, and the function from a list of outputs and a place to boxes or points."""
    if name == "face":
        head = Boxes((128, 128), ((8, (None,) * 2), (16, (None,) * 6)), (128,) * 4, [0, 1, 2, 3], False, False, 0.5, 0.3, 100)
        return Input((128, 128), "letterbox", 2 / 255, -1.0), lambda out, place: head(out[0], out[1], place)
    if name == "street":
        head = Boxes((300, 300), STREET, (10, 10, 5, 5), [1, 0, 3, 2], True, True, 0.5, 0.4, 10)
        return Input((300, 300), "stretch", 2 / 255, -1.0), lambda out, place: head(out[0], out[1], place)
    if name == "mesh":
        head = Points(3)
        return Input((192, 192), "letterbox", 1 / 255, 0.0, region), lambda out, place: head(out[0], out[1], place)
    raise ValueError(f"no head is known for the task {name}")
