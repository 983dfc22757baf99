"""Declaring schedules as a program's own (rule S8)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import attrs
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, Heard, Runs, StoreProxy, at, outcome

from anysched import (
    ApplyResult,
    AsyncScheduler,
    DateTrigger,
    ExecutorLookupError,
    IntervalTrigger,
    JobOutcome,
    Schedule,
    ScheduleAdded,
    ScheduleOwnerError,
    ScheduleRemoved,
    ScheduleUpdated,
    TaskLookupError,
    task,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10)
EVERY_40 = IntervalTrigger(seconds=40)


@task(id="never passed before", max_running_jobs=1)
async def fresh() -> None:
    """Be a task that no node knows."""


def wait(seconds: float) -> None:
    """Be a task of a partial, which has no name of its own."""


def ids_of(schedules: list[Any]) -> list[str]:
    return [snapshot.id for snapshot in schedules]


async def test_applying(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Rule S8: what is declared is stored and runs, and the report and the events say what was done."""

    def one(id: str, **settings: Any) -> Schedule:
        return Schedule(runs.task(id), EVERY_10, id=id, **settings)

    first = await scheduler.apply_schedules([one("b"), one("a")], owner="billing", retire=True)
    assert ApplyResult(owner="billing", added=("a", "b")) == first
    await clock.settle()
    second = await scheduler.apply_schedules(
        [one("b", max_catchup=7), one("c")], owner="billing", retire=True
    )
    assert (("c",), ("a",), ()) == (second.added, second.retired, second.unchanged)
    assert [("b", {"max_catchup": ("100", "7")})] == [(one.schedule_id, one.fields) for one in second.changed]
    await clock.settle()
    assert [0, 0, 0] == runs.take()
    assert [
        ScheduleAdded("a", "a", at(0)),
        ScheduleAdded("b", "b", at(0)),
        ScheduleRemoved("a", "a"),
        ScheduleUpdated("b", "b", at(10)),
        ScheduleAdded("c", "c", at(0)),
    ] == heard.of(ScheduleAdded, ScheduleUpdated, ScheduleRemoved)
    assert ["b", "c"] == ids_of(await scheduler.get_schedules(owner="billing"))
    assert [] == await scheduler.get_schedules(owner="Billing")


