"""The runtimes behind one face: load a model, run it on one tensor.

Invariant: one thread, and otherwise what the runtime does by itself; single precision where it asks.
It does not time anything.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

PNNX = "pnnx==20261020"


class OnnxRuntime:
    @staticmethod
    def prepare(model, onnx: Path, tflite: Path | None, folder: Path) -> Path:
        return onnx

    def __init__(self, model, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.input, self.names = model.input, [name for name, _ in model.outputs]

    def run(self, tensor: np.ndarray) -> list[np.ndarray]:
        return self.session.run(self.names, {self.input: tensor})


class LiteRt:
    @staticmethod
    def prepare(model, onnx: Path, tflite: Path | None, folder: Path) -> Path:
        if tflite is None:
            raise Missing("there is no TensorFlow Lite file of this model")
        if model.part is None:
            return tflite
        path = folder / f"{model.name}.tflite"
        path.write_bytes(tflite.read_bytes()[slice(*model.part)])
        return path

    def __init__(self, model, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(str(path), num_threads=1)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]["index"]
        places = {d["name"]: d["index"] for d in self.interpreter.get_output_details()}
        self.outputs = [places[name] for name, _ in model.outputs]

    def run(self, tensor: np.ndarray) -> list[np.ndarray]:
        self.interpreter.set_tensor(self.input, tensor)
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(k) for k in self.outputs]


class Mnn:
    @staticmethod
    def prepare(model, onnx: Path, tflite: Path | None, folder: Path) -> Path:
        path = folder / f"{model.name}.mnn"
        tool = Path(sys.executable).with_name("mnnconvert")
        convert(tool, "-f", "ONNX", "--modelFile", onnx, "--MNNModel", path, "--bizCode", "peers")
        return path

    def __init__(self, model, path: Path) -> None:
        import MNN

        self.mnn, self.names = MNN, [name for name, _ in model.outputs]
        self.interpreter = MNN.Interpreter(str(path))
        self.session = self.interpreter.createSession({"backend": "CPU", "numThread": 1, "precision": "high"})
        self.input = self.interpreter.getSessionInput(self.session, model.input)
        self.outputs = [self.interpreter.getSessionOutput(self.session, name) for name in self.names]
        # Halide_Type_Float, and the order of the axes as the ONNX file has them.
        self.shape = model.shape
        self.hosts = [
            MNN.Tensor(o.getShape(), MNN.Halide_Type_Float, np.zeros(o.getShape(), np.float32), MNN.Tensor_DimensionType_Caffe)
            for o in self.outputs
        ]

    def run(self, tensor: np.ndarray) -> list[np.ndarray]:
        mnn = self.mnn
        host = mnn.Tensor(self.shape, mnn.Halide_Type_Float, np.ascontiguousarray(tensor), mnn.Tensor_DimensionType_Caffe)
        self.input.copyFrom(host)
        self.interpreter.runSession(self.session)
        for output, host in zip(self.outputs, self.hosts):
            output.copyToHostTensor(host)
        return [host.getNumpyData() for host in self.hosts]


class Ncnn:
    @staticmethod
    def prepare(model, onnx: Path, tflite: Path | None, folder: Path) -> Path:
        tool = folder / "pnnx" / "pnnx" / "pnnx"
        if not tool.is_file():
            # The package asks for gigabytes of a framework that its program does not need.
            pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
            convert(*pip, "--target", folder / "pnnx", PNNX)
        own = folder / f"{model.name}.onnx"  # pnnx writes beside its input
        own.write_bytes(onnx.read_bytes())
        convert(tool, own, "fp16=0")
        return folder / f"{model.name}.ncnn.param"

    def __init__(self, model, path: Path) -> None:
        import ncnn

        self.ncnn, self.count = ncnn, len(model.outputs)
        self.net = ncnn.Net()
        self.net.opt.num_threads = 1
        self.net.opt.use_vulkan_compute = False
        if self.net.load_param(str(path)) != 0 or self.net.load_model(str(path.with_suffix(".bin"))) != 0:
            raise Missing("it does not know an operator that its converter writes")

    def run(self, tensor: np.ndarray) -> list[np.ndarray]:
        extractor = self.net.create_extractor()
        extractor.input("in0", self.ncnn.Mat(tensor[0]))
        return [np.array(extractor.extract(f"out{k}")[1]) for k in range(self.count)]


class Missing(Exception):
    """A model that a runtime cannot be given, with the reason."""


BACKENDS = {"onnxruntime": OnnxRuntime, "litert": LiteRt, "mnn": Mnn, "ncnn": Ncnn}

# What each is called by its package registry.
PACKAGES = {"onnxruntime": "onnxruntime", "litert": "ai-edge-litert", "mnn": "MNN", "ncnn": "ncnn", "mediapipe": "mediapipe"}


def convert(*command) -> None:
    end = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if end.returncode != 0:
        raise Missing(f"its converter refuses it: {(end.stdout + end.stderr).strip().splitlines()[-1:]}")


@contextlib.contextmanager
def silence():
    """Sends what native code prints to standard output to standard error: standard output is for the result."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
