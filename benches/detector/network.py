"""The network: six convolutions, one cell of 8 × 8 pixels for each candidate, and its training.

A candidate says centre, width, height and score through one sigmoid, so that every output is bounded whatever the
picture is. The graph holds the arithmetic that turns them into pixels: the layout is that of YOLOv8.
"""

import functools
import time

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from frames import INNER, PAD, PICTURE, SHRINK, TOP, normalise

# Channels in, channels out, stride; those of stride 1 add to what they are given (He et al., CVPR 2016). The pads of the last strided one put the middle of its view half a pixel from
# the middle of the cell.
LAYERS = [(1, 16, 2), (16, 20, 2), (20, 40, 2), (40, 40, 1), (40, 40, 1), (40, 40, 1)]
PADS = [(1, 1), (1, 1), (0, 1), (1, 1), (1, 1), (1, 1)]
CELL = 8
GRID = (PICTURE[0] // CELL, PICTURE[1] // CELL)
REACH = 32  # the centre lies within half of this of the cell's centre, in pixels
LARGEST = 80  # largest width and height, in pixels
NUMBERS = 5  # x, y, width, height, score

SEEN = 0.5  # objects of which this share is visible must be found
HIDDEN = 0.15  # of which less is visible must not; in between both is right


def cells() -> np.ndarray:
    """Centres of the cells, 240 × 2, in pixels."""
    x, y = np.meshgrid(np.arange(GRID[0]), np.arange(GRID[1]))
    return (np.stack([x, y], -1).reshape(-1, 2).astype(np.float32) + 0.5) * CELL


def coding() -> tuple[np.ndarray, np.ndarray]:
    """Factor (5 × 1) and offset (5 × 240) that turn a candidate's sigmoids into pixels and score."""
    scale = np.float32([REACH, REACH, LARGEST, LARGEST, 1])[:, None]
    offset = np.zeros((NUMBERS, GRID[0] * GRID[1]), np.float32)
    offset[:2] = cells().T - REACH / 2
    return scale, offset


def macs() -> int:
    """Multiply-accumulates of one run."""
    width, height = PICTURE
    total = 0
    for before, after, stride in LAYERS:
        width, height = width // stride, height // stride
        total += width * height * 9 * before * after
    return total + width * height * LAYERS[-1][1] * NUMBERS


def parameters() -> int:
    """How many weights and biases."""
    return sum((9 * before + 1) * after for before, after, _ in LAYERS) + (LAYERS[-1][1] + 1) * NUMBERS


def start(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights before training (He et al., ICCV 2015), height × width × in × out, and biases."""
    weights = []
    for before, after, _ in LAYERS:
        w = rng.normal(size=(3, 3, before, after)) * np.sqrt(2 / (9 * before))
        weights.append((w.astype(np.float32), np.zeros(after, np.float32)))
    # At first: in the cell's centre, a quarter of the largest size, hardly ever there.
    bias = np.float32([0, 0, np.log(1 / 3), np.log(1 / 3), -4])
    head = rng.normal(size=(1, 1, LAYERS[-1][1], NUMBERS)) * 0.03
    return weights + [(head.astype(np.float32), bias)]


def run(weights, pictures):
    """Logits, frames × 240 × 5, of pictures, frames × 96 × 160."""
    x = pictures[..., None]
    conv = functools.partial(jax.lax.conv_general_dilated, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    for (w, b), (_, _, stride), pads in zip(weights, LAYERS, PADS):
        y = conv(x, w, (stride, stride), (pads, pads)) + b
        x = jax.nn.relu(y + x if stride == 1 else y)
    w, b = weights[-1]
    return (conv(x, w, (1, 1), "VALID") + b).reshape(x.shape[0], -1, NUMBERS)


def candidates(weights, pictures) -> np.ndarray:
    """What the exported graph gives, frames × 5 × 240, of pictures, frames × 96 × 160."""
    scale, offset = coding()
    return np.asarray(jax.nn.sigmoid(run(weights, pictures))).transpose(0, 2, 1) * scale + offset


def targets(boxes, visible):
    """What the candidates of one picture should say.

    Scores fall off as a Gaussian from the object's centre and are 1 in its nearest cell, so that one candidate stands
    out. Returns score, weight of the score, box and weight of the box for each cell.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, 2:] + boxes[:, :2]) / 2
    square = ((cells()[:, None] - centre[None]) ** 2).sum(-1)
    spread = jnp.maximum(0.5 * CELL, 0.14 * size.mean(-1))
    near = jnp.exp(-0.5 * (square - square.min(0)) / spread**2)
    near *= jnp.sqrt(square) < jnp.maximum(0.75 * CELL, 0.5 * size.min(-1))[None]
    must = near * (visible >= SEEN)
    may = near * ((visible > HIDDEN) & (visible < SEEN))
    owner = (near * (visible > HIDDEN)).argmax(1)
    score = must.max(1)
    weight = 1.0 - (may.max(1) > jnp.maximum(score, 0.1))
    box_weight = jnp.take_along_axis(near * (visible >= 0.3), owner[:, None], 1)[:, 0]
    return score, weight, boxes[owner], jnp.where(box_weight > 0.35, box_weight, 0.0)


