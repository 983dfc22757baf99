"""Nodes that do only a part of the work, or cannot do it for a while (rules J1 to J3, N1)."""

from __future__ import annotations

import pytest
from tests.crash.checking import lines
from tests.faults.nodes import at_most_once, blocks_the_loop, given
from tests.faults.trial import LEASE, Trial, assert_exactly_once, assert_forced, lasting
from tests.faults.users import KEEP, client

from anysched import JobOutcome


@pytest.mark.parametrize("place", ["postgresql-trio", "mariadb-asyncio"], indirect=True)
def test_blocked_loop(trial: Trial) -> None:
    """rule J1: a coroutine that blocks its event loop for two leases loses no job to another node."""
    log, lease = trial.folder / "blocks", 1.5 * LEASE
    with client(trial) as user, trial.nodes("a", "b", "c", lease=lease):
        for _ in range(round(lasting(1, 3))):
            job = user.add_job(blocks_the_loop, args=[str(log), 2 * lease], result_expiration_time=KEEP)
            trial.wait_for(lambda job=job: user.get_job_result(job, wait=False) is not None)
            assert JobOutcome.success is user.get_job_result(job).outcome
            trial.go_on(0.5)
    assert ["start", "end"] * round(lasting(1, 3)) == [note["event"] for note in lines(log)]
    assert_exactly_once(trial.verdict())


@pytest.mark.parametrize("place", ["postgresql-asyncio", "mariadb-trio"], indirect=True)
def test_roles(trial: Trial) -> None:
    """rule N1: schedulers, workers, both and clients share a database; one of each kind is killed, others go on."""
    trial.site.wanted["seconds"] = 0.2
    gone: dict[str, float] = {}
    log = trial.folder / "others"
    with client(trial) as user:
        trial.start("scheduler 0", "scheduler 1", role="scheduler")
        trial.start("worker 0", "worker 1", role="worker")
        for number in range(round(lasting(1, 3))):
            once = user.add_jobs(at_most_once, [[str(log)]] * 10, result_expiration_time=KEEP)
            assert "done" == user.run_job(given, args=[str(log), "done"])
            trial.go_on(lasting(0.5, 2))
            for kind in ("scheduler", "worker"):
                gone[f"{kind} {number}"] = trial.kill(f"{kind} {number}")
            trial.go_on(lasting(0.5, 1))
            trial.start(f"scheduler {number + 2}", role="scheduler")
            trial.start(f"worker {number + 2}", role="worker")
            outcomes = {user.get_job_result(job).outcome for job in once}
            assert outcomes <= {JobOutcome.success, JobOutcome.abandoned}
        assert {"worker"} == {node.split()[0] for node in trial.site.runners()}
        trial.start("both")
        trial.go_on(lasting(1, 5))
    trial.stop()
    assert "both" in trial.site.runners()
    started = [note["job"] for note in lines(log) if note["event"] == "start"]
    assert len(started) == len(set(started))
    assert_forced(trial.verdict(gone))
