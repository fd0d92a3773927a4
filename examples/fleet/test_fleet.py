"""The fleet on twenty thousand devices: merges are exact, and what is planted is found."""

import math
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import run


class TestFleet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = Path(cls.folder.name)
        run.simulate(20_000, 1, folder)
        cls.fleet = run.Fleet(folder)
        cls.fleet.merge_by_parts()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_a_merge_by_parts_is_the_merge_in_one_pass(self):
        self.assertEqual(self.fleet.differences("merged", "merged_by_parts"), 0)
        self.assertEqual(self.fleet.differences("merged", "truth"), 0)
        self.assertGreater(self.fleet.rows("SELECT COUNT(*) AS n FROM merged")[0]["n"], 100)

    def test_a_count_that_is_lost_is_noticed(self):
        self.fleet.context.sql("CREATE VIEW lossy AS SELECT * FROM merged WHERE NOT (version = 1 AND metric = 'score' AND bucket = 3)").collect()
        self.assertEqual(self.fleet.differences("merged", "lossy"), 1)

    def test_the_index_in_sql_is_the_monitors(self):
        indices = {(r["version"], r["metric"]): r["psi"] for r in self.fleet.rows("SELECT * FROM psi")}
        for row in self.fleet.ask("drift"):
            self.assertTrue(math.isclose(row["psi"], indices[row["version"], row["metric"]], rel_tol=1e-9))

    def test_drift_is_found_in_the_version_that_has_it(self):
        verdicts = {(r["version"], r["metric"]): r["verdict"] for r in self.fleet.ask("drift")}
        self.assertEqual(verdicts, {(1, "amount"): "stable", (1, "score"): "stable", (2, "amount"): "drift", (2, "score"): "drift"})

    def test_the_region_whose_outcomes_changed_stands_out(self):
        rates = {r["region"]: r["error_rate"] for r in self.fleet.ask("slices")}
        others = [rate for region, rate in rates.items() if region != "DE"]
        self.assertGreater(rates["DE"], max(others) + 0.1)

    def test_quantiles_are_those_of_the_latencies(self):
        ms = {(r["version"], r["q"]): r["ms"] for r in self.fleet.ask("latency")}
        # Log-normal around 12 ms with deviation 0.35: the median to within a bucket.
        self.assertLess(abs(math.log2(ms[1, 0.5] / 12)), 0.25)
        self.assertGreater(ms[1, 0.99], 2 * ms[1, 0.5])

    def test_the_page_shows_all_of_it(self):
        page = run.page(self.fleet, {"parts": 0, "truth": 0}, 1.0)
        for what in ["20,000 devices", "Latency", "amount, version 2: drift", "<td>DE</td>", "Reliability"]:
            self.assertIn(what, page)


if __name__ == "__main__":
    unittest.main()
