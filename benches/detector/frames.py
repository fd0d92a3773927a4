"""Rendered frames with their truth, at the network's resolution.

The simulator renders them (`core/sim/examples/frames.rs`); here they are shrunk exactly as the SDK shrinks a camera
frame for the model: a triangle filter as wide as two pixels of the frame, rounded to bytes after each direction.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
FRAME = (320, 180)  # width and height of the rendered frames
SHRINK = 2  # frame pixels for one network pixel
INNER = (160, 90)  # the frame inside the network's picture
PICTURE = (160, 96)  # the network's picture: whole cells of 8 pixels
TOP = (PICTURE[1] - INNER[1]) // 2  # height of the bar above the frame
PAD = 114  # grey level of the bars
MOST = 12  # objects kept for a frame; the scenes have fewer


@dataclass
class Frames:
    """Frames of one set.

    `pixels` is frames × 90 × 160 bytes. `truth` is frames × MOST × 5: x0, y0, x1, y1 in *frame* pixels, clipped to
    the frame, then the visible share from 0 to 1; rows of zeros where there is no object. `names` says for each frame
    which scene, seed and index it is.
    """

    pixels: np.ndarray
    truth: np.ndarray
    names: list[tuple[str, int, int]]


def render(scenes: list[Path], seeds: range, every: int, faces: bool = False) -> Frames:
    """Renders every `every`-th frame of `scenes` with `seeds`; `faces`: objects that count get a face."""
    command = ["cargo", "run", "--quiet", "--release", "-p", "inbetween-sim", "--example", "frames", "--"]
    command += ["--faces"] * faces + [f"{seeds.start}..{seeds.stop}", str(every)] + [str(s) for s in scenes]
    pixels, truth, names = [], [], []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        while line := process.stdout.readline():
            head = json.loads(line)
            size = (head["width"], head["height"])
            if size != FRAME:
                raise SystemExit(f"{head['scene']}: frames of {size}, but the network is made for {FRAME}")
            luma = np.frombuffer(process.stdout.read(size[0] * size[1]), np.uint8)
            pixels.append(shrink(luma.reshape(size[1], size[0])))
            objects = [t[:5] for t in head["truth"]]
            if len(objects) > MOST:
                raise SystemExit(f"{head['scene']}: {len(objects)} objects in a frame, at most {MOST} are kept")
            truth.append(np.zeros((MOST, 5), np.float32))
            truth[-1][: len(objects)] = np.reshape(objects, (-1, 5))
            names.append((head["scene"], head["seed"], head["index"]))
    if process.returncode:
        raise SystemExit(f"rendering failed: {' '.join(command)}")
    return Frames(np.stack(pixels), np.stack(truth), names)


def cached(folder: Path | None, name: str, **how) -> Frames:
    """As `render`, but reads the set from `folder` when it is there and leaves it there when it is not."""
    file = folder / f"{name}.npz" if folder else None
    if file and file.exists():
        with np.load(file) as z:
            frames = Frames(z["pixels"], z["truth"], [tuple(n) for n in json.loads(str(z["names"]))])
    else:
        frames = render(**how)
        if file:
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(file, pixels=frames.pixels, truth=frames.truth, names=json.dumps(frames.names))
    print(f"{name}: {len(frames.names)} frames, {(frames.truth[..., 4] > 0).sum()} objects", file=sys.stderr)
    return frames


def shrink(luma: np.ndarray) -> np.ndarray:
    """Half size with a triangle filter: weights 1, 3, 3, 1, without those beyond the edge."""
    return _half(_half(luma.T).T)


def _half(a: np.ndarray) -> np.ndarray:
    """Halves the number of rows."""
    rows = np.arange(a.shape[0] // 2) * 2
    total = np.zeros((len(rows), a.shape[1]))
    weights = np.zeros((len(rows), 1))
    for offset, weight in ((-1, 1), (0, 3), (1, 3), (2, 1)):
        there = (rows + offset >= 0) & (rows + offset < a.shape[0])
        total[there] += weight * a[rows[there] + offset].astype(float)
        weights[there] += weight
    return np.floor(total / weights + 0.5).astype(np.uint8)


def to_network(boxes: np.ndarray) -> np.ndarray:
    """Boxes from frame pixels to pixels of the network's picture."""
    return boxes / SHRINK + np.float32([0, TOP, 0, TOP])


def to_frame(boxes: np.ndarray) -> np.ndarray:
    """Boxes from pixels of the network's picture to frame pixels, clipped to the frame."""
    boxes = (boxes - np.float32([0, TOP, 0, TOP])) * SHRINK
    return np.clip(boxes, 0, np.float32([FRAME[0], FRAME[1]] * 2))


def pictures(pixels: np.ndarray) -> np.ndarray:
    """The network's input for frames: bars above and below, then −2…2; frames × 1 × 96 × 160."""
    bars = ((0, 0), (TOP, PICTURE[1] - INNER[1] - TOP), (0, 0))
    return normalise(np.pad(pixels.astype(np.float32), bars, constant_values=PAD))[:, None]


def normalise(pixels):
    """Bytes to the network's numbers; the card states the same mean and standard deviation."""
    return (pixels / 255 - 0.5) / 0.25