async def test_state_is_left_alone(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules S8 and S1: pause, place and counters survive; a changed trigger moves the place, paused or not."""
    for id in ("settings", "trigger"):
        await scheduler.apply_schedules([Schedule(runs.task(), EVERY_10, id=id)], owner="me")
    await clock.advance(25)
    await scheduler.pause_schedule("settings", until=at(1000), reason="disk swap", by="ana", missed="run_all")
    await scheduler.pause_schedule("trigger", reason="disk swap")
    before = {snapshot.id: snapshot.state for snapshot in await scheduler.get_schedules()}
    await clock.advance(20)
    await scheduler.apply_schedules(
        [
            Schedule(runs.task(), EVERY_10, id="settings", args=[1], paused=False),
            Schedule(runs.task(), EVERY_40, id="trigger"),
        ],
        owner="me",
        retire=True,
    )
    after = {snapshot.id: snapshot.state for snapshot in await scheduler.get_schedules()}
    for id, cursor in (("settings", at(30)), ("trigger", at(80))):
        old = before[id]
        assert attrs.evolve(old, revision=old.revision + 1, next_fire_time=cursor, due_at=cursor) == after[id]
    runs.take()
    await clock.advance(60)
    assert [] == runs.take()


async def test_holds_are_left_alone(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules S8 and H4: a hold pauses what is declared while it means that, and is itself never touched."""

    def one(id: str, group: str | None, **settings: Any) -> Schedule:
        return Schedule(runs.task(id), EVERY_10, id=id, group=group, **settings)

    await scheduler.apply_schedules([one("a", "batch"), one("b", "batch")], owner="me")
    await clock.advance(5)
    runs.take()
    await scheduler.pause_schedules(group="batch", hold="maintenance", reason="disks")
    (hold,) = await scheduler.get_holds()
    result = await scheduler.apply_schedules(
        [one("a", "batch", args=[1]), one("b", "web"), one("c", "batch")], owner="me", retire=True
    )
    fields = {diff.schedule_id: diff.fields for diff in result.changed}
    assert {"a": {"args": ("()", "(1,)")}, "b": {"group": ("'batch'", "'web'")}} == fields
    await clock.advance(20)
    paused = {snapshot.id: snapshot.paused for snapshot in await scheduler.get_schedules()}
    assert ({"a": True, "b": False, "c": True}, [hold]) == (paused, await scheduler.get_holds())
    assert [10, 20] == runs.take()
    again = await scheduler.apply_schedules(
        [one("a", "batch", args=[1]), one("b", "web"), one("c", "batch")], owner="me", retire=True
    )
    assert again.empty


async def test_a_changed_trigger_runs_at_once(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rules S8 and P4: the loop is told, and sleeps no longer than the new trigger says."""
    await scheduler.apply_schedules([Schedule(runs.task(), DateTrigger(at(9000)), id="s")], owner="me")
    await clock.advance(5)
    await scheduler.apply_schedules([Schedule(runs.task(), DateTrigger(at(6)), id="s")], owner="me")
    await clock.advance(2)
    assert [6] == runs.take()


async def test_a_restart_changes_nothing(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rules S8 and S1: the same declaration at the next start writes nothing, and its report is empty."""
    found: list[ApplyResult] = []
    stored: list[object] = []
    for _ in range(3):
        async with make(make_store("sqlite")) as scheduler:
            scheduler.subscribe(heard, [ScheduleAdded, ScheduleUpdated, ScheduleRemoved])
            declared = [
                Schedule(
                    runs.task(), EVERY_40, id="s", args=[1, (2, {"x"})], kwargs={"a": at(0)}, paused=True
                ),
                Schedule(runs.task(), EVERY_40 | IntervalTrigger(hours=1), id="t", paused=True),
            ]
            found.append(await scheduler.apply_schedules(declared, owner="me", retire=True))
            stored.append(await scheduler.get_schedules())
            await clock.advance(60)
    assert [False, True, True] == [result.empty for result in found]
    assert ("s", "t") == found[2].unchanged
    assert stored[0] == stored[1] == stored[2]
    assert 2 == len(heard.events)


async def test_retiring(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules S8 and S4: only the program's own are retired, with their queued jobs; running ones go on."""
    slow = runs.task(takes=50, max_running_jobs=1)
    await scheduler.add_schedule(runs.task("other"), EVERY_10, id="nobody's")
    await scheduler.apply_schedules([Schedule(runs.task("other"), EVERY_10, id="yours")], owner="you")
    old = [Schedule(slow, EVERY_10, id=id, job_result_expiration_time=KEEP) for id in ("a", "b")]
    await scheduler.apply_schedules(old, owner="me")
    await clock.advance(15)
    running, queued = (await scheduler.get_jobs(schedule_id="a"))[:2]
    result = await scheduler.apply_schedules(old[1:], owner="me")
    assert ApplyResult(owner="me", unchanged=("b",)) == result
    assert ["a", "b", "nobody's", "yours"] == ids_of(await scheduler.get_schedules())
    result = await scheduler.apply_schedules(old[1:], owner="me", retire=True)
    assert ApplyResult(owner="me", unchanged=("b",), retired=("a",)) == result
    assert JobOutcome.cancelled is await outcome(scheduler, queued.id)
    await clock.advance(60)
    assert JobOutcome.success is await outcome(scheduler, running.id)
    result = await scheduler.apply_schedules([], owner="me", retire=True, allow_empty=True)
    assert ("b",) == result.retired
    assert ["nobody's", "yours"] == ids_of(await scheduler.get_schedules())


async def test_taking_over(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rule S8: what was added without an owner, or by another, is taken over only when that is asked for."""
    wanted = [Schedule(runs.task(), EVERY_10, id=id, paused=True) for id in ("a", "b", "new")]
    await scheduler.add_schedules(wanted[:1])
    await scheduler.apply_schedules(wanted[1:2], owner="you")
    before = await scheduler.get_schedules()
    for dry_run in (True, False):
        with pytest.raises(ScheduleOwnerError, match="'a' exists already, and belongs to nobody"):
            await scheduler.apply_schedules(wanted, owner="me", dry_run=dry_run)
    assert before == await scheduler.get_schedules()
    result = await scheduler.apply_schedules(wanted, owner="me", take_over=True)
    assert [("a", "None"), ("b", "'you'")] == [
        (diff.schedule_id, diff.fields["owner"][0]) for diff in result.changed
    ]
    result = await scheduler.apply_schedules([], owner="you", retire=True, allow_empty=True)
    assert result.empty
    assert ["a", "b", "new"] == ids_of(await scheduler.get_schedules(owner="me"))


async def test_what_others_replace_keeps_its_owner(
    scheduler: AsyncScheduler, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    """Rules S8 and S1: who replaces and names no owner does not disown; the next declaration finds what it changed."""
    declared = Schedule(runs.task(), EVERY_10, id="s")
    await scheduler.apply_schedules([declared], owner="me")
    await scheduler.add_schedules([declared])
    assert [] == [record for record in caplog.records if record.levelname == "WARNING"]
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", max_catchup=3, conflict_policy="replace")
    assert "me" == (await scheduler.get_schedule("s")).schedule.owner
    (diff,) = (await scheduler.apply_schedules([declared], owner="me")).changed
    assert {"max_catchup": ("3", "100")} == diff.fields


async def test_a_dry_run(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Rule S8: a dry run says what would be done, by the same decision, and writes nothing, not even tasks."""
    await scheduler.apply_schedules(
        [Schedule(runs.task(), EVERY_10, id=id, paused=True) for id in ("old", "same", "other")], owner="me"
    )
    await clock.settle()
    heard.events.clear()
    wanted = [
        Schedule(fresh, EVERY_10, id="new"),
        Schedule(runs.task(), EVERY_10, id="same"),
        Schedule(runs.task(), EVERY_40, id="other"),
    ]
    before = await scheduler.get_schedules(), await scheduler.get_tasks()
    planned = await scheduler.apply_schedules(wanted, owner="me", retire=True, dry_run=True)
    with pytest.raises(ExecutorLookupError):
        await scheduler.apply_schedules([attrs.evolve(wanted[0], job_executor="x")], owner="me", dry_run=True)
    with pytest.raises(ValueError, match="cannot run task 'never passed before'"):
        await scheduler.apply_schedules(
            [attrs.evolve(wanted[0], job_executor="thread")], owner="me", dry_run=True
        )
    await clock.advance(20)
    assert before == (await scheduler.get_schedules(), await scheduler.get_tasks())
    assert ([], []) == (heard.events, runs.take())
    done = await scheduler.apply_schedules(wanted, owner="me", retire=True)
    assert attrs.evolve(planned, dry_run=False) == done
    assert (("new",), ("old",), ("same",)) == (done.added, done.retired, done.unchanged)


async def test_names_that_are_made_up_in_a_dry_run(make: MakeScheduler) -> None:
    """Rule S8: callables that have no name keep apart in a dry run, and get the same names afterwards."""
    wanted = [Schedule(partial(wait, number), EVERY_10, id=f"{number}") for number in range(2)]
    async with make() as scheduler:
        await scheduler.apply_schedules(wanted, owner="me", dry_run=True)
        await scheduler.apply_schedules(wanted, owner="me")
        first, second = await scheduler.get_schedules()
        assert first.task_id != second.task_id
        assert (await scheduler.apply_schedules(wanted, owner="me", dry_run=True)).empty


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"owner": 5}, TypeError, "owner must be a string, not int"),
        ({"owner": None}, TypeError, "owner must be a string, not NoneType"),
        ({"owner": ""}, ValueError, "owner must have between 1 and 500 characters"),
        ({"retire": "remove"}, TypeError, "retire must be True or False, not 'remove'"),
        ({"take_over": 1}, TypeError, "take_over must be True or False"),
        ({"dry_run": None}, TypeError, "dry_run must be True or False"),
        ({"allow_empty": "yes"}, TypeError, "allow_empty must be True or False"),
        ({"schedules": [], "retire": True}, ValueError, "retire=True would remove all that 'me' has"),
        ({"schedules": None}, TypeError, "schedules must be a list of Schedule objects, not NoneType"),
        ({"schedules": [Schedule("tick", EVERY_10, id="t")] * 2}, ValueError, "'t' is given twice"),
        (
            {"schedules": [Schedule("tick", EVERY_10, id="t", owner="you")]},
            ValueError,
            "names the owner 'you'",
        ),
        ({"schedules": [Schedule("nobody knows", EVERY_10, id="t")]}, TaskLookupError, "'nobody knows'"),
        (
            {"schedules": [Schedule("tick", IntervalTrigger(seconds=1, end_time=at(-5)), id="t")]},
            ValueError,
            "no fire time left",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
async def test_what_is_refused(
    scheduler: AsyncScheduler, runs: Runs, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Rule S8: a declaration that makes no sense is refused as a whole, and changes nothing."""
    await scheduler.apply_schedules([Schedule(runs.task(), EVERY_10, id="s", paused=True)], owner="me")
    before = await scheduler.get_schedules()
    good = [Schedule("tick", EVERY_40, id="s")]
    given = {"owner": "me", "retire": True, **arguments}
    schedules = given.pop("schedules", good)
    for dry_run in (False, True):
        with pytest.raises(error, match=message):
            await scheduler.apply_schedules(schedules, **{"dry_run": dry_run, **given})
    assert before == await scheduler.get_schedules()


async def test_two_nodes_at_once(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rules S8 and N1: nodes of one program that start at once add, change and retire everything once."""

    def wanted(numbers: range, **settings: Any) -> list[Schedule]:
        return [
            Schedule(runs.task(), EVERY_10, id=f"{number:02}", paused=True, **settings) for number in numbers
        ]

    async with make(make_store("sqlite")) as one, make(make_store("sqlite")) as two:
        await one.apply_schedules(wanted(range(20)), owner="me")
        results: list[ApplyResult] = []

        async def apply(node: AsyncScheduler) -> None:
            declared = wanted(range(10, 30), max_catchup=5)
            results.append(await node.apply_schedules(declared, owner="me", retire=True))

        async with anyio.create_task_group() as task_group:
            for node in (one, two, one, two):
                task_group.start_soon(apply, node)
        snapshots = await one.get_schedules()
        assert [f"{number:02}" for number in range(10, 30)] == ids_of(snapshots)
        assert [2] * 10 + [1] * 10 == [snapshot.state.revision for snapshot in snapshots]
        done = [len(one.added) + len(one.changed) + len(one.retired) for one in results]
        assert 30 == sum(done)
        assert 4 * 20 - 20 == sum(len(one.unchanged) for one in results)


async def test_what_changes_while_it_is_looked_at(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules S8 and S4: what another program takes over, or removes, in the meantime is not retired."""
    proxy = StoreProxy(store)
    schedules = [Schedule(runs.task(), EVERY_10, id=id, paused=True) for id in ("a", "b", "c")]
    async with make(proxy) as me, make(store) as you:  # type: ignore[arg-type]
        await me.apply_schedules(schedules, owner="me")

        async def meanwhile() -> None:
            proxy.delays.clear()
            await you.apply_schedules(schedules[:1], owner="you", take_over=True)
            await you.remove_schedule("b")

        proxy.delays["declare_schedules"] = meanwhile
        result = await me.apply_schedules([], owner="me", retire=True, allow_empty=True)
        assert ApplyResult(owner="me", retired=("c",)) == result
        assert ["a"] == ids_of(await me.get_schedules())
