"""Windows (rules W1 to W5), through the scheduler."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.engine.support import START, Heard, Runs, at

from anysched import (
    AsyncScheduler,
    CatchUp,
    ConflictingHoldError,
    CronTrigger,
    DateTrigger,
    FireTimesSkipped,
    HoldLookupError,
    IntervalTrigger,
    ScheduleFinished,
    ScheduleLookupError,
    ScheduleStatus,
    Selector,
    SkipReason,
    WindowAdded,
    WindowLookupError,
    WindowRemoved,
)
from anysched.model.history import SkipRecord
from anysched.ports.queries import HistoryQuery
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10, start_time=at(10))

#: From 20 to 40 s of each minute.
EACH_MINUTE: dict[str, Any] = {"trigger": IntervalTrigger(minutes=1, start_time=at(20)), "duration": 20}


async def test_fire_times_in_a_window_are_skipped(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rules W1 and W2: nothing runs in a window, which a later schedule is in too; what it left out is counted."""
    job = runs.task()
    await scheduler.add_schedule(job, EVERY_10, id="a", group="reports")
    placed = await scheduler.add_window("backup", group="reports", **EACH_MINUTE, reason="tape", by="ops")
    assert ("backup", Selector(group="reports"), "skip", at(0), None, "tape", "ops") == (
        placed.id, placed.selector, placed.window.mode, placed.since, placed.until, placed.reason, placed.by,
    )  # fmt: skip
    await scheduler.add_schedule(job, EVERY_10, id="b", group="reports")
    await scheduler.add_schedule(job, EVERY_10, id="c")
    assert [placed] == await scheduler.get_windows() == await scheduler.get_windows(schedule_id="b")
    assert [] == await scheduler.get_windows(schedule_id="c")
    await clock.advance(60)
    assert [10, 10, 10, 20, 30, 40, 40, 40, 50, 50, 50, 60, 60, 60] == sorted(runs.take())
    state = (await scheduler.get_schedule("a")).state
    assert ({SkipReason.window: 2}, (placed.window,)) == (dict(state.skipped), state.windows)
    counted = [event.counts for event in heard.of(FireTimesSkipped)]
    assert [((SkipReason.window, 2),)] * 2 == counted
    await scheduler.remove_window("backup", reason="done", by="me")
    assert [] == await scheduler.get_windows()
    await clock.advance(30)
    assert 9 == len(runs.take())
    assert [WindowAdded("backup", "group=reports", "skip", None, "tape", "ops")] == heard.of(WindowAdded)
    assert [WindowRemoved("backup", "group=reports", "done", "me")] == heard.of(WindowRemoved)
    assert () == (await scheduler.get_schedule("a")).state.windows


@pytest.mark.parametrize(
    ("coalesce", "expected"),
    [("latest", [30]), ("earliest", [20]), ("all", [20, 30])],
)
async def test_fire_times_in_a_window_are_put_off(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, coalesce: str, expected: list[float]
) -> None:
    """Rule W2: what a window puts off is due at its end, several as ``coalesce`` says; deadlines count from there."""
    await scheduler.add_schedule(
        runs.task(), EVERY_10, id="a", coalesce=coalesce, misfire_grace_time=1, max_jitter=5  # type: ignore[arg-type]
    )  # fmt: skip
    await scheduler.add_window("backup", mode="defer", dates=[(at(15), at(36))], everything=True)
    await clock.advance(19)
    snapshot = await scheduler.get_schedule("a")
    assert (at(20), at(36)) == (snapshot.next_fire_time, snapshot.state.due_at)
    runs.take(), runs.take_fire_times()
    await clock.advance(17)
    assert [36] * len(expected) == runs.take()
    assert expected == runs.take_fire_times()
    assert SkipReason.grace not in (await scheduler.get_schedule("a")).state.skipped
    assert () == (await scheduler.get_schedule("a")).state.windows


