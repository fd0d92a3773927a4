"""One measurement in a fresh process, in the environment of one runtime; `driver.py` starts it.

Invariant: what is timed is CPU time of the whole process, so that a helper thread cannot hide; standard output is one
JSON object. It does not decide what is measured.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib import metadata
from pathlib import Path

import numpy as np

import backends
import tasks


def memory(line: str) -> int:
    """A line of the process's status, in KiB; 0 where the system has none."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return next((int(text.split()[1]) for text in lines if text.startswith(f"{line}:")), 0)


def prepare(args) -> dict:
    """The file that a runtime loads, made by its own converter where it needs one."""
    model = tasks.model(args.model)
    folder = args.work / args.runtime
    folder.mkdir(parents=True, exist_ok=True)
    tflite = args.assets / model.tflite if model.tflite else None
    path = backends.BACKENDS[args.runtime].prepare(model, model.onnx_file(args.root, args.assets), tflite, folder)
    backends.BACKENDS[args.runtime](model, path)  # whether it loads
    return {"file": str(path)}


def package(args) -> dict:
    """Version and installed size of the runtime's own package, without what it depends on."""
    found = metadata.distribution(backends.PACKAGES[args.runtime])
    files = [Path(found.locate_file(f)) for f in found.files or []]
    return {"version": found.version, "bytes": sum(f.stat().st_size for f in files if f.is_file())}


def tensor(args) -> dict:
    """A model on one tensor: load and first run in wall time, then CPU time of each run."""
    model = tasks.model(args.model)
    given = np.fromfile(args.input, np.float32).reshape(model.shape)
    before = memory("VmRSS")
    start = time.perf_counter()
    backend = backends.BACKENDS[args.runtime](model, args.file)
    outputs = backend.run(given)
    cold = time.perf_counter() - start
    run_us = []
    for _ in range(args.runs):
        begun = time.process_time_ns()
        backend.run(given)
        run_us.append((time.process_time_ns() - begun) / 1e3)
    peak = memory("VmHWM") - before
    outputs = backend.run(given)
    np.concatenate([np.asarray(o, np.float32).reshape(-1) for o in outputs]).tofile(args.outputs)
    return {"cold_ms": cold * 1e3, "run_us": run_us, "peak_kib": max(peak, 0)}


def said(captured: float, found) -> dict:
    if isinstance(found, list):
        boxes = [{"class": c, "score": s, "bounds": b} for c, s, b in found]
        return {"captured_s": captured, "boxes": boxes}
    return {"captured_s": captured, "points": found.tolist()}


def write(path: Path, fps: float, results: list) -> None:
    lines = (json.dumps(said(i / fps, found)) for i, found in enumerate(results))
    path.write_text("\n".join(lines) + "\n")


def video(args) -> dict:
    """A runtime on every frame: picture in, boxes or points out; preprocessing and decoding are counted apart, too."""
    import cv2

    import heads

    cv2.setNumThreads(1)
    task = next(t for t in tasks.TASKS if t.name == args.task)
    frames = np.load(args.frames)
    backend = backends.BACKENDS[args.runtime](tasks.model(task.model), args.file)
    enter, leave = heads.of_task(task.name, task.region)
    clock = time.process_time_ns
    for frame in frames[:5]:  # warms up
        leave(backend.run(enter(frame)), enter.place)
    spent, results = [0, 0, 0], []
    for frame in frames:
        t0 = clock()
        given = enter(frame)
        t1 = clock()
        outputs = backend.run(given)
        t2 = clock()
        found = leave(outputs, enter.place)
        t3 = clock()
        for k, took in enumerate((t1 - t0, t2 - t1, t3 - t2)):
            spent[k] += took
        results.append(found)
    write(args.results, task.fps, results)
    before, run, after = (ns / 1e6 for ns in spent)
    return {"frames": len(frames), "before_ms": before, "run_ms": run, "after_ms": after}


def mediapipe(args) -> dict:
    """MediaPipe's own pipeline on every frame, in one of its modes."""
    import mediapipe as mp

    task = next(t for t in tasks.TASKS if t.name == args.task)
    frames = np.load(args.frames)
    height, width = frames.shape[1:3]
    solutions = mp.solutions
    if args.mode == "detect":
        pipeline = solutions.face_detection.FaceDetection(model_selection=0, min_detection_confidence=0.5)
    else:
        pipeline = solutions.face_mesh.FaceMesh(static_image_mode=args.mode == "mesh", max_num_faces=1)

    def found(result):
        if args.mode == "detect":
            boxes = []
            for detection in result.detections or []:
                b = detection.location_data.relative_bounding_box
                bounds = [b.xmin * width, b.ymin * height, (b.xmin + b.width) * width, (b.ymin + b.height) * height]
                bounds = [min(max(v, 0.0), float(most)) for v, most in zip(bounds, (width, height) * 2)]
                boxes.append((0, float(detection.score[0]), bounds))
            return boxes
        faces = result.multi_face_landmarks or []
        points = [(p.x * width, p.y * height) for p in faces[0].landmark[:468]] if faces else []
        return np.array(points, np.float32).reshape(-1, 2)

    for frame in frames[:5]:  # warms up
        pipeline.process(frame)
    if args.mode != "mesh":  # the first picture of a video again, as a new one
        pipeline.reset()
    spent, results = 0, []
    for frame in frames:
        begun = time.process_time_ns()
        result = pipeline.process(frame)
        spent += time.process_time_ns() - begun
        results.append(found(result))
    pipeline.close()
    write(args.results, task.fps, results)
    return {"frames": len(frames), "before_ms": 0.0, "run_ms": spent / 1e6, "after_ms": 0.0}


def decode(args) -> dict:
    """A clip as pictures without loss, for both sides: PNG files, and one array."""
    import cv2

    clip, frames = cv2.VideoCapture(str(args.clip)), []
    args.out.mkdir(parents=True, exist_ok=True)
    while True:
        good, picture = clip.read()
        if not good:
            break
        cv2.imwrite(str(args.out / f"{len(frames):05}.png"), picture)
        frames.append(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    if not frames:
        raise SystemExit(f"cannot decode {args.clip}")
    np.save(args.frames, np.stack(frames))
    return {"frames": len(frames), "width": frames[0].shape[1], "height": frames[0].shape[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)

    def command(function, *options: str) -> None:
        sub = commands.add_parser(function.__name__)
        sub.set_defaults(function=function)
        paths = {"root", "assets", "work", "input", "file", "outputs", "frames", "results", "clip", "out"}
        for option in options:
            kind = int if option == "runs" else Path if option in paths else str
            sub.add_argument(f"--{option}", type=kind, required=True)

    command(prepare, "runtime", "model", "root", "assets", "work")
    command(package, "runtime")
    command(tensor, "runtime", "model", "file", "input", "runs", "outputs")
    command(video, "runtime", "task", "file", "frames", "results")
    command(mediapipe, "mode", "task", "frames", "results")
    command(decode, "clip", "out", "frames")
    args = parser.parse_args()
    with backends.silence():
        try:
            result = args.function(args)
        except backends.Missing as why:
            result = {"skipped": str(why)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
