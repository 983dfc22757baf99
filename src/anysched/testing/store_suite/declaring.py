"""What programs declare is written as rule S8 says, and nothing else is."""

from __future__ import annotations

import anyio
import attrs
import pytest

from anysched.errors import ScheduleOwnerError
from anysched.model.declared import ApplyResult
from anysched.model.policies import JobOutcome, JobStatus
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User, every
from anysched.testing.store_suite.base import StoreTests, only_durable
from anysched.testing.store_suite.values import HARD_IDS


class DeclaringTests(StoreTests):
    """Schedules that belong to a program."""

    async def test_declaring(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S8: pauses, held jobs and places stay; what is not declared any more goes, of its own owner only."""
        user, node = User(store), Node(store)
        await user.add(every(id="nobody's"), every(id="yours", owner="you"))
        await user.apply(*(every(id=id) for id in "abc"))
        running = (await node.work()).claims
        await clock.advance(25)
        await node.work(claim_limit=0)
        await user.pause("b", queued="hold")
        before = {snapshot.id: snapshot for snapshot in await user.schedules()}

        result, committed = await user.apply(
            every(id="a"), every(id="b", args=(1,)), every(id="d"), retire=True
        )

        (diff,) = result.changed
        assert ("b", {"args": ("()", "(1,)")}) == (diff.schedule_id, diff.fields)
        assert (("d",), ("a",), ("c",)) == (result.added, result.unchanged, result.retired)
        after = {snapshot.id: snapshot for snapshot in await user.schedules()}
        b = before["b"].state
        assert attrs.evolve(b, revision=b.revision + 1) == after.pop("b").state
        assert "me" == after.pop("d").schedule.owner
        assert {id: before[id] for id in ("a", "nobody's", "yours")} == after
        assert {("c", JobOutcome.cancelled)} == {
            (ended.job.schedule_id, ended.result.outcome) for ended in committed.ended
        }
        assert {JobStatus.held} == {job.status for job in await user.jobs(schedule_id="b")} - {
            JobStatus.running
        }
        assert [True] * 5 == await node.complete(*running)

    async def test_what_is_not_its_own(self, store: DataStore) -> None:
        """Rule S8: one schedule that belongs to another refuses the whole declaration, unless it is taken over."""
        user = User(store)
        await user.apply(every(id="old"))
        await user.add(every(id="yours", owner="you"))
        before = await user.schedules()
        wanted = [every(id="new"), every(id="yours", args=(1,))]
        with pytest.raises(ScheduleOwnerError):
            await user.apply(*wanted, retire=True)
        assert before == await user.schedules()
        result, _ = await user.apply(*wanted, retire=True, take_over=True)
        assert (("new",), ("old",)) == (result.added, result.retired)
        assert (["new", "yours"], []) == (await user.ids(owner="me"), await user.ids(owner="you"))

    async def test_two_at_once(self, store: DataStore, other: DataStore, clock: FakeClock) -> None:
        """Rules S8 and S4: nodes that declare the same at once write everything once, and report that it was once."""
        nodes = [User(store), User(other)]
        await nodes[0].apply(*(every(id=f"old {number}") for number in range(5)))
        wanted = [every(id=f"{number:02}") for number in range(20)]
        results: list[ApplyResult] = []

        async def apply(user: User, order: int) -> None:
            results.append((await user.apply(*wanted[::order], retire=True))[0])

        async with anyio.create_task_group() as tg:
            for number in range(6):
                tg.start_soon(apply, nodes[number % 2], 1 if number < 3 else -1)
        assert [schedule.id for schedule in wanted] == sorted(id for one in results for id in one.added)
        assert [f"old {number}" for number in range(5)] == sorted(id for one in results for id in one.retired)
        assert [()] * 6 == [one.changed for one in results]
        assert 5 * 20 == sum(len(one.unchanged) for one in results)
        assert [(one.id, 1) for one in wanted] == [
            (snapshot.id, snapshot.state.revision) for snapshot in await nodes[0].schedules()
        ]

    async def test_owners_are_compared_exactly(self, store: DataStore) -> None:
        """Rules S8 and N7: who has nearly the same name is somebody else."""
        user = User(store)
        await user.add(every(id="nobody's"), *(every(id=name, owner=name) for name in HARD_IDS))
        for name in HARD_IDS[:16]:
            assert [name] == await user.ids(owner=name)
        assert [] == await user.ids(owner="nobody's")
        assert ["A"] == await user.ids(owner="A", ids={"A", "a"}, paused=False)

    async def test_what_nobody_here_understands(self, store: DataStore) -> None:
        """Rules S8 and S2: a schedule whose trigger is not known any more still has its owner, who may retire it."""
        only_durable(store)
        user = User(store)
        await user.apply(every(id="strange"), every(id="a"))
        await self.estrange_schedule(store, "strange")
        assert ["a", "strange"] == await user.ids(owner="me")
        result, _ = await user.apply(every(id="a"), retire=True)
        assert (("strange",), ("a",)) == (result.retired, result.unchanged)
