"""Telling what a resume would do, and acting upon what was read (rules P9 and S4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.engine.support import START, Runs, at

from anysched import (
    AsyncScheduler,
    CatchUp,
    CronTrigger,
    HoldLookupError,
    IntervalTrigger,
    ScheduleChangedError,
    ScheduleLookupError,
    ScheduleStatus,
)
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_TEN = IntervalTrigger(seconds=10)

#: What previews and reports have in common.
SHARED = ("schedule_id", "status", "next_fire_time", "start_times", "skipped", "skipped_exact", "changed")


@pytest.fixture
async def paused(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> str:
    """Have a schedule of every 10 s that ran at 0 and 10 and is paused from 15 s; it is 45 s now. Tell its version."""
    await scheduler.add_schedule(runs.task(takes=1), EVERY_TEN, id="s", coalesce="all")
    await clock.advance(15)
    await scheduler.pause_schedule("s")
    await clock.advance(30)
    return (await scheduler.get_schedule("s")).state.version


@pytest.mark.parametrize("missed", ["policy", "skip", "run_once", "run_all", CatchUp(max_jobs=2, spacing=9)])
@pytest.mark.parametrize("resume_from", [None, "now", at(25), at(60)])
async def test_a_preview_tells_what_the_resume_then_does(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, paused: str, resume_from: Any, missed: Any
) -> None:
    """What a preview tells is what the resume does, and until then nothing has changed."""
    before = await scheduler.get_schedule("s")
    preview = await scheduler.preview_unpause("s", resume_from=resume_from, missed=missed)
    await clock.settle()
    assert before == await scheduler.get_schedule("s")
    assert [] == await scheduler.get_jobs()
    result = await scheduler.unpause_schedule("s", resume_from=resume_from, missed=missed)
    made = [job.scheduled_fire_time for job in await scheduler.get_jobs(result.jobs)]
    assert (preview.status, preview.next_fire_time) == (result.status, result.next_fire_time)
    assert (preview.skipped, preview.skipped_exact) == (result.skipped, result.skipped_exact)
    assert list(preview.fire_times) == made
    assert preview.start_times == result.start_times
    assert (preview.schedule_id, preview.version, preview.changed) == ("s", paused, True)


@pytest.mark.parametrize("missed", ["policy", "skip", CatchUp(max_jobs=2, spacing=9)])
@pytest.mark.parametrize("resume_from", [None, "now", at(25)])
async def test_a_preview_of_a_hold_tells_what_its_lift_then_does(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs, resume_from: Any, missed: Any
) -> None:
    """Rules P9 and H3: what lifting a hold would do is told of each schedule it pauses, and nothing has changed."""
    for id, coalesce in (("a", "all"), ("b", "latest"), ("c", "latest")):
        await scheduler.add_schedule(runs.task(), EVERY_TEN, id=id, group="g", coalesce=coalesce)
    await scheduler.add_schedule(runs.task(), EVERY_TEN, id="other")
    await clock.advance(15)
    await scheduler.pause_schedules(group="g", hold="h")
    await scheduler.pause_schedule("c")
    await clock.advance(30)
    before = (await scheduler.get_schedules(), await scheduler.get_holds(), await scheduler.get_audit())
    how = {"hold": "h", "resume_from": resume_from, "missed": missed}
    previews = await scheduler.preview_unpause_schedules(**how)
    assert before == (
        await scheduler.get_schedules(),
        await scheduler.get_holds(),
        await scheduler.get_audit(),
    )
    results = await scheduler.unpause_schedules(**how)
    assert ["a", "b", "c"] == [preview.schedule_id for preview in previews]
    for preview, result in zip(previews, results, strict=True):
        assert [getattr(preview, name) for name in SHARED] == [getattr(result, name) for name in SHARED]
        assert len(preview.fire_times) == len(result.jobs)
    assert ["active", "active", "paused"] == [str(preview.status) for preview in previews]


async def test_a_preview_of_a_hold_that_selects_ids(
    scheduler: AsyncScheduler, clock: FakeClock, runs: Runs
) -> None:
    """Rules P9 and H1: a hold on ids is previewed without those that were removed; no hold is no preview."""
    for id in ("a", "b", "c"):
        await scheduler.add_schedule(runs.task(), EVERY_TEN, id=id)
    await scheduler.pause_schedules(ids=["a", "b"])
    await scheduler.remove_schedule("b")
    (told,) = await scheduler.preview_unpause_schedules(ids=["b", "a"])
    assert (told.schedule_id, told.changed, told.version) == (
        "a", True, (await scheduler.get_schedule("a")).state.version,
    )  # fmt: skip
    assert [] == await scheduler.preview_unpause_schedules(group="nobody")


async def test_a_preview_of_a_hold_refuses_what_a_lift_refuses(scheduler: AsyncScheduler) -> None:
    """Rules P9 and H1: what cannot be lifted cannot be previewed."""
    with pytest.raises(HoldLookupError, match="nobody"):
        await scheduler.preview_unpause_schedules(hold="nobody")
    with pytest.raises(ValueError, match="nothing is selected"):
        await scheduler.preview_unpause_schedules()
    with pytest.raises(ValueError, match="either"):
        await scheduler.preview_unpause_schedules(hold="h", group="g")
    with pytest.raises(ValueError, match="resume_from"):
        await scheduler.preview_unpause_schedules(group="g", resume_from="later")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="missed"):
        await scheduler.preview_unpause_schedules(group="g", missed="all")  # type: ignore[arg-type]


async def test_a_preview_of_a_schedule_that_is_not_paused(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rule P8: a resume would change nothing, and the preview says so."""
    await scheduler.add_schedule(runs.task(), EVERY_TEN, id="s")
    preview = await scheduler.preview_unpause("s", resume_from="now")
    assert (preview.changed, preview.fire_times, preview.skipped) == (False, (), 0)
    assert ScheduleStatus.active is preview.status


