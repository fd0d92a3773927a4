#!/usr/bin/env python3
"""Writes a convolutional TensorFlow Lite model as ONNX: `cargo xtask assets` runs it on packages that ship no ONNX.

Invariant: an operator or option that is not known here is an error; nothing is left out or guessed.
It does not optimise or quantise: weights stay as they are, half precision becomes single.

Usage: tflite_to_onnx.py MODEL.tflite MODEL.onnx [START END]   (START and END cut the model out of a larger file)
"""

import math
import sys

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

TYPES = {tflite.TensorType.FLOAT32: np.float32, tflite.TensorType.FLOAT16: np.float16, tflite.TensorType.INT32: np.int32}
OPERATORS = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
TO_NCHW, TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


class Converter:
    """Activations with four axes are kept channels first, all others as TensorFlow has them."""

    def __init__(self, model: tflite.Model) -> None:
        self.model, self.graph = model, model.Subgraphs(0)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.values: dict[int, str] = {}  # tensor → name of the ONNX value
        self.first: set[int] = set()  # tensors that are channels first

    # Tensors of the model.

    def shape(self, tensor: int) -> list[int]:
        shape = self.graph.Tensors(tensor).ShapeAsNumpy()
        return [] if isinstance(shape, int) else [int(d) for d in shape]

    def data(self, tensor: int) -> np.ndarray | None:
        """A constant's numbers."""
        raw = self.model.Buffers(self.graph.Tensors(tensor).Buffer()).DataAsNumpy()
        if isinstance(raw, int):
            return None
        kind = self.graph.Tensors(tensor).Type()
        if kind not in TYPES:
            raise ValueError(f"constants of type {kind} are not known")
        return np.frombuffer(raw.tobytes(), TYPES[kind]).reshape(self.shape(tensor))

    def constant(self, value: np.ndarray) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def weights(self, tensor: int) -> np.ndarray:
        """A constant in single precision, also behind a DEQUANTIZE."""
        if tensor in self.dequantized:
            tensor = self.dequantized[tensor]
        data = self.data(tensor)
        if data is None:
            raise ValueError("weights that are not constant are not known")
        return data.astype(np.float32)

    # Nodes of the ONNX graph.

    def node(self, kind: str, inputs: list[str], name: str | None = None, **attributes) -> str:
        name = name or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def read(self, tensor: int, channels_first: bool) -> str:
        """The value of a tensor in the wanted layout."""
        name = self.values[tensor]
        if len(self.shape(tensor)) == 4 and (tensor in self.first) != channels_first:
            return self.node("Transpose", [name], perm=TO_NCHW if channels_first else TO_NHWC)
        return name

    def write(self, tensor: int, name: str, channels_first: bool) -> None:
        self.values[tensor] = name
        if channels_first:
            self.first.add(tensor)

    def activation(self, name: str, kind: int) -> str:
        if kind == tflite.ActivationFunctionType.NONE:
            return name
        if kind == tflite.ActivationFunctionType.RELU:
            return self.node("Relu", [name])
        if kind == tflite.ActivationFunctionType.RELU6:
            limits = [self.constant(np.array(v, np.float32)) for v in (0, 6)]
            return self.node("Clip", [name, *limits])
        raise ValueError(f"activation {kind} is not known")

    def padding(self, kind: int, size: list[int], kernel: list[int], strides: list[int], dilations: list[int]) -> list[int]:
        """Pixels added at top, left, bottom and right."""
        if kind == tflite.Padding.VALID:
            return [0, 0, 0, 0]
        before, after = [], []
        for n, k, s, d in zip(size, kernel, strides, dilations):
            total = max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
            before.append(total // 2)
            after.append(total - total // 2)
        return before + after

    def window(self, tensor: int, options, kernel: list[int], dilations: list[int]) -> dict:
        strides = [options.StrideH(), options.StrideW()]
        pads = self.padding(options.Padding(), self.shape(tensor)[1:3], kernel, strides, dilations)
        return {"kernel_shape": kernel, "strides": strides, "pads": pads}

    # Operators.

    def convolution(self, inputs: list[int], output: int, options, depthwise: bool) -> None:
        weights = self.weights(inputs[1])
        if depthwise:
            if weights.shape[3] != self.shape(inputs[0])[3]:
                raise ValueError("depthwise convolutions with a multiplier are not known")
            weights, group = weights.transpose(3, 0, 1, 2), weights.shape[3]
        else:
            weights, group = weights.transpose(0, 3, 1, 2), 1
        dilations = [options.DilationHFactor(), options.DilationWFactor()]
        window = self.window(inputs[0], options, list(weights.shape[2:]), dilations)
        names = [self.read(inputs[0], True), self.constant(weights)]
        if len(inputs) > 2 and inputs[2] >= 0:
            names.append(self.constant(self.weights(inputs[2])))
        value = self.node("Conv", names, group=group, dilations=dilations, **window)
        self.write(output, self.activation(value, options.FusedActivationFunction()), True)

    def operator(self, operator: tflite.Operator) -> None:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        kind = OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs, output = [int(i) for i in operator.InputsAsNumpy()], int(operator.Outputs(0))
        four = len(self.shape(output)) == 4

        def options(cls):
            out = cls()
            table = operator.BuiltinOptions()
            out.Init(table.Bytes, table.Pos)
            return out

        if kind == "DEQUANTIZE":
            self.dequantized[output] = inputs[0]
        elif kind == "CONV_2D":
            self.convolution(inputs, output, options(tflite.Conv2DOptions), depthwise=False)
        elif kind == "DEPTHWISE_CONV_2D":
            self.convolution(inputs, output, options(tflite.DepthwiseConv2DOptions), depthwise=True)
        elif kind == "PRELU":
            slopes = self.weights(inputs[1]).reshape(-1, 1, 1)
            self.write(output, self.node("PRelu", [self.read(inputs[0], True), self.constant(slopes)]), True)
        elif kind == "RELU":
            self.write(output, self.node("Relu", [self.read(inputs[0], four)]), four)
        elif kind == "LOGISTIC":
            self.write(output, self.node("Sigmoid", [self.read(inputs[0], four)]), four)
        elif kind == "ADD":
            value = self.node("Add", [self.read(i, four) for i in inputs])
            self.write(output, self.activation(value, options(tflite.AddOptions).FusedActivationFunction()), four)
        elif kind == "MAX_POOL_2D":
            pool = options(tflite.Pool2DOptions)
            window = self.window(inputs[0], pool, [pool.FilterHeight(), pool.FilterWidth()], [1, 1])
            value = self.node("MaxPool", [self.read(inputs[0], True)], **window)
            self.write(output, self.activation(value, pool.FusedActivationFunction()), True)
        elif kind == "MEAN":
            axes = sorted(int(a) for a in np.atleast_1d(self.data(inputs[1])))
            if axes != [1, 2] or len(self.shape(inputs[0])) != 4:
                raise ValueError(f"means over the axes {axes} are not known")
            keep = options(tflite.ReducerOptions).KeepDims()
            value = self.node("ReduceMean", [self.read(inputs[0], True)], axes=[2, 3], keepdims=int(keep))
            self.write(output, value, four)
        elif kind == "FULLY_CONNECTED":
            dense = options(tflite.FullyConnectedOptions)
            weights = self.weights(inputs[1])
            shape = self.constant(np.array([-1, weights.shape[1]], np.int64))
            names = [self.node("Reshape", [self.read(inputs[0], False), shape]), self.constant(weights)]
            if len(inputs) > 2 and inputs[2] >= 0:
                names.append(self.constant(self.weights(inputs[2])))
            value = self.activation(self.node("Gemm", names, transB=1), dense.FusedActivationFunction())
            if len(self.shape(output)) != 2:
                value = self.node("Reshape", [value, self.constant(np.array(self.shape(output), np.int64))])
            self.write(output, value, False)
        elif kind == "PAD":
            pads = self.data(inputs[1])[list(TO_NCHW)] if four else self.data(inputs[1])
            pads = self.constant(pads.T.reshape(-1).astype(np.int64))
            self.write(output, self.node("Pad", [self.read(inputs[0], four), pads]), four)
        elif kind == "RESHAPE":
            shape = self.constant(np.array(self.shape(output), np.int64))
            self.write(output, self.node("Reshape", [self.read(inputs[0], False), shape]), False)
        elif kind == "CONCATENATION":
            join = options(tflite.ConcatenationOptions)
            value = self.node("Concat", [self.read(i, False) for i in inputs], axis=join.Axis())
            self.write(output, self.activation(value, join.FusedActivationFunction()), False)
        else:
            raise ValueError(f"operator {kind} is not known")

    def convert(self, name: str) -> onnx.ModelProto:
        graph, self.dequantized = self.graph, {}
        names = lambda tensor: graph.Tensors(tensor).Name().decode()
        info = lambda tensor: helper.make_tensor_value_info(names(tensor), TensorProto.FLOAT, self.shape(tensor))
        ins, outs = [int(i) for i in graph.InputsAsNumpy()], [int(i) for i in graph.OutputsAsNumpy()]
        for tensor in ins:
            self.write(tensor, names(tensor), False)
        for index in range(graph.OperatorsLength()):
            self.operator(graph.Operators(index))
        for tensor in outs:
            self.node("Identity", [self.read(tensor, False)], name=names(tensor))
        constants = [numpy_helper.from_array(v, k) for k, v in self.constants.items()]
        whole = helper.make_graph(self.nodes, name, [info(t) for t in ins], [info(t) for t in outs], constants)
        model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def main(source: str, target: str, *part: str) -> None:
    with open(source, "rb") as file:
        data = file.read()
    if part:
        data = data[int(part[0]) : int(part[1])]
    model = tflite.Model.GetRootAsModel(data, 0)
    if model.SubgraphsLength() != 1:
        raise ValueError("models with several graphs are not known")
    name = target.rsplit("/", 1)[-1].removesuffix(".onnx")
    with open(target, "wb") as file:
        file.write(Converter(model).convert(name).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
