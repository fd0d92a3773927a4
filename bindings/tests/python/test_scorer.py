"""Independent events over the border: the same bits as the core gives, for ten thousand rows.

`cargo xtask test python` builds the library, generates the module and writes the vectors; INBETWEEN_BINDINGS is
the folder with all three.
"""

import json
import os
import struct
import sys
import unittest

FOLDER = os.environ.get("INBETWEEN_BINDINGS")
if FOLDER is None:
    raise SystemExit("INBETWEEN_BINDINGS is not set: run `cargo xtask test python`")
sys.path.insert(0, FOLDER)

import inbetween_ffi as sdk  # noqa: E402

with open(os.path.join(FOLDER, "vectors.json"), encoding="utf-8") as file:
    VECTORS = json.load(file)
EVENTS = VECTORS["events"]
SECOND = 1_000_000_000


def feature(name, text):
    if not text:
        return sdk.Feature(name=name)
    try:
        return sdk.Feature(name=name, number=float(text))
    except ValueError:
        return sdk.Feature(name=name, category=text)


def scorer():
    return sdk.Scorer(EVENTS["card"], {name: bytes.fromhex(data) for name, data in EVENTS["files"].items()})


def word(member):
    return "".join(part.capitalize() for part in member.name.split("_"))


class Events(unittest.TestCase):
    def test_ten_thousand_rows_have_the_bits_of_the_core(self):
        target = scorer()
        self.assertEqual(len(EVENTS["rows"]), 10_000)
        rungs = set()
        for n, (row, wanted) in enumerate(zip(EVENTS["rows"], EVENTS["gives"])):
            at = (1 + n) * SECOND
            event = target.score(at, at, [feature(*pair) for pair in zip(EVENTS["features"], row)])
            d = event.decision
            bits = struct.pack(">d", d.probability).hex()
            self.assertEqual(f"{bits} {word(d.action)} {word(d.rung)}", wanted, f"row {n}")
            rungs.add(d.rung)
        self.assertEqual(rungs, {sdk.Rung.MODEL, sdk.Rung.SMALLER_VARIANT, sdk.Rung.RULE})

    def test_reviews_come_dearest_first(self):
        target = scorer()
        for n, row in enumerate(EVENTS["rows"][:500]):
            at = (1 + n) * SECOND
            target.score(at, at, [feature(*pair) for pair in zip(EVENTS["features"], row)])
        saves = []
        while (item := target.take_review()) is not None:
            self.assertEqual(item.decision.action, sdk.Action.REVIEW)
            saves.append(item.saves)
        self.assertGreater(len(saves), 2)
        self.assertEqual(saves, sorted(saves, reverse=True))

    def test_a_negative_time_is_refused(self):
        with self.assertRaises(sdk.SdkError):
            scorer().score(-1, 0, [])

    def test_buckets_are_frozen(self):
        for namespace, unit, wanted in VECTORS["buckets"]:
            self.assertEqual(sdk.bucket(namespace, unit), int(wanted), (namespace, unit))


if __name__ == "__main__":
    unittest.main()
