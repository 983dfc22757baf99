"""Every operation of the port, cancelled at each of its awaits: it has done all or nothing, and the store works on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from types import coroutine
from typing import Any, Final

import anyio
import attrs

from anysched.model.job import Claim, Job
from anysched.model.policies import ConflictPolicy
from anysched.model.task import TaskOptions
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import LEASE, POLICY, Node, User, direct_job, every, seconds
from anysched.testing.store_suite.base import StoreTests

#: More awaits than any operation has.
MOST: Final = 100


@attrs.define
class Scene:
    """What an operation finds: schedules that are due, two of them paused; jobs queued, taken and ended."""

    store: DataStore
    clock: FakeClock
    user: User = attrs.field(init=False)
    node: Node = attrs.field(init=False)
    other: Node = attrs.field(init=False)
    claims: list[Claim] = attrs.field(factory=list[Claim], init=False)
    taken: Claim = attrs.field(init=False)
    queued: Job = attrs.field(init=False)
    ended: Job = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.user = User(self.store)
        self.node, self.other = Node(self.store), Node(self.store, "node b")

    async def set(self) -> None:
        """Make everything as it is before each operation, whatever the last one did."""
        await self.user.remove(*await self.user.ids())
        await self.node.complete(*self.claims)
        self.claims.clear()
        for job in await self.user.jobs():
            await self.store.cancel_job(job.id, POLICY)
        await self.clock.advance(1000)  # no lease, and no result, is left
        await self.other.advance(claim_limit=0)
        await self.store.clean_up()
        assert ([], []) == (await self.user.ids(), await self.user.jobs())
        await self.store.declare_tasks({"task": TaskOptions(), "another": TaskOptions(max_attempts=6)})
        await self.store.configure_task("another", TaskOptions(max_attempts=5))
        now = self.clock.now()
        for keep in (5, 300):
            await self.store.add_jobs([direct_job(now, result_expiration_time=seconds(keep))])
            claim = await self.node.claim_one()
            await self.node.complete(claim)
            self.ended = claim.job
        await self.user.add(every(10, "a", coalesce="all"))
        (self.taken,) = self.claims = list((await self.node.advance()).claims)
        await self.user.add(*(every(10, id, coalesce="all") for id in "bcpq"))
        await self.node.advance(claim_limit=0)
        await self.user.pause("p", "q", queued="hold")
        self.queued = (await self.user.jobs(schedule_id="b"))[0]
        await self.clock.advance(20)

    async def picture(self) -> object:
        """Return all that can be seen and is not different each time."""
        now = self.clock.now()
        schedules = [
            (one.id, one.status, one.paused, one.state.revision, one.state.jobs_made, one.trigger)
            for one in await self.user.schedules()
        ]
        jobs = sorted(
            (str(job.schedule_id), job.task_id, job.status.value, job.attempt, now - job.run_at)
            for job in await self.user.jobs()
        )
        tasks = [(task.id, task.declared, task.configured) for task in await self.store.get_tasks()]
        known = (self.ended.id, self.queued.id, self.taken.job.id)
        results = [
            (result and result.outcome) for result in [await self.store.get_result(id) for id in known]
        ]
        return schedules, jobs, tasks, results


async def advance(scene: Scene) -> None:
    """Fire, and take jobs."""
    scene.claims += (await scene.node.advance()).claims


Step = Callable[[Scene], Awaitable[object]]


#: These change nothing that the picture shows.
UNSEEN: Final = {
    *("read tasks", "read schedules", "read jobs", "read a result", "tell the time"),
    *("cancel running", "clean up"),
}


async def add_jobs(scene: Scene) -> None:
    """Add two jobs."""
    await scene.store.add_jobs([direct_job(scene.clock.now(), "another") for _ in range(2)])


STEPS: dict[str, Step] = {
    "declare": lambda scene: scene.store.declare_tasks(
        {"task": TaskOptions(max_attempts=7), "another": TaskOptions(max_attempts=7)}
    ),
    "configure": lambda scene: scene.store.configure_task("another", TaskOptions(max_attempts=2)),
    "read tasks": lambda scene: scene.store.get_tasks(),
    "add": lambda scene: scene.user.add(every(id="d"), every(id="e")),
    "replace": lambda scene: scene.user.add(every(7, "a"), every(7, "b"), policy=ConflictPolicy.replace),
    "pause": lambda scene: scene.user.pause("a", "b", queued="discard"),
    "resume": lambda scene: scene.user.resume("p", "q", missed="run_all"),
    "run": lambda scene: scene.user.run("c"),
    "remove": lambda scene: scene.user.remove("a", "b"),
    "read schedules": lambda scene: scene.user.schedules(),
    "advance": advance,
    "add jobs": add_jobs,
    "complete": lambda scene: scene.node.complete(scene.taken),
    "give back": lambda scene: scene.store.give_back("node a", [scene.taken]),
    "cancel queued": lambda scene: scene.store.cancel_job(scene.queued.id, POLICY),
    "cancel running": lambda scene: scene.store.cancel_job(scene.taken.job.id, POLICY),
    "read jobs": lambda scene: scene.user.jobs(),
    "read a result": lambda scene: scene.store.get_result(scene.ended.id),
    "clean up": lambda scene: scene.store.clean_up(),
    "tell the time": lambda scene: scene.store.now(),
}


class CancellationTests(StoreTests):
    """Whoever calls may be cancelled."""

    async def test_cancelled_at_every_await(self, store: DataStore, clock: FakeClock) -> None:
        """An operation that is cancelled at any of its awaits has done all or nothing, and the store works on."""
        scene = Scene(store, clock)
        is_set = False
        before: object = None
        for name, step in STEPS.items():
            changed: list[object] = []
            for number in range(MOST):
                if not is_set:
                    await scene.set()
                    before = await scene.picture()
                came_to_it, _ = await cancelled_at(number, step(scene))
                assert 0 == self.connections_in_use(store), f"{name}, cancelled at await {number}"
                after = await scene.picture()
                is_set = after == before
                if not is_set:
                    changed.append(after)
                if not came_to_it:
                    break
            else:
                raise AssertionError(f"{name} never comes to its end")
            assert [after] * len(changed) == changed, f"{name} was done by halves"
            assert bool(changed) == (name not in UNSEEN), name
        await scene.set()
        await scene.clock.advance(LEASE.total_seconds())
        assert {"a", "b", "c"} <= {job.schedule_id for job in (await scene.other.work()).made}

    async def test_opening_and_closing_cancelled(
        self, store: DataStore, tmp_path: Path, clock: FakeClock
    ) -> None:
        """A store whose opening or closing is cancelled at any await is open or closed, and can be opened again."""
        await User(store).add(every())
        for number in range(MOST):
            other = self.second_store(store, tmp_path)
            came_to_it, ended = await cancelled_at(number, other.open(clock))
            if ended:
                assert ["schedule"] == await User(other).ids()
                await other.close()
            if not came_to_it:
                break
        for number in range(MOST):
            other = self.second_store(store, tmp_path)
            await other.open(clock)
            assert ["schedule"] == await User(other).ids()
            came_to_it, _ = await cancelled_at(number, other.close())
            if not came_to_it:
                break
        assert ["schedule"] == await User(store).ids()
        assert 0 == self.connections_in_use(store)


async def cancelled_at(number: int, awaitable: Awaitable[object]) -> tuple[bool, bool]:
    """Await something, cancelled when it waits for the time of this number, from 0.

    Return whether it came to that, and whether it has come to its end all the same.
    """
    ended = False
    with anyio.CancelScope() as scope:
        await _counted(awaitable, number, scope)
        ended = True
    return scope.cancel_called, ended


@coroutine
def _counted(
    awaitable: Awaitable[object], number: int, scope: anyio.CancelScope
) -> Generator[Any, Any, object]:
    steps: Any = awaitable.__await__()
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            wish = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value
        if number == 0:
            scope.cancel()
        number -= 1
        answer = error = None
        try:
            answer = yield wish
        except BaseException as exc:  # it is told, and decides what comes of it
            error = exc
