"""The types that users of the public names get; read by the type checkers, never run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, assert_type
from uuid import UUID

from anysched import (
    ApplyResult,
    AsyncScheduler,
    AuditAction,
    AuditEntry,
    BetweenTrigger,
    BusinessDayOfMonthTrigger,
    BusinessDayTrigger,
    Calendar,
    CalendarIntervalTrigger,
    CatchUp,
    ClockChange,
    CronTrigger,
    DateSet,
    DatesTrigger,
    DateTrigger,
    Event,
    FireTime,
    Health,
    HolidayCalendar,
    IntervalTrigger,
    Job,
    JobOutcome,
    JobReleased,
    JobResult,
    PlacedWindow,
    RRuleTrigger,
    RunState,
    Schedule,
    SchedulePaused,
    Scheduler,
    ScheduleSnapshot,
    ScheduleState,
    ScheduleStatus,
    Subscription,
    SunTrigger,
    Task,
    TaskDefaults,
    Trigger,
    UnpausePreview,
    UnpauseResult,
    Weekdays,
    Window,
    current_job,
    current_scheduler,
    register_type,
    task,
)
from anysched.executors import AsyncJobExecutor
from anysched.stores import MemoryDataStore, SQLDataStore
from anysched.testing import FakeClock, ManualScheduler, Run

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


@task
async def bare(number: int) -> str:
    return str(number)


@task(id="named", max_running_jobs=1, misfire_grace_time=timedelta(seconds=5), on_abandon="fail")
def named(number: int) -> str:
    return str(number)


async def decorated_functions_keep_their_types() -> None:
    assert_type(await bare(1), str)
    assert_type(named(1), str)


class EveryNoon:
    """A trigger of a user: it need not derive from anything."""

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        return None


@register_type("every-noon")
class Registered(EveryNoon):
    pass


def triggers() -> None:
    own: Trigger = EveryNoon()
    assert_type(own.next_fire_time(NOON, anchor=NOON), datetime | None)
    looked = CronTrigger("0 9 * * *").shifted(timedelta(minutes=5)).between(NOON)
    assert_type(looked, BetweenTrigger)
    assert_type(looked.fire_times(NOON, count=3), Iterator[datetime])
    assert_type(looked.previous_fire_time(NOON), datetime | None)
    assert_type(looked.count(NOON, NOON), int)
    every: Trigger = (CronTrigger("0 9 * * *") | IntervalTrigger(hours=1)) - DatesTrigger(
        [NOON]
    ) | DateTrigger(NOON)
    off: Calendar = Weekdays("sat", "sun") | DateSet(["2026-12-24"]) - HolidayCalendar("DE", "BY")
    every = BusinessDayTrigger(every - off, off, "preceding") | (own & off) | (CronTrigger("0 9 * * *") & off)
    every = (off & SunTrigger("noon", 60.17, 24.94)) - BusinessDayOfMonthTrigger(-1, off, hour=17)
    assert_type(every.next_fire_time(NOON, anchor=NOON, key="id"), datetime | None)
    assert_type(Registered(), Registered)
    CalendarIntervalTrigger(months=1, day="clip", gap="skip", fold="both")
    CronTrigger(hour=9, minute=30, timezone="Europe/Helsinki")
    assert_type(RRuleTrigger("FREQ=DAILY", NOON, "Europe/Helsinki", gap="skip", fold="both").rule, str)


async def schedules(scheduler: AsyncScheduler) -> None:
    assert_type(await scheduler.add_schedule(bare, EveryNoon(), args=[1], misfire_grace_time=5), str)
    assert_type(await scheduler.add_schedule("named", IntervalTrigger(seconds=1), coalesce="all"), str)
    declared = Schedule(
        bare, IntervalTrigger(seconds=1), id="x", max_jitter=1.5, pause_after_failures=3, fixed_delay=True
    )
    assert_type(await scheduler.add_schedules([declared], conflict_policy="replace"), list[str])
    applied = await scheduler.apply_schedules([declared], owner="me", retire=True, dry_run=True)
    assert_type(applied, ApplyResult)
    assert_type(applied.changed[0].fields["trigger"], tuple[str, str])
    snapshot = await scheduler.get_schedule("x")
    assert_type(snapshot, ScheduleSnapshot)
    assert_type(snapshot.state, ScheduleState)
    assert_type(snapshot.status, ScheduleStatus)
    assert_type(snapshot.next_fire_time, datetime | None)
    assert_type(await scheduler.get_schedules(paused=True, status="paused"), list[ScheduleSnapshot])
    await scheduler.pause_schedule("x", until=NOON, reason="deploy", by="me", queued="hold", missed="skip")
    assert_type(await scheduler.unpause_schedule("x", resume_from="now", missed="run_once"), UnpauseResult)
    await scheduler.unpause_schedule("x", resume_from=NOON)
    await scheduler.unpause_schedule(
        "x", missed=CatchUp("all", max_jobs=9, max_age=60, spacing=timedelta(minutes=1))
    )
    told = await scheduler.get_fire_times("x", NOON, limit=5)
    assert_type(await scheduler.get_fire_times("x", count=5), list[FireTime])
    assert_type(told, list[FireTime])
    assert_type(told[0].outcome, JobOutcome | None)
    assert_type(await scheduler.explain("x", NOON), str)
    assert_type(await scheduler.preview_clock_changes("x", count=1), list[ClockChange])
    assert_type(await scheduler.run_schedule("x"), UUID)
    await scheduler.remove_schedule("x")


async def windows(scheduler: AsyncScheduler) -> None:
    hourly = CronTrigger("0 * * * *")
    placed = await scheduler.add_window("x", mode="defer", trigger=hourly, duration=60, everything=True)
    assert_type(placed, PlacedWindow)
    assert_type(placed.window, Window)
    assert_type(placed.until, datetime | None)
    await scheduler.add_window("y", dates=[(NOON, NOON + timedelta(hours=1))], tags=["slow"], timezone="UTC")
    await scheduler.add_window("y", dates=[(date(2026, 1, 1), date(2026, 1, 6))], group="reports")
    assert_type(await scheduler.get_windows(schedule_id="x"), list[PlacedWindow])
    await scheduler.remove_window("x", reason="done", by="me")
    await scheduler.add_window("z", mode="wait")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def wrong_words_are_found(scheduler: AsyncScheduler) -> None:
    await scheduler.unpause_schedule("x", resume_from="later")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await scheduler.unpause_schedule("x", missed="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    CatchUp(spacing="1m")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await scheduler.pause_schedule("x", queued="drop")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await scheduler.add_schedule(bare, 60)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def jobs(scheduler: AsyncScheduler) -> None:
    job_id = await scheduler.add_job(named, args=[1], run_at=NOON, result_expiration_time=60)
    assert_type(job_id, UUID)
    assert_type(await scheduler.add_jobs(named, [[1], [2]]), list[UUID])
    assert_type(await scheduler.run_job(bare, args=[1]), Any)
    assert_type(await scheduler.get_job_result(job_id, wait=False), JobResult | None)
    assert_type(await scheduler.get_jobs(status="running"), list[Job])
    assert_type(await scheduler.configure_task(named, max_running_jobs=None), Task)
    await scheduler.cancel_job(job_id)


async def audit(scheduler: AsyncScheduler) -> None:
    (entry,) = await scheduler.get_audit(action="schedule_paused", since=NOON, limit=1)
    assert_type(entry, AuditEntry)
    assert_type(entry.action, AuditAction)
    await scheduler.get_audit(action=AuditAction.hold_placed, before=entry.id)
    await scheduler.remove_schedule("x", by="me", reason="obsolete")
    assert_type(await scheduler.preview_unpause_schedules(hold="h", missed="skip"), list[UnpausePreview])


async def events(scheduler: AsyncScheduler) -> None:
    def told(event: SchedulePaused) -> None:
        assert_type(event.reason, str | None)

    async def told_later(event: JobReleased) -> None:
        assert_type(event.job_id, UUID)

    with scheduler.subscribe(told, SchedulePaused) as subscription:
        assert_type(subscription, Subscription)
    scheduler.subscribe(told_later, [JobReleased], one_shot=True)
    assert_type(await scheduler.get_next_event(JobReleased), Event)


async def running() -> None:
    async with AsyncScheduler(
        MemoryDataStore(),
        role="worker",
        timezone="UTC",
        tasks=[bare, named],
        job_executors={"own": AsyncJobExecutor()},
        task_defaults=TaskDefaults(max_running_jobs=1),
        lease_duration=timedelta(minutes=1),
        cleanup_interval=None,
    ) as scheduler:
        assert_type(scheduler, AsyncScheduler)
        assert_type(scheduler.state, RunState)
        assert_type(scheduler.health, Health)
        assert_type(current_job.get(), Job)
        assert_type(current_scheduler.get(), AsyncScheduler)
        await scheduler.stop(grace=0)
    AsyncScheduler("sqlite:///jobs.db", clock=FakeClock(NOON))
    AsyncScheduler(SQLDataStore("sqlite:///jobs.db", table_prefix="jobs_"))


async def by_hand() -> None:
    async with ManualScheduler(start=NOON) as scheduler:
        assert_type(scheduler, ManualScheduler)
        assert_type(await scheduler.advance(60), list[Run])


def blocking() -> None:
    """The blocking scheduler has the types of the other one, without anything to await."""
    with Scheduler(MemoryDataStore(), role="worker", tasks=[bare], stop_grace=1, backend="trio") as scheduler:
        assert_type(scheduler, Scheduler)
        assert_type(scheduler.add_schedule(bare, EveryNoon(), args=[1], misfire_grace_time=5), str)
        assert_type(
            scheduler.add_schedules([Schedule(bare, EveryNoon(), id="x")], conflict_policy="replace"),
            list[str],
        )
        assert_type(scheduler.get_schedule("x"), ScheduleSnapshot)
        assert_type(scheduler.get_schedules(paused=True), list[ScheduleSnapshot])
        assert_type(scheduler.unpause_schedule("x", resume_from="now", missed="run_once"), UnpauseResult)
        assert_type(scheduler.add_job(named, args=[1], run_at=NOON), UUID)
        assert_type(scheduler.run_job(bare, args=[1]), Any)
        assert_type(scheduler.get_job_result(scheduler.run_schedule("x"), wait=False), JobResult | None)
        assert_type(scheduler.get_jobs(status="running"), list[Job])
        assert_type(scheduler.configure_task(named, max_running_jobs=None), Task)
        assert_type(scheduler.get_next_event(JobReleased), Event)
        assert_type(scheduler.subscribe(print, [JobReleased]), Subscription)
        assert_type(scheduler.state, RunState)
        assert_type(scheduler.health, Health)
    assert_type(Scheduler("sqlite:///jobs.db").start(), Scheduler)
    assert_type(Scheduler.current(), Scheduler)


def calls_on_the_event_loop(scheduler: Scheduler, clock: FakeClock) -> None:
    assert_type(scheduler.call(bare, 1), str)
    scheduler.call(clock.advance, timedelta(hours=1))


def wrong_words_are_found_without_await(scheduler: Scheduler, clock: FakeClock) -> None:
    scheduler.unpause_schedule("x", resume_from="later")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    scheduler.pause_schedule(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    scheduler.add_job(named, run_att=NOON)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    scheduler.call(bare, "one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Scheduler(backend="curio")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