def augment(key, pixels, truth):
    """Another look at one frame: mirrored, shifted, partly covered, lighter or darker, noisier.

    Truth in network pixels.
    """
    mirror, shift, cover, light, grain, amount = jax.random.split(key, 6)
    width, height = INNER
    boxes, visible = truth[:, :4], truth[:, 4]
    flip = jax.random.bernoulli(mirror)
    pixels = jnp.where(flip, pixels[:, ::-1], pixels).astype(jnp.float32)
    boxes = jnp.where(flip, jnp.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], -1), boxes)

    most = CELL
    dx, dy = jax.random.randint(shift, (2,), 0, 2 * most + 1)
    wide = jnp.pad(pixels, most, mode="edge")
    pixels = jax.lax.dynamic_slice(wide, (dy, dx), (height, width))
    moved = boxes + jnp.stack([most - dx, most - dy] * 2)
    clipped = jnp.clip(moved, jnp.float32([0, TOP] * 2), jnp.float32([width, TOP + height] * 2))
    area = lambda b: (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    visible = visible * area(clipped) / jnp.maximum(area(moved), 1e-3)

    # In half of the frames a post, a bar or a box stands in front.
    u = jax.random.uniform(cover, (6,))
    half = jnp.where(u[0] < 0.25, jnp.stack([1.5 + 9 * u[3], 200.0]), 2 + 10 * u[3:5])
    half = jnp.where((u[0] >= 0.25) & (u[0] < 0.35), jnp.stack([200.0, 1.5 + 6 * u[3]]), half)
    half = jnp.where(u[0] < 0.5, half, 0.0)
    middle = jnp.stack([u[1] * width, u[2] * height])
    x, y = jnp.arange(width) + 0.5, jnp.arange(height)[:, None] + 0.5
    inside = (jnp.abs(x - middle[0]) < half[0]) & (jnp.abs(y - middle[1]) < half[1])
    pattern = 40 + 160 * u[5] + 25 * u[4] * jnp.sin(x * (0.4 + u[3]))
    pixels = jnp.where(inside, pattern, pixels)
    low, high = middle - half + jnp.float32([0, TOP]), middle + half + jnp.float32([0, TOP])
    covered = jnp.maximum(jnp.minimum(clipped[:, 2:], high) - jnp.maximum(clipped[:, :2], low), 0)
    visible = visible * (1 - covered.prod(-1) / jnp.maximum(area(clipped), 1e-3))

    gain, offset = jax.random.uniform(light, (2,), minval=jnp.float32([0.65, -25]), maxval=jnp.float32([1.4, 25]))
    noise = jax.random.normal(grain, pixels.shape) * 5 * jax.random.uniform(amount) ** 2
    pixels = jnp.clip((pixels - 110) * gain + 110 + offset + noise, 0, 255)
    bars = ((TOP, PICTURE[1] - height - TOP), (0, 0))
    return normalise(jnp.pad(pixels, bars, constant_values=PAD)), clipped, visible


def loss(weights, pictures, boxes, visible):
    """Quality focal loss (Li et al., NeurIPS 2020) of scores, and the distance of edges in frame pixels."""
    logits = run(weights, pictures)
    scale, offset = coding()
    said = jax.nn.sigmoid(logits[..., :4]) * scale[:4, 0] + offset[:4].T
    score, weight, wanted, box_weight = jax.vmap(targets)(boxes, visible)
    raw = logits[..., 4]
    entropy = jnp.maximum(raw, 0) - raw * score + jnp.log1p(jnp.exp(-jnp.abs(raw)))
    focal = (weight * (score - jax.nn.sigmoid(raw)) ** 2 * entropy).sum() / jnp.maximum(score.sum(), 1)
    edges = jnp.concatenate([said[..., :2] - said[..., 2:] / 2, said[..., :2] + said[..., 2:] / 2], -1)
    off = jnp.abs(edges - wanted) * SHRINK
    smooth = jnp.where(off < 1, 0.5 * off**2, off - 0.5).mean(-1)  # Huber with a knee at one frame pixel
    place = (box_weight * smooth).sum() / jnp.maximum(box_weight.sum(), 1)
    return 4 * focal + 0.25 * place, (focal, place)


@functools.partial(jax.jit, donate_argnums=0)
def step(state, key, pixels, truth, rate):
    """One step of Adam (Kingma and Ba, ICLR 2015) on a batch; the mean of late weights is what is kept."""
    weights, first, second, mean, count = state
    pictures, boxes, visible = jax.vmap(augment)(jax.random.split(key, len(pixels)), pixels, truth)
    (_, parts), slope = jax.value_and_grad(loss, has_aux=True)(weights, pictures, boxes, visible)
    length = jnp.sqrt(sum((g**2).sum() for g in jax.tree.leaves(slope)))
    slope = jax.tree.map(lambda g: g * jnp.minimum(1, 2 / length), slope)
    count = count + 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slope)
    second = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g * g, second, slope)
    c1, c2 = 1 - 0.9**count, 1 - 0.99**count
    weights = jax.tree.map(lambda w, m, v: w - rate * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), weights, first, second)
    keep = jnp.minimum(0.997, (1 + count) / (10 + count))
    mean = jax.tree.map(lambda a, w: keep * a + (1 - keep) * w, mean, weights)
    return (weights, first, second, mean, count), parts


