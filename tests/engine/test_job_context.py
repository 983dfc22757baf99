"""What the code of a job finds around it."""

from __future__ import annotations

from contextvars import ContextVar
from threading import Event as ThreadEvent
from uuid import UUID

import anyio
import pytest
from tests.engine.support import KEEP, Runs

from anysched import (
    AsyncScheduler,
    current_job,
    current_scheduler,
)
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


CONTEXT: ContextVar[str] = ContextVar("CONTEXT", default="nobody's")


async def test_context_variables_do_not_leak(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Jobs do not see what other jobs, or the program, have set; their own tasks and threads see theirs."""
    seen: list[tuple[str, str]] = []

    def in_thread(name: str) -> None:
        seen.append((name, CONTEXT.get()))
        CONTEXT.set(name)

    async def job(name: str) -> None:
        seen.append((name, CONTEXT.get()))
        CONTEXT.set(name)
        await clock.sleep(1)
        async with anyio.create_task_group() as task_group:
            task_group.start_soon(child, name)
        seen.append((name, CONTEXT.get()))

    async def child(name: str) -> None:
        seen.append((name, CONTEXT.get()))
        CONTEXT.set("a child's")

    CONTEXT.set("the program's")
    await scheduler.configure_task("job", func=job)
    await scheduler.configure_task("in_thread", func=in_thread)
    await scheduler.add_jobs("job", [["a"], ["b"]])
    await scheduler.add_jobs("in_thread", [["c"], ["d"]])
    await clock.advance(5)
    await scheduler.add_jobs("job", [["e"]])
    await clock.advance(5)
    for name in "abe":
        begin, *rest = [value for who, value in seen if who == name]
        assert begin != name
        assert begin in ("nobody's", "the program's")
        assert [name, name] == rest
    assert not {"a", "b", "c", "d", "a child's"} & {value for who, value in seen if who in "cd"}
    assert "the program's" == CONTEXT.get()


async def test_a_job_knows_itself(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """``current_job`` and ``current_scheduler`` say what runs, on the event loop and in threads; not outside."""
    seen: list[tuple[UUID, object]] = []

    def note() -> None:
        seen.append((current_job.get().id, current_scheduler.get()))

    async def job() -> None:
        note()

    await scheduler.configure_task("job", func=job)
    await scheduler.configure_task("note", func=note)
    ids = [await scheduler.add_job("job"), await scheduler.add_job("note")]
    await clock.settle()
    assert {(job_id, scheduler) for job_id in ids} == set(seen)
    with pytest.raises(LookupError):
        current_job.get()
    with pytest.raises(LookupError):
        current_scheduler.get()


async def test_a_job_may_use_its_scheduler(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """A job may add jobs, and wait for them, also where it takes the last free place but one."""

    async def outer() -> int:
        return 10 * int(await current_scheduler.get().run_job(double, args=[2]))

    await scheduler.configure_task("outer", func=outer)
    assert 40 == await scheduler.run_job("outer")


async def test_a_thread_that_blocks(scheduler: AsyncScheduler, clock: FakeClock, runs: Runs) -> None:
    """A function that blocks does so in a thread, while the event loop and other jobs go on."""
    release = ThreadEvent()

    def block() -> str:
        return "released" if release.wait(10) else "given up"

    await scheduler.configure_task("block", func=block)
    blocked = await scheduler.add_job("block", result_expiration_time=KEEP)
    assert 2 == await scheduler.run_job(double)
    assert None is await scheduler.get_job_result(blocked, wait=False)
    release.set()
    ended = await scheduler.get_job_result(blocked)
    assert ended is not None
    assert "released" == ended.return_value


async def double(number: int = 1) -> int:
    """Return a number, doubled."""
    return 2 * number
