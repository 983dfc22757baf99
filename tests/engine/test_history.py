"""What came of fire times, what is to come, and why (rules G1 to G3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import START, Runs, StoreProxy, at, dies_with_jobs, since_start

from anysched import (
    AsyncScheduler,
    CatchUp,
    CronTrigger,
    FireTime,
    IntervalTrigger,
    JobKind,
    JobOutcome,
    Retention,
    Schedule,
    ScheduleLookupError,
    SkipReason,
    task,
)
from anysched.ports.queries import HistoryQuery
from anysched.ports.store import DataStore
from anysched.stores._memory_changes import MOST_INLINE
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10, start_time=at(10))

Short = tuple[float | None, float | None, int, str]


def short(told: list[FireTime]) -> list[Short]:
    """Return what is told in few words."""
    return [(since_start(one.first), since_start(one.last), one.number, one.status) for one in told]


async def past(scheduler: AsyncScheduler, clock: FakeClock, id: str = "s") -> list[FireTime]:
    """Return what is told up to now."""
    return await scheduler.get_fire_times(id, START, clock.now())


async def test_the_past_and_the_future(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule G2: by default the last day and the next ten fire times are told, with what was skipped and moved."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await clock.advance(25)
    await scheduler.skip_fire_time("s", at(40), reason="holiday", by="ana")
    await scheduler.move_fire_time("s", at(50), to=at(33))
    told = await scheduler.get_fire_times("s")
    ahead = [(float(t), float(t), 1, "planned") for t in range(30, 150, 10)]
    ahead[1] = (40, 40, 1, "skipped")
    assert [(10, 10, 1, "ran"), (20, 20, 1, "ran"), *ahead] == short(told)
    ran, skipped, moved = told[0], told[3], told[4]
    assert (JobOutcome.success, JobKind.regular, 1, scheduler.identity, at(10), at(10), at(10)) == (
        ran.outcome, ran.kind, ran.attempt, ran.node, ran.due_at, ran.started_at, ran.finished_at,
    )  # fmt: skip
    assert (SkipReason.requested, "holiday", "ana") == (skipped.reason, skipped.why, skipped.by)
    assert at(33) == moved.due_at
    await clock.advance(30)
    told = await past(scheduler, clock)
    assert [(50, 50, 1, "ran"), (40, 40, 1, "skipped")] == short([told[-1], told[-2]])
    assert (at(33), SkipReason.requested, "ana") == (told[-1].started_at, told[-2].reason, told[-2].by)


async def test_parts(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule G2: ``limit`` counts from ``start`` on, and without it back from the end; ``end`` is inclusive."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await clock.advance(55)

    async def seconds(*span: datetime | None, **options: Any) -> list[float | None]:
        return [since_start(one.first) for one in await scheduler.get_fire_times("s", *span, **options)]

    assert [20, 30] == await seconds(at(15), at(30))
    assert [20, 30, 40] == await seconds(at(15), limit=3)
    assert [40, 50, 60, 70] == await seconds(None, at(70), limit=4)
    assert [70] == await seconds(at(70), at(70))
    assert [*range(100, 200, 10)] == await seconds(at(95))
    assert [] == await seconds(at(71), at(79))
    assert [10, 20] == await seconds(None, at(20))


async def test_rare_fire_times(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule G2: of a schedule that fires seldom, the latest ten are told, however long ago they were."""
    await scheduler.add_schedule(runs.task(), IntervalTrigger(days=2, start_time=START), id="s")
    for _ in range(12):
        await clock.advance(timedelta(days=2))
    told = await scheduler.get_fire_times("s")
    assert (10, 10) == (
        [one.status for one in told].count("ran"), [one.status for one in told].count("planned"),
    )  # fmt: skip
    assert START + timedelta(days=6) == told[0].first


