"""Bad input is refused in words that say what to do."""

from __future__ import annotations

from typing import Any

import pytest

from anysched import AsyncScheduler, SchedulerStateError

pytestmark = pytest.mark.anyio


async def work() -> None: ...


async def test_a_cron_expression_without_its_trigger() -> None:
    """A string in place of a trigger is answered with the trigger that was meant."""
    async with AsyncScheduler() as scheduler:
        with pytest.raises(TypeError, match=r"did you mean CronTrigger\('0 9 \* \* \*'\)\?"):
            await scheduler.add_schedule(work, "0 9 * * *")  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["cancel_job", "get_job_result"])
async def test_ids_of_jobs_are_uuids(method: str) -> None:
    """What is not a UUID is refused by name, on every store alike."""
    async with AsyncScheduler() as scheduler:
        with pytest.raises(TypeError, match="job_id must be a UUID, not str"):
            await getattr(scheduler, method)("x")


@pytest.mark.parametrize("store", [5, object()])
async def test_not_a_data_store(store: Any) -> None:
    """What is neither a data store nor a URL is refused by name."""
    with pytest.raises(TypeError, match="data_store must be a data store or the URL of a database"):
        AsyncScheduler(store)


async def test_not_started() -> None:
    """A scheduler that has not been started says so, and how to start it."""
    with pytest.raises(SchedulerStateError, match="has not been started: use it inside `async with"):
        await AsyncScheduler().get_schedules()
