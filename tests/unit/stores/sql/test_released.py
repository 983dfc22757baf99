"""Rule N9: a database of every released version is opened, read and worked with by the code as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from tests.unit.stores.sql.releasing import (
    ARGS,
    FOLDER,
    KWARGS,
    METADATA,
    ODD,
    START,
    TASKS,
    file_of,
    kind,
    schedules,
)
from tests.unit.stores.sql.servers import DATABASES, Server
from tests.unit.stores.sql.test_migrations import drop_tables, opened, shape, store_of

from anysched.model.policies import JobKind, JobOutcome, JobStatus, OnAbandon, ScheduleStatus
from anysched.model.task import Task, TaskOptions
from anysched.stores import SQLDataStore, migration_sql
from anysched.stores.sql import administration, migrations
from anysched.stores.sql.schema import make_tables
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import FAILURE, Node, User

pytestmark = pytest.mark.anyio

LATEST = migrations.latest(migrations.STEPS)


@pytest.fixture(scope="module", params=DATABASES)
def database(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A database of these tests' own, of each kind."""
    with DATABASES[request.param]() as server:
        yield server


@pytest.fixture
def server(database: Server) -> Iterator[Server]:
    """The same, with no tables in it."""
    drop_tables(database)
    yield database
    drop_tables(database)


@pytest.fixture
def clock() -> FakeClock:
    """The moment at which the databases were left."""
    return FakeClock(START + timedelta(seconds=10))


def load(server: Server, version: int) -> None:
    """Make the database of a released version."""
    server.run(file_of(server, version).read_text(encoding="utf-8"))


@pytest.fixture(params=range(1, LATEST + 1))
def version(request: pytest.FixtureRequest, server: Server) -> int:
    """Each version, loaded."""
    load(server, request.param)
    number: int = request.param
    return number


async def test_it_reads_back(server: Server, version: int, clock: FakeClock) -> None:
    """Every row of every table means what it meant."""
    async with opened(store_of(server, *migrations.STEPS), clock) as store:
        user = User(store)
        found = {snapshot.id: snapshot for snapshot in await user.schedules()}
        assert {schedule.id: schedule for schedule in schedules()} == {
            key: snapshot.schedule for key, snapshot in found.items()
        }
        states = {key: snapshot.state for key, snapshot in found.items()}
        assert {ScheduleStatus.paused: 3, ScheduleStatus.finished: 1, ScheduleStatus.active: 6} == {
            status: sum(snapshot.status is status for snapshot in found.values())
            for status in (ScheduleStatus.paused, ScheduleStatus.finished, ScheduleStatus.active)
        }
        for key, until, reason, by, queued in (
            ("held", None, ODD, ODD, "hold"),
            ("paused", None, "for good", None, "keep"),
            ("paused for a while", START + timedelta(days=1), None, None, "keep"),
        ):
            pause = states[key].pause
            assert pause is not None
            assert (START, until, reason, by, queued) == (
                pause.since,
                pause.until,
                pause.reason,
                pause.by,
                pause.queued,
            )
        assert (2, START + timedelta(seconds=10)) == (
            states["a running job"].jobs_made,
            states["a running job"].last_fire_time,
        )
        tasks = await store.get_tasks()
        declared = TaskOptions(on_abandon=OnAbandon.fail)
        limited = TaskOptions(max_running_jobs=2, metadata=METADATA)
        assert [
            Task("limited", declared, limited),
            Task("other", declared, TaskOptions()),
            Task("task", declared, TaskOptions()),
        ] == tasks
        jobs = {job.schedule_id: job for job in await user.jobs()}
        assert [JobStatus.held, JobStatus.running, JobStatus.queued] == [
            jobs[key].status for key in ("held", "a running job", None)
        ]
        running, direct = jobs["a running job"], jobs[None]
        assert (JobKind.regular, START + timedelta(seconds=10)) == (running.kind, running.scheduled_fire_time)
        for job in (running, direct):
            assert (ARGS, KWARGS, METADATA) == (tuple(job.args), dict(job.kwargs), dict(job.metadata))
        assert ("thread", START + timedelta(days=3)) == (direct.job_executor, direct.start_deadline)
        await results_of(server, store)


async def results_of(server: Server, store: SQLDataStore) -> None:
    """Check what is kept of jobs that have ended."""
    ids = {
        outcome: UUID(key) for key, outcome in server.query("SELECT job_id, outcome FROM anysched_results")
    }
    good, bad = await store.get_result(ids["success"]), await store.get_result(ids["error"])
    assert good is not None
    assert bad is not None
    assert (JobOutcome.success, START, ARGS) == (good.outcome, good.finished_at, good.return_value)
    assert (JobOutcome.error, FAILURE) == (bad.outcome, bad.exception)


async def test_it_runs(server: Server, version: int, clock: FakeClock) -> None:
    """Work goes on where it was left: jobs of nodes that are gone, held ones, schedules that are due."""
    async with opened(store_of(server, *migrations.STEPS), clock) as store:
        user, node = User(store), Node(store, "b node", tasks=(*TASKS, ODD))
        await clock.advance(60)
        work = await node.work()
        assert ["a running job"] == [ended.job.schedule_id for ended in work.ended]
        made = {job.schedule_id for job in work.made}
        assert {"a running job", ODD} == made
        assert all(await node.complete(*work.claims))
        await user.unpause("held", resume_from="now")
        await user.unpause("paused", resume_from="now")
        await clock.advance(7 * 86_400)
        work = await node.work()
        assert {"paused for a while", "held", "paused", "cron", "combined"} <= {
            job.schedule_id for job in work.made
        }
        assert all(await node.complete(*work.claims))
        await user.remove("cron")
        assert "cron" not in await user.ids()


async def test_it_becomes_what_is_made_today(server: Server, version: int, clock: FakeClock) -> None:
    """Tables that were brought up to date are like those that are made new, by a store and by a script."""
    by_hand = administration.script(kind(server), make_tables(None, "anysched_"), version, migrations.STEPS)
    found = []
    for way in ("store", "script", "new"):
        if way == "script":
            load(server, version)
            server.run(by_hand)
        async with opened(store_of(server, *migrations.STEPS, migrate=way != "script"), clock):
            found.append(shape(server))
        drop_tables(server)
    assert found[0] == found[1] == found[2]


def test_the_latest_is_what_the_code_makes(server: Server) -> None:
    """The tables have not changed without a step since the file was written.

    If this fails: a version that is in no release is written anew, by ``releasing.py``; after a release, the change
    needs a step and a version.
    """
    text = file_of(server, LATEST).read_text(encoding="utf-8")
    assert text.startswith(migration_sql(kind(server)))


def test_every_version_is_there() -> None:
    """There is one file for each version and kind of database, and no other."""
    expected = {f"v{number}.{name}.sql" for number in range(1, LATEST + 1) for name in DATABASES}
    assert expected == {path.name for path in FOLDER.glob("*.sql")}
    assert all(re.fullmatch(r"v\d+\.\w+\.sql|README\.md", path.name) for path in FOLDER.iterdir())
