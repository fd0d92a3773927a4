"""Every card of the repository is valid by the published JSON Schema, as another implementation reads it."""

import datetime
import json
import pathlib
import tomllib
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[3]
CARDS = [
    *ROOT.glob("benches/detector/card.toml"),
    *ROOT.glob("benches/cards/*.toml"),
    *ROOT.glob("core/card/tests/cards/*.toml"),
    *ROOT.glob("examples/**/card.toml"),
]


def plain(value):
    """TOML as JSON: dates as text."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        schema = json.loads((ROOT / "core/card/card.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        cls.validator = jsonschema.Draft202012Validator(schema)

    def test_cards_are_valid(self):
        self.assertGreaterEqual(len(CARDS), 7)
        for path in CARDS:
            card = plain(tomllib.loads(path.read_text()))
            errors = [f"{'.'.join(map(str, e.path))}: {e.message}" for e in self.validator.iter_errors(card)]
            self.assertEqual(errors, [], path)

    def test_a_card_without_a_section_is_not(self):
        card = plain(tomllib.loads((ROOT / "core/card/tests/cards/risk.toml").read_text()))
        sections = [s for s in card if s not in ("display", "ladder", "scheduling")]
        self.assertEqual(len(sections), 16)
        for section in sections:
            less = {k: v for k, v in card.items() if k != section}
            self.assertFalse(self.validator.is_valid(less), section)

    def test_a_misspelt_field_is_not(self):
        card = plain(tomllib.loads((ROOT / "core/card/tests/cards/risk.toml").read_text()))
        card["budget"]["duti"] = card["budget"].pop("duty")
        self.assertFalse(self.validator.is_valid(card))


if __name__ == "__main__":
    unittest.main()
