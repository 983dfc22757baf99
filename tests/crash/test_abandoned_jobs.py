"""Jobs whose process is gone, or only seems to be (rules J1 to J3, J5)."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.crash.checking import lines, until
from tests.crash.nodes import at_most_once, deadly, few_at_once, tell, until_told
from tests.crash.processes import PATIENCE, Child, Processes
from tests.services import mariadb_database, postgresql_schema

from anysched import AsyncScheduler, IntervalTrigger, JobOutcome, JobStatus

pytestmark = pytest.mark.anyio

LEASE = 0.5
KEEP = 3600


class Site:
    """One database, a client in this process, and workers in others."""

    def __init__(self, processes: Processes, backend: str, folder: Path, url: str) -> None:
        self._processes = processes
        self._backend = backend
        self.url = url
        self.log = folder / "log"

    def client(self) -> AsyncScheduler:
        """Return a node that only asks."""
        return AsyncScheduler(self.url, role="client", timezone="UTC", poll_interval=0.05)

    def worker(self, name: str, lease: float = LEASE, most: int = 100) -> Child:
        """Start a node that runs jobs."""
        return self._processes.start(
            "work", backend=self._backend, url=self.url, lease=lease, name=name, most=most
        )

    def noted(self) -> list[tuple[str, str, int]]:
        """Return what jobs have noted: node, event, attempt."""
        return [(line["node"], line["event"], line["attempt"]) for line in lines(self.log)]

    async def until_begun(self, node: str) -> None:
        """Wait until a job has noted something on a node."""
        await until(lambda: any(node == who for who, _, _ in self.noted()))

    async def until_noted(self, *note: Any) -> None:
        """Wait until a job has noted something."""
        await until(lambda: note in self.noted())


@pytest.fixture(
    scope="module", params=["sqlite-asyncio", "sqlite-trio", "postgresql-trio", "mariadb-asyncio"]
)
def place(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A kind of database, and an event loop."""
    kind, _, backend = request.param.partition("-")
    return kind, backend


@pytest.fixture(scope="module")
def anyio_backend(place: tuple[str, str]) -> str:
    """The event loop of clients and workers."""
    return place[1]


@pytest.fixture
def site(processes: Processes, place: tuple[str, str], tmp_path: Path) -> Iterator[Site]:
    """Where a test takes place."""
    kind, backend = place
    if kind == "sqlite":
        yield Site(processes, backend, tmp_path, f"sqlite:///{tmp_path}/jobs.db")
    elif kind == "postgresql":
        with postgresql_schema() as (engine, schema):
            url = engine.url.update_query_dict({"options": f"-csearch_path={schema}"})
            yield Site(processes, backend, tmp_path, url.render_as_string(hide_password=False))
    else:
        with mariadb_database() as engine:
            yield Site(processes, backend, tmp_path, engine.url.render_as_string(hide_password=False))


async def test_at_most_once(site: Site, anyio_backend: str) -> None:
    """rule J3: under ``on_abandon="fail"`` no job is started twice, and one whose process was killed is abandoned."""
    chance = random.Random(anyio_backend)
    async with site.client() as client:
        ids = await client.add_jobs(at_most_once, [[str(site.log)]] * 60, result_expiration_time=KEEP)
        for number in range(12):
            worker = site.worker(f"node {number}", most=3)
            if number:
                assert worker.lives_for(chance.uniform(0.05, 0.2))
            else:  # on a busy machine all others may die before they begin
                await site.until_noted("node 0", "start", 1)
            worker.kill()
        last = site.worker("last")
        with anyio.fail_after(PATIENCE):
            results = [await client.get_job_result(job_id) for job_id in ids]
        last.kill()
    outcomes = Counter(result.outcome for result in results if result is not None)
    assert {JobOutcome.success, JobOutcome.abandoned} == outcomes.keys()
    assert len(ids) == outcomes.total()
    started = Counter(line["job"] for line in lines(site.log) if line["event"] == "start")
    assert {1} == set(started.values())
    ended = {line["job"] for line in lines(site.log) if line["event"] == "end"}
    for result in results:
        assert result is not None
        assert result.outcome is JobOutcome.abandoned or str(result.job_id) in ended


async def test_a_backfill(site: Site, anyio_backend: str) -> None:
    """rule F3: whichever process is killed, a backfill goes on: each fire time gets one job, and each end counts."""
    chance = random.Random(anyio_backend)
    async with site.client() as client:
        start = datetime(2025, 1, 1, tzinfo=UTC)
        trigger = IntervalTrigger(hours=1, start_time=start)
        long = [
            str(site.log),
            0.1,
        ]  # or a busy machine that is slow to kill would leave the next node nothing to do
        await client.add_schedule(
            at_most_once, trigger, id="s", args=long, paused=True, job_result_expiration_time=KEEP
        )
        plan = await client.backfill("s", start, start + timedelta(hours=29), max_running=3)
        for number in range(5):
            worker = site.worker(f"node {number}", most=2)
            await site.until_begun(f"node {number}")
            assert worker.lives_for(chance.uniform(0, 0.1))
            worker.kill()
        last = site.worker("last", most=2)
        with anyio.fail_after(PATIENCE):
            while not (backfill := (await client.get_backfills("s"))[0]).is_over:  # noqa: ASYNC110
                await anyio.sleep(0.02)
        last.kill()
    assert ("done", 30, 30, 30) == (
        backfill.status,
        plan.total,
        backfill.made,
        backfill.succeeded + backfill.failed,
    )
    started = Counter(line["fire_time"] for line in lines(site.log) if line["event"] == "start")
    assert {1} == set(started.values())
    assert len(started) >= backfill.succeeded


