"""What a schedule does whose turn has come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.rules.support import (
    SECOND,
    T0,
    YEAR,
    Every,
    FastEvery,
    Instants,
    Saying,
    added,
    after,
    at,
    fired,
    once,
    options_of,
    paused,
    skips,
    state_of,
)

from anysched.model.change import Change
from anysched.model.events import FireTimesSkipped, ScheduleFailed, ScheduleFinished
from anysched.model.job import Job
from anysched.model.policies import CoalescePolicy, JobKind, JobStatus, ScheduleStatus, SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task, TaskDefaults, TaskOptions
from anysched.rules import firing
from anysched.rules.firing import fire
from anysched.rules.pausing import settle_and_fire
from anysched.rules.policy import Policy
from anysched.rules.times import COUNT_LIMIT, FireTimes

NO_ID = UUID(int=0)


def due(snapshot: ScheduleSnapshot, now: float, limit: int = 10_000) -> Change:
    return fire(snapshot, options_of(snapshot), at(now), limit)


class TestOneFireTime:
    def test_a_job(self) -> None:
        """rules S3 and L4: the job of a fire time carries all that is needed to run it and to know it again."""
        snapshot = added(
            Every(10 * SECOND),
            args=(1, 2),
            kwargs={"a": 3},
            metadata={"team": "green"},
            job_result_expiration_time=60,
            job_executor="thread",
            misfire_grace_time=5,
        )
        change = due(snapshot, 2)
        (job,) = change.jobs
        expected = Job(
            id=job.id,
            task_id="task",
            run_at=T0,
            created_at=at(2),
            args=(1, 2),
            kwargs={"a": 3},
            kind=JobKind.regular,
            schedule_id="x",
            incarnation=snapshot.state.incarnation,
            scheduled_fire_time=T0,
            start_deadline=at(5),
            attempt=1,
            job_executor="thread",
            result_expiration_time=timedelta(minutes=1),
            metadata={"team": "green"},
            status=JobStatus.queued,
            recorded=True,
        )
        assert expected == job
        state = state_of(change)
        assert (
            attrs.evolve(
                snapshot.state,
                revision=2,
                next_fire_time=at(10),
                due_at=at(10),
                last_fire_time=T0,
                jobs_made=1,
            )
            == state
        )
        assert () == change.events

    @pytest.mark.parametrize("now", [-1, 9.999999])
    def test_not_due(self, now: float) -> None:
        """rule S5: before its turn, a schedule does nothing."""
        snapshot = added(Instants((at(10),)), at(-1))
        assert Change(schedule_id="x") == due(snapshot, now)
        assert Change(schedule_id="x") == settle_and_fire(snapshot, options_of(snapshot), at(now), 1)

    def test_jitter(self) -> None:
        """rule T8: a job is made when its fire time with jitter has come, and is named after the fire time alone."""
        snapshot = added(Every(10 * SECOND), max_jitter=5, misfire_grace_time=1)
        due_at = FireTimes.of(snapshot.schedule, T0).due_at(T0)
        assert T0 < due_at == snapshot.state.due_at
        tick = timedelta(microseconds=1)
        assert Change(schedule_id="x") == fire(snapshot, options_of(snapshot), due_at - tick, 9)
        change = fire(snapshot, options_of(snapshot), due_at + SECOND, 9)
        assert [0] == fired(change)
        assert due_at == change.jobs[0].run_at
        assert due_at + SECOND == change.jobs[0].start_deadline
        assert {SkipReason.grace: 1} == skips(fire(snapshot, options_of(snapshot), due_at + SECOND + tick, 9))

    def test_the_last_one(self) -> None:
        """rule P8: a schedule whose trigger has nothing left is finished, and says so."""
        change = due(added(Every(10 * SECOND, end=at(5))), 0)
        assert [0] == fired(change)
        assert ScheduleStatus.finished is state_of(change).status
        assert state_of(change).due_at is None
        assert (ScheduleFinished("x", "task"),) == change.events

    @pytest.mark.parametrize("policy", CoalescePolicy)
    def test_one_date_missed(self, policy: CoalescePolicy) -> None:
        """rule S6: a single date in the past is late by the rules of lateness."""
        snapshot = added(once(at(-100)), coalesce=policy, misfire_grace_time=100)
        assert [-100] == fired(due(snapshot, 0))
        change = due(snapshot, 0.000001)
        assert [] == fired(change)
        assert {SkipReason.grace: 1} == skips(change)
        assert ScheduleStatus.finished is state_of(change).status
        assert (
            FireTimesSkipped("x", "task", ((SkipReason.grace, 1),), True),
            ScheduleFinished("x", "task"),
        ) == (change.events)

    @given(
        moments=st.lists(st.integers(0, 30), min_size=1, max_size=3, unique=True),
        now=st.integers(0, 40),
        grace=st.none() | st.integers(1, 20),
        jitter=st.none() | st.integers(1, 5),
        policy=st.sampled_from(CoalescePolicy),
        delay=st.booleans(),
    )
    def test_written_out(
        self,
        moments: list[int],
        now: int,
        grace: int | None,
        jitter: int | None,
        policy: CoalescePolicy,
        delay: bool,
    ) -> None:
        """rules S3 and L1: the common case, which is written out, is decided as all others are."""
        delay = delay and policy is not CoalescePolicy.all
        snapshot = added(
            Instants(tuple(map(at, moments))),
            misfire_grace_time=grace,
            max_jitter=jitter,
            coalesce=policy,
            fixed_delay=delay,
        )
        change = due(snapshot, now)
        with mock.patch.object(firing, "_just_one", return_value=None):
            expected = due(snapshot, now)
        assert len(expected.jobs) == len(change.jobs)
        if not delay:  # it waits for a job by its id
            assert expected.state == change.state
        assert [attrs.evolve(job, id=NO_ID) for job in expected.jobs] == [
            attrs.evolve(job, id=NO_ID) for job in change.jobs
        ]
        assert attrs.evolve(expected, state=None, jobs=()) == attrs.evolve(change, state=None, jobs=())


class TestLateness:
    @pytest.mark.parametrize(
        ("settings", "expected", "counts"),
        [
            ({"coalesce": "latest"}, [60], {SkipReason.coalesced: 6}),
            ({"coalesce": "earliest"}, [0], {SkipReason.coalesced: 6}),
            ({"coalesce": "all"}, [0, 10, 20, 30, 40, 50, 60], {}),
            ({"coalesce": "all", "max_catchup": 2}, [50, 60], {SkipReason.catchup_limit: 5}),
            ({"misfire_grace_time": 35}, [60], {SkipReason.grace: 3, SkipReason.coalesced: 3}),
            (
                {"coalesce": "earliest", "misfire_grace_time": 35},
                [30],
                {SkipReason.grace: 3, SkipReason.coalesced: 3},
            ),
            ({"coalesce": "all", "misfire_grace_time": 35}, [30, 40, 50, 60], {SkipReason.grace: 3}),
            (
                {"coalesce": "all", "misfire_grace_time": 35, "max_catchup": 3},
                [40, 50, 60],
                {SkipReason.grace: 3, SkipReason.catchup_limit: 1},
            ),
            ({"misfire_grace_time": 5}, [60], {SkipReason.grace: 6}),
            ({"misfire_grace_time": 4.999999}, [], {SkipReason.grace: 7}),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("kind", [Every, FastEvery])
    def test_seven_late(
        self,
        kind: type[Every],
        settings: dict[str, Any],
        expected: list[int],
        counts: dict[SkipReason, int],
    ) -> None:
        """rules L1 to L3: grace drops, coalescing picks among the rest, and all that is left out is counted."""
        change = due(added(kind(10 * SECOND), **settings), 65)
        assert expected == fired(change)
        assert counts == skips(change)
        assert at(70) == state_of(change).next_fire_time
        assert len(expected) == state_of(change).jobs_made
        assert 7 == len(expected) + sum(counts.values())
        events = [FireTimesSkipped("x", "task", tuple(counts.items()), True)] if counts else []
        assert events == list(change.events)

    def test_counts_add_up(self) -> None:
        """rule L3: the schedule keeps count over all its passes."""
        snapshot = added(Every(10 * SECOND), misfire_grace_time=15)
        for now in (35, 45, 200):
            snapshot = after(snapshot, due(snapshot, now))
        assert {SkipReason.grace: 2 + 14, SkipReason.coalesced: 1 + 1} == dict(snapshot.state.skipped)
        assert 3 == snapshot.state.jobs_made
        assert snapshot.state.skipped_exact

    def test_a_lower_bound(self) -> None:
        """rule L3: beyond the limit a count is a lower bound, marked so on the schedule for good."""
        snapshot = added(Every())
        change = fire(snapshot, options_of(snapshot), T0 + YEAR, 9)
        assert {SkipReason.coalesced: COUNT_LIMIT + 1} == skips(change)
        (event,) = change.events
        assert isinstance(event, FireTimesSkipped)
        assert not event.exact
        assert not state_of(change).skipped_exact
        snapshot = after(snapshot, change)
        change = fire(snapshot, options_of(snapshot), T0 + YEAR + 3 * SECOND, 9)
        (event,) = change.events
        assert isinstance(event, FireTimesSkipped)
        assert event.exact
        assert not state_of(change).skipped_exact

    def test_one_budget(self) -> None:
        """rule L2: one decision steps through the limit in all, however many reasons it counts for."""
        trigger = Every()
        snapshot = added(trigger, misfire_grace_time=YEAR / 2)
        trigger.asked.clear()
        change = fire(snapshot, options_of(snapshot), T0 + YEAR, 9)
        assert len(trigger.asked) < COUNT_LIMIT + 100
        assert {SkipReason.grace: COUNT_LIMIT + 1, SkipReason.coalesced: 1} == skips(change)
        assert not state_of(change).skipped_exact

    def test_counting_triggers(self) -> None:
        """rule L3: a trigger that can count is counted exactly, however many there are."""
        snapshot = added(FastEvery(), misfire_grace_time=YEAR / 2)
        change = fire(snapshot, options_of(snapshot), T0 + YEAR, 9)
        half = 365 * 86_400 // 2
        assert {SkipReason.grace: half, SkipReason.coalesced: half} == skips(change)
        assert state_of(change).skipped_exact

    @pytest.mark.parametrize("grace", [timedelta.max, 10**12])
    def test_a_grace_beyond_the_calendar(self, grace: Any) -> None:
        """rule L1: a grace time that the calendar cannot hold is no limit, and no fault."""
        snapshot = added(Every(), misfire_grace_time=grace, coalesce="all")
        change = due(snapshot, 3)
        assert [0, 1, 2, 3] == fired(change)
        assert [None] * 4 == [job.start_deadline for job in change.jobs]

    @given(
        st.lists(st.integers(0, 200), min_size=1, max_size=40, unique=True),
        st.integers(1, 10),
        st.integers(1, 30),
        st.none() | st.integers(1, 100),
        st.none() | st.integers(1, 20),
    )
    def test_passes(
        self, moments: list[int], limit: int, max_catchup: int, grace: int | None, jitter: int | None
    ) -> None:
        """rule L2: catching up in several passes makes the same jobs as one pass would."""
        snapshot = added(
            Instants(tuple(at(moment) for moment in moments)),
            coalesce="all",
            max_catchup=max_catchup,
            misfire_grace_time=grace,
            max_jitter=jitter,
        )
        whole = due(snapshot, 150)
        expected = after(snapshot, whole)
        found: list[float | None] = []
        while snapshot.state.wake_at is not None and snapshot.state.wake_at <= at(150):
            change = due(snapshot, 150, limit)
            assert len(change.jobs) <= limit
            found += fired(change)
            snapshot = after(snapshot, change)
        assert fired(whole) == found
        assert attrs.evolve(expected.state, revision=snapshot.state.revision) == snapshot.state


class TestFaults:
    def test_a_trigger_that_raises(self) -> None:
        """rule S2: a schedule whose trigger fails is set aside with the reason, and keeps its place."""
        snapshot = attrs.evolve(
            added(Every()), schedule=attrs.evolve(added(Every()).schedule, trigger=broken())
        )
        change = due(snapshot, 5)
        assert () == change.jobs
        state = state_of(change)
        assert ScheduleStatus.error is state.status
        assert "the trigger raised RuntimeError: out of\\nbounds" == state.error
        assert snapshot.next_fire_time == state.next_fire_time
        assert snapshot.state.revision + 1 == state.revision
        assert (ScheduleFailed("x", "task", state.error),) == change.events
        assert Change(schedule_id="x") == settle_and_fire(
            after(snapshot, change), options_of(snapshot), at(9), 1
        )

    def test_a_stored_form_that_cannot_be_read(self) -> None:
        """rule S2: so is one whose stored form is damaged."""
        snapshot = attrs.evolve(added(Every()), fault="damaged")
        assert "damaged" == state_of(due(snapshot, 5)).error
        assert Change(schedule_id="x") == due(snapshot, -1)

    def test_what_is_never_due(self) -> None:
        """rule S5: a paused, finished or failed schedule is not due, however overdue it looks."""
        active = added(Every())
        finished = attrs.evolve(active.state, next_fire_time=None, due_at=None)
        for snapshot in (
            paused(active),
            attrs.evolve(active, state=attrs.evolve(active.state, error="broken")),
            attrs.evolve(active, state=finished),
            paused(attrs.evolve(active, state=finished), until=at(1)),
        ):
            assert Change(schedule_id="x") == settle_and_fire(snapshot, options_of(snapshot), at(9), 1)


def broken() -> Saying:
    def answer(_: object) -> None:
        raise RuntimeError("out of\nbounds")

    return Saying(answer)


class TestPolicy:
    def test_fire(self) -> None:
        """rules S7 and L4: a node decides with the options of the schedule's task and its own defaults."""
        task = Task("task", declared=TaskOptions(misfire_grace_time=5, max_running_jobs=2))
        snapshot = added(Every(10 * SECOND))
        assert at(5) == Policy(TaskDefaults()).fire(snapshot, task, T0, 9).jobs[0].start_deadline
        defaults = TaskDefaults(misfire_grace_time=7, max_attempts=1)
        assert at(7) == Policy(defaults).fire(snapshot, None, T0, 9).jobs[0].start_deadline
        assert 2 == Policy(defaults).max_running_jobs(task)
        assert None is Policy(defaults).max_running_jobs(None)
        (job,) = Policy(defaults).fire(snapshot, task, T0, 9).jobs
        assert not Policy(defaults).retries(job, task)
        assert Policy(TaskDefaults()).retries(job, task)
