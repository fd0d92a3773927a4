"""The record as tables for people and as a picture: error against CPU time.

Invariant: every figure that is shown is in the record. It does not measure.
"""

from __future__ import annotations

import math

import tasks

NAMES = {
    "inbetween": "Inbetween (tract)",
    "onnxruntime": "onnxruntime",
    "litert": "LiteRT",
    "mnn": "MNN",
    "ncnn": "ncnn",
    "mediapipe-detect": "MediaPipe, face detection",
    "mediapipe-mesh": "MediaPipe, face mesh, each picture alone",
    "mediapipe-mesh-tracking": "MediaPipe, face mesh, tracking",
}
COLOURS = {
    "inbetween": "#d62728", "onnxruntime": "#1f77b4", "litert": "#2ca02c", "mnn": "#9467bd", "ncnn": "#8c564b",
    "mediapipe-detect": "#ff7f0e", "mediapipe-mesh": "#e0a000", "mediapipe-mesh-tracking": "#ff7f0e",
}


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown; all but the first two columns are numbers."""
    line = lambda cells: "| " + " | ".join(cells) + " |"
    rule = "|" + "|".join("---" if k < 2 else "---:" for k in range(len(head))) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


def figure(value: float) -> str:
    """Three digits."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def models(record: dict) -> str:
    text = {m.name: m.text for m in tasks.MODELS}
    rows = []
    for r in record["models"]:
        difference = "" if r["runtime"] == "inbetween" else f"{r['difference']:.0e}" if r["agrees"] else "DIFFERS"
        rows.append([
            text[r["model"]], NAMES[r["runtime"]], figure(r["run_us"] / 1e3), figure(r["ratio"]),
            figure(r["cold_ms"]), figure(r["peak_mib"]), figure(r["package_mib"]), difference,
        ])
    head = ["model", "runtime", "run, ms", "tract takes, times", "load + first run, ms", "memory, MiB", "package, MiB", "difference"]
    return table(head, rows)


def way(point: dict) -> str:
    if point["policy"] == "inbetween":
        return f"tolerance {point['epsilon']:g} px"
    return "every frame" if point["every"] == 1 else f"one frame in {point['every']} + Kalman"


def jobs(record: dict) -> str:
    rows = []
    for task in record["tasks"]:
        allowed = task["allowed_percent"]
        own = [p for p in record["points"] if p["task"] == task["task"]]
        for runtime in dict.fromkeys(p["runtime"] for p in own):
            mine = [p for p in own if p["runtime"] == runtime]
            shown = [p for p in mine if p["policy"] == "every-frame"]
            if runtime == "inbetween":
                shown = [task["inbetween"], *shown]
            timers = [p for p in mine if p["policy"] == "every-nth-kalman" and p["violations_percent"] <= allowed]
            timers = [p for p in timers if p["every"] > 1]
            shown += sorted(timers, key=lambda p: p["cpu_ms_per_s"])[:1]
            for p in shown:
                ratio = p["cpu_ms_per_s"] / task["inbetween"]["cpu_ms_per_s"]
                rows.append([
                    task["task"], f"{NAMES[runtime]}: {way(p)}", str(p["runs"]), f"{p['violations_percent']:.2f}",
                    figure(p["cpu_ms_per_s"]), figure(ratio),
                ])
    return table(["job", "way", "runs", "violations, %", "CPU ms per s of video", "times Inbetween"], rows)


def text(record: dict) -> str:
    """Both tables, what would be with other runs, and what could not be had."""
    parts = [models(record), jobs(record)]
    for task in record["tasks"]:
        peer = task.get("with_peer_runs")
        if peer:
            fastest = task["fastest_every_frame"]
            parts.append(
                f"{task['task']}, computed, not run: Inbetween's schedule with runs at the price of {NAMES[peer['runtime']]} "
                f"takes {figure(peer['cpu_ms_per_s'])} ms for each second; {NAMES[fastest['runtime']]} on every frame takes "
                f"{figure(peer['ratio'])} times that."
            )
    parts += [f"Skipped: {s['what']}: {s['why']}." for s in record["skipped"]]
    return "\n\n".join(parts)


