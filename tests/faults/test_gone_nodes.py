"""Nodes that are killed, that their jobs kill, or that only seem to be gone (rules S3, J1 to J3, J5)."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from tests.crash.checker import Run, Verdict
from tests.crash.checking import clock_offset, lines
from tests.crash.nodes import tell, until_told
from tests.faults.nodes import bystander, deadly, few_at_once
from tests.faults.trial import LEASE, LONG, POLL, Trial, assert_forced, lasting
from tests.faults.users import KEEP, client

from anysched import JobOutcome, Scheduler


@pytest.fixture
def user(trial: Trial) -> Iterator[Scheduler]:
    """Who adds jobs and asks what became of them."""
    with client(trial) as user:
        yield user


@pytest.mark.parametrize("place", ["postgresql-trio", "mariadb-asyncio"], indirect=True)
def test_kill(trial: Trial) -> None:
    """rules S3 and J2: over kills of one of three nodes each fire time has one job; others take over what it ran."""
    trial.site.wanted["seconds"] = 0.3
    chance = random.Random(trial.backend)
    gone: dict[str, float] = {}
    trial.start("node 0", "node 1", "node 2")
    for number in range(round(lasting(2, 20))):
        trial.go_on(chance.uniform(0.3, 1.2))
        trial.wait_for(lambda victim=f"node {number}": has_just_begun(trial, victim), "the victim is at work")
        gone[f"node {number}"] = trial.kill(f"node {number}")
        trial.start(f"node {number + 3}")
    trial.go_on(LEASE)
    trial.stop()
    verdict = trial.verdict(gone)
    assert_forced(verdict)
    assert [] != verdict.takeovers


def has_just_begun(trial: Trial, node: str) -> bool:
    """Tell whether a node is in the first half of a job."""
    now = time.time()
    return any(
        run.node == node and run.ended is None and now - run.started / 1_000_000 < 0.15
        for run in trial.runs()
    )


@pytest.mark.parametrize("place", ["postgresql-asyncio", "mariadb-trio"], indirect=True)
def test_deadly_jobs(trial: Trial, user: Scheduler) -> None:
    """rule J3: jobs that end their process are set aside after their attempts; those next to them run to their end."""
    log = trial.folder / "deadly"
    trial.start("node 0", "node 1")
    jobs: list[UUID] = []
    others: list[UUID] = []
    codes: list[int] = []
    ways = [False, True] * 2 if LONG else [trial.backend == "trio"]
    for killed in ways:
        jobs.append(user.add_job(deadly, args=[str(log), killed], result_expiration_time=KEEP))
        others += user.add_jobs(bystander, [[str(trial.folder / "others")]] * 8, result_expiration_time=KEEP)
        while any(user.get_job_result(job, wait=False) is None for job in (jobs[-1], *others)):
            time.sleep(0.05)
            for code in trial.ended().values():
                codes.append(code)
                trial.begin(f"node {len(codes) + 1}")
    trial.go_on(POLL)
    trial.stop()
    assert [-signal.SIGKILL if killed else 7 for killed in ways for _ in range(3)] == codes
    assert {JobOutcome.abandoned} == {user.get_job_result(job).outcome for job in jobs}
    assert {JobOutcome.success} == {user.get_job_result(job).outcome for job in others}
    starts = lines(log)
    assert {str(job): [1, 2, 3] for job in jobs} == {
        str(job): [note["attempt"] for note in starts if note["job"] == str(job)] for job in jobs
    }
    gone = {note["node"]: (note["monotonic"] + clock_offset()) / 1_000_000 for note in starts}
    assert_forced(trial.verdict(gone))


@pytest.mark.parametrize("place", ["postgresql-trio", "mariadb-asyncio"], indirect=True)
def test_zombies(trial: Trial, user: Scheduler) -> None:
    """rules J1 and J5: of a node that was away for longer than its lease no end of a job is accepted, and its jobs are
    cancelled; no more jobs of a task run at once than may, as recorded."""
    trial.site.wanted.update(seconds=0.3, keep=KEEP)
    trial.start("node 0", "node 1", "node 2")
    gone: dict[str, float] = {}
    limited: list[UUID] = []
    for number in range(round(lasting(1, 4))):
        limited += user.add_jobs(few_at_once, [[str(trial.folder / "few")]] * 60, result_expiration_time=KEEP)
        zombie, stopped = let_one_sleep(trial, user, number)
        gone[zombie] = stopped
        trial.stop(zombie)
        trial.start(f"node {number + 3}")
    assert {JobOutcome.success} == {user.get_job_result(job).outcome for job in limited}
    trial.stop()
    verdict = trial.verdict(gone)
    assert_forced(verdict)
    assert_last_counts(user, verdict, trial.runs())


def let_one_sleep(trial: Trial, user: Scheduler, number: int) -> tuple[str, float]:
    """Stop the node that runs a certain job until another has taken that over; return its name, and when it stopped."""
    log, flag = trial.folder / f"told {number}", trial.folder / f"flag {number} "
    job = user.add_job(until_told, args=[str(log), str(flag)], result_expiration_time=KEEP)
    trial.wait_for(lambda: len(lines(log)) == 1)
    zombie = str(lines(log)[0]["node"])
    stopped = trial.signal(zombie, signal.SIGSTOP)

    def taken_over() -> bool:
        counted = (
            "SELECT count(*) FROM anysched_jobs WHERE claimed_by IS NOT NULL AND task_id = 'few at once'"
        )
        ((running,),) = trial.server.execute(counted, trial.database)
        assert running <= 3
        return len(lines(log)) == 2

    trial.wait_for(taken_over)
    trial.signal(zombie, signal.SIGCONT)
    trial.wait_for(lambda: (zombie, "cancelled") in [(note["node"], note["event"]) for note in lines(log)])
    tell(str(flag), 2)
    result = user.get_job_result(job)
    assert result is not None
    assert lines(log)[1]["node"] == result.return_value != zombie
    return zombie, stopped


def assert_last_counts(user: Scheduler, verdict: Verdict, runs: list[Run]) -> None:
    """Check that of jobs that were started more than once the last start's end was accepted, and no earlier one's."""
    due = set(verdict.repeated)
    last: dict[str, int] = {}
    for run in runs:
        if run.due in due:
            last[run.job] = max(run.attempt, last.get(run.job, 0))
    for job, attempt in last.items():
        result = user.get_job_result(UUID(job), wait=False)
        assert result is not None
        assert attempt == result.return_value[1]
