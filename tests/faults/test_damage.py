"""Rows that somebody has damaged, and tasks that not every node knows (rules S2, J4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from tests.crash.checking import lines
from tests.faults.nodes import given
from tests.faults.trial import EVERY, SCHEDULES, Trial, assert_exactly_once, lasting
from tests.faults.users import KEEP, client

from anysched import IntervalTrigger, JobOutcome, Schedule, Scheduler, ScheduleStatus

NEW_CONFIGS = """INSERT INTO anysched_configs
    SELECT md5(s.id), replace(c.configuration, '"trigger":{', '"trigger":[{'), c.payload
    FROM anysched_configs c JOIN anysched_schedules s ON s.config_id = c.id WHERE s.id IN :ids"""
NEW_ARGUMENTS = """INSERT INTO anysched_configs SELECT md5(s.id), c.configuration, :junk
    FROM anysched_configs c JOIN anysched_schedules s ON s.config_id = c.id WHERE s.id IN :ids"""
TAKE_NEW = "UPDATE anysched_schedules SET config_id = md5(id) WHERE id IN :ids"
NEW_PAYLOADS = "UPDATE anysched_jobs SET payload = :junk WHERE id IN :ids"


def damage(trial: Trial, ids: list[str], *statements: str) -> None:
    """Do something to rows with these ids."""
    engine = sa.create_engine(trial.server.url(trial.database))
    with engine.begin() as connection:
        for words in statements:
            statement = sa.text(words).bindparams(sa.bindparam("ids", expanding=True))
            values = {"ids": ids, "junk": b"\xff\0"} if ":junk" in words else {"ids": ids}
            assert len(ids) == connection.execute(statement, values).rowcount
    engine.dispose()


@pytest.mark.parametrize("place", ["postgresql-asyncio", "mariadb-trio"], indirect=True)
def test_damaged_rows(trial: Trial) -> None:
    """rules S2 and J4: of three schedules one is damaged, and of three jobs: they say so, and the others run on."""
    log = str(trial.folder / "others")
    broken = [f"broken {number}" for number in range(SCHEDULES // 2)]
    with client(trial) as user, trial.nodes("a", "b", lease=10):
        user.add_schedules(
            [Schedule(given, IntervalTrigger(seconds=EVERY), id=id, args=[log, 1]) for id in broken]
        )
        jobs = user.add_jobs(
            given,
            [[log, number] for number in range(30)],
            run_at=datetime.now(UTC) + timedelta(seconds=lasting(3, 8)),
            result_expiration_time=KEEP,
        )
        damage(trial, [job.hex for job in jobs[::3]], NEW_PAYLOADS)
        trial.wait_for(lambda: {one["schedule"] for one in lines(trial.folder / "others")} >= {*broken})
        damage(trial, broken[::2], NEW_CONFIGS, TAKE_NEW)
        damage(trial, broken[1::2], NEW_ARGUMENTS, TAKE_NEW)
        trial.wait_for(lambda: are_set_aside(user, broken), "they are set aside")
        made = jobs_made(user, broken)
        trial.go_on(lasting(1, 15))
        assert made == jobs_made(user, broken)
        results = [user.get_job_result(job) for job in jobs]
        assert {"DeserializationError"} == {result.exception.type for result in results[::3]}
        assert {JobOutcome.error} == {result.outcome for result in results[::3]}
        sound = [result for number, result in enumerate(results) if number % 3]
        assert {JobOutcome.success} == {result.outcome for result in sound}
        for id in broken:
            user.remove_schedule(id)
    assert_exactly_once(trial.verdict())


def are_set_aside(user: Scheduler, ids: list[str]) -> bool:
    """Return whether all of these schedules say that something is wrong with them."""
    found = {one.id: one for one in user.get_schedules()}
    return all(found[id].status is ScheduleStatus.error and found[id].state.error for id in ids)


def jobs_made(user: Scheduler, ids: list[str]) -> list[int]:
    """Return how many jobs each of these schedules has made."""
    found = {one.id: one for one in user.get_schedules()}
    return [found[id].state.jobs_made for id in ids]


@pytest.mark.parametrize("place", ["postgresql-trio", "mariadb-asyncio"], indirect=True)
def test_unknown_task(trial: Trial) -> None:
    """rule S2: schedules of a task that only one node knows run there alone, and wait while it is away."""
    ids = [f"for some {number}" for number in range(SCHEDULES // 5)]
    with client(trial) as user, trial.nodes("ignorant", "another", lease=10):
        trial.start("knows it", knows_all=True, lease=10)
        user.add_schedules(
            Schedule(
                "known to some",
                IntervalTrigger(seconds=EVERY),
                id=id,
                args=[trial.site.wanted["log"]],
                coalesce="all",
                max_catchup=10_000,
            )
            for id in ids
        )
        trial.wait_for(lambda: "knows it" in {run.node for run in trial.runs() if run.due[0] in ids})
        trial.go_on(lasting(1, 15))
        trial.stop("knows it")
        trial.go_on(lasting(1, 5))
        trial.start("knows it, too", knows_all=True, lease=10)
        trial.wait_for(lambda: "knows it, too" in {run.node for run in trial.runs() if run.due[0] in ids})
        trial.go_on(lasting(1, 5))
    assert {"knows it", "knows it, too"} == {run.node for run in trial.runs() if run.due[0] in ids}
    assert {"ignorant", "another"} <= trial.site.runners()
    assert_exactly_once(trial.verdict())
