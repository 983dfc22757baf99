"""What a fault did, as numbers, and all of them as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from tests.crash.checker import Verdict, percentile

#: The name under which they travel with the report of a test.
PROPERTY = "figures"

#: The name of a sentence with other ones.
NOTE = "note"

COLUMNS = ("fire times", "lost", "doubled", "repeated", "unforced", "early", "overlapping",
           "late p50", "late p99", "late max", "taken over", "take-over p50", "take-over p99", "allowed")  # fmt: skip


def figures(verdict: Verdict, allowed: float) -> dict[str, object]:
    """Return the numbers of a verdict.

    :param allowed: lease and poll interval, in which jobs of a node that is gone are to be taken over
    """
    wrongs = (verdict.lost, verdict.doubled, verdict.repeated, verdict.unforced, verdict.early)
    numbers = (
        verdict.fire_times,
        *map(len, (*wrongs, verdict.overlapping)),
        *(percentile(verdict.lateness, percent) for percent in (50, 99, 100)),
        len(verdict.takeovers),
        *(percentile(verdict.takeovers, percent) for percent in (50, 99)),
        allowed,
    )
    return dict(zip(COLUMNS, numbers, strict=True))


def table(reports: Iterable[object]) -> Iterator[str]:
    """Yield the lines of a table in Markdown of the tests that have figures; times are in seconds."""
    found = [
        (name, report.nodeid.partition("::")[2], value)
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
    ]
    rows = sorted((test, value) for name, test, value in found if name == PROPERTY)
    if rows:
        yield f"| test | {' | '.join(COLUMNS)} |"
        yield "|---" * (len(COLUMNS) + 1) + "|"
    for test, numbers in rows:
        yield f"| {test} | {' | '.join(_shown(numbers[column]) for column in COLUMNS)} |"
    yield from (f"{test}: {value}" for name, test, value in found if name == NOTE)


def _shown(number: float) -> str:
    if number != number:
        return ""
    return str(number) if isinstance(number, int) else f"{number:.3f}"
