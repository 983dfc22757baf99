"""What users give by mistake is refused with a clear error, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Runs, at, on_one_store

from anysched import (
    AsyncScheduler,
    CatchUp,
    DateTrigger,
    IntervalTrigger,
    Schedule,
    SerializationError,
    StoreError,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10)


@pytest.mark.parametrize(
    ("resume_from", "error"),
    [("NOW", ValueError), ("tomorrow", ValueError), ("", ValueError), (5, TypeError), (True, TypeError)],
)
@on_one_store
async def test_resume_from(
    scheduler: AsyncScheduler, runs: Runs, resume_from: Any, error: type[Exception]
) -> None:
    """Rule P7: a resume starts from None, "now" or a datetime; anything else is refused, also for an unknown id."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", paused=True)
    for id in ("s", "unknown"):
        with pytest.raises(error, match="resume_from must be None, 'now' or a datetime"):
            await scheduler.unpause_schedule(id, resume_from=resume_from)
    with pytest.raises(error, match="resume_from must be None, 'now' or a datetime"):
        await scheduler.pause_schedule("s", until=at(60), resume_from=resume_from)
    assert (await scheduler.get_schedule("s")).state.revision == 1


@pytest.mark.parametrize("instant", [datetime.min, datetime.max, datetime.min.replace(tzinfo=UTC)])
async def test_instants_at_the_ends_of_the_calendar(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, instant: datetime
) -> None:
    """Rules P7 and T1: instants at the ends of the calendar are handled as any other, in every zone."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", paused=True)
    await clock.advance(95)
    result = await scheduler.unpause_schedule("s", resume_from=instant)
    assert (at(100) if instant.year == 1 else datetime.max.replace(tzinfo=UTC)) == result.next_fire_time


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.unpause_schedule("s", missed="some"), "missed must be one of 'policy', 'skip'"),
        (
            lambda s: s.unpause_schedule("s", missed=["skip"]),
            r"missed must be .* or a CatchUp, not \['skip'\]",
        ),
        (lambda s: s.pause_schedule("s", missed=CatchUp()), "give `until` as well"),
        (lambda s: s.pause_schedule("s", queued="drop"), "queued must be one of 'keep', 'hold'"),
        (lambda s: s.pause_schedule("s", until=at(60), missed="all"), "missed must be one of"),
        (lambda s: s.pause_schedule("s", reason=5), "reason must be a string"),
        (lambda s: s.pause_schedule("s", by="a\0b"), "by must not contain a null character"),
        (lambda s: s.pause_schedule(5), "id must be a string"),
        (lambda s: s.get_schedule(""), "id must have .* not 0"),
        (lambda s: s.remove_schedule("x" * 501), "id must have .* not 501"),
        (lambda s: s.get_jobs(status="sleeping"), "sleeping"),
        (lambda s: s.cancel_job("not an id"), "UUID|job"),
    ],
)
@on_one_store
async def test_words_and_ids(
    scheduler: AsyncScheduler,
    clock: FakeClock,
    runs: Runs,
    call: Callable[[AsyncScheduler], Any],
    message: str,
) -> None:
    """Words that are not among the choices, and ids that cannot be, are refused; the error names the argument."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await clock.settle()
    before = await scheduler.get_schedules()
    with pytest.raises((TypeError, ValueError, LookupError), match=message):
        await call(scheduler)
    assert before == await scheduler.get_schedules()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"misfire_grace_time": -1}, "misfire_grace_time must not be negative"),
        ({"misfire_grace_time": 0}, "misfire_grace_time must be longer than nothing"),
        ({"misfire_grace_time": "1"}, "misfire_grace_time must be a timedelta"),
        ({"max_jitter": -0.5}, "max_jitter must not be negative"),
        ({"max_catchup": 0}, "max_catchup must be at least 1"),
        ({"pause_after_failures": 0}, "pause_after_failures must be at least 1"),
        ({"pause_after_failures": -1}, "pause_after_failures must be at least 1"),
        ({"pause_after_failures": True}, "pause_after_failures must be a whole number"),
        ({"pause_after_failures": 1.5}, "pause_after_failures must be a whole number"),
        ({"fixed_delay": 1}, "fixed_delay must be True or False"),
        ({"fixed_delay": True, "coalesce": "all"}, "coalesce must be 'latest' or 'earliest'"),
        ({"probe_after": 60}, "give `pause_after_failures` as well"),
        ({"pause_after_failures": 1, "probe_after": 0}, "probe_after must be longer than nothing"),
        ({"pause_after_failures": 1, "probe_after": -1}, "probe_after must not be negative"),
        ({"pause_after_failures": 1, "probe_after": True}, "probe_after must be a timedelta"),
        ({"max_catchup": 10_001}, "max_catchup must be at most 10000"),
        ({"job_result_expiration_time": timedelta(-1)}, "job_result_expiration_time must not be negative"),
        ({"coalesce": "none"}, "none"),
        ({"paused": "yes"}, "paused must be True or False"),
        ({"args": "abc"}, "args must be a sequence"),
        ({"args": 5}, "args must be a sequence"),
        ({"kwargs": [1]}, "kwargs must be a mapping"),
        ({"kwargs": {1: 2}}, "kwargs must have strings as keys"),
        ({"metadata": {1: 2}}, "metadata must have strings as keys"),
        ({"id": ""}, "id must have between 1 and 500"),
        ({"id": 7}, "id must be a string"),
        ({"id": "\ud800"}, "id must be valid Unicode"),
        ({"conflict_policy": "ignore"}, "ignore"),
    ],
)
@on_one_store
async def test_settings_of_schedules(
    scheduler: AsyncScheduler, runs: Runs, options: dict[str, Any], message: str
) -> None:
    """Settings that cannot be meant are refused when a schedule is added, and the error names them."""
    with pytest.raises((TypeError, ValueError), match=message):
        await scheduler.add_schedule(runs.task(), EVERY_10, **{"id": "s", **options})
    assert [] == await scheduler.get_schedules()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_concurrent_jobs": 0}, "max_concurrent_jobs must be at least 1"),
        ({"lease_duration": 0}, "lease_duration must be longer than nothing"),
        ({"poll_interval": -1}, "poll_interval must not be negative"),
        ({"stop_grace": -1}, "stop_grace must not be negative"),
        ({"cleanup_interval": 0}, "cleanup_interval must be longer than nothing"),
        ({"role": "leader"}, "leader"),
        ({"identity": ""}, "identity|between 1 and 500"),
        ({"timezone": "Europe/Atlantis"}, "Europe/Atlantis"),
        ({"timezone": 5}, "timezone must be"),
        ({"data_store": "sqlte:///jobs.db"}, "sqlte"),
        ({"data_store": 5}, "data_store|data store"),
        ({"job_executors": {"": None}}, "job executor"),
    ],
)
def test_settings_of_schedulers(options: dict[str, Any], message: str) -> None:
    """Settings that cannot be meant are refused when a scheduler is made, and the error names them."""
    with pytest.raises((TypeError, ValueError, StoreError), match=message):
        AsyncScheduler(**options)


