"""Makes bright_spot.onnx: a detector small enough to read, for the tests and the documentation.

Input: 1 x 1 x 16 x 16 brightness from 0 to 1. Output: 1 x 5 x 16, for each of the 4 x 4 cells its box (centre and
size, in input pixels) and, as the score, its mean brightness.

Run with onnx 1.23.2: python make.py
"""

import pathlib

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

SIDE, CELL = 16, 4
GRID = SIDE // CELL

centres = np.arange(GRID, dtype=np.float32) * CELL + CELL / 2
y, x = np.meshgrid(centres, centres, indexing="ij")
size = np.full(GRID * GRID, CELL, dtype=np.float32)
boxes = np.stack([x.ravel(), y.ravel(), size, size])[None]

graph = helper.make_graph(
    [
        helper.make_node("AveragePool", ["picture"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Reshape", ["cells", "shape"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["spots"], axis=1),
    ],
    "bright_spot",
    [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 1, SIDE, SIDE])],
    [helper.make_tensor_value_info("spots", TensorProto.FLOAT, [1, 5, GRID * GRID])],
    [
        numpy_helper.from_array(np.array([1, 1, GRID * GRID], dtype=np.int64), "shape"),
        numpy_helper.from_array(boxes, "boxes"),
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
checker.check_model(model)
path = pathlib.Path(__file__).with_name("bright_spot.onnx")
path.write_bytes(model.SerializeToString())
print(path.name, path.stat().st_size, "bytes")
