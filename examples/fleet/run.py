#!/usr/bin/env python3
"""Merges the snapshots of a simulated fleet with plain SQL, and writes a page.

    python3 examples/fleet/run.py                      # a million devices: some minutes, 1 GB under target/fleet
    python3 examples/fleet/run.py --devices 20000

Devices are simulated by a Rust program with the SDK's own monitor. The SQL is in fleet.sql and runs on Apache DataFusion,
which is installed into target/fleet/venv when it is not there.
"""

import argparse
import html
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PARTS = 16


def with_engine():
    """Imports DataFusion; if it is missing, starts again in an environment that has it."""
    try:
        import datafusion
        import pyarrow
    except ImportError:
        venv = TARGET / "fleet" / "venv"
        python = venv / ("Scripts" if os.name == "nt" else "bin") / "python"
        if Path(sys.prefix) == venv:
            raise
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
        os.execv(python, [python, *sys.argv])
    return datafusion, pyarrow


def simulate(devices, seed, folder):
    command = ["cargo", "run", "--release", "-q", "-p", "inbetween-flow", "--example", "fleet_devices", "--"]
    subprocess.run([*command, str(devices), str(seed), str(PARTS), str(folder)], check=True, cwd=ROOT)


def statements():
    """The statements of fleet.sql by name."""
    pieces = re.split(r"^-- name: (\w+)\n", (HERE / "fleet.sql").read_text(), flags=re.M)[1:]
    return {name: sql.strip().rstrip(";") for name, sql in zip(pieces[::2], pieces[1::2])}


class Fleet:
    """Snapshots of a folder, and what SQL says of them."""

    def __init__(self, folder):
        self.datafusion, self.arrow = with_engine()
        self.folder = folder
        self.sql = statements()
        self.parts = sorted(folder.glob("part-*.csv"))
        self.context = self.datafusion.SessionContext()
        for table in ["reference", "regions", "truth", "psi"]:
            self.context.register_csv(table, str(folder / f"{table}.csv"))
        self.register(self.context, self.parts)
        self.context.sql(self.sql["merged"]).collect()

    def register(self, context, files):
        a = self.arrow
        fields = [("device", a.string()), ("version", a.int64()), ("metric", a.string()), ("bucket", a.int64()), ("n", a.int64())]
        schema = a.schema(fields)
        union = []
        for i, file in enumerate(files):
            context.register_csv(f"part_{i}", str(file), schema=schema)
            union.append(f"SELECT * FROM part_{i}")
        context.sql(f"CREATE VIEW snapshots AS {' UNION ALL '.join(union)}").collect()

    def ask(self, name):
        return self.rows(self.sql[name])

    def rows(self, sql):
        return self.context.sql(sql).to_pylist()

    def merge_by_parts(self):
        """Merges each part by itself, as a node of a cluster would, and then the sums of the parts."""
        sums = []
        for part in self.parts:
            context = self.datafusion.SessionContext()
            self.register(context, [part])
            context.sql(self.sql["merged"]).collect()
            sums += context.sql("SELECT * FROM merged").collect()
        self.context.register_record_batches("sums", [sums])
        self.context.sql(
            "CREATE TABLE merged_by_parts AS SELECT version, metric, bucket, SUM(n) AS n FROM sums GROUP BY version, metric, bucket"
        ).collect()

    def differences(self, one, other):
        """Rows in which two merges differ."""
        sql = f"""SELECT COUNT(*) AS n FROM {one} a FULL OUTER JOIN {other} b
            ON a.version = b.version AND a.metric = b.metric AND a.bucket = b.bucket
            WHERE a.n IS NULL OR b.n IS NULL OR a.n <> b.n"""
        return self.rows(sql)[0]["n"]


def table(rows, form):
    head = "".join(f"<th>{html.escape(name)}</th>" for name in rows[0])
    text = lambda k, v: html.escape(form[k](v) if k in form and v is not None else f"{v:,}" if isinstance(v, int) else str(v))
    body = "".join("<tr>" + "".join(f"<td>{text(k, v)}</td>" for k, v in row.items()) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def bars(rows):
    """Shares of bins beside the reference's."""
    most = max(max(r["share"], r["expected"]) for r in rows)
    parts = []
    for i, r in enumerate(rows):
        live, ref = 80 * r["share"] / most, 80 * r["expected"] / most
        parts.append(f'<rect x="{i * 28}" y="{90 - ref:.1f}" width="12" height="{ref:.1f}" class="ref"/>')
        parts.append(f'<rect x="{i * 28 + 12}" y="{90 - live:.1f}" width="12" height="{live:.1f}" class="live"/>')
    return f'<svg width="{28 * len(rows)}" height="92">{"".join(parts)}</svg>'


STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1b2430}
table{border-collapse:collapse;margin:.5em 0 1.5em}td,th{padding:.25em .9em;border-bottom:1px solid #d5dbe3;text-align:right}
th{font-weight:600}svg{display:block;margin:.3em 0 1em}.ref{fill:#b9c4d2}.live{fill:#2b6cb0}p{max-width:45em}"""


def page(fleet, checks, seconds):
    pick = lambda digits: lambda x: f"{x:.{digits}f}"
    count = fleet.ask("devices")[0]
    drift, bins = fleet.ask("drift"), fleet.ask("bins")
    charts = ""
    for row in drift:
        own = [b for b in bins if (b["version"], b["metric"]) == (row["version"], row["metric"])]
        charts += f"<h3>{row['metric']}, version {row['version']}: {row['verdict']}</h3>{bars(own)}"
    percent = lambda x: f"{100 * x:.2f}%"
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Fleet</title><style>{STYLE}</style>
<h1>{count['devices']:,} devices, one hour</h1>
<p>{count['counts']:,} counts of bins, merged by addition in SQL. No value, input or time of an event left a device; the names
of devices are random and drawn anew for each snapshot.</p>
<p>Rows in which the merge by {len(fleet.parts)} parts differs from the merge in one pass: <b>{checks['parts']}</b>; from the
sums that the devices' own program kept: <b>{checks['truth']}</b>. Merging took {seconds:.1f} s.</p>
<h2>Latency</h2>{table(fleet.ask("latency"), {"ms": pick(1)})}
<h2>Drift</h2><p>Against the reference that the card ships; light bars are the reference.</p>
{table(drift, {"psi": pick(4)})}{charts}
<h2>Slices</h2>{table(fleet.ask("slices"), {"error_rate": percent})}
<h2>Reliability</h2><p>Of predictions in each tenth of probability, the share in which it happened.</p>
{table(fleet.ask("reliability"), {"happened": percent})}</html>"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where snapshots are kept (default: under target/fleet)")
    args = parser.parse_args()
    with_engine()
    folder = args.folder or TARGET / "fleet" / f"{args.devices}-{args.seed}"
    start = time.monotonic()
    simulate(args.devices, args.seed, folder)
    print(f"simulated in {time.monotonic() - start:.1f} s")
    start = time.monotonic()
    fleet = Fleet(folder)
    seconds = time.monotonic() - start
    fleet.merge_by_parts()
    checks = {"parts": fleet.differences("merged", "merged_by_parts"), "truth": fleet.differences("merged", "truth")}
    target = folder / "fleet.html"
    target.write_text(page(fleet, checks, seconds))
    print(f"merged in {seconds:.1f} s; rows that differ by parts: {checks['parts']}, from the truth: {checks['truth']}")
    for name in ["latency", "drift", "slices"]:
        for row in fleet.ask(name):
            print(name, *(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in row.items()))
    print(target)
    sys.exit(any(checks.values()))


if __name__ == "__main__":
    main()