def train(pixels, truth, seed: int, epochs: int, batch: int = 16, peak: float = 2e-3):
    """Trains on frames (bytes) with truth in network pixels; returns the weights and the last losses."""
    rng = np.random.default_rng(seed)
    copy = lambda tree: jax.tree.map(lambda a: jnp.array(a), tree)
    weights = start(rng)
    zero = jax.tree.map(np.zeros_like, weights)
    state = (copy(weights), copy(zero), copy(zero), copy(weights), jnp.float32(0))
    steps = epochs * (len(pixels) // batch)
    key, began, done = jax.random.key(seed), time.monotonic(), 0
    for epoch in range(epochs):
        order, sums = rng.permutation(len(pixels)), np.zeros(2)
        for i in range(len(pixels) // batch):
            pick = order[i * batch : (i + 1) * batch]
            rate = peak * min(1, (done + 1) / 200) * (0.5 + 0.5 * np.cos(np.pi * done / steps))
            state, parts = step(state, jax.random.fold_in(key, done), pixels[pick], truth[pick], jnp.float32(rate))
            sums += np.array(parts)
            done += 1
        focal, place = sums / (len(pixels) // batch)
        left = (time.monotonic() - began) * (steps / done - 1)
        print(f"epoch {epoch + 1}/{epochs}: score loss {focal:.4f}, place loss {place:.3f}, {left:.0f} s left", flush=True)
    return jax.tree.map(np.asarray, state[3]), (float(focal), float(place))


def export(weights) -> onnx.ModelProto:
    """The graph: pictures 1 × 1 × 96 × 160 to candidates 1 × 5 × 240."""
    nodes, constants, x = [], [], "picture"

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    strides = [s for _, _, s in LAYERS] + [1]
    for i, ((w, b), stride, (low, high)) in enumerate(zip(weights, strides, PADS + [(0, 0)])):
        inputs = [x, constant(f"weight{i}", w.transpose(3, 2, 0, 1)), constant(f"bias{i}", b)]
        x, kernel, pads = f"conv{i}", [w.shape[0]] * 2, [low, low, high, high]
        nodes.append(helper.make_node("Conv", inputs, [x], kernel_shape=kernel, strides=[stride] * 2, pads=pads))
        if i < len(LAYERS):
            if stride == 1:
                nodes.append(helper.make_node("Add", [x, inputs[0]], [f"sum{i}"]))
                x = f"sum{i}"
            nodes.append(helper.make_node("Relu", [x], [f"relu{i}"]))
            x = f"relu{i}"
    scale, offset = coding()
    shape = [1, NUMBERS, GRID[0] * GRID[1]]
    nodes += [
        helper.make_node("Sigmoid", [x], ["shares"]),
        helper.make_node("Reshape", ["shares", constant("shape", np.int64(shape))], ["table"]),
        helper.make_node("Mul", ["table", constant("scale", scale[None])], ["scaled"]),
        helper.make_node("Add", ["scaled", constant("offset", offset[None])], ["candidates"]),
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 1, PICTURE[1], PICTURE[0]])
    candidates = helper.make_tensor_value_info("candidates", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "faces", [picture], [candidates], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], producer_name="inbetween")
    model.ir_version = 8  # what goes with opset 15
    onnx.checker.check_model(model, full_check=True)
    return model
