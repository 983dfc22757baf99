"""The table of known defects names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs/explanation/known-defects.md").read_text(encoding="utf-8")

#: The numbers of the table; those left out are about what this version does not have.
EXPECTED = [
    *(f"P{number}" for number in range(1, 18)),
    *(f"B{number}" for number in [*range(1, 34), *range(36, 40)]),
    *(f"T{number}" for number in range(1, 13)),
]


def test_every_defect_has_a_test() -> None:
    """Each known defect has a row, once, and each row names at least one test that is there."""
    rows = re.findall(r"^\| ([PBT]\d+) \| (.+?) \| (.+) \|$", TABLE, re.MULTILINE)
    assert EXPECTED == [number for number, _, _ in rows]
    for number, _, shown_by in rows:
        tests = re.findall(r"`([^`]+)::(\w+)`", shown_by)
        assert tests, number
        for path, name in tests:
            assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{number}: {path}::{name}"