async def test_a_window_that_is_removed_while_it_is_open(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule W4: when a window goes, what it has put off is due at once; what it has skipped stays as it is."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="a")
    await scheduler.add_window("off", mode="defer", dates=[(at(15), at(100))], ids=["a"])
    await clock.advance(25)
    assert [10] == runs.take()
    await scheduler.remove_window("off")
    await clock.advance(0)
    assert [25] == runs.take()
    await scheduler.add_window("off", dates=[(at(15), at(100))], ids=["a"])
    await clock.advance(20)
    await scheduler.remove_window("off")
    await clock.advance(10)
    assert [50] == runs.take()
    assert {SkipReason.window: 2} == dict((await scheduler.get_schedule("a")).state.skipped)


async def test_a_window_is_replaced(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rule W1: the same id again replaces when and why; the same spans again go on, and nothing else is taken back."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="a")
    first = await scheduler.add_window("w", dates=[(at(5), at(15)), (at(25), at(100))], everything=True)
    assert (at(0), at(20)) == (first.since, (await scheduler.get_schedule("a")).next_fire_time)
    await clock.advance(12)
    again = await scheduler.add_window(
        "w", dates=[(at(25), at(100)), (at(5), at(15))], everything=True, reason="why"
    )
    assert (at(0), "why") == (again.since, again.reason)
    assert "why" == (await scheduler.get_schedule("a")).state.windows[0].reason
    second = await scheduler.add_window("w", dates=[(at(35), at(45))], everything=True)
    assert [second] == await scheduler.get_windows()
    assert (at(12), None) == (second.since, second.reason)
    await clock.advance(38)
    assert [20, 30, 50] == runs.take()
    assert {SkipReason.window: 2} == dict((await scheduler.get_schedule("a")).state.skipped)
    assert 3 == len(heard.of(WindowAdded))


async def test_a_schedule_that_is_never_outside(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard
) -> None:
    """Rule W5: a schedule whose fire times are all in windows is finished, and comes back when they go."""
    job = runs.task()
    hourly = CronTrigger("0 * * * *", timezone="UTC")
    await scheduler.add_schedule(job, hourly, id="a")
    await clock.advance(1)
    await scheduler.add_window("w", trigger=hourly, duration=60, everything=True)
    await scheduler.add_schedule(job, hourly, id="b")
    await scheduler.add_schedule(job, DateTrigger(at(7200)), id="once")
    assert {"a", "b", "once"} == {s.id for s in await scheduler.get_schedules(status=ScheduleStatus.finished)}
    await clock.advance(5399)
    assert ["a"] == [event.schedule_id for event in heard.of(ScheduleFinished)]
    assert [0] == runs.take()
    await scheduler.remove_window("w")
    await clock.advance(1800)
    assert [7200] * 3 == runs.take()
    skipped = {s.id: dict(s.state.skipped) for s in await scheduler.get_schedules()}
    assert {"a": {SkipReason.window: 1}, "b": {SkipReason.window: 1}, "once": {}} == skipped


async def test_a_pause_and_a_window(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule W5: what a pause made a schedule miss leaves out what a window skips; a preview says the same."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="a", coalesce="all")
    await scheduler.add_window("w", **EACH_MINUTE, everything=True)
    await scheduler.pause_schedule("a")
    await clock.advance(30)
    await scheduler.remove_window("w")  # 20 and 30 have passed
    await clock.advance(25)
    preview = await scheduler.preview_unpause("a", missed=CatchUp("all", spacing=0.5))
    assert ((at(10), at(30), at(40), at(50)), 1) == (preview.fire_times, preview.skipped)
    result = await scheduler.unpause_schedule("a", missed=CatchUp("all", spacing=0.5))
    assert (4, 1, at(60)) == (len(result.jobs), result.skipped, result.next_fire_time)
    await clock.advance(4)
    assert [10, 30, 40, 50] == runs.take_fire_times()
    assert {SkipReason.window: 1} == dict((await scheduler.get_schedule("a")).state.skipped)


async def test_a_fire_time_is_taken_out_of_a_window(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rules W4 and O1: a fire time that a window skips can be moved by name, also into a window, and given back."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="a")
    await scheduler.add_window("w", **EACH_MINUTE, everything=True)
    assert at(20) == await scheduler.move_fire_time("a", at(20), to=at(25))
    assert at(30) == await scheduler.move_fire_time("a", at(30), to=at(45))
    await scheduler.restore_fire_time("a", at(30))
    assert at(10) == (await scheduler.get_schedule("a")).next_fire_time
    await clock.advance(50)
    assert [10, 25, 40, 50] == runs.take()
    assert {SkipReason.window: 1} == dict((await scheduler.get_schedule("a")).state.skipped)


async def test_a_fire_time_is_restored_after_its_window(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rules O4 and W2: what a window put off is due at its end again, though the window is over by then."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await scheduler.add_window("w", mode="defer", dates=[(at(15), at(25))], everything=True)
    await clock.advance(12)
    await scheduler.move_fire_time("s", to=at(22))
    await scheduler.pause_schedule("s")
    await clock.advance(30)
    await scheduler.add_window("other", dates=[(at(100), at(110))], everything=True)
    await scheduler.restore_fire_time("s", at(20))
    state = (await scheduler.get_schedule("s")).state
    assert (at(20), at(25)) == (state.next_fire_time, state.due_at)


async def test_a_schedule_comes_to_other_sets(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rules W1 and H4: declared anew, a schedule is under the windows that mean it now; what has passed stays."""
    job = runs.task()
    await scheduler.add_window("w", trigger=IntervalTrigger(seconds=20), duration=15, tags={"slow"})
    await scheduler.add_schedule(job, EVERY_10, id="a")
    await clock.advance(22)
    assert [10, 20] == runs.take()
    await scheduler.add_schedule(job, EVERY_10, id="a", tags={"slow"}, conflict_policy="replace")
    await clock.advance(40)
    assert [] == runs.take()
    await scheduler.add_schedule(job, EVERY_10, id="a", conflict_policy="replace")
    assert () == (await scheduler.get_schedule("a")).state.windows[1:]
    await clock.advance(20)
    assert [70, 80] == runs.take()
    state = (await scheduler.get_schedule("a")).state
    assert ({SkipReason.window: 4}, ()) == (dict(state.skipped), state.windows)


async def test_dates_in_a_zone(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Rule W1: dates are whole days in the zone, the last included; naive times are read in it."""
    zone = "America/New_York"
    days = await scheduler.add_window(
        "days", dates=[(date(2025, 3, 8), date(2025, 3, 9))], timezone=zone, tags={"x"}
    )
    new_york = ZoneInfo(zone)
    assert (
        (datetime(2025, 3, 8, tzinfo=new_york), datetime(2025, 3, 10, tzinfo=new_york)),
    ) == days.window.dates
    assert timedelta(hours=47) == days.window.dates[0][1] - days.window.dates[0][0]
    assert datetime(2025, 3, 10, tzinfo=new_york) == days.until
    naive = (datetime(2025, 7, 1, 12), datetime(2025, 7, 1, 13))
    times = await scheduler.add_window("times", dates=[naive], timezone=new_york, tags={"y"})
    assert datetime(2025, 7, 1, 16, tzinfo=START.tzinfo) == times.window.dates[0][0]
    recurring = await scheduler.add_window(
        "nights", trigger=CronTrigger("0 2 * * *"), duration=3600, timezone=zone, tags={"z"}
    )
    assert isinstance(recurring.window.trigger, CronTrigger)
    assert new_york == recurring.window.trigger.timezone


@pytest.mark.parametrize(
    ("window", "error", "text"),
    [
        ({}, ValueError, "either a trigger"),
        ({"dates": [(at(1), at(2))], "trigger": EVERY_10, "duration": 1}, ValueError, "give only one"),
        ({"dates": [(at(1), at(2))], "duration": 1}, ValueError, "duration is for a trigger"),
        ({"trigger": EVERY_10}, ValueError, "duration says how long"),
        ({"trigger": EVERY_10, "duration": 0}, ValueError, "duration must be longer than nothing"),
        ({"trigger": EVERY_10, "duration": -1}, ValueError, "duration must not be negative"),
        ({"trigger": EVERY_10, "duration": "1"}, TypeError, "duration must be a timedelta"),
        ({"trigger": EVERY_10, "duration": 11}, ValueError, "duration must not be longer than from one"),
        ({"trigger": EVERY_10, "duration": 10}, ValueError, "leave time between"),
        ({"trigger": "* * * * *", "duration": 10}, TypeError, "CronTrigger"),
        ({"trigger": DateTrigger(at(-5)), "duration": 1}, ValueError, "no fire time left"),
        ({"dates": [(at(2), at(2))]}, ValueError, "dates must end after they begin"),
        ({"dates": [(at(3), at(2))]}, ValueError, "dates must end after they begin"),
        ({"dates": [(date(2026, 1, 2), date(2026, 1, 1))]}, ValueError, "dates must end after they begin"),
        ({"dates": [(date(2026, 1, 2), at(1))]}, TypeError, "two datetimes, or two dates"),
        ({"dates": [(date(2026, 1, 2), date.max)]}, ValueError, "out of range"),
        ({"dates": [at(1)]}, TypeError, "each of dates must be a sequence"),
        ({"dates": [(at(1),)]}, ValueError, "each of dates must be a pair"),
        ({"dates": [("a", "b")]}, TypeError, "two datetimes, or two dates"),
        ({"dates": [(at(1), at(5)), (at(4), at(6))]}, ValueError, "dates must not overlap"),
        ({"dates": [(at(-9), at(-5))]}, ValueError, "dates must not all be past"),
        ({"dates": [(at(n), at(n + 1)) for n in range(1001)]}, ValueError, "dates must be at most 1000"),
        ({"dates": [(at(1), at(2))], "mode": "wait"}, ValueError, "mode must be one of 'skip', 'defer'"),
        ({"dates": [(at(1), at(2))], "everything": False}, ValueError, "nothing is selected"),
        ({"dates": [(at(1), at(2))], "timezone": "Mars/Olympus"}, ValueError, "Mars/Olympus"),
        ({"dates": [(at(1), at(2))], "reason": 1}, TypeError, "reason must be a string"),
        ({"dates": [(at(1), at(2))], "id": ""}, ValueError, "id must have between"),
        ({"dates": [(at(1), at(2))], "everything": False, "ids": ["b"]}, ScheduleLookupError, "'b'"),
    ],
)  # fmt: skip
async def test_windows_that_make_no_sense(
    scheduler: AsyncScheduler, runs: Runs, window: dict[str, Any], error: type[Exception], text: str
) -> None:
    """Rules W1 and W3: a window that makes no sense is refused, the argument is named, and nothing is changed."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="a")
    with pytest.raises(error, match=text):
        await scheduler.add_window(**{"id": "w", "everything": True, **window})
    assert [] == await scheduler.get_windows()
    assert () == (await scheduler.get_schedule("a")).state.windows


async def test_windows_that_may_overlap(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule W3: where it is said so, windows overlap; skipping wins, and what is put off runs outside of both."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await scheduler.add_window("night", mode="defer", dates=[(at(15), at(45))], everything=True)
    await scheduler.add_window("holiday", dates=[(at(25), at(55))], everything=True, allow_overlap=True)
    await clock.advance(65)
    assert [10, 55, 60] == runs.take()


async def test_windows_that_overlap(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rule W3: a window that overlaps with another of a schedule is refused, and nothing changes; touching is fine."""
    for id in ("a", "b"):
        await scheduler.add_schedule(runs.task(), EVERY_10, id=id, tags={id})
    first = await scheduler.add_window("first", **EACH_MINUTE, tags={"a"})
    hours = timedelta(hours=1)
    text = f"window second overlaps with window first.*{at(3600 + 20)}".replace("+", r"\+")
    with pytest.raises(ValueError, match=text):
        await scheduler.add_window("second", dates=[(at(3600), at(0) + 2 * hours)], everything=True)
    assert [first] == await scheduler.get_windows()
    await scheduler.add_window("second", dates=[(at(3600), at(0) + 2 * hours)], tags={"b"})
    await scheduler.add_window("third", dates=[(at(40), at(80))], tags={"a"})
    assert 2 == len((await scheduler.get_schedule("a")).state.windows)


async def test_holds_and_windows_share_their_ids(scheduler: AsyncScheduler) -> None:
    """Rule W1: the id of a hold is none for a window, nor the other way round; another selector is refused."""
    dates = [(at(5), at(15))]
    await scheduler.add_window("w", dates=dates, tags={"x"})
    await scheduler.pause_schedules(tags={"x"}, hold="h")
    with pytest.raises(ConflictingHoldError, match="the window 'w' exists already, and is about tags=x"):
        await scheduler.pause_schedules(tags={"x"}, hold="w")
    with pytest.raises(ConflictingHoldError, match="the hold 'h' exists already"):
        await scheduler.add_window("h", dates=dates, tags={"x"})
    with pytest.raises(ConflictingHoldError, match="the window 'w' exists already") as caught:
        await scheduler.add_window("w", dates=dates, tags={"y"})
    assert ("w", "tags=x", "window") == (caught.value.hold, caught.value.selector, caught.value.kind)
    with pytest.raises(HoldLookupError):
        await scheduler.unpause_schedules(hold="w")
    for id in ("h", "nobody"):
        with pytest.raises(WindowLookupError, match=f"no window with the id '{id}'"):
            await scheduler.remove_window(id)
    assert (["h"], ["w"]) == (
        [hold.id for hold in await scheduler.get_holds()], [one.id for one in await scheduler.get_windows()]
    )  # fmt: skip
    await scheduler.remove_window("w")
    await scheduler.pause_schedules(tags={"x"}, hold="w")


async def test_a_window_that_is_over(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule W1: a window whose last span is over is no more, and its id is free."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="a")
    await scheduler.add_window("w", dates=[(at(5), at(15))], everything=True)
    await clock.advance(15)
    assert [] == await scheduler.get_windows() == await scheduler.get_windows(schedule_id="a")
    with pytest.raises(WindowLookupError):
        await scheduler.remove_window("w")
    await scheduler.pause_schedules(tags={"x"}, hold="w")


async def test_what_windows_skip_is_in_the_history(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rule G1: each span of fire times that a window has skipped is written, with the window, its reason and author."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="a")
    await scheduler.add_window("w", **EACH_MINUTE, everything=True, reason="tape", by="ops")
    await clock.advance(110)
    state = (await scheduler.get_schedule("a")).state
    query = HistoryQuery(incarnation=state.incarnation)
    records = await scheduler._engine.settings.store.get_history(query)
    assert [(at(20), at(30), 2, "w", "tape", "ops"), (at(80), at(90), 2, "w", "tape", "ops")] == [
        (one.first, one.last, one.number, one.cause, one.why, one.by)
        for one in records
        if isinstance(one, SkipRecord)
    ]
