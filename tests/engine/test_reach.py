"""How many jobs a pass takes: as many as can run, and more while they end at once."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from tests.engine.conftest import MakeScheduler

from anysched import AsyncScheduler, JobStatus, task
from anysched.ports.store import Advanced, AdvanceRequest, DataStore

pytestmark = pytest.mark.anyio

#: How many jobs may run at once.
MOST = 2


@pytest.fixture
def asked(store: DataStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For how many jobs each pass has asked."""
    found: list[int] = []
    advance: Callable[[AdvanceRequest], object] = store.advance

    async def noted(request: AdvanceRequest) -> Advanced:
        found.append(request.claim_limit)
        return await advance(request)  # type: ignore[misc,no-any-return]

    monkeypatch.setattr(store, "advance", noted)
    return found


async def more_than(number: int, client: AsyncScheduler) -> bool:
    """Return whether more jobs than this are a node's own."""
    return len(await client.get_jobs(status=JobStatus.running)) > number


async def test_short_jobs(make: MakeScheduler, store: DataStore, asked: list[int]) -> None:
    """While all that a pass has taken ends before the next one, that takes twice as many, up to a batch."""
    ran, done = 0, anyio.Event()
    count = 10 * store.batch_size

    @task(id="short")
    async def short() -> None:
        nonlocal ran
        ran += 1
        if ran == count:
            done.set()

    async with make(store, role="client") as client:
        await client.add_jobs(short, [[]] * count)
    async with make(store, max_concurrent_jobs=MOST, tasks=[short]):
        with anyio.fail_after(30):
            await done.wait()
    assert count == ran
    assert MOST == asked[0]
    assert store.batch_size == max(asked)
    assert len(asked) < count / MOST / 4


async def test_jobs_that_become_long(make: MakeScheduler, store: DataStore, asked: list[int]) -> None:
    """What was taken and cannot begin soon goes back, and another node runs it; each job runs once."""
    ran: list[int] = []
    go_on, others_done = anyio.Event(), anyio.Event()
    short, count = 50, 70

    @task(id="longer")
    async def longer(number: int) -> None:
        ran.append(number)
        if len(ran) == count:
            others_done.set()
        if number >= short:
            await go_on.wait()

    async with make(store, role="client") as client:
        await client.add_jobs(longer, [[number] for number in range(count)])
        async with make(store, max_concurrent_jobs=MOST, tasks=[longer], identity="first"):
            with anyio.fail_after(30):
                while len(ran) < short + MOST or await more_than(MOST, client):  # noqa: ASYNC110  (nobody announces it)
                    await anyio.sleep(0.01)
            assert MOST < max(asked)
            async with make(store, max_concurrent_jobs=count, tasks=[longer], identity="second"):
                with anyio.fail_after(30):
                    await others_done.wait()
                go_on.set()
    assert [*range(count)] == sorted(ran)
