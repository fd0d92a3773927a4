#!/usr/bin/env python3
"""Makes `detector.onnx` from the project's own rendered scenes, and measures it.

    python3 -m venv VENV && VENV/bin/pip install -r benches/detector/requirements.txt
    VENV/bin/python benches/detector/train.py

Everything is drawn from one seed. Frames of the test split, to which the demo's scene belongs, are never trained on;
the demo's scene is looked at once, at the end, to say how the detector does there.
"""

import argparse
import hashlib
import json
import re
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime

import network
from frames import ROOT, cached, pictures, to_network
from score import OVERLAP, THRESHOLD, decode, measure

HERE = Path(__file__).resolve().parent
OWN = [HERE / "scene.toml"]
# Shipped scenes of the tune split.
NAMES = ["clutter", "constant-velocity", "cut", "exposure", "pan", "sinusoid", "static"]
TUNE = [ROOT / f"benches/scenes/{name}.toml" for name in NAMES]
# Never trained on: scenes of the test split that show faces.
DEMO = [ROOT / "benches/scenes/demo.toml"]
FACES = [ROOT / "benches/scenes/faces.toml"]
TRAIN = {
    "train-own": {"scenes": OWN, "seeds": range(1001, 1029), "every": 10},
    "train-tune": {"scenes": TUNE, "seeds": range(1001, 1009), "every": 60, "faces": True},
}
HELD_OUT = {
    "own": {"scenes": OWN, "seeds": range(2001, 2006), "every": 10},
    "tune": {"scenes": TUNE, "seeds": range(2001, 2004), "every": 60, "faces": True},
    "faces": {"scenes": FACES, "seeds": range(2001, 2004), "every": 30},
    "demo": {"scenes": DEMO, "seeds": range(2001, 2006), "every": 6},
}
# What a detector must reach on the held-out sets `tune` and `demo`; the 95th percentile of the worst corner is that of
# objects in clear view, since where a hidden edge is can only be guessed.
AIMS = {"recall": 0.97, "precision": 0.97, "worst_corner_px": 3.0}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--seed", type=int, default=1, help="of weights, order and augmentation (default 1)")
    words.add_argument("--epochs", type=int, default=20, help="passes over the frames (default 20)")
    words.add_argument("--frames", type=Path, metavar="DIR", help="keep rendered frames here, and use those there")
    words.add_argument("--out", type=Path, metavar="DIR", default=HERE, help="where to write (default: beside this)")
    args = words.parse_args()

    for scene in TUNE:
        if tomllib.loads(scene.read_text()).get("split") != "tune":
            raise SystemExit(f"{scene}: not of the tune split, so nothing may be trained on it")

    began = time.monotonic()
    sets = [cached(args.frames, name, **how) for name, how in TRAIN.items()]
    pixels = np.concatenate([s.pixels for s in sets])
    truth = np.concatenate([s.truth for s in sets])
    truth[..., :4] = to_network(truth[..., :4])
    weights, losses = network.train(pixels, truth, args.seed, args.epochs)
    made = {
        "seed": args.seed,
        "epochs": args.epochs,
        "train": {"frames": len(pixels), "objects": int((truth[..., 4] > 0).sum()), "sets": said(TRAIN)},
        "last_loss": {"score": round(losses[0], 4), "place": round(losses[1], 4)},
    }
    model = network.export(weights).SerializeToString(deterministic=True)
    results, reference = examine(model, weights, args.frames)
    write(args.out, model, made | {"held_out": results}, reference)
    print(f"{args.out / 'detector.onnx'}: {len(model)} bytes, {time.monotonic() - began:.0f} s", file=sys.stderr)
    if bad := [name for name in ("tune", "demo") if not good(results[name])]:
        raise SystemExit(f"not good enough: {bad} do not reach {AIMS}")


