"""Schedules whose triggers have calendars, and triggers that have to be prepared (rule T10)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import START, Runs

from anysched import (
    AsyncScheduler,
    BusinessDayTrigger,
    Calendar,
    CronTrigger,
    DateSet,
    DateTrigger,
    ExceptTrigger,
    HolidayCalendar,
    IntervalTrigger,
    Schedule,
    SunTrigger,
    TriggerError,
    Weekdays,
    register_type,
)
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

DAY = 86_400

#: In which threads triggers were prepared, or asked before that.
prepared: list[int] = []
asked: list[int] = []


@register_type("tests.slow")
@attrs.frozen
class Slow:
    """Every hour; it has something to load."""

    goes_wrong: bool = False

    def prepare(self) -> None:
        if self.goes_wrong:
            raise ZeroDivisionError("broken")
        prepared.append(threading.get_ident())

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        asked.append(threading.get_ident())
        return IntervalTrigger(hours=1, start_time=START).next_fire_time(after, anchor=anchor)


@pytest.fixture(autouse=True)
def _forget() -> None:
    prepared.clear()
    asked.clear()


async def test_days_off(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule T10: a job runs on no day that its calendar covers, and one that is moved runs on the next business day."""
    off = Weekdays("sat", "sun") | DateSet([date(2025, 1, 2)])
    daily = CronTrigger("0 9 * * *", "UTC")
    await scheduler.add_schedule(runs.task("skipped"), daily - off, id="skipped")
    moved = BusinessDayTrigger(CronTrigger("0 10 4 1 *", "UTC"), off)
    await scheduler.add_schedule(runs.task("moved"), moved, id="moved")
    await clock.advance(6 * DAY)
    assert [(0, 9), (2, 9), (5, 9), (5, 10)] == [divmod(time // 3600, 24) for time in runs.times]
    stored = (await scheduler.get_schedule("skipped")).trigger
    assert stored == (daily - off).bind(UTC)


@pytest.mark.parametrize(
    "wrap",
    [
        Slow,
        lambda: Slow() - DateSet(["2030-01-01"]),
        lambda: CronTrigger("30 9 * * *") - ExceptTrigger(Slow(), DateTrigger(START)),
        lambda: CronTrigger("0 9 * * *") | Slow(),
    ],
    ids=["alone", "with a calendar", "excluded", "in a union"],
)
async def test_prepared_in_a_thread(scheduler: AsyncScheduler, runs: Runs, wrap: Callable[[], Any]) -> None:
    """Rule T10: what a trigger has to load, or a part of one, is loaded before it is asked, off the event loop."""
    await scheduler.add_schedule(runs.task(), wrap(), id="s")
    assert threading.get_ident() not in prepared
    added = len(prepared)
    assert added
    await scheduler.apply_schedules([Schedule(runs.task(), wrap(), id="t")], owner="tests")
    await scheduler.add_window("w", trigger=wrap(), duration=timedelta(minutes=1), group="none")
    assert threading.get_ident() not in prepared
    assert 3 * added == len(prepared)


async def test_asked_in_a_thread_by_another_node(
    scheduler: AsyncScheduler, store: DataStore, runs: Runs, make: MakeScheduler
) -> None:
    """Rule T10: a node that reads what comes next may not have loaded anything yet, and asks in a thread."""
    await scheduler.add_schedule(runs.task(), Slow(), id="s", paused=True)
    asked.clear()
    await scheduler.get_fire_times("s")
    await scheduler.explain("s", "next")
    assert asked
    assert threading.get_ident() not in asked


async def test_what_goes_wrong_is_told(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rules S2 and T10: what a trigger names and nobody knows is refused when it is added, as is what cannot load."""
    daily = CronTrigger("0 9 * * *")
    with pytest.raises(ValueError, match=r"country 'Germany' is unknown .*'DE'"):
        await scheduler.add_schedule(runs.task(), daily - HolidayCalendar("Germany"))
    with pytest.raises(TriggerError, match="ZeroDivisionError: broken"):
        await scheduler.add_schedule(runs.task(), daily | Slow(goes_wrong=True))
    with pytest.raises(ValueError, match="no fire time left"):
        await scheduler.add_schedule(runs.task(), daily & DateSet(["2024-12-24"]))
    with pytest.raises(TriggerError, match="no fire time found"):
        await scheduler.add_schedule(runs.task(), CronTrigger("0 9 * * sun") - Weekdays("sun"))
    assert [] == await scheduler.get_schedules()


async def test_stored_and_read_by_another_node(
    make: MakeScheduler, make_store: Callable[[str], DataStore], runs: Runs
) -> None:
    """Rule T10: calendars, business days and sun times are stored by value; another node reads the very same."""
    germany: Calendar = Weekdays("sat", "sun") | HolidayCalendar("DE", "BY", categories=["public"])
    triggers = {
        "holidays": (CronTrigger("0 9 * * *", "Europe/Berlin") - germany).bind(UTC),
        "moved": BusinessDayTrigger(CronTrigger("0 9 1 * *", "Europe/Berlin"), germany, "preceding").bind(
            UTC
        ),
        "sun": SunTrigger("dusk", 60.17, 24.94, 30, "nautical", timedelta(minutes=-5)),
    }
    async with make(make_store("sqlite")) as scheduler:
        for id, trigger in triggers.items():
            await scheduler.add_schedule(runs.task(), trigger, id=id)
    async with make(make_store("sqlite")) as scheduler:
        assert triggers == {one.id: one.trigger for one in await scheduler.get_schedules()}


async def test_a_node_with_another_version_of_the_holidays(
    make: MakeScheduler, clock: FakeClock, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules T2 and T10: what is stored as the next fire time stays one, whatever the holidays of a node say of it."""
    off = HolidayCalendar("DE")
    async with make(MemoryDataStore()) as scheduler:
        await scheduler.add_schedule(runs.task(), CronTrigger("0 9 * * *", "UTC") - off, id="s")
        monkeypatch.setattr(HolidayCalendar, "_days", lambda self: (date(2025, 1, 2).toordinal(),))
        await clock.advance(3 * DAY)
    # The first of January is a holiday, the second was none when it became the next fire time.
    assert [(1, 9), (2, 9)] == [divmod(time // 3600, 24) for time in runs.times]
