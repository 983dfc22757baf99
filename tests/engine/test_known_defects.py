"""The tables of known defects, and of what people asked for, name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: The numbers of each table; those left out are about what this version does not have.
EXPECTED = {
    "known-defects.md": [
        *(f"P{number}" for number in range(1, 18)),
        *(f"B{number}" for number in [*range(1, 34), *range(36, 40)]),
        *(f"T{number}" for number in range(1, 13)),
    ],
    "wanted.md": [
        *(f"G{number}" for number in range(1, 16)),
        *(f"X{number}" for number in range(1, 17)),
    ],
}


@pytest.mark.parametrize("page", EXPECTED)
def test_every_row_has_a_test(page: str) -> None:
    """Each known defect, wish and trap has a row, once, and each row names at least one test that is there."""
    table = (ROOT / "docs/explanation" / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([PBTGX]\d+) \| (.+?) \| (.+) \|$", table, re.MULTILINE)
    assert EXPECTED[page] == [number for number, _, _ in rows]
    for number, _, shown_by in rows:
        tests = re.findall(r"`([^`]+)::(\w+)`", shown_by)
        assert tests, number
        for path, name in tests:
            assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{number}: {path}::{name}"
