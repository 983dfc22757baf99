"""Pausing a schedule whose jobs fail again and again: a circuit breaker (rules B1 to B3).

The pause is the open state of the breaker. When it ends by itself, the breaker is half-open: the count of failures
stays as it was, so that one more failure pauses the schedule again, and one success begins the count anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import attrs

from anysched._text import printable
from anysched.model.change import Change
from anysched.model.job import EndedJob
from anysched.model.options import EffectiveOptions
from anysched.model.pause import Pause
from anysched.model.policies import JobOutcome
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.pausing import pause
from anysched.rules.times import later

#: What counts as a failure. A job that was cancelled, or came too late to start, says nothing about its task.
FAILURES: Final = frozenset({JobOutcome.error, JobOutcome.abandoned})

#: How much of a failed job is told as the reason of a pause, in characters.
LONGEST_REASON: Final = 500


def counts(end: EndedJob) -> bool:
    """Return whether the end of a job has to do with failures of its schedule (rule B1)."""
    return (
        end.job.counted
        and end.job.backfill is None
        and (is_failure(end) or end.result.outcome is JobOutcome.success)
    )


def is_failure(end: EndedJob) -> bool:
    """Return whether a job has failed for good."""
    return end.result.outcome in FAILURES


def ended(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, ends: Iterable[EndedJob], now: datetime
) -> Change:
    """Decide what becomes of a schedule when jobs of it have ended, in this order.

    While it is paused by failures nothing is counted. Where its configuration cannot be read, failures are counted,
    and whoever can read it pauses the schedule at the next one. Not one that is finished or set aside: no pause would
    stop anything there.
    """
    state, limit = snapshot.state, snapshot.schedule.pause_after_failures
    unchanged = Change(schedule_id=snapshot.id)
    if any(old.kind == "failure" and not old.is_over(now) for old in state.pauses):
        return unchanged
    if limit is None and snapshot.fault is None:
        return unchanged
    failures = state.failures
    for end in ends:
        if not counts(end) or end.job.incarnation != state.incarnation:
            continue
        failures = failures + 1 if is_failure(end) else 0
        if (
            limit is not None
            and failures >= limit
            and state.error is None
            and (state.next_fire_time is not None or state.waiting is not None)
        ):
            return _opened(snapshot, options, end, failures, now)
    if failures == state.failures:
        return unchanged
    new = attrs.evolve(state, failures=failures, revision=state.revision + 1)
    return Change(schedule_id=snapshot.id, state=new)


def _opened(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, last: EndedJob, failures: int, now: datetime
) -> Change:
    """Return the change that pauses a schedule, and keeps its jobs that no node has from running."""
    cool_down = snapshot.schedule.probe_after
    until = None if cool_down is None else later(now, cool_down)
    wanted = Pause(
        since=now,
        until=until,
        reason=_reason(last),
        queued="hold",
        resume_from=None if until is None else "now",
        kind="failure",
    )
    counted = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, failures=failures))
    return pause(counted, options, now, wanted)


def _reason(end: EndedJob) -> str:
    """Tell which job failed, and why, in one line of bounded length."""
    exception = end.result.exception
    why = (
        str(end.result.outcome)
        if exception is None
        else f"{exception.type}: {exception.message[:LONGEST_REASON]}"
    )
    text = printable(f"job {end.job.id} failed: {why}")
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"