def examine(model: bytes, weights, folder: Path | None) -> tuple[dict, list]:
    """Figures of the exported graph on all held-out sets, and what it finds in a few of their frames."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    results, reference = {}, []
    for name, how in HELD_OUT.items():
        frames = cached(folder, name, **how)
        inputs = pictures(frames.pixels)
        outputs = [session.run(None, {"picture": x[None]})[0][0] for x in inputs]
        apart = np.abs(network.candidates(weights, inputs[:1, 0])[0] - outputs[0]).max()
        if apart > 1e-3:
            raise SystemExit(f"the exported graph differs from the trained network by {apart}")
        detections = [decode(o) for o in outputs]
        results[name] = said(HELD_OUT)[name] | measure(detections, frames.truth)
        print(name, json.dumps(results[name]))
        if name in ("faces", "demo"):
            picks = range(len(detections) // 9, len(detections), len(detections) // 4)
            reference += [entry(frames.names[i], detections[i]) for i in picks]
    return results, reference


def write(folder: Path, model: bytes, record: dict, reference: list) -> None:
    """Writes model, record and reference; beside this script also what card and README say about them."""
    record |= {
        "threshold": THRESHOLD,
        "nms_iou": OVERLAP,
        "macs": network.macs(),
        "parameters": network.parameters(),
        "bytes": len(model),
        "sha256": hashlib.sha256(model).hexdigest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "detector.onnx").write_bytes(model)
    (folder / "detector.json").write_text(json.dumps(record, indent=2) + "\n")
    rows = ",\n".join(json.dumps(r) for r in reference)
    (folder / "reference.json").write_text(f"[\n{rows}\n]\n")
    if folder.resolve() == HERE:
        replace("card.toml", r'(?m)^sha256 = ".*"$', f'sha256 = "{record["sha256"]}"')
        replace("README.md", r"(?s)(?<=<!-- figures -->\n).*(?=<!-- end -->)", table(record))


def good(result: dict) -> bool:
    """Whether a held-out set reaches the aims."""
    return (
        result["recall"] >= AIMS["recall"]
        and result["precision"] >= AIMS["precision"]
        and result["clear"]["worst_corner_px"]["p95"] <= AIMS["worst_corner_px"]
    )


def table(record: dict) -> str:
    """The figures as the README shows them."""
    lines = [
        f"{record['bytes'] / 1000:.0f} kB, {record['parameters']} parameters, {record['macs'] / 1e6:.1f} million "
        f"multiply-accumulates a run; trained on {record['train']['frames']} frames in {record['epochs']} passes.",
        "",
        "| frames | objects | recall | precision | worst corner, median, p95 | clear objects | recall | worst corner, median, p95 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, r in record["held_out"].items():
        corner, clear = r["worst_corner_px"], r["clear"]
        near = clear["worst_corner_px"]
        lines.append(
            f"| `{name}` | {r['objects']} | {r['recall']:.1%} | {r['precision']:.1%} "
            f"| {corner['median']:.1f}, {corner['p95']:.1f} px "
            f"| {clear['objects']} | {clear['recall']:.1%} | {near['median']:.1f}, {near['p95']:.1f} px |"
        )
    return "\n".join(lines) + "\n"


def replace(name: str, pattern: str, text: str) -> None:
    """Replaces the one place in a file of this folder that matches."""
    file = HERE / name
    changed, count = re.subn(pattern, lambda _: text, file.read_text())
    if count != 1:
        raise SystemExit(f"{name}: {count} places match {pattern}")
    file.write_text(changed)


def said(sets: dict) -> dict:
    """Which frames the sets hold, for the record."""
    return {
        name: {
            "scenes": [s.stem for s in how["scenes"]],
            "seeds": f"{how['seeds'].start}..{how['seeds'].stop}",
            "every": how["every"],
        }
        for name, how in sets.items()
    }


def entry(name: tuple[str, int, int], detections: np.ndarray) -> dict:
    """What onnxruntime finds in one frame, for tests of other runtimes."""
    scene, seed, index = name
    return {"scene": scene, "seed": seed, "index": index, "detections": np.round(detections.astype(float), 4).tolist()}


if __name__ == "__main__":
    main()
