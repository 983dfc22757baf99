"""Adding, replacing and removing schedules (rules S1, S4 and S6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
import attrs
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import KEEP, START, Heard, Runs, at, outcome

from anysched import (
    AsyncScheduler,
    ConflictingIdError,
    CronTrigger,
    DateTrigger,
    IntervalTrigger,
    JobOutcome,
    Schedule,
    ScheduleAdded,
    ScheduleLookupError,
    ScheduleRemoved,
    ScheduleStatus,
    ScheduleUpdated,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10)


async def test_the_first_fire_time(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule S6: the cursor of a new schedule is the first fire time at or after now."""
    await clock.advance(61)
    await scheduler.add_schedules(
        [
            Schedule(runs.task(), IntervalTrigger(minutes=1, start_time=START), id="started", paused=True),
            Schedule(runs.task(), EVERY_10, id="unstarted", paused=True),
            Schedule(runs.task(), DateTrigger(at(61)), id="this instant", paused=True),
        ]
    )
    found = {snapshot.id: snapshot.next_fire_time for snapshot in await scheduler.get_schedules()}
    assert {"started": at(120), "unstarted": at(61), "this instant": at(61)} == found


async def test_a_single_date_in_the_past(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule S6: a date in the past is due at once, and late by the schedule's rules."""
    await clock.advance(1000)
    await scheduler.add_schedule(runs.task(), DateTrigger(START), id="runs")
    await scheduler.add_schedule(runs.task(), DateTrigger(START), id="too late", misfire_grace_time=5)
    await clock.settle()
    assert [0] == runs.take_fire_times()
    assert [0, 1] == sorted(
        sum(snapshot.state.skipped.values()) for snapshot in await scheduler.get_schedules()
    )


async def test_a_trigger_with_nothing_left(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule S6: any other trigger with no fire time left is refused."""
    await clock.advance(1000)
    with pytest.raises(ValueError, match="no fire time left"):
        await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=1, end_time=at(5)), id="s")
    assert [] == await scheduler.get_schedules()


async def test_one_trigger_for_several_schedules(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule T2: schedules that share one trigger object do not disturb each other."""
    trigger = IntervalTrigger(seconds=10, start_time=START)
    for number in range(3):
        await scheduler.add_schedule(runs.task(f"{number}"), trigger, id=f"{number}", args=[number])
    await clock.advance(20)
    assert sorted([(number,) for number in range(3)] * 3) == sorted(runs.args)
    assert [0, 0, 0, 10, 10, 10, 20, 20, 20] == runs.take_fire_times()


async def test_an_id_is_made_up(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rule S1: the id is returned; where none is given one is made up."""
    assert "s" == await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    first = await scheduler.add_schedule(runs.task(), EVERY_10)
    second = await scheduler.add_schedule(runs.task(), EVERY_10)
    assert {"s", first, second} == {snapshot.id for snapshot in await scheduler.get_schedules()}
    assert first != second


async def test_do_nothing_is_the_default(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule S1: an id that exists is left as it is; a log line warns if, and only if, the declaration differs."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", args=[1])
    await clock.settle()
    before = await scheduler.get_schedule("s")
    assert "s" == await scheduler.add_schedule(runs.task(), EVERY_10, id="s", args=[1], paused=True)
    assert [] == [record for record in caplog.records if record.levelname == "WARNING"]
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=11), id="s", args=[1])
    assert before == await scheduler.get_schedule("s")
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "schedule s is stored with other settings" in record.getMessage()


async def test_exception(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rule S1: with ``conflict_policy="exception"`` an id that exists is refused, and all that came with it."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    with pytest.raises(ConflictingIdError, match="'s' exists already"):
        await scheduler.add_schedules(
            [Schedule(runs.task(), EVERY_10, id=id) for id in ("new", "s")], conflict_policy="exception"
        )
    assert ["s"] == [snapshot.id for snapshot in await scheduler.get_schedules()]


async def test_an_id_given_twice_at_once(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rule S1: one call that names an id twice contradicts itself, and is refused."""
    with pytest.raises(ValueError, match="'s' is given twice"):
        await scheduler.add_schedules([Schedule(runs.task(), EVERY_10, id="s")] * 2)
    assert [] == await scheduler.get_schedules()


async def test_replacing_writes_configuration_only(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rule S1: pause, counters and cursor survive a replacement; ``paused=`` applies at creation only."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await clock.advance(25)
    await scheduler.pause_schedule("s", reason="why")
    before = (await scheduler.get_schedule("s")).state
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", args=[1], conflict_policy="replace")
    after = await scheduler.get_schedule("s")
    assert (1,) == after.schedule.args
    assert (before.pause, before.next_fire_time, before.jobs_made, before.anchor, before.incarnation) == (
        after.state.pause,
        after.state.next_fire_time,
        after.state.jobs_made,
        after.state.anchor,
        after.state.incarnation,
    )
    await clock.settle()
    assert [ScheduleUpdated("s", "tick", at(30))] == heard.of(ScheduleUpdated)


async def test_replacing_with_the_same_is_no_change(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rule S1: declaring the same again, as each start of a program does, neither writes nor tells anything."""
    await scheduler.add_schedule(runs.task(), CronTrigger("5 * * * *"), id="s", args=[1])
    await clock.settle()
    before = await scheduler.get_schedule("s")
    heard.events.clear()
    await scheduler.add_schedule(
        runs.task(), CronTrigger("5 * * * *"), id="s", args=[1], conflict_policy="replace"
    )
    await clock.settle()
    assert before == await scheduler.get_schedule("s")
    assert [] == heard.events


async def test_a_changed_trigger_moves_the_cursor(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule S1: the cursor moves to the first fire time from now, also while paused, and the anchor stays."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", paused=True)
    await clock.advance(95)
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=40), id="s", conflict_policy="replace")
    state = (await scheduler.get_schedule("s")).state
    assert (at(120), START, True) == (state.next_fire_time, state.anchor, state.paused)


async def test_a_finished_schedule_is_active_again(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule S1: replacing the trigger of a finished schedule makes it active again, at once."""
    await scheduler.add_schedule(runs.task(), DateTrigger(START), id="s")
    await clock.advance(5)
    assert ScheduleStatus.finished is (await scheduler.get_schedule("s")).status
    await scheduler.add_schedule(runs.task(), DateTrigger(at(9)), id="s", conflict_policy="replace")
    await clock.advance(60)
    assert [0, 9] == runs.take()


async def test_a_trigger_that_is_replaced_while_it_fires(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule S4: a job that replaces its own schedule's trigger is not undone by what its firing wrote."""

    async def again() -> None:
        await scheduler.add_schedule(
            runs.task("other"),
            DateTrigger(clock.now() + timedelta(seconds=5)),
            id="s",
            conflict_policy="replace",
        )

    await scheduler.configure_task("again", func=again)
    await scheduler.add_schedule("again", DateTrigger(START), id="s")
    await clock.advance(60)
    assert [5] == runs.take()


async def test_removing(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Rule S4: removing leaves the running jobs of a schedule and cancels its queued ones."""
    tick = runs.task(takes=50, max_running_jobs=1)
    await scheduler.add_schedule(tick, EVERY_10, id="s", job_result_expiration_time=KEEP)
    await clock.advance(15)
    running, queued = await scheduler.get_jobs()
    await scheduler.remove_schedule("s")
    assert JobOutcome.cancelled is await outcome(scheduler, queued.id)
    await clock.advance(60)
    assert JobOutcome.success is await outcome(scheduler, running.id)
    assert [0] == runs.take()
    assert [ScheduleRemoved("s", "tick")] == heard.of(ScheduleRemoved)
    with pytest.raises(ScheduleLookupError):
        await scheduler.remove_schedule("s")


async def test_a_job_may_remove_or_pause_its_own_schedule(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule S4: a job that removes, or pauses, its own schedule ends well, and so does everything else."""

    async def remove() -> None:
        await scheduler.remove_schedule("s")

    async def pause() -> None:
        await scheduler.pause_schedule("p")

    await scheduler.configure_task("remove", func=remove)
    await scheduler.configure_task("pause", func=pause)
    await scheduler.add_schedule("remove", EVERY_10, id="s", job_result_expiration_time=KEEP)
    await scheduler.add_schedule("pause", EVERY_10, id="p", job_result_expiration_time=KEEP)
    await scheduler.add_schedule(runs.task(), EVERY_10, id="other")
    await clock.advance(25)
    assert [0, 10, 20] == runs.take()
    assert ["other", "p"] == [snapshot.id for snapshot in await scheduler.get_schedules()]
    paused = await scheduler.get_schedule("p")
    assert (True, 1) == (paused.paused, paused.state.jobs_made)


async def test_many_at_once(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Rule S1: many schedules are added in one transaction, each of them told, and ids come back in order."""
    ids = [f"{number:03}" for number in reversed(range(300))]
    added = await scheduler.add_schedules(Schedule(runs.task(), EVERY_10, id=id) for id in ids)
    assert ids == added
    await clock.settle()
    assert 300 == len(heard.of(ScheduleAdded)) == len(runs.take())


async def test_many_are_added_while_one_of_them_changes(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule S4: a decision about many is made again, as a whole, when somebody changed one of them meanwhile."""
    schedules = [Schedule(runs.task(), EVERY_10, id=f"{number:03}") for number in range(250)]
    async with make(store) as scheduler:
        await scheduler.add_schedules(schedules, conflict_policy="replace")
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(_replace, scheduler, schedules)
            for _ in range(3):
                await scheduler.pause_schedule("249", reason="meanwhile")
                await scheduler.unpause_schedule("249")
        assert 250 == len(await scheduler.get_schedules())
        assert {(1,)} == {snapshot.schedule.args for snapshot in await scheduler.get_schedules()}


async def _replace(scheduler: AsyncScheduler, schedules: list[Schedule]) -> None:
    wanted = [attrs.evolve(schedule, args=(1,)) for schedule in schedules]
    await scheduler.add_schedules(wanted, conflict_policy="replace")


async def test_a_restart_keeps_the_place(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule S1: a long interval that is declared at every start of a short-lived program runs all the same."""
    for _ in range(12):
        async with make(make_store("sqlite")) as scheduler:
            await scheduler.add_schedule(
                runs.task(), IntervalTrigger(hours=5), id="s", conflict_policy="replace"
            )
            await clock.advance(3600)
    assert [0, 5 * 3600, 10 * 3600] == runs.take()


async def test_queries(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule N8: conditions are joined, an empty set of ids matches nothing, and what is read does not change."""
    await scheduler.add_schedule(runs.task("a"), EVERY_10, id="1")
    await scheduler.add_schedule(runs.task("b"), EVERY_10, id="2", paused=True)
    await scheduler.add_schedule(runs.task("b"), DateTrigger(datetime(2024, 1, 1, tzinfo=UTC)), id="3")
    await clock.advance(1)

    async def ids(*args: object, **conditions: object) -> list[str]:
        return [snapshot.id for snapshot in await scheduler.get_schedules(*args, **conditions)]  # type: ignore[arg-type]

    assert ["1", "2", "3"] == await ids()
    assert [] == await ids(set())
    assert ["1", "3"] == await ids(["3", "1", "unknown"])
    assert ["2"] == await ids(paused=True)
    assert ["1", "3"] == await ids(paused=False)
    assert ["3"] == await ids(task_id="b", status="finished")
    assert ["2"] == await ids(status=ScheduleStatus.paused)
    with pytest.raises(TypeError, match="not a string"):
        await ids("1")
    with pytest.raises(ValueError, match="resting"):
        await ids(status="resting")
