"""What users ask of schedules, each a transaction: everything is decided and written, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

import attrs
import sqlalchemy as sa

from anysched.model.change import Change
from anysched.model.job import Claim, EndedJob
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.ports.store import AdvanceRequest, Committed, Decide, DecideDeclared, DecideHold
from anysched.rules.auditing import counted
from anysched.stores.sql.ahead import Question
from anysched.stores.sql.changes import Changes, Decided, is_due
from anysched.stores.sql.holds import Holds
from anysched.stores.sql.ledger import Ledger
from anysched.stores.sql.schedules import Schedules
from anysched.stores.sql.taking import Taking
from anysched.stores.sql.tasks import Tasks

#: How many schedules of a large set are read and written at once, so that their records do not pile up.
AT_ONCE: Final = 2000

#: Where no more schedules than these are written at once, the next pass is expected at once: the configurations of
#: those that are due are kept in mind for it, so that it need not read them.
AWAITED: Final = 10

#: A decision about what is stored under an id.
DecideStored = Callable[[str, ScheduleSnapshot | None], Change]


@attrs.frozen
class Outcome:
    """What a transaction came to, and the jobs that a node took with it."""

    committed: Committed
    claims: Sequence[Claim] = ()


class Deciding:
    """Carries out what ``ScheduleStore`` says about decisions, on the connection of a transaction."""

    def __init__(
        self,
        schedules: Schedules,
        tasks: Tasks,
        holds: Holds,
        changes: Changes,
        ledger: Ledger,
        taking: Taking,
    ) -> None:
        self._taking = taking
        self._schedules = schedules
        self._tasks = tasks
        self._holds = holds
        self._changes = changes
        self._ledger = ledger

    def asks_first(self, ids: Sequence[str], *, declares: bool) -> list[Question]:
        """Return what ``transact`` or ``declare`` asks first, in the order of its locks."""
        shared = [self._holds.question] if declares else []
        return [self._tasks.question, *shared, *map(self._schedules.about, islice(_without_repeats(ids), 1))]

    def transact(
        self,
        connection: sa.Connection,
        ids: Sequence[str],
        decide: Decide,
        present: datetime,
        request: AdvanceRequest | None,
    ) -> Outcome:
        """Decide about schedules.

        :param request: what a node could take, if there is one to take jobs
        """
        tasks = self._tasks.all(connection)
        decide_stored = _with_task(tasks, decide, present)
        return self._each(connection, ids, decide_stored, present, tasks, request)

    def declare(
        self,
        connection: sa.Connection,
        ids: Sequence[str],
        decide: DecideDeclared,
        present: datetime,
        request: AdvanceRequest | None,
    ) -> Outcome:
        """Decide about schedules that are added or edited."""
        tasks = self._tasks.all(connection)
        holds = [*self._holds.shared(connection).values()]

        def decide_stored(key: str, stored: ScheduleSnapshot | None) -> Change:
            return decide(key, stored, holds, tasks, present)

        return self._each(connection, ids, decide_stored, present, tasks, request)

    def hold(
        self, connection: sa.Connection, decide_hold: DecideHold, decide: Decide, present: datetime
    ) -> Committed:
        """Decide about a hold, and about all schedules that it means."""
        change = decide_hold(self._holds.locked(connection), present)
        if change is None:
            return Committed(())
        self._holds.write(connection, change)
        tasks = self._tasks.all(connection)
        decide_stored = _with_task(tasks, decide, present)

        def decide_meant(key: str, stored: ScheduleSnapshot | None) -> Change:
            if stored is None and change.selector.ids is None:  # somebody has removed it meanwhile
                return Change(schedule_id=key)
            return decide_stored(key, stored)

        ids = self._schedules.meant_by(connection, change.selector)
        committed = self._each(connection, ids, decide_meant, present, tasks).committed
        self._ledger.note(connection, counted(change, committed.changes))
        return Committed(committed.changes, committed.ended, change)

    def _each(
        self,
        connection: sa.Connection,
        ids: Sequence[str],
        decide: DecideStored,
        present: datetime,
        tasks: Mapping[str, Task],
        request: AdvanceRequest | None = None,
    ) -> Outcome:
        changes: list[Change] = []
        ended: list[EndedJob] = []
        claims: list[Claim] = []
        for part in _without_repeats(ids):
            stored = self._schedules.by_ids(connection, part)
            decided: list[Decided] = []
            for key in part:
                old = stored.get(key)
                change = decide(key, None if old is None else old.snapshot)
                config = None if change.schedule is None else self._schedules.configs.encode(change.schedule)
                decided.append(Decided(old, change, config))
            if len(decided) <= AWAITED:
                self._expect(decided, present)
            taken_by = self._taker(connection, request, tasks, decided, present)
            written = self._changes.write(connection, decided, present, taken_by=taken_by)
            changes += written.changes
            ended += written.ended
            claims += written.claims
        return Outcome(Committed(changes, ended), claims)

    def _taker(
        self,
        connection: sa.Connection,
        request: AdvanceRequest | None,
        tasks: Mapping[str, Task],
        decided: Sequence[Decided],
        present: datetime,
    ) -> str | None:
        """Return the node that takes the jobs of decisions as they are made, if one does."""
        jobs = [job for one in decided for job in one.change.jobs]
        if request is None or not jobs:
            return None
        releases = [
            one.change.schedule_id for one in decided if one.stored and "release" in one.change.queued
        ]
        takes = self._taking.takes(connection, request, tasks, jobs, present, releases)
        return request.node if takes else None

    def _expect(self, decided: Sequence[Decided], present: datetime) -> None:
        """Have the configurations of new schedules that are due in mind, as the next pass needs them."""
        for one in decided:
            if one.config is not None and is_due(one.change.state, present):
                self._schedules.configs.expect(one.config, one.change.schedule_id)


def _with_task(tasks: Mapping[str, Task], decide: Decide, present: datetime) -> DecideStored:
    def decide_stored(key: str, stored: ScheduleSnapshot | None) -> Change:
        return decide(key, stored, None if stored is None else tasks.get(stored.task_id), present)

    return decide_stored


def _without_repeats(ids: Sequence[str]) -> Iterator[list[str]]:
    """Yield runs of ids in order, none with an id twice, so that each run can be read and written at once."""
    run: dict[str, None] = {}
    for key in ids:
        if key in run or len(run) == AT_ONCE:
            yield list(run)
            run = {}
        run[key] = None
    if run:
        yield list(run)
