"""What users can name is escaped in logs, and passwords are not in them (rule N7)."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Heard, Runs
from tests.engine.triggers import TurnsBad

from anysched import AsyncScheduler, IntervalTrigger, ScheduleStatus, StoreError
from anysched.ports.store import DataStore
from anysched.testing import ClockStuckError, FakeClock

pytestmark = pytest.mark.anyio

EVIL = "nightly\nERROR root: forged\x1b[31m\u2028\r"


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "anysched")


async def test_whatever_is_logged_is_one_line(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule N7: ids, names, reasons and messages with control characters cannot forge a line of a log."""

    async def fails() -> None:
        raise ValueError(EVIL)

    async with make(store, identity=f"node {EVIL}") as one, make(store, role="client") as client:
        await one.configure_task(EVIL, func=fails)
        await one.configure_task(EVIL, func=runs.task("other"))
        await one.configure_task(EVIL, func=fails)
        await one.add_schedule(EVIL, IntervalTrigger(seconds=10), id=EVIL, args=[1], paused=True)
        await one.add_schedule(EVIL, IntervalTrigger(seconds=11), id=EVIL)
        await one.pause_schedule(EVIL, reason=EVIL, by=EVIL)
        await one.run_schedule(EVIL)
        await client.add_schedule(runs.task(f"unknown {EVIL}"), IntervalTrigger(seconds=1), id=f"2 {EVIL}")
        await one.add_schedule(EVIL, TurnsBad(), id=f"3 {EVIL}")
        await clock.advance(30)
        bad = await one.get_schedule(f"3 {EVIL}")
        assert ScheduleStatus.error is bad.status
    messages = [record.getMessage() for record in caplog.records if record.name.startswith("anysched")]
    assert len(messages) >= 5
    for message in messages:
        assert message.isprintable(), message
    assert any(r"nightly\nERROR root: forged\x1b[31m\u2028\r" in message for message in messages)


async def test_ids_are_data(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, heard: Heard) -> None:
    """Rule N7: such ids are kept and told exactly as they are; only logs escape them."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=10), id=EVIL)
    await scheduler.add_schedule(runs.task(), IntervalTrigger(seconds=10), id=EVIL.upper())
    await clock.settle()
    assert sorted([EVIL, EVIL.upper()]) == [snapshot.id for snapshot in await scheduler.get_schedules()]
    assert {EVIL, EVIL.upper()} == {
        event.schedule_id for event in heard.events if hasattr(event, "schedule_id")
    }


async def test_the_clock_for_tests_escapes_too(make: MakeScheduler) -> None:
    """Rule N7: so does the error of a clock that cannot move on."""

    clock = FakeClock(timeout=0.05)

    async def hangs() -> None:
        await anyio.sleep_forever()

    async with make(clock=clock) as scheduler:
        await scheduler.configure_task(EVIL, func=hangs)
        await scheduler.add_job(EVIL)
        with pytest.raises(ClockStuckError) as caught:
            await clock.advance(1)
        assert str(caught.value).isprintable()
        assert r"nightly\n" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/jobs.db?password=hunter2", "postgresql://ana:hunter2@localhost/jobs"]
)
async def test_passwords_are_not_shown(
    make: MakeScheduler, make_store: Callable[[str], DataStore], url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule N7: a password in the URL of a store reaches neither a log nor a message nor a repr."""
    shown = ""
    try:
        scheduler = make(url)  # type: ignore[arg-type]
        shown = repr(scheduler)
        async with scheduler:
            pytest.fail("it has started")
    except (StoreError, ValueError) as exc:
        shown += str(exc)
    assert "hunter2" not in shown + caplog.text