async def test_a_preview_refuses_what_a_resume_refuses(scheduler: AsyncScheduler, paused: str) -> None:
    """A schedule that does not exist and a way to resume that there is not are errors, as for the resume."""
    with pytest.raises(ScheduleLookupError, match="'other'"):
        await scheduler.preview_unpause("other")
    with pytest.raises(ValueError, match="resume_from must be"):
        await scheduler.preview_unpause("s", resume_from="soon")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="missed must be"):
        await scheduler.preview_unpause("s", missed="all")  # type: ignore[arg-type]


async def test_a_resume_upon_what_was_previewed(
    scheduler: AsyncScheduler, clock: FakeClock, paused: str
) -> None:
    """Rule S4: a resume that names the version it decided upon happens only while the schedule still has it."""
    preview = await scheduler.preview_unpause("s")
    await scheduler.pause_schedule("s", reason="not yet")
    with pytest.raises(ScheduleChangedError, match="has changed since version") as caught:
        await scheduler.unpause_schedule("s", version=preview.version)
    assert ("s", preview.version) == (caught.value.schedule_id, caught.value.version)
    assert (await scheduler.get_schedule("s")).paused
    fresh = (await scheduler.preview_unpause("s")).version
    assert (await scheduler.unpause_schedule("s", version=fresh)).changed


async def test_each_write_can_name_the_version_it_was_decided_upon(
    scheduler: AsyncScheduler, clock: FakeClock, paused: str
) -> None:
    """Rule S4: an outdated pause and an outdated removal change nothing; what names no version always happens."""
    await scheduler.unpause_schedule("s", version=paused)
    with pytest.raises(ScheduleChangedError):
        await scheduler.pause_schedule("s", version=paused)
    with pytest.raises(ScheduleChangedError):
        await scheduler.remove_schedule("s", version=paused)
    found = await scheduler.get_schedule("s")
    assert not found.paused
    await scheduler.pause_schedule("s", version=found.state.version)
    await scheduler.remove_schedule("s")


async def test_a_version_is_never_had_again(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """Rule S3: a schedule that was removed and added again is another one, whatever its id and its revision."""
    seen: set[str] = set()
    for _ in range(3):
        await scheduler.add_schedule(runs.task(), EVERY_TEN, id="s")
        await clock.advance(timedelta(seconds=10))
        seen.add((await scheduler.get_schedule("s")).state.version)
        await scheduler.remove_schedule("s")
    assert 3 == len(seen)


async def test_a_version_is_a_string(scheduler: AsyncScheduler, paused: str) -> None:
    """What cannot be a version is refused before anything is asked of the store."""
    with pytest.raises(TypeError, match="version must be a string"):
        await scheduler.unpause_schedule("s", version=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="version must be a string"):
        await scheduler.remove_schedule("s", version=3)  # type: ignore[arg-type]


async def test_changes_of_the_clocks(scheduler: AsyncScheduler, runs: Runs, clock: FakeClock) -> None:
    """Rule T6: what the next changes of the clocks do to a schedule is told as it then happens, whatever pauses it."""
    await scheduler.add_schedule(runs.task(), CronTrigger("30 2 * * *", timezone="Europe/Berlin"), id="s")
    spring, autumn = await scheduler.preview_clock_changes("s")
    told = "02:30 does not exist on 2025-03-30: it fires at 03:00 (gap='after')."
    assert told == spring.effects[0].sentence
    await scheduler.pause_schedule("s")
    assert [spring] == await scheduler.preview_clock_changes("s", count=1)
    await scheduler.unpause_schedule("s", missed="skip")
    await clock.advance_to(spring.at - timedelta(minutes=1))
    runs.take_fire_times()
    await clock.advance_to(spring.at + timedelta(hours=20))
    assert [(spring.effects[0].fire_times[0] - START).total_seconds()] == runs.take_fire_times()
    assert [autumn] == await scheduler.preview_clock_changes("s", count=1)


async def test_changes_of_the_clocks_that_cannot_be_told(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rule T6: of a schedule that is not there nothing is told, nor of more changes than there may be."""
    with pytest.raises(ScheduleLookupError):
        await scheduler.preview_clock_changes("nobody")
    for count in (0, 51):
        with pytest.raises(ValueError, match="count"):
            await scheduler.preview_clock_changes("nobody", count=count)
