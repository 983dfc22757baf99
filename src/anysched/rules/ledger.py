"""What is written into the history of a schedule (rules G1 and G2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, TypeVar

from anysched.model.history import RunRecord, SkipRecord
from anysched.model.job import EndedJob, Job, JobException, JobResult
from anysched.model.pause import Pause
from anysched.model.policies import SkipReason
from anysched.model.quick import maker
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.picking import Span
from anysched.rules.times import Count

T = TypeVar("T")

_ONE: Final = Count(1)
_new_record = maker(RunRecord)

#: How much of the message of an exception is kept of every run, in characters.
LONGEST_MESSAGE: Final = 1000


def run_of(end: EndedJob, node: str | None) -> RunRecord | None:
    """Return what is written of a job that has ended; None for one that is no schedule's, or is not recorded.

    :param node: the node that ran it, if one did
    """
    return recorded(end.job, end.result, node, _new_record)


def recorded(job: Job, result: JobResult, node: str | None, make: Callable[..., T]) -> T | None:
    """Return the same, as a store keeps it.

    :param make: is given what a ``RunRecord`` consists of, in the order of its fields
    """
    if not job.recorded or job.schedule_id is None or job.incarnation is None:
        return None
    exception = result.exception
    return make(
        job.id,
        job.schedule_id,
        job.incarnation,
        job.kind,
        job.scheduled_fire_time,
        job.run_at,
        result.outcome,
        result.finished_at,
        result.started_at,
        job.attempt,
        node,
        None if exception is None else _brief(exception),
    )


def _brief(exception: JobException) -> JobException:
    """Return an exception as it is kept of every run: without the traceback, and of bounded length."""
    message = exception.message
    if len(message) > LONGEST_MESSAGE:
        message = f"{message[: LONGEST_MESSAGE - 1]}…"
    return JobException(exception.type[:LONGEST_MESSAGE], message)


def told(
    snapshot: ScheduleSnapshot, counted: Iterable[tuple[Span, Count]], now: datetime, ended: Pause | None
) -> tuple[SkipRecord, ...]:
    """Return what is written of fire times that get no job.

    :param ended: the pause that ends, the reason of those that it made the schedule miss
    """
    return tuple(_skip(snapshot, span, count, now, ended) for span, count in counted)


def _skip(
    snapshot: ScheduleSnapshot, span: Span, count: Count, now: datetime, ended: Pause | None
) -> SkipRecord:
    cause = why = by = None
    if span.reason is SkipReason.paused and ended is not None:
        cause, why, by = ended.hold, ended.reason, ended.by
    elif span.cause is not None:
        cause, why, by = span.cause.cause, span.cause.why, span.cause.by
    elif span.reason is SkipReason.requested:
        for named in snapshot.state.occurrences:
            if named.fire_time == span.first:
                why, by = named.reason, named.by
    return SkipRecord(
        schedule_id=snapshot.id,
        incarnation=snapshot.state.incarnation,
        reason=span.reason,
        first=span.first,
        last=span.first if count == _ONE else span.times.last(span.first, span.last),
        number=count.number,
        exact=count.exact,
        at=now,
        into=span.into,
        cause=cause,
        why=why,
        by=by,
    )
