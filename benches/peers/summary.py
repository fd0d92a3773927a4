"""From what was measured to the record: medians, ratios, and what the tables and the plot show.

Invariant: every figure is a median over interleaved repetitions of one run, or a ratio of two of them.
It does not measure and does not draw.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from statistics import median

OURS = "inbetween"


def models(samples: list[dict], agreement: dict, packages: dict) -> list[dict]:
    """One row for each model and runtime. `samples`: model, runtime, cold_ms, run_us, peak_kib of each repetition."""
    rows = []
    for model, runtime in sorted({(s["model"], s["runtime"]) for s in samples}, key=order(samples)):
        own = [s for s in samples if (s["model"], s["runtime"]) == (model, runtime)]
        row = {
            "model": model,
            "runtime": runtime,
            "run_us": median(median(s["run_us"]) for s in own),
            "cold_ms": median(s["cold_ms"] for s in own),
            "peak_mib": median(s["peak_kib"] for s in own) / 1024,
            "package_mib": packages[runtime]["bytes"] / 2**20,
        }
        row |= agreement.get((model, runtime), {})
        rows.append(row)
    for row in rows:
        ours = next(r for r in rows if (r["model"], r["runtime"]) == (row["model"], OURS))
        row["ratio"] = ours["run_us"] / row["run_us"]  # how many times as long Inbetween's runner takes
    return rows


def order(samples: list[dict]):
    seen = {}
    for s in samples:
        seen.setdefault((s["model"], s["runtime"]), len(seen))
    return seen.__getitem__


def points(frontiers: dict, videos: dict, judged: dict) -> list[dict]:
    """All points of all tasks.

    `frontiers`: task → one list of Inbetween's points for each repetition; `videos`: (task, way) → one measurement for
    each repetition; `judged`: (task, way) → the row of its own results. A runtime that runs on every Nth frame makes the
    same runs and answers as Inbetween's baseline does there (its results are the same model's), and pays its own price for
    a run.
    """
    out = []
    for task, repeats in frontiers.items():
        ours = []
        for same in zip(*repeats):
            point = dict(same[0], task=task, runtime=OURS)
            for figure in ("model_ms_per_s", "own_ms_per_s", "cpu_ms_per_s"):
                point[figure] = median(p[figure] for p in same)
            ours.append(finish(point))
        out += ours
        timers = [p for p in ours if p["policy"] != OURS]
        for (other, way), measured in videos.items():
            if other != task:
                continue
            seconds = ours[0]["seconds"]
            run_ms = median((m["before_ms"] + m["run_ms"] + m["after_ms"]) / m["frames"] for m in measured)
            bare_ms = median(m["run_ms"] / m["frames"] for m in measured)
            row = judged[task, way]
            every = dict(row, task=task, runtime=way, policy="every-frame", every=1, seconds=seconds)
            every |= price(measured[0]["frames"], run_ms, bare_ms, 0.0, seconds)
            out.append(finish(every))
            if way.startswith("mediapipe"):
                continue
            for timer in timers:
                if timer["policy"] == "every-nth-kalman" and timer["every"] > 1:
                    point = dict(timer, runtime=way) | price(timer["runs"], run_ms, bare_ms, timer["own_ms_per_s"], seconds)
                    out.append(finish(point))
    return out


def price(runs: int, run_ms: float, bare_ms: float, own: float, seconds: float) -> dict:
    model = runs * run_ms / seconds
    return {
        "runs": runs,
        "model_ms_per_s": model,
        "bare_ms_per_s": runs * bare_ms / seconds,
        "own_ms_per_s": own,
        "cpu_ms_per_s": model + own,
    }


def finish(point: dict) -> dict:
    point["violations_percent"] = 100 * point["violations"] / max(point["refreshes"], 1)
    keep = (
        "task", "runtime", "policy", "every", "epsilon", "allowed", "frames", "runs", "refreshes", "violations",
        "violations_percent", "seconds", "model_ms_per_s", "bare_ms_per_s", "own_ms_per_s", "cpu_ms_per_s",
    )
    return {name: point[name] for name in keep if name in point}


def jobs(all_points: list[dict], epsilons: dict, faces: list[str]) -> list[dict]:
    """For each task: Inbetween at the card's tolerance, and how many times its CPU time the others spend. `faces`: the
    tasks on a face, for which MediaPipe's tracking is a way, whatever else it gives."""
    rows = []
    for task, epsilon in epsilons.items():
        own = [p for p in all_points if p["task"] == task]
        ours = next(p for p in own if p["policy"] == OURS and p["epsilon"] == epsilon)
        allowed = max(ours["violations_percent"], 100 * ours["allowed"])
        good = [p for p in own if p["violations_percent"] <= allowed]
        peers = [p for p in own if p["runtime"] != OURS]
        others = [p for p in peers if not p["runtime"].startswith("mediapipe")]
        row = {"task": task, "inbetween": ours, "allowed_percent": allowed}

        def against(name: str, candidates: list[dict], figure: str = "cpu_ms_per_s") -> None:
            if candidates:
                best = min(candidates, key=lambda p: p[figure])
                row[name] = {
                    "runtime": best["runtime"], "every": best.get("every"), "cpu_ms_per_s": best[figure],
                    "violations_percent": best["violations_percent"], "ratio": best[figure] / ours["cpu_ms_per_s"],
                }

        every_frame = [p for p in peers if p["policy"] == "every-frame" and p["runtime"] != "mediapipe-mesh-tracking"]
        against("fastest_every_frame", every_frame)
        against("fastest_every_frame_bare", [p for p in others if p["policy"] == "every-frame"], "bare_ms_per_s")
        against("fastest_timer", [p for p in others if p in good and p["policy"] != "every-frame"])
        against("own_every_frame", [p for p in own if p["runtime"] == OURS and p["policy"] == "every-frame"])
        if task in faces:
            against("mediapipe_tracking", [p for p in all_points if p["runtime"] == "mediapipe-mesh-tracking"])
        # Inbetween's schedule with the runs made by the fastest peer: computed, not run.
        cheapest = min((p for p in others if p["policy"] == "every-frame"), key=lambda p: p["model_ms_per_s"], default=None)
        if cheapest:
            run = cheapest["model_ms_per_s"] / cheapest["runs"]
            spent = ours["own_ms_per_s"] + run * ours["runs"]
            times = row["fastest_every_frame"]["cpu_ms_per_s"] / spent
            row["with_peer_runs"] = {"runtime": cheapest["runtime"], "cpu_ms_per_s": spent, "ratio": times}
        rows.append(row)
    return rows


def agreement(found, ours, lengths: list[int], tolerance: float) -> dict:
    """The largest difference of any output, as a share of the largest number of that output."""
    if found.shape != ours.shape:
        return {"difference": None, "agrees": False}
    worst, start = 0.0, 0
    for length in lengths:
        a, b = found[start : start + length], ours[start : start + length]
        worst = max(worst, float(abs(a - b).max()) / max(float(abs(b).max()), 1e-9))
        start += length
    return {"difference": worst, "agrees": worst <= tolerance}


def own_tolerance(card: Path) -> float:
    """The tolerance that a card states."""
    return float(tomllib.loads(card.read_text())["tolerance"]["epsilon"])