async def test_max_attempts(site: Site) -> None:
    """rule J3: a job that takes its process along is started ``max_attempts`` times, then abandoned."""
    async with site.client() as client:
        job_id = await client.add_job(deadly, args=[str(site.log)], result_expiration_time=KEEP)
        for number in (1, 2, 3):
            assert not site.worker(f"node {number}").ended_well()
        survivor = site.worker("survivor")
        with anyio.fail_after(PATIENCE):
            result = await client.get_job_result(job_id)
        survivor.kill()
    assert [(f"node {number}", "start", number) for number in (1, 2, 3)] == site.noted()
    assert result is not None
    assert JobOutcome.abandoned is result.outcome


async def test_zombie_is_cancelled(site: Site, tmp_path: Path) -> None:
    """rule J1: a node that was away for longer than its lease cancels its job, which another node runs by then."""
    flag = str(tmp_path / "flag")
    async with site.client() as client:
        job_id = await client.add_job(until_told, args=[str(site.log), flag], result_expiration_time=KEEP)
        zombie = site.worker("zombie")
        await site.until_noted("zombie", "start", 1)
        zombie.signal(signal.SIGSTOP)
        other = site.worker("other", lease=5)
        await site.until_noted("other", "start", 2)
        zombie.signal(signal.SIGCONT)
        await site.until_noted("zombie", "cancelled", 1)
        tell(flag, 2)
        with anyio.fail_after(PATIENCE):
            result = await client.get_job_result(job_id)
        zombie.kill()
        other.kill()
    assert result is not None
    assert "other" == result.return_value
    expected = [
        ("zombie", "start", 1),
        ("other", "start", 2),
        ("zombie", "cancelled", 1),
        ("other", "end", 2),
    ]
    assert expected == site.noted()


async def test_late_completion_changes_nothing(site: Site, tmp_path: Path) -> None:
    """rule J1: the end that a node reports of a job it has lost is not accepted."""
    flag = str(tmp_path / "flag")
    async with site.client() as client:
        job_id = await client.add_job(until_told, args=[str(site.log), flag], result_expiration_time=KEEP)
        zombie = site.worker("zombie")
        await site.until_noted("zombie", "start", 1)
        zombie.signal(signal.SIGSTOP)
        tell(flag, 1)  # the first thing that the job finds when it is awake
        other = site.worker("other", lease=5, most=1)
        await site.until_noted("other", "start", 2)
        zombie.signal(signal.SIGCONT)
        await until(lambda: {("zombie", "end", 1), ("zombie", "cancelled", 1)} & {*site.noted()} != set())
        another = await client.add_job(until_told, args=[str(site.log), flag], result_expiration_time=KEEP)
        with anyio.fail_after(PATIENCE):
            result = await client.get_job_result(
                another
            )  # only the zombie had room for it, and has made its reports
        assert result is not None
        assert JobOutcome.success is result.outcome
        (job,) = await client.get_jobs()
        assert (job_id, 2, JobStatus.running) == (job.id, job.attempt, job.status)
        tell(flag, 2)
        with anyio.fail_after(PATIENCE):
            result = await client.get_job_result(job_id)
        zombie.kill()
        other.kill()
    assert result is not None
    assert "other" == result.return_value


async def test_max_running_jobs(site: Site) -> None:
    """rule J5: the limit of a task holds exactly across processes, one of which is killed."""
    async with site.client() as client:
        ids = await client.add_jobs(few_at_once, [[str(site.log)]] * 60, result_expiration_time=KEEP)
        workers = [site.worker(f"node {number}", lease=1) for number in range(4)]
        with anyio.fail_after(PATIENCE):
            await client.get_job_result(ids[20])
            workers.pop().kill()
            results = [await client.get_job_result(job_id) for job_id in ids]
        for worker in workers:
            worker.kill()
    assert {JobOutcome.success} == {result and result.outcome for result in results}
    running: set[tuple[str, int]] = set()
    numbers: list[int] = []
    runs = [(line["event"], (line["job"], line["attempt"])) for line in lines(site.log)]
    for event, run in runs:
        if ("end", run) in runs:  # not those that were killed
            running = running | {run} if event == "start" else running - {run}
            numbers.append(len(running))
    assert 3 == max(numbers)
