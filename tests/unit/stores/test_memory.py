"""What the memory store relies on."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.rules.support import T0, Every, added, at

from anysched.model.change import Change
from anysched.model.ids import new_id
from anysched.model.job import Claim, Job
from anysched.model.policies import JobKind
from anysched.stores._memory_queue import JobQueue
from anysched.stores._memory_schedules import ScheduleTable


def test_each_write_writes_a_state() -> None:
    """rule S4: a configuration is never written without a state, by which it is told whether a schedule has changed."""
    table, one = ScheduleTable(), added(Every())
    table.write(Change(schedule_id=one.id, schedule=one.schedule, state=one.state))
    assert table.is_still(one.id, one)
    with pytest.raises(AssertionError):
        table.write(Change(schedule_id=one.id, schedule=one.schedule))


def jobs_at(moments: Sequence[tuple[str, int]]) -> list[Job]:
    return [
        Job(new_id(T0), task, at(moment), T0, kind=JobKind.regular, schedule_id=f"{moment}")
        for task, moment in moments
    ]


def claimed(queue: JobQueue, most: int, now: float, tasks: str = "ab") -> list[Claim]:
    return queue.claim(dict.fromkeys(queue.queued_tasks(tasks)), at(now), most, "node")


TASKS_AND_MOMENTS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(-3, 20)), max_size=30)


@given(TASKS_AND_MOMENTS, st.integers(-3, 20), st.integers(1, 5))
def test_the_oldest_first(moments: list[tuple[str, int]], now: int, most: int) -> None:
    """rule J5: jobs of all tasks are taken in the order in which they are due, whatever the order of their making."""
    queue, jobs = JobQueue(), jobs_at(moments)
    for job in jobs:
        queue.add(job)
    found: list[Job] = []
    while claims := claimed(queue, most, now):
        assert len(claims) <= most
        found += [claim.job for claim in claims]
    ready = sorted((job for job in jobs if job.run_at <= at(now)), key=lambda job: job.run_at)
    assert ready == found
    assert len(jobs) - len(found) == queue.count_ready(at(99))[0]


@given(TASKS_AND_MOMENTS, st.sets(st.integers(-3, 20)), st.sets(st.integers(-3, 20)), st.integers(0, 9))
def test_one_place_for_each(
    moments: list[tuple[str, int]], held: set[int], again: set[int], few: int
) -> None:
    """rules P3 and J1: however often jobs are held, released and put back, each is taken once, in its order."""
    queue, jobs = JobQueue(), jobs_at(moments)
    for job in jobs:
        queue.add(job)
    for moment in held:
        queue.hold(f"{moment}", at(5))
    for claim in claimed(queue, few, 8):
        entry = queue.get(claim.job.id)
        assert entry is not None
        queue.put_back(entry, claim.job)
    for moment in held:
        queue.release(f"{moment}", at(8))
    for moment in again:
        queue.hold(f"{moment}", at(8))
        queue.release(f"{moment}", at(8))
    found = [claim.job for claim in claimed(queue, 99, 99)]
    late = [
        attrs.evolve(job, run_at=at(moment + 3)) if moment in held and moment > 5 else job
        for job, (_, moment) in zip(jobs, moments, strict=True)
    ]
    assert sorted(late, key=lambda job: job.run_at) == found
    assert [] == claimed(queue, 99, 99)


def test_lines_do_not_grow() -> None:
    """rule P3: what has left its place is forgotten with it, and a task without jobs has no line."""
    queue, jobs = JobQueue(), jobs_at([("a", 0), ("b", 0)])
    for job in jobs:
        queue.add(job)
    for job in jobs:
        entry = queue.get(job.id)
        assert entry is not None
        queue.end(entry)
    assert (False, None) == queue.outlook({"a": None, "b": None}, T0)
    assert [] == queue.queued_tasks("ab")
    assert not queue.has_any("0")
