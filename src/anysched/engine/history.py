"""What users ask about the past and the future of a schedule (rules G1 to G3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

import anyio.to_thread
import attrs

from anysched.engine.instants import aware
from anysched.engine.lifecycle import Engine
from anysched.errors import ScheduleLookupError
from anysched.model import convert
from anysched.model.history import FireTime, Record, RunRecord
from anysched.model.policies import JobKind, JobStatus, NamedFireTime
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.trigger import own_timezone, preparations
from anysched.ports.queries import HistoryQuery, JobQuery, ScheduleQuery
from anysched.rules.explaining import Question, explain
from anysched.rules.telling import Known, tell
from anysched.rules.times import BEGINNING
from anysched.rules.upcoming import upcoming

#: How far back is told, and how many fire times back and ahead at least, where nobody says.
DAY: Final = timedelta(days=1)
NEAREST: Final = 10

#: No call returns more fire times than this.
MOST: Final = 10_000

#: Not more records than this are about one instant: runs of it, and spans that it lies in.
MOST_AT_ONE_INSTANT: Final = 100

_Told = TypeVar("_Told")

#: So often all is read anew because the schedule has fired meanwhile, before it is told as it was read.
TRIES: Final = 3


@attrs.frozen
class Span:
    """A span of time that somebody asks about; None where that is left open."""

    start: datetime | None
    end: datetime | None

    def in_utc(self, timezone: tzinfo) -> Span:
        """Return the same in UTC. :raise TypeError, ValueError: naming the argument"""
        start = None if self.start is None else aware(self.start, timezone, "start")
        end = None if self.end is None else aware(self.end, timezone, "end")
        if start is not None and end is not None and end < start:
            raise ValueError(f"end must not lie before start: {end} is before {start}")
        return Span(start, end)


async def _aside(known: Known, tell_it: Callable[[], _Told]) -> _Told:
    """Tell something in a thread where that may take a while: very many spans of windows, or holidays to be loaded."""
    if not known.snapshot.state.windows and not preparations(known.snapshot.trigger):
        return tell_it()
    return await anyio.to_thread.run_sync(tell_it)


class History:
    """Reads what is stored about a schedule, and tells it by the rules."""

    def __init__(self, engine: Engine, timezone: tzinfo) -> None:
        self._store = engine.settings.store
        self._policy = engine.settings.policy
        self._timezone = timezone

    async def get_fire_times(
        self, schedule_id: str, start: datetime | None, end: datetime | None, limit: int, count: int | None
    ) -> list[FireTime]:
        """Tell what came, and is to come, of the fire times in a span of time, or of the next runs in it."""
        if count is not None:
            return await self._upcoming(
                schedule_id, Span(start, end), convert.positive_int(count, "count", most=MOST)
            )
        limit = convert.positive_int(limit, "limit", most=MOST)
        asked = Span(start, end)
        known, since = await self._known(schedule_id, asked, limit)
        until = asked.in_utc(self._zone_of(known.snapshot)).end
        most = min(NEAREST, limit) if until is None else limit
        told = await _aside(known, partial(tell, known, since, until, most))
        return told[-limit:] if start is None else told[:limit]

    async def _upcoming(self, schedule_id: str, asked: Span, count: int) -> list[FireTime]:
        known, _ = await self._known(schedule_id, asked, 1)
        span = asked.in_utc(self._zone_of(known.snapshot))
        return await _aside(known, partial(upcoming, known, span.start, span.end, count))

    async def explain(self, schedule_id: str, instant: NamedFireTime) -> str:
        """Tell in one sentence why a schedule did or did not run at an instant, or what will happen then."""
        if not isinstance(instant, datetime) and instant != "next":
            kind = ValueError if isinstance(instant, str) else TypeError
            raise kind(f"instant must be 'next' or a datetime, not {instant!r}")
        zone = self._zone_of(await self._snapshot(schedule_id))
        at = aware(instant, zone, "instant") if isinstance(instant, datetime) else None
        known, _ = await self._known(schedule_id, Span(at, at), MOST_AT_ONE_INSTANT)
        running = None
        if known.options.max_running_jobs is not None:
            query = JobQuery(task_id=known.snapshot.task_id, status=JobStatus.running)
            running = len(await self._store.get_jobs(query))
        question = Question(known=known, at=at, timezone=zone, running=running)
        return await _aside(known, partial(explain, question))

    def _zone_of(self, snapshot: ScheduleSnapshot) -> tzinfo:
        return own_timezone(snapshot.trigger) or self._timezone

    async def _snapshot(self, schedule_id: str) -> ScheduleSnapshot:
        found = await self._store.get_schedules(ScheduleQuery(ids=(convert.identifier(schedule_id, "id"),)))
        if not found:
            raise ScheduleLookupError(schedule_id)
        return found[0]

    async def _known(self, schedule_id: str, asked: Span, limit: int) -> tuple[Known, datetime]:
        """Read all that is stored about a schedule as it was at one moment, and return from when on.

        Jobs are read before the history, so that one that ends meanwhile is in both, rather than in neither.
        """
        snapshot, left = await self._snapshot(schedule_id), TRIES
        while True:
            now = await self._store.now()
            span = asked.in_utc(self._zone_of(snapshot))
            tasks = await self._store.get_tasks((snapshot.task_id,))
            jobs = await self._store.get_jobs(JobQuery(schedule_id=snapshot.id))
            life = snapshot.state.incarnation
            records, start = await self._records(snapshot, span, now, limit)
            oldest = await self._oldest(life)
            known = Known(
                snapshot=snapshot,
                options=self._policy.options(snapshot.schedule, tasks[0] if tasks else None),
                records=records,
                oldest=oldest,
                jobs=[job for job in jobs if job.incarnation == life],
                now=now,
                has_task=bool(tasks),
            )
            again, left = await self._snapshot(schedule_id), left - 1
            if not left or again.state.version == snapshot.state.version:
                return known, start
            snapshot = again

    async def _oldest(self, life: UUID) -> datetime | None:
        """Return from which fire time on there is a history; those that backfills have run say nothing of others."""
        for most in (1, MOST):
            for record in await self._store.get_history(HistoryQuery(incarnation=life, most=most)):
                if not isinstance(record, RunRecord) or record.kind is not JobKind.backfill:
                    return record.first
        return None

    async def _records(
        self, snapshot: ScheduleSnapshot, span: Span, now: datetime, limit: int
    ) -> tuple[Sequence[Record], datetime]:
        """Return what the history says, and from when on: the last day where nobody says, or the latest few."""
        life, start, end = snapshot.state.incarnation, span.start, span.end
        if start is not None:
            query = HistoryQuery(incarnation=life, start=start, end=end, most=limit)
            return await self._store.get_history(query), start
        last = now if end is None else min(now, end)
        start = last - min(DAY, last - BEGINNING)
        query = HistoryQuery(incarnation=life, start=start, end=end, most=limit, latest=True)
        found = await self._store.get_history(query)
        if len(found) < min(NEAREST, limit):
            query = attrs.evolve(query, start=None, most=min(NEAREST, limit))
            found = await self._store.get_history(query)
        if not found:
            return found, start
        first = min(record.first for record in found)
        return found, first if len(found) == limit else min(first, start)