@pytest.mark.parametrize(
    ("settings", "resume", "expected"),
    [
        ({}, {"missed": "skip"}, [(10, 30, 3, "skipped", "paused", None)]),
        (
            {},
            {"missed": "run_once"},
            [(10, 20, 2, "skipped", "coalesced", 30), (30, 30, 1, "ran", None, None)],
        ),
        (
            {"coalesce": "earliest"},
            {},
            [(10, 10, 1, "ran", None, None), (20, 30, 2, "skipped", "coalesced", 10)],
        ),
        (
            {"misfire_grace_time": 10},
            {},
            [(10, 20, 2, "skipped", "grace", None), (30, 30, 1, "ran", None, None)],
        ),
        (
            {"coalesce": "all", "max_catchup": 2},
            {},
            [
                (10, 10, 1, "skipped", "catchup_limit", None),
                (20, 20, 1, "ran", None, None),
                (30, 30, 1, "ran", None, None),
            ],
        ),
        ({}, {"resume_from": "now"}, [(10, 30, 3, "skipped", "paused", None)]),
        (
            {},
            {"resume_from": at(20), "missed": CatchUp(max_jobs=1)},
            [
                (10, 10, 1, "skipped", "catchup_limit", None),
                (20, 20, 1, "skipped", "catchup_limit", None),
                (30, 30, 1, "ran", None, None),
            ],
        ),
    ],
)
async def test_reasons(
    scheduler: AsyncScheduler,
    clock: FakeClock,
    runs: Runs,
    settings: dict[str, Any],
    resume: dict[str, Any],
    expected: list[Any],
) -> None:
    """Rules G1 and L3: fire times without a job are written with the reason, and who paused the schedule and why."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", **settings)
    await scheduler.pause_schedule("s", reason="deploy", by="ops")
    await clock.advance(35)
    assert [(10, 30, 3, "missed")] == short(await past(scheduler, clock))
    await scheduler.unpause_schedule("s", **resume)
    await clock.settle()
    told = await past(scheduler, clock)
    assert expected == [
        (*early, one.reason and str(one.reason), since_start(one.into))
        for early, one in zip(short(told), told, strict=True)
    ]
    for one in told:
        paused = one.reason is SkipReason.paused
        assert (("deploy", "ops") if paused else (None, None)) == (one.why, one.by)
        assert one.finished_at == at(35)


async def test_a_hold_is_named(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules G1 and H3: fire times that a hold has held back name it, also where it ends in a pass."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s", group="g")
    await scheduler.pause_schedules(
        group="g", hold="night", by="ops", until=at(25), missed="skip", queued="hold"
    )
    await clock.advance(22)
    (missed,) = await past(scheduler, clock)
    assert ("missed", "night", "ops") == (missed.status, missed.cause, missed.by)
    await clock.advance(10)
    skipped, ran = await past(scheduler, clock)
    assert (SkipReason.paused, 2, "night", "ops") == (
        skipped.reason, skipped.number, skipped.cause, skipped.by,
    )  # fmt: skip
    assert (at(30), "ran") == (ran.first, ran.status)


async def test_the_end_of_a_pause_is_foreseen(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rules G2 and P10: of a pause with an end it is told what it holds back, and what comes then; of others not."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await scheduler.pause_schedule("s", until=at(45), missed="run_once")
    await clock.advance(25)
    told = await scheduler.get_fire_times("s", START, at(60))
    assert [
        (10, 20, 2, "missed"),
        (30, 30, 1, "paused"),
        (40, 40, 1, "planned"),
        (50, 50, 1, "planned"),
        (60, 60, 1, "planned"),
    ] == short(told)
    assert [at(45), at(50), at(60)] == [one.due_at for one in told[2:]]
    await clock.advance(40)
    assert [45, 50, 60] == runs.take()
    await scheduler.pause_schedule("s")
    assert [(70, 1000, 94, "paused")] == short(await scheduler.get_fire_times("s", at(65), at(1000)))
    assert [(70, 160, 10, "paused")] == short(await scheduler.get_fire_times("s", at(65)))


async def test_every_end_of_a_job(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules G1 and J4: however a job of a schedule ends, that is written once, under the id of the job."""

    @task(id="fails")
    async def fails() -> None:
        raise ValueError("no bees")

    for id, func in (("s", runs.task(takes=35, max_running_jobs=1)), ("f", fails)):
        await scheduler.add_schedule(func, EVERY_10, id=id, coalesce="all", misfire_grace_time=60)
    await clock.advance(41)
    states = [(10, 10, 1, "running"), (20, 20, 1, "queued"), (30, 30, 1, "queued"), (40, 40, 1, "queued")]
    assert states == short(await past(scheduler, clock))
    second = (await past(scheduler, clock))[1].job_id
    assert second is not None
    await scheduler.cancel_job(second)
    await scheduler.pause_schedule("s", queued="hold")
    assert ["running", "ran", "held", "held"] == [one.status for one in await past(scheduler, clock)]
    await scheduler.pause_schedule("s", queued="discard")
    manual = await scheduler.run_schedule("s")
    await clock.advance(100)
    told = await past(scheduler, clock)
    ended = [(since_start(one.first), str(one.outcome), since_start(one.started_at)) for one in told[:5]]
    assert [
        (10, "success", 10), (20, "cancelled", None), (30, "cancelled", None), (40, "cancelled", None),
        (41, "success", 45),
    ] == ended  # fmt: skip
    assert (manual, JobKind.manual) == (told[4].job_id, told[4].kind)
    assert [None, scheduler.identity] == [told[1].node, told[4].node]
    failed = (await past(scheduler, clock, "f"))[0]
    assert failed.exception is not None
    assert (JobOutcome.error, "ValueError", "no bees", "") == (
        failed.outcome, failed.exception.type, failed.exception.message, failed.exception.traceback,
    )  # fmt: skip


