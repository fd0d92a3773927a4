"""Tests of the comparison that need none of the runtimes: medians, ratios, tables, and the picture of the kept record."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import report  # noqa: E402
import summary  # noqa: E402
import tasks  # noqa: E402

ROOT = HERE.parents[1]


def frontier(factor: float) -> list[dict]:
    """What the harness writes for one repetition."""

    def point(policy, every, runs, violations, model, own, epsilon=8.0):
        return {
            "scene": "clip", "policy": policy, "every": every, "epsilon": epsilon, "allowed": 0.05, "frames": 120,
            "runs": runs, "refreshes": 240, "violations": violations, "seconds": 4.0, "model_ms_per_s": model * factor,
            "own_ms_per_s": own, "cpu_ms_per_s": model * factor + own,
        }

    return [
        point("every-frame", 1, 120, 0, 75.0, 0.1),
        point("every-nth-kalman", 1, 120, 0, 75.0, 0.2),
        point("every-nth-kalman", 2, 60, 6, 37.5, 0.2),
        point("every-nth-kalman", 4, 30, 60, 18.8, 0.2),
        point("inbetween", None, 16, 3, 10.0, 5.0),
        point("inbetween", None, 8, 30, 5.0, 5.0, epsilon=16.0),
    ]


def points() -> list[dict]:
    run = {"frames": 120, "before_ms": 12.0, "run_ms": 96.0, "after_ms": 12.0}
    track = {"frames": 120, "before_ms": 0.0, "run_ms": 240.0, "after_ms": 0.0}
    videos = {("face", "onnxruntime"): [run] * 3, ("face", "mediapipe-mesh-tracking"): [track] * 3}
    row = {"refreshes": 240, "violations": 1, "frames": 120, "epsilon": 8.0, "runs": 120}
    judged = {way: dict(row) for way in videos}
    return summary.points({"face": [frontier(f) for f in (1.0, 9.0, 0.9)]}, videos, judged)


class Summary(unittest.TestCase):
    def test_medians_of_repetitions_count(self):
        samples = [
            {"model": "face", "runtime": runtime, "cold_ms": cold, "run_us": [us, us, 99 * us], "peak_kib": 2048}
            for runtime, us in (("inbetween", 2000.0), ("litert", 500.0))
            for cold in (10.0, 30.0, 20.0)
        ]
        packages = {"inbetween": {"bytes": 2**21}, "litert": {"bytes": 2**20}}
        ours, other = summary.models(samples, {("face", "litert"): {"difference": 1e-6, "agrees": True}}, packages)
        self.assertEqual((ours["run_us"], ours["ratio"]), (2000.0, 1.0))
        self.assertEqual((other["run_us"], other["ratio"], other["cold_ms"], other["peak_mib"]), (500.0, 4.0, 20.0, 2.0))
        self.assertTrue(other["agrees"])

    def test_a_runtime_pays_its_own_price_for_the_runs_of_a_timer(self):
        mine = [p for p in points() if p["runtime"] == "onnxruntime"]
        self.assertEqual([(p["policy"], p["every"]) for p in mine], [("every-frame", 1), ("every-nth-kalman", 2), ("every-nth-kalman", 4)])
        self.assertAlmostEqual(mine[0]["cpu_ms_per_s"], 30.0)  # 120 frames of 1 ms in 4 s
        self.assertAlmostEqual(mine[0]["bare_ms_per_s"], 24.0)
        self.assertAlmostEqual(mine[1]["cpu_ms_per_s"], 15.2)

    def test_ratios_are_of_equal_quality(self):
        row = summary.jobs(points(), {"face": 8.0}, ["face"])[0]
        self.assertEqual((row["inbetween"]["cpu_ms_per_s"], row["allowed_percent"]), (15.0, 5.0))
        self.assertAlmostEqual(row["fastest_every_frame"]["ratio"], 2.0)
        self.assertEqual(row["fastest_timer"]["every"], 2)  # every 4th violates too often
        self.assertAlmostEqual(row["mediapipe_tracking"]["ratio"], 4.0)
        self.assertAlmostEqual(row["with_peer_runs"]["cpu_ms_per_s"], 9.0)  # 16 runs of 1 ms in 4 s, and 5

    def test_outputs_are_compared_one_by_one(self):
        ours = np.array([100.0, 50.0, 0.01], np.float32)
        near = ours + np.array([1e-3, 0.0, 1e-7], np.float32)
        self.assertTrue(summary.agreement(near, ours, [2, 1], 1e-3)["agrees"])
        far = ours + np.array([0.0, 0.0, 1e-3], np.float32)  # small beside the first output, not beside its own
        self.assertFalse(summary.agreement(far, ours, [2, 1], 1e-3)["agrees"])
        self.assertFalse(summary.agreement(ours[:2], ours, [2, 1], 1e-3)["agrees"])


class Tasks(unittest.TestCase):
    def test_tasks_name_models_and_cards_that_are_there(self):
        for task in tasks.TASKS:
            self.assertEqual(tasks.model(task.model).name, task.model)
            self.assertIn(summary.own_tolerance(ROOT / task.card), task.epsilons)

    def test_each_runtime_is_pinned(self):
        for file in [HERE / "requirements.txt", *sorted((HERE / "runtimes").glob("*.txt"))]:
            lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
            self.assertTrue(lines and all("==" in line for line in lines), file.name)


class Report(unittest.TestCase):
    def test_figures_have_three_digits(self):
        self.assertEqual([report.figure(v) for v in (0, 0.01234, 1.0, 12.34, 1234.5)], ["0", "0.0123", "1.00", "12.3", "1234"])

    def test_tables_and_picture_of_a_record(self):
        made = {
            "models": [{
                "model": "face", "runtime": "inbetween", "run_us": 2000.0, "ratio": 1.0, "cold_ms": 20.0, "peak_mib": 9.0,
                "package_mib": 30.0, "difference": 0.0, "agrees": True,
            }],
            "machine": {"processor": "cpu", "architecture": "x86_64"}, "day": "2026-01-01", "versions": {"mnn": "3"},
            "repeats": 3, "load": 1.5, "latency_ms": 10.0, "tolerance": 1e-3,
            "tasks": summary.jobs(points(), {"face": 8.0}, ["face"]), "points": points(), "skipped": [{"what": "x", "why": "y"}],
        }
        text = report.text(made)
        self.assertIn("| face | Inbetween (tract): tolerance 8 px | 16 | 1.25 | 15.0 | 1.00 |", text)
        self.assertIn("Skipped: x: y.", text)
        self.assertIn(text, report.document(made))
        self.draws(made)

    def test_the_kept_record_is_one(self):
        file = ROOT / "benches" / "records" / "peers.json"
        if not file.is_file():
            self.skipTest("no record is kept: run `cargo xtask peers --record`")
        record = json.loads(file.read_text())
        self.assertGreaterEqual(len({r["model"] for r in record["models"]}), 4)
        self.assertGreaterEqual(len({p["task"] for p in record["points"]}), 2)
        epsilons = {t["task"]: t["inbetween"]["epsilon"] for t in record["tasks"]}
        self.assertEqual(summary.jobs(record["points"], epsilons, tasks.FACES), record["tasks"])
        self.assertEqual(report.document(record), file.with_suffix(".md").read_text(), "run `cargo xtask peers --record`")
        self.draws(record)

    def draws(self, record):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plot.svg"
            report.plot(record, file)
            self.assertIn("</svg>", file.read_text())


if __name__ == "__main__":
    unittest.main()
