"""Pauses with an end, and pauses and restarts (rule P10)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Heard, Runs, at

from anysched import AsyncScheduler, IntervalTrigger, SchedulePaused, ScheduleStatus, ScheduleUnpaused
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10)


async def test_it_goes_on_by_itself(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P10: from ``until`` on a schedule counts as resumed, without further calls."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await clock.advance(5)
    await scheduler.pause_schedule("s", until=at(45))
    await clock.advance(60)
    assert [0, 45, 50, 60] == runs.take()
    assert [0, 40, 50, 60] == runs.take_fire_times()
    assert ScheduleStatus.active is (await scheduler.get_schedule("s")).status


@pytest.mark.parametrize(
    ("resume_from", "missed", "expected"),
    [
        (None, "skip", [50]),
        (None, "run_all", [10, 20, 30, 40, 50]),
        ("now", "policy", [45]),
        ("now", "run_once", [40, 45]),
        (at(22), "policy", [42]),
        (at(22), "run_all", [10, 20, 22, 32, 42]),
        (at(53), "policy", [53]),
    ],
)
async def test_how_it_goes_on(
    scheduler: AsyncScheduler,
    clock: FakeClock,
    runs: Runs,
    resume_from: object,
    missed: str,
    expected: list[int],
) -> None:
    """Rule P10: a pause carries the ``resume_from`` and ``missed`` to use at its end."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await clock.advance(5)
    assert [0] == runs.take_fire_times()
    await scheduler.pause_schedule("s", until=at(45), resume_from=resume_from, missed=missed)  # type: ignore[arg-type]
    await clock.advance(39)
    assert [] == runs.take_fire_times()
    await clock.advance_to(at(max(45, expected[-1])))
    assert expected == runs.take_fire_times()


async def test_its_end_counts_whenever_it_is_seen(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule P10: the resume is as of ``until``, though no node was there: "now" means that instant."""
    async with make(store) as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
        await clock.advance(5)
        await scheduler.pause_schedule("s", until=at(43), resume_from="now")
    await clock.advance(95)
    async with make(store, tasks=[runs.task()]) as scheduler:
        await clock.advance(5)
        assert [0, 93, 103] == runs.take_fire_times()
        assert at(43) == (await scheduler.get_schedule("s")).state.anchor


async def test_a_call_after_the_end_finds_it_resumed(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule P10: from ``until`` on a resume finds nothing to resume, though no node has seen the end before."""
    async with make(store, role="client") as client:
        await client.add_schedule(runs.task(), EVERY_10, id="s")
        await client.pause_schedule("s", until=at(50))
        await clock.advance(60)
        result = await client.unpause_schedule("s", resume_from="now")
        assert (False, ScheduleStatus.active, at(0)) == (result.changed, result.status, result.next_fire_time)


async def test_pauses_survive_restarts(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rules P10 and S1: a restart that declares its schedules again does not resume what somebody paused."""
    async with make(make_store("sqlite")) as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
        await clock.advance(5)
        await scheduler.pause_schedule("s", reason="until the audit", by="ana")
    await clock.advance(100)
    for policy in ("replace", "do_nothing"):
        async with make(make_store("sqlite")) as scheduler:
            await scheduler.add_schedule(runs.task(), EVERY_10, id="s", conflict_policy=policy)
            await clock.advance(100)
            snapshot = await scheduler.get_schedule("s")
            pause = snapshot.state.pause
            assert pause is not None
            assert ("until the audit", "ana", at(5)) == (pause.reason, pause.by, pause.since)
            assert at(10) == snapshot.next_fire_time
    assert [0] == runs.take()


async def test_a_pause_with_an_end_survives_a_restart(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rule P10: another process ends a pause at its ``until`` as the first one was told."""
    async with make(make_store("sqlite")) as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
        await scheduler.pause_schedule("s", until=at(300), resume_from=at(270))
    runs.take_fire_times()
    async with make(make_store("sqlite"), tasks=[runs.task()]):
        await clock.advance(295)
        assert [] == runs.take_fire_times()
        await clock.advance(10)
        assert [300] == runs.take_fire_times()


async def test_the_events_carry_all_of_it(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rule P10: the events tell when, until when, why, by whom, and how it goes on."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await clock.advance(5)
    await scheduler.pause_schedule(
        "s", until=at(45), reason="audit", by="ana", resume_from="now", missed="run_once"
    )
    await clock.advance(100)
    (paused,) = heard.of(SchedulePaused)
    (resumed,) = heard.of(ScheduleUnpaused)
    for event in (paused, resumed):
        assert ("s", "tick", at(5), at(45), "audit", "ana", "now", "run_once") == (
            event.schedule_id,
            event.task_id,
            event.since,
            event.until,
            event.reason,
            event.by,
            event.resume_from,
            event.missed,
        )
    assert at(10) == paused.next_fire_time
    assert (2, 3) == (len(resumed.jobs), resumed.skipped)


@pytest.mark.parametrize("until", [at(0), at(-1), datetime(1, 1, 1, tzinfo=at(0).tzinfo)])
async def test_an_end_in_the_past_is_refused(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, until: datetime
) -> None:
    """Rule P10: a pause that would be over at once is refused, and nothing changes."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    with pytest.raises(ValueError, match="until must lie in the future"):
        await scheduler.pause_schedule("s", until=until)
    assert not (await scheduler.get_schedule("s")).paused


@pytest.mark.parametrize("how", [{"resume_from": "now"}, {"missed": "skip"}])
async def test_how_to_go_on_belongs_to_an_end(
    scheduler: AsyncScheduler, runs: Runs, how: dict[str, str]
) -> None:
    """Rule P10: ``resume_from`` and ``missed`` without ``until`` would never be used, and are refused."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    with pytest.raises(ValueError, match="give `until` as well"):
        await scheduler.pause_schedule("s", **how)  # type: ignore[arg-type]


async def test_a_resume_before_the_end(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule P10: a pause with an end can be ended sooner, and its end then means nothing any more."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(minutes=1), id="s")
    await clock.advance(5)
    await scheduler.pause_schedule("s", until=at(600), resume_from=at(10_000))
    await clock.advance(100)
    await scheduler.unpause_schedule("s")
    await clock.advance(timedelta(minutes=9, seconds=30))
    assert [0, 60, *range(120, 661, 60)] == runs.take_fire_times()