async def test_long_messages(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Rule G1: of what a job raised no more is kept than its type and the first thousand characters."""

    @task(id="fails")
    async def fails() -> None:
        raise ValueError("bees" * 10_000)

    await scheduler.add_schedule(fails, EVERY_10, id="s")
    await clock.advance(10)
    (told,) = await past(scheduler, clock)
    assert told.exception is not None
    assert (1000, "ValueError") == (len(told.exception.message), told.exception.type)


async def test_a_hold_on_very_many(make: MakeScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules G1 and H2: a hold that is decided about in a thread, as it means very many, is written for each."""
    async with make() as scheduler:
        tick = runs.task()
        await scheduler.add_schedules(
            Schedule(tick, EVERY_10, id=f"s{number}") for number in range(MOST_INLINE + 1)
        )
        await scheduler.pause_schedules(everything=True, by="ops")
        await clock.advance(25)
        await scheduler.unpause_schedules(everything=True, missed="skip")
        for number in range(MOST_INLINE + 1):
            (told,) = await past(scheduler, clock, f"s{number}")
            assert (2, "ops", SkipReason.paused) == (told.number, told.by, told.reason)


async def test_a_job_that_came_too_late(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules G1 and L4: a job that missed its start deadline is written as such, with no start."""
    tick = runs.task(takes=60, max_running_jobs=1)
    await scheduler.add_schedule(tick, IntervalTrigger(seconds=20), id="s", misfire_grace_time=15)
    await clock.advance(61)
    late = (await past(scheduler, clock))[1]
    assert (at(20), JobOutcome.missed_start_deadline, None) == (late.first, late.outcome, late.started_at)


async def test_a_job_that_was_left_behind(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, runs: Runs
) -> None:
    """Rules G1 and J3: a job that is given up is written with the node that had it."""
    async with make(make_store("sqlite"), role="scheduler") as scheduler:
        await scheduler.add_schedule(runs.task(on_abandon="fail"), IntervalTrigger(seconds=1000), id="s")
        await clock.settle()
        (job,) = await scheduler.get_jobs()
        assert 1 == len(await dies_with_jobs(make_store("sqlite"), clock))
        await clock.advance(31)
        (told,) = await past(scheduler, clock)
        assert (job.id, JobOutcome.abandoned, "dead") == (told.job_id, told.outcome, told.node)
        assert "node dead stopped or went away during attempt 1" in await scheduler.explain("s", START)


async def test_the_jobs_of_a_schedule_that_is_removed(
    scheduler: AsyncScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules G1, G3 and S4: jobs that go with their schedule are written; a schedule of this id begins with nothing."""
    await scheduler.add_schedule(runs.task(takes=35, max_running_jobs=1), EVERY_10, id="s", coalesce="all")
    await clock.advance(21)
    life = (await scheduler.get_schedule("s")).state.incarnation
    await scheduler.remove_schedule("s")
    await clock.advance(50)
    outcomes = [record.outcome for record in await store.get_history(HistoryQuery(incarnation=life))]  # type: ignore[union-attr]
    assert [JobOutcome.success, JobOutcome.cancelled] == outcomes
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    assert [] == await past(scheduler, clock)


async def test_nothing_is_written(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule G3: a node without a history writes none of it, and says that nothing is known."""
    async with make(store, retention=Retention(history=None)) as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
        await clock.advance(25)
        await scheduler.pause_schedule("s")
        await clock.advance(20)
        await scheduler.unpause_schedule("s", missed="skip")
        state = (await scheduler.get_schedule("s")).state
        assert [] == await store.get_history(HistoryQuery(incarnation=state.incarnation))
        assert [(10, 40, 4, "unknown")] == short(await past(scheduler, clock))
        assert (await scheduler.explain("s", at(20))).startswith("Nothing is known of it")


async def test_what_is_gone_is_unknown(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule G3: fire times whose records were deleted are told as unknown, in one span, and no others."""
    async with make(store, retention=Retention(most=2), cleanup_interval=62) as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
        await clock.advance(65)
        told = short(await past(scheduler, clock))
    assert ((10, 40, 4, "unknown"), (50, 50, 1, "ran"), (60, 60, 1, "ran")) == (told[0], told[1], told[-1])


async def test_it_fires_meanwhile(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule G2: a fire time whose turn comes while all is read is told once."""
    proxy = StoreProxy(store)
    async with make(proxy) as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
        await clock.advance(5)

        async def pass_time() -> None:
            proxy.delays.pop("get_jobs")
            await clock.advance(10)

        proxy.delays["get_jobs"] = pass_time
        told = short(await scheduler.get_fire_times("s", START, at(20)))
    assert [(10, 10, 1, "ran"), (20, 20, 1, "planned")] == told


async def test_bad_input(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules T1 and G2: what makes no sense is refused by name; naive datetimes are in the zone of the trigger."""
    trigger = CronTrigger("0 * * * *", timezone="Europe/Vienna")
    await scheduler.add_schedule(runs.task(), trigger, id="s")
    for span, options, error, message in (
        ((at(10), at(9)), {}, ValueError, "end must not lie before start"),
        ((at(10),), {"limit": 0}, ValueError, "limit must be at least 1"),
        ((at(10),), {"limit": 10_001}, ValueError, "limit must be at most 10000"),
        (("today",), {}, TypeError, "start must be a datetime"),
        ((at(10), 7), {}, TypeError, "end must be a datetime"),
    ):
        with pytest.raises(error, match=message):
            await scheduler.get_fire_times("s", *span, **options)  # type: ignore[arg-type]
    with pytest.raises(ScheduleLookupError):
        await scheduler.get_fire_times("nothing")
    with pytest.raises(ScheduleLookupError):
        await scheduler.explain("nothing")
    with pytest.raises(ValueError, match="instant must be 'next' or a datetime"):
        await scheduler.explain("s", "last")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="instant must be 'next' or a datetime"):
        await scheduler.explain("s", 7)  # type: ignore[arg-type]
    naive = datetime(2025, 1, 1, 9)
    (told,) = await scheduler.get_fire_times("s", naive, naive)
    assert naive.replace(tzinfo=ZoneInfo("Europe/Vienna")) == told.first
    assert UTC is told.first.tzinfo
    assert "Will run at 2025-01-01 09:00:00+01:00." == await scheduler.explain("s", naive)


async def test_explaining(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule G2: ``explain`` tells in a sentence what came of a fire time, and what is next."""
    await scheduler.add_schedule(runs.task(takes=25, max_running_jobs=1), EVERY_10, id="s", coalesce="all")
    assert "Will run at 2025-01-01 00:00:10+00:00." == await scheduler.explain("s")
    await clock.advance(21)
    assert "Is running now." == await scheduler.explain("s", at(10))
    assert (
        "Has not run yet: its job is queued since 2025-01-01 00:00:20+00:00, and task 'tick' is at its limit of 1"
        " running job." == await scheduler.explain("s", at(20))
    )
    await clock.advance(30)
    node = scheduler.identity
    assert (
        f"Ran at 2025-01-01 00:00:10+00:00 on node {node} and succeeded after 25 s."
        == await scheduler.explain("s", at(10))
    )
    await scheduler.pause_schedule("s", reason="deploy 142", by="ops")
    assert (
        "Will not run at 2025-01-01 00:01:00+00:00 unless it is resumed before: paused by ops since"
        " 2025-01-01 00:00:51+00:00 (deploy 142)." == await scheduler.explain("s")
    )


async def test_a_window_that_skips(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules G2 and W2: what a window leaves out is told ahead, when it has passed, and when it is counted."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await scheduler.add_window("tape", ids=["s"], dates=[(at(20), at(60))], reason="backup", by="ops")
    ahead = await scheduler.get_fire_times("s", limit=3)
    assert [(10, 10, 1, "planned"), (20, 50, 4, "skipped"), (60, 60, 1, "planned")] == short(
        await scheduler.get_fire_times("s", at(0), at(60))
    )
    assert 3 == len(ahead)
    await clock.advance(35)
    told = await scheduler.get_fire_times("s", at(0), at(60))
    skipped = [(20, 30, 2, "skipped"), (40, 50, 2, "skipped")]
    assert [(10, 10, 1, "ran"), *skipped, (60, 60, 1, "planned")] == short(told)
    assert "Did not run: in window 'tape' of ops (backup)." == await scheduler.explain("s", at(30))
    sentence = f"Will not run at {at(50)}: in window 'tape' of ops (backup)."
    assert sentence == await scheduler.explain("s", at(50))
    assert f"Will run at {at(60)}." == await scheduler.explain("s")
    await clock.advance(30)
    told = await past(scheduler, clock)
    assert [(10, 10, 1, "ran"), (20, 50, 4, "skipped"), (60, 60, 1, "ran")] == short(told)
    assert (SkipReason.window, "tape", "backup", "ops", at(60)) == (
        told[1].reason, told[1].cause, told[1].why, told[1].by, told[1].finished_at,
    )  # fmt: skip


async def test_a_window_that_defers(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules G2 and W3: what a window puts off is told with when it runs, or into what it will be coalesced."""
    await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
    await scheduler.add_window("tape", mode="defer", ids=["s"], dates=[(at(20), at(45))], by="ops")
    await clock.advance(35)
    told = await scheduler.get_fire_times("s", at(0), at(50))
    ahead = [(20, 30, 2, "skipped"), (40, 40, 1, "planned"), (50, 50, 1, "planned")]
    assert [(10, 10, 1, "ran"), *ahead] == short(told)
    assert (at(45), "tape", "ops") == (told[2].due_at, told[2].cause, told[2].by)
    sentence = f"Will run at {at(45)}, put off from {at(40)} by window 'tape' of ops."
    assert [sentence] * 2 == [await scheduler.explain("s", when) for when in (at(40), "next")]
    await clock.advance(15)
    told = await past(scheduler, clock)
    assert [(20, 30, 2, "skipped"), (40, 40, 1, "ran"), (50, 50, 1, "ran")] == short(told[1:])
    assert (SkipReason.coalesced, at(40), at(45)) == (told[1].reason, told[1].into, told[2].started_at)


async def test_a_backfill(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rules G2 and F4: what is left to a backfill is told once: as left to it, as its job, as its run."""
    await scheduler.add_schedule(runs.task(takes=5), EVERY_10, id="s")
    await scheduler.pause_schedule("s")
    await clock.advance(45)
    plan = await scheduler.backfill("s", at(10), at(30), reason="gap", by="ana")
    await clock.advance(7)
    told = await past(scheduler, clock)
    assert [
        (10, 10, 1, "ran"), (20, 20, 1, "running"), (30, 30, 1, "planned"), (40, 50, 2, "missed"),
    ] == short(told)  # fmt: skip
    assert [JobKind.backfill] * 3 == [one.kind for one in told[:3]]
    assert [str(plan.id)] * 2 == [one.cause for one in told[1:3]]
    sentence = f"Is left to backfill '{plan.id}' of ana (gap), which has not made its job yet."
    assert sentence == await scheduler.explain("s", at(30))
    await clock.advance(10)
    await scheduler.unpause_schedule("s", missed="skip")
    told = await past(scheduler, clock)
    ran = [(t, t, 1, "ran") for t in (10.0, 20.0, 30.0)]
    assert [*ran, (40, 60, 3, "skipped")] == short(told)
    sentence = f"Ran in a backfill at {at(45)} on node {scheduler.identity} and succeeded after 5 s."
    assert sentence == await scheduler.explain("s", at(10))


async def test_a_run_that_failed_and_its_backfill(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Rules G2 and F1: both runs of a fire time are told, and explained by the later one, with the one before."""
    fails = [True]

    @task(id="once")
    async def once() -> None:
        if fails:
            raise ValueError(fails.pop())

    await scheduler.add_schedule(once, IntervalTrigger(hours=1, start_time=at(10)), id="s")
    await clock.advance(20)
    await scheduler.backfill("s", at(10), at(10), reprocess="failed")
    await clock.advance(1)
    told = await past(scheduler, clock)
    assert [JobOutcome.error, JobOutcome.success] == [one.outcome for one in told]
    node = f"on node {scheduler.identity}"
    assert await scheduler.explain("s", at(10)) == (
        f"Ran in a backfill at {at(20)} {node} and succeeded after 0 s; before that, it ran at {at(10)} {node} and"
        " failed after 0 s with ValueError (True)."
    )


async def test_a_backfill_says_nothing_of_others(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule G3: what is gone is unknown, though a backfill has run one of the first since."""
    async with make(store, retention=Retention(most=2), cleanup_interval=62) as scheduler:
        await scheduler.add_schedule(runs.task(), EVERY_10, id="s")
        await clock.advance(65)
        await scheduler.backfill("s", at(20), at(20), reprocess="all")
        await clock.advance(1)
        told = [one for one in short(await past(scheduler, clock)) if one[3] in ("ran", "unknown")]
    unknown = [(10, 10, 1, "unknown"), (20, 20, 1, "ran"), (30, 40, 2, "unknown")]
    assert [*unknown, (50, 50, 1, "ran"), (60, 60, 1, "ran")] == told