class Unknown:
    """A class that nobody has registered."""


@pytest.mark.parametrize(
    "value", [Unknown(), object(), lambda: None, open], ids=lambda value: type(value).__name__
)
async def test_values_that_cannot_be_written(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs, value: Any
) -> None:
    """A durable store refuses what it could not read back, says what it is, and keeps nothing of the call."""
    async with make(make_store("sqlite")) as scheduler:
        for call in (
            scheduler.add_job(runs.task(), args=[value]),
            scheduler.add_jobs(runs.task(), [[1], [value]]),
            scheduler.add_schedule(runs.task(), EVERY_10, kwargs={"a": [value]}),
            scheduler.add_schedules(
                [
                    Schedule(runs.task(), EVERY_10, id="good"),
                    Schedule(runs.task(), EVERY_10, id="bad", args=[value]),
                ]
            ),
            scheduler.add_schedule(runs.task(), EVERY_10, metadata={"a": value}),
            scheduler.configure_task(runs.task(), metadata={"a": value}),
        ):
            with pytest.raises(SerializationError, match="cannot serialize"):
                await call
        await clock.settle()
        assert [] == await scheduler.get_jobs() == await scheduler.get_schedules()
        assert [] == runs.take()


async def test_what_was_given_is_copied(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule N8: changing what was passed in, or what was read, changes nothing that is stored."""
    args, kwargs = [1], {"a": 1}
    await scheduler.add_schedule(runs.task(), DateTrigger(at(10)), id="s", args=args, metadata=kwargs)
    args.append(2)
    kwargs["b"] = 2
    snapshot = await scheduler.get_schedule("s")
    assert ((1,), {"a": 1}) == (snapshot.schedule.args, dict(snapshot.schedule.metadata))
    with pytest.raises(TypeError):
        snapshot.schedule.metadata["c"] = 3  # type: ignore[index]
    with pytest.raises(AttributeError):
        snapshot.state.pause = None  # type: ignore[misc]


async def test_a_store_that_is_none(make: MakeScheduler) -> None:
    """A path that cannot be a database is refused at the start, in words."""
    with pytest.raises(StoreError, match="/nowhere/at/all"):
        async with make("sqlite:////nowhere/at/all/jobs.db"):  # type: ignore[arg-type]
            pytest.fail("it has started")
