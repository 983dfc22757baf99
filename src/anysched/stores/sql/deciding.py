"""What users ask of schedules, each a transaction: everything is decided and written, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

import sqlalchemy as sa

from anysched.model.change import Change
from anysched.model.job import EndedJob
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.ports.store import Committed, Decide, DecideDeclared, DecideHold
from anysched.rules.auditing import counted
from anysched.stores.sql.ahead import Question
from anysched.stores.sql.changes import Changes, Decided, is_due
from anysched.stores.sql.holds import Holds
from anysched.stores.sql.ledger import Ledger
from anysched.stores.sql.schedules import Schedules
from anysched.stores.sql.tasks import Tasks

#: How many schedules of a large set are read and written at once, so that their records do not pile up.
AT_ONCE: Final = 2000

#: Where no more schedules than these are written at once, the next pass is expected at once: the configurations of
#: those that are due are kept in mind for it, so that it need not read them.
AWAITED: Final = 10

#: A decision about what is stored under an id.
DecideStored = Callable[[str, ScheduleSnapshot | None], Change]


class Deciding:
    """Carries out what ``ScheduleStore`` says about decisions, on the connection of a transaction."""

    def __init__(
        self, schedules: Schedules, tasks: Tasks, holds: Holds, changes: Changes, ledger: Ledger
    ) -> None:
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
        self, connection: sa.Connection, ids: Sequence[str], decide: Decide, present: datetime
    ) -> Committed:
        """Decide about schedules."""
        return self._each(connection, ids, self._with_task(connection, decide, present), present)

    def declare(
        self, connection: sa.Connection, ids: Sequence[str], decide: DecideDeclared, present: datetime
    ) -> Committed:
        """Decide about schedules that are added or edited."""
        self._tasks.check_node(connection)
        holds = [*self._holds.shared(connection).values()]
        return self._each(connection, ids, lambda key, stored: decide(key, stored, holds, present), present)

    def hold(
        self, connection: sa.Connection, decide_hold: DecideHold, decide: Decide, present: datetime
    ) -> Committed:
        """Decide about a hold, and about all schedules that it means."""
        change = decide_hold(self._holds.locked(connection), present)
        if change is None:
            return Committed(())
        self._holds.write(connection, change)
        decide_stored = self._with_task(connection, decide, present)

        def decide_meant(key: str, stored: ScheduleSnapshot | None) -> Change:
            if stored is None and change.selector.ids is None:  # somebody has removed it meanwhile
                return Change(schedule_id=key)
            return decide_stored(key, stored)

        ids = self._schedules.meant_by(connection, change.selector)
        committed = self._each(connection, ids, decide_meant, present)
        self._ledger.note(connection, counted(change, committed.changes))
        return Committed(committed.changes, committed.ended, change)

    def _with_task(self, connection: sa.Connection, decide: Decide, present: datetime) -> DecideStored:
        tasks: Mapping[str, Task] = self._tasks.all(connection)

        def decide_stored(key: str, stored: ScheduleSnapshot | None) -> Change:
            return decide(key, stored, None if stored is None else tasks.get(stored.task_id), present)

        return decide_stored

    def _each(
        self, connection: sa.Connection, ids: Sequence[str], decide: DecideStored, present: datetime
    ) -> Committed:
        changes: list[Change] = []
        ended: list[EndedJob] = []
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
            written = self._changes.write(connection, decided, present)
            changes += written.changes
            ended += written.ended
        return Committed(changes, ended)

    def _expect(self, decided: Sequence[Decided], present: datetime) -> None:
        """Have the configurations of new schedules that are due in mind, as the next pass needs them."""
        for one in decided:
            if one.config is not None and is_due(one.change.state, present):
                self._schedules.configs.expect(one.config, one.change.schedule_id)


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
