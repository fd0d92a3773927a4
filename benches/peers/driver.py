"""Runs other runtimes and Inbetween side by side: `cargo xtask peers` calls it with what it installed.

Invariant: repetitions are interleaved (each round measures everybody once, in an order that turns), one process at a
time; what could not be had is in the record with its reason. It does not install anything.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import report
import summary
import tasks

HERE = Path(__file__).resolve().parent
RUNS = 30  # of a model in each repetition, after the first


class Bench:
    def __init__(self, args) -> None:
        self.root, self.assets, self.program, self.work = args.root, args.assets, args.inbetween, args.work
        self.pythons = dict(text.split("=", 1) for text in args.runtime)
        self.skipped = [dict(zip(("what", "why"), text.split("=", 1))) for text in args.skipped]
        self.repeats, self.packages = args.repeats, {}
        # One thread, also of the libraries below Python.
        self.environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "GLOG_minloglevel": "3"}

    def skip(self, what: str, why: str) -> None:
        print(f"  skipped: {what}: {why}", file=sys.stderr)
        self.skipped.append({"what": what, "why": why})

    def call(self, command: list) -> str:
        end = subprocess.run([str(word) for word in command], env=self.environment, capture_output=True, text=True)
        if end.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}\n{end.stderr.strip()[-2000:]}")
        return end.stdout

    def worker(self, runtime: str, what: str, /, **options) -> dict:
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return json.loads(self.call([self.pythons[runtime], HERE / "worker.py", what, *words]))

    def ours(self, what: str, /, **options) -> list[dict]:
        file = self.work / "inbetween.json"
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        self.call([self.program, "peers", what, *words, "--json", file])
        return [json.loads(line) for line in file.read_text().splitlines()]

    def prepare(self) -> None:
        """Decodes the clips; finds for each runtime what it is given of each model."""
        self.work.mkdir(parents=True, exist_ok=True)
        decoder = next(iter(self.pythons), None)
        if decoder is None:
            raise SystemExit("no runtime could be installed: there is nothing to compare with")
        self.sizes = {}
        for clip in {task.clip for task in tasks.TASKS}:
            name = Path(clip).stem
            said = self.worker(
                decoder, "decode", clip=self.assets / clip, out=self.work / name, frames=self.work / f"{name}.npy"
            )
            self.sizes[name] = f"{said['width']}x{said['height']}"
        self.files = {}
        for runtime in self.pythons:
            self.packages[runtime] = self.worker(runtime, "package", runtime=runtime)
            for model in tasks.MODELS if runtime != "mediapipe" else ():
                places = {"root": self.root, "assets": self.assets, "work": self.work}
                said = self.worker(runtime, "prepare", runtime=runtime, model=model.name, **places)
                if "file" in said:
                    self.files[runtime, model.name] = said["file"]
                else:
                    self.skip(f"{runtime} on {model.name}", said["skipped"])
        self.packages[summary.OURS] = {"version": "", "bytes": stripped(self.program, self.work)}

    def turn(self, ways: list, repeat: int) -> list:
        """Another one goes first in each repetition."""
        start = repeat % len(ways)
        return ways[start:] + ways[:start]

    def models(self) -> list[dict]:
        samples, agreement = [], {}
        for model in tasks.MODELS:
            given = self.work / f"{model.name}.f32"
            np.random.default_rng(1).uniform(*model.span, model.shape).astype(np.float32).tofile(given)
        for repeat in range(self.repeats):
            for model in tasks.MODELS:
                given, outputs = self.work / f"{model.name}.f32", {}
                ways = [summary.OURS, *(r for r in self.pythons if (r, model.name) in self.files)]
                for runtime in self.turn(ways, repeat):
                    out = self.work / f"{model.name}-{runtime}.f32"
                    if runtime == summary.OURS:
                        said = self.ours(
                            "tensor", model=model.onnx_file(self.root, self.assets), name=model.input, input=given,
                            shape=",".join(map(str, model.shape)), lengths=",".join(map(str, model.lengths)),
                            runs=RUNS, outputs=out,
                        )[0]
                    else:
                        said = self.worker(
                            runtime, "tensor", runtime=runtime, model=model.name, file=self.files[runtime, model.name],
                            input=given, runs=RUNS, outputs=out,
                        )
                    samples.append({"model": model.name, "runtime": runtime, **said})
                    outputs[runtime] = np.fromfile(out, np.float32)
                for runtime, found in outputs.items():
                    agreement[model.name, runtime] = summary.agreement(
                        found, outputs[summary.OURS], model.lengths, tasks.TOLERANCE
                    )
            print(f"  models: repetition {repeat + 1} of {self.repeats}", file=sys.stderr)
        return summary.models(samples, agreement, self.packages)

    def videos(self) -> list[dict]:
        frontiers, videos, judged = {t.name: [] for t in tasks.TASKS}, {}, {}
        for repeat in range(self.repeats):
            for task in tasks.TASKS:
                clip, model = Path(task.clip).stem, tasks.model(task.model)
                frames, truth = self.work / f"{clip}.npy", self.work / f"{task.name}-{summary.OURS}.jsonl"
                ways = [summary.OURS, *(r for r in self.pythons if (r, model.name) in self.files)]
                ways += [f"mediapipe-{mode}" for mode in task.mediapipe if "mediapipe" in self.pythons]
                for way in self.turn(ways, repeat):
                    results = self.work / f"{task.name}-{way}.jsonl"
                    if way == summary.OURS:
                        region = {"region": ",".join(map(str, task.region))} if task.region else {}
                        frontiers[task.name].append(self.ours(
                            "frontier", video=self.work / clip, fps=task.fps, card=self.root / task.card, results=truth,
                            model=model.onnx_file(self.root, self.assets), latency_ms=tasks.LATENCY_MS,
                            epsilons=",".join(map(str, task.epsilons)), **region,
                        ))
                        continue
                    given = {"task": task.name, "frames": frames, "results": results}
                    if way.startswith("mediapipe"):
                        said = self.worker("mediapipe", "mediapipe", mode=way.removeprefix("mediapipe-"), **given)
                    else:
                        said = self.worker(way, "video", runtime=way, file=self.files[way, model.name], **given)
                    videos.setdefault((task.name, way), []).append(said)
                if repeat == 0:
                    # MediaPipe finds the face by itself: its truth is its own pipeline on every picture by itself.
                    alone = self.work / f"{task.name}-mediapipe-mesh.jsonl"
                    for way in ways[1:]:
                        true = alone if way.startswith("mediapipe-mesh") else truth
                        judged[task.name, way] = self.ours(
                            "judge", name=way, results=self.work / f"{task.name}-{way}.jsonl", truth=true,
                            card=self.root / task.card, size=self.sizes[clip], latency_ms=tasks.LATENCY_MS,
                        )[0]
            print(f"  videos: repetition {repeat + 1} of {self.repeats}", file=sys.stderr)
        return summary.points(frontiers, videos, judged)

    def record(self) -> dict:
        self.prepare()
        models, points = self.models(), self.videos()
        epsilons = {task.name: summary.own_tolerance(self.root / task.card) for task in tasks.TASKS}
        return {
            "machine": {"system": platform.system(), "architecture": platform.machine(), "processor": processor()},
            "load": os.getloadavg()[2],
            "day": time.strftime("%Y-%m-%d"),
            "versions": {name: p["version"] for name, p in self.packages.items() if p["version"]},
            "repeats": self.repeats,
            "latency_ms": tasks.LATENCY_MS,
            "tolerance": tasks.TOLERANCE,
            "skipped": self.skipped,
            "models": models,
            "tasks": summary.jobs(points, epsilons, tasks.FACES),
            "points": points,
        }


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((text.split(":", 1)[1].strip() for text in lines if text.startswith("model name")), platform.processor())


def stripped(program: Path, work: Path) -> int:
    """Size of the harness program without symbols: an upper bound of the SDK within it."""
    copy = work / "stripped"
    copy.write_bytes(program.read_bytes())
    try:
        subprocess.run(["strip", copy], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pass  # no such tool: the bound is only looser
    size = copy.stat().st_size
    copy.unlink()
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("root", "assets", "inbetween", "work", "json"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--plot", type=Path, required=True, help="the picture; the tables go beside it, as .md")
    parser.add_argument("--from", dest="measured", type=Path, help="what was measured before, in place of measuring")
    parser.add_argument("--runtime", action="append", default=[], help="NAME=PYTHON of an environment that has it")
    parser.add_argument("--skipped", action="append", default=[], help="NAME=REASON")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    record = json.loads(args.measured.read_text()) if args.measured else Bench(args).record()
    args.json.write_text(json.dumps(record, indent=1) + "\n")
    report.plot(record, args.plot)
    args.plot.with_suffix(".md").write_text(report.document(record))
    print(report.text(record))


if __name__ == "__main__":
    main()
