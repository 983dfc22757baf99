"""The table at the end: fire times, what became of them, and why. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

import attrs
from checks import Evidence, fire_times, shown
from journal import Run

#: A run that starts later than this after its fire time is told as late.
LATE = timedelta(seconds=0.8)


@attrs.frozen
class Row:
    """Consecutive fire times of a schedule that fared alike."""

    schedule: str
    fire_times: Sequence[datetime]
    fate: str
    why: str

    @property
    def span(self) -> str:
        """The fire times as text."""
        first, last = self.fire_times[0], self.fire_times[-1]
        return shown(first) if first == last else f"{shown(first)} to {shown(last)}"


def rows(evidence: Evidence) -> Iterator[Row]:
    """Yield what became of every fire time, alike ones in one row."""
    for schedule in evidence.first:
        jobs = evidence.jobs_of(schedule)
        fates = [
            (at, *_fate(evidence, schedule, at, jobs.get(at, []))) for at in fire_times(evidence, schedule)
        ]
        for (fate, why), group in groupby(fates, key=lambda item: item[1:]):
            yield Row(schedule, [at for at, _, _ in group], fate, why)


def _fate(evidence: Evidence, schedule: str, at: datetime, attempts: Sequence[Run]) -> tuple[str, str]:
    if attempts:
        return _ran(evidence, at, attempts)
    if at in evidence.waiting(schedule):
        return "queued", "the node was asked to stop: it waits in the file for the next start"
    return "skipped", _why_skipped(evidence, schedule, at)


def _ran(evidence: Evidence, at: datetime, attempts: Sequence[Run]) -> tuple[str, str]:
    if len(attempts) > 1:
        last = attempts[-1].attempt
        return f"ran, attempt {last}", f"the kill cut off attempt {last - 1}: same job, tried again"
    if attempts[0].start - at <= LATE:
        return "ran", "on time"
    resumed = evidence.resumed.get(attempts[0].schedule)
    if resumed is not None and resumed.frozen <= at < resumed.goes_on_at:
        return "ran late", "missed while paused, caught up with by the resume"
    if _nobody_there(evidence, at):
        return "ran late", "became due while the process was dead"
    return "ran late", "the machine was busy"


def _why_skipped(evidence: Evidence, schedule: str, at: datetime) -> str:
    resumed = evidence.resumed.get(schedule)
    if resumed is not None and resumed.frozen <= at < resumed.goes_on_at:
        if resumed.resume_from is None:
            return f"missed while paused, older than the latest {evidence.max_catchup}"
        if resumed.resume_from == "now":
            return 'passed while paused, resumed from "now"'
        return f"before {shown(resumed.goes_on_at)}, where it was resumed from"
    if _nobody_there(evidence, at):
        return "the process was dead; the latest late one stands for all"
    return "late; the latest late one stands for all"


def _nobody_there(evidence: Evidence, at: datetime) -> bool:
    """Return whether the first process was dead then, and the second had not begun its first run."""
    first_run = min((run.start for run in evidence.runs if run.start >= evidence.node_away.until), default=at)
    return evidence.node_away.since < at <= first_run