def document(record: dict) -> str:
    """The record for people, in Markdown."""
    versions = ", ".join(f"{NAMES.get(name, 'MediaPipe')} {version}" for name, version in record["versions"].items())
    return f"""# Other runtimes and Inbetween in one run

Written by `cargo xtask peers --record` on {record["day"]}; do not edit. {record["machine"]["processor"]}
({record["machine"]["architecture"]}), one thread, medians of {record["repeats"]} interleaved repetitions; {figure(record["load"])} processes on average
wanted a core meanwhile. {versions}.

**Models** on the same tensor. A run is CPU time. Loading starts with the program in memory; memory is the peak less what
was held before loading (other runtimes: before their library is loaded); a package is the installed Python package without
what it depends on (Inbetween: the harness program without symbols, which holds the SDK). The difference is the largest of
any output, as a share of that output's largest number; {record["tolerance"]:g} is allowed.

**Jobs**: an answer for each refresh of a display at 60 Hz, from decoded RGB pictures in memory. CPU time counts
preprocessing, run, decoding and deciding. A violation is judged against the model on every frame, as `inbetween run` does
(MediaPipe's face mesh, which finds the face by itself: against its own pipeline on each picture alone). Runs take
{record["latency_ms"]:g} ms in virtual time for everybody. Every Nth + Kalman: the cheapest N that violates no more than
the card or Inbetween does, with the best filter in hindsight; the row is left out where there is none.

{text(record)}
"""


def plot(record: dict, path) -> None:
    """One picture for each job: violations against CPU time, lines through what one way can do."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams |= {"svg.hashsalt": "peers", "font.size": 9, "svg.fonttype": "path"}
    titles = {t.name: t.text for t in tasks.TASKS}
    figure_, axes = pyplot.subplots(1, len(record["tasks"]), figsize=(4.6 * len(record["tasks"]), 4.4), squeeze=False)
    shown = {}
    for axis, task in zip(axes[0], record["tasks"]):
        own = [p for p in record["points"] if p["task"] == task["task"]]
        for runtime in dict.fromkeys(p["runtime"] for p in own):
            colour, mine = COLOURS[runtime], [p for p in own if p["runtime"] == runtime]
            lines = {
                "o-": [p for p in mine if p["policy"] == "inbetween"],
                ".:": [p for p in mine if p["policy"] == "every-nth-kalman"],
                "s": [p for p in mine if p["policy"] == "every-frame"],
            }
            for style, points in lines.items():
                points = sorted(points, key=lambda p: p["cpu_ms_per_s"])
                if not points:
                    continue
                x, y = [p["cpu_ms_per_s"] for p in points], [p["violations_percent"] for p in points]
                what = {"o-": "", ".:": ", every Nth + Kalman", "s": ", every frame"}[style]
                name = NAMES[runtime] + ("" if runtime.startswith("mediapipe") else what)
                if runtime == "inbetween" and style != "o-":
                    name = f"tract{what}"
                style = "D" if runtime.endswith("tracking") else style
                shown[name] = axis.plot(x, y, style, color=colour, label=name, alpha=1.0 if style == "o-" else 0.75)[0]
        if task.get("with_peer_runs"):
            peer, name = task["with_peer_runs"], "Inbetween with runs of the fastest (computed)"
            point = ([peer["cpu_ms_per_s"]], [task["inbetween"]["violations_percent"]])
            shown[name] = axis.plot(*point, "o", color=COLOURS["inbetween"], markerfacecolor="none", label=name)[0]
        axis.axhline(100 * task["inbetween"]["allowed"], color="gray", linewidth=0.8, linestyle="--")
        axis.set_xscale("log")
        axis.set_yscale("symlog", linthresh=1.0)
        for line in (axis.xaxis, axis.yaxis):
            line.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(lambda x, _: f"{x:g}" if f"{x:e}"[0] in "25" else "")
        axis.set_ylim(bottom=-0.2)
        axis.set_title(titles[task["task"]])
        axis.set_xlabel("CPU ms for each second of video")
    axes[0][0].set_ylabel("refreshes that violate, %")
    figure_.legend(shown.values(), shown.keys(), loc="lower center", ncols=3, frameon=False, fontsize=8)
    rows = -(-len(shown) // 3)
    figure_.tight_layout(rect=(0, 0.045 * rows + 0.01, 1, 1))
    figure_.savefig(path, metadata={"Date": None})
    pyplot.close(figure_)
