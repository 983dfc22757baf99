"""The suite for stores finds stores that break the promises of the port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import attrs
import pytest

from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.ports.queries import JobQuery, ScheduleQuery
from anysched.ports.store import (
    Advanced,
    AdvanceRequest,
    Committed,
    Completed,
    Completion,
    Decide,
    DecideDeclared,
    NodePolicy,
    Taker,
)
from anysched.stores.memory import MemoryDataStore
from anysched.testing import FakeClock, StoreSuite

pytestmark = pytest.mark.anyio


def test_names_of_tests_are_unique() -> None:
    """No topic of the suite hides a test of another by giving it the same name."""
    names = Counter(name for cls in StoreSuite.__mro__ for name in vars(cls) if name.startswith("test_"))
    assert {} == {name: number for name, number in names.items() if number > 1}
    assert len(names) > 100


class EmptyMeansAll(MemoryDataStore):
    async def get_schedules(self, query: ScheduleQuery) -> list[ScheduleSnapshot]:
        return await super().get_schedules(attrs.evolve(query, ids=query.ids or None))

    async def get_jobs(self, query: JobQuery) -> list[Any]:
        return await super().get_jobs(attrs.evolve(query, ids=query.ids or None))

    async def get_tasks(self, ids: Collection[str] | None = None) -> list[Task]:
        return await super().get_tasks(ids or None)


class FoldsCase(MemoryDataStore):
    async def declare_schedules(
        self, ids: Sequence[str], decide: DecideDeclared, taker: Taker | None = None
    ) -> Committed:
        folded = {id.casefold(): id for id in ids}
        return await super().declare_schedules(list(folded.values()), decide, taker)


class OneByOne(MemoryDataStore):
    async def declare_schedules(
        self, ids: Sequence[str], decide: DecideDeclared, taker: Taker | None = None
    ) -> Committed:
        return _joined([await super(OneByOne, self).declare_schedules([id], decide, taker) for id in ids])

    async def transact_schedules(
        self, ids: Sequence[str], decide: Decide, taker: Taker | None = None
    ) -> Committed:
        return _joined([await super(OneByOne, self).transact_schedules([id], decide, taker) for id in ids])


def _joined(parts: Sequence[Committed]) -> Committed:
    changes = [change for part in parts for change in part.changes]
    return Committed(changes, [ended for part in parts for ended in part.ended])


class WakesForWhatIsPaused(MemoryDataStore):
    async def advance(self, request: AdvanceRequest) -> Advanced:
        advanced = await super().advance(request)
        heads = [snapshot.state.due_at for snapshot in await self.get_schedules(ScheduleQuery())]
        return attrs.evolve(advanced, next_wake=min((head for head in heads if head), default=None))


class TakesTwice(MemoryDataStore):
    async def advance(self, request: AdvanceRequest) -> Advanced:
        advanced = await super().advance(request)
        await self.give_back(request.node, advanced.claims[:1])
        return advanced


class AcceptsStaleTokens(MemoryDataStore):
    async def complete(self, node: str, completions: Sequence[Completion], policy: NodePolicy) -> Completed:
        done = await super().complete(node, completions, policy)
        return attrs.evolve(done, accepted=[True] * len(completions))


class IgnoresLimits(MemoryDataStore):
    def _room(self, request: AdvanceRequest) -> dict[str, int | None]:
        return dict.fromkeys(super()._room(request))


class TellsAgain(MemoryDataStore):
    async def advance(self, request: AdvanceRequest) -> Advanced:
        self._told.clear()
        return await super().advance(request)


class FiresForOthers(MemoryDataStore):
    async def advance(self, request: AdvanceRequest) -> Advanced:
        return await super().advance(attrs.evolve(request, plan_all=True))


class KeepsForEver(MemoryDataStore):
    async def clean_up(self) -> int:
        return 0


class ForgetsAttempts(MemoryDataStore):
    async def give_back(self, node: str, claims: Sequence[Any], *, attempted: bool = False) -> None:
        await super().give_back(node, claims)


BROKEN = [
    (EmptyMeansAll, "test_schedule_queries"),
    (EmptyMeansAll, "test_job_queries"),
    (EmptyMeansAll, "test_task_queries"),
    (FoldsCase, "test_ids_are_data"),
    (OneByOne, "test_what_decide_raises_undoes_all"),
    (OneByOne, "test_a_conflict_writes_nothing"),
    (WakesForWhatIsPaused, "test_a_paused_schedule_makes_no_jobs"),
    (WakesForWhatIsPaused, "test_a_paused_head_hides_nothing"),
    (TakesTwice, "test_nodes_that_claim_at_once"),
    (TakesTwice, "test_max_running_jobs"),
    (AcceptsStaleTokens, "test_stale_claims_change_nothing"),
    (AcceptsStaleTokens, "test_ending_twice"),
    (IgnoresLimits, "test_max_running_jobs"),
    (IgnoresLimits, "test_nodes_that_claim_at_once"),
    (TellsAgain, "test_unknown_tasks_are_left_to_others"),
    (FiresForOthers, "test_unknown_tasks_are_left_to_others"),
    (KeepsForEver, "test_a_result_is_kept_for_its_time"),
    (ForgetsAttempts, "test_giving_back"),
]


@pytest.mark.parametrize(("broken", "name"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
async def test_broken_promises_are_found(broken: type[MemoryDataStore], name: str) -> None:
    """A test of the suite passes the memory store, and fails one that breaks the promise it is about."""
    for cls in (MemoryDataStore, broken):
        clock, store = FakeClock(), cls()
        await store.open(clock)
        test = getattr(StoreSuite(), name)
        offered = {"store": store, "other": store, "clock": clock}
        arguments = {key: offered[key] for key in test.__code__.co_varnames[1 : test.__code__.co_argcount]}
        if cls is broken:
            with pytest.raises((AssertionError, ExceptionGroup, ValueError)):
                await test(**arguments)
        else:
            await test(**arguments)
        await store.close()
