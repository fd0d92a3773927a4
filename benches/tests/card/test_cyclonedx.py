"""What `inbetween card export` writes is CycloneDX 1.6 by the standard's own schema."""

import json
import pathlib
import unittest

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

DOCUMENT = (pathlib.Path(__file__).parent / "risk.cdx.json").read_text()


class CycloneDx(unittest.TestCase):
    def setUp(self):
        self.validator = JsonStrictValidator(SchemaVersion.V1_6)

    def test_the_export_is_valid(self):
        self.assertIsNone(self.validator.validate_str(DOCUMENT))

    def test_the_validator_finds_a_planted_fault(self):
        document = json.loads(DOCUMENT)
        document["components"][0]["modelCard"]["task"] = "classification"
        self.assertIsNotNone(self.validator.validate_str(json.dumps(document)))


if __name__ == "__main__":
    unittest.main()
