"""Schedules that count from the end of their last run (rule S9)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.rules.support import (
    Every,
    Saying,
    added,
    after,
    at,
    fired,
    once,
    options_of,
    same,
    since,
    skips,
    state_of,
)

from anysched.errors import DeserializationError
from anysched.model.change import Change
from anysched.model.events import ScheduleFailed, ScheduleFinished
from anysched.model.history import FireTime
from anysched.model.job import EndedJob, Job, JobResult
from anysched.model.options import EffectiveOptions
from anysched.model.pause import Pause
from anysched.model.policies import CatchUp, ConflictPolicy, JobOutcome, ScheduleStatus, SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import TaskDefaults
from anysched.model.trigger import Trigger
from anysched.model.waiting import Waiting
from anysched.model.window import Window
from anysched.rules import adding, occurrences, pausing
from anysched.rules.explaining import Question, explain
from anysched.rules.policy import Policy
from anysched.rules.telling import Known, tell
from anysched.rules.waiting import go_on, lost
from anysched.rules.windowing import cover
from anysched.triggers import CronTrigger, IntervalTrigger
from anysched.wire import states

POLICY = Policy(TaskDefaults())
TEN = Every(timedelta(seconds=10))


def delayed(trigger: Trigger = TEN, **settings: Any) -> ScheduleSnapshot:
    """Return a schedule with a fixed delay as it is after it was added."""
    return added(trigger, fixed_delay=True, **settings)


def fire(snapshot: ScheduleSnapshot, now: float) -> tuple[ScheduleSnapshot, tuple[Job, ...]]:
    """Make a pass; return the schedule as it is then, and the jobs that were made."""
    change = POLICY.fire(snapshot, None, at(now), 100)
    return after(snapshot, change), change.jobs


def ending(
    snapshot: ScheduleSnapshot, jobs: Iterable[Job], now: float, ended_at: float | None = None
) -> Change:
    """Decide about the ends of jobs."""
    finished = at(now if ended_at is None else ended_at)
    ends = [EndedJob(job, JobResult(job.id, JobOutcome.success, finished)) for job in jobs]
    return POLICY.ended(snapshot, None, ends, at(now))


def waiting(
    snapshot: ScheduleSnapshot | None = None, now: float = 0
) -> tuple[ScheduleSnapshot, tuple[Job, ...]]:
    """Return a schedule that waits for its jobs, and those."""
    found, jobs = fire(snapshot or delayed(), now)
    assert jobs
    assert found.waits_for == tuple(job.id for job in jobs)
    return found, jobs


def options(snapshot: ScheduleSnapshot) -> EffectiveOptions:
    return attrs.evolve(options_of(snapshot), recorded=True)


def test_a_round() -> None:
    """Rule S9: from the making of a job to its end there is no next fire time; the end is the new anchor."""
    snapshot, jobs = waiting()
    assert (None, None, None, ScheduleStatus.active) == (
        snapshot.next_fire_time, snapshot.state.due_at, snapshot.state.wake_at, snapshot.status,
    )  # fmt: skip
    assert all(job.awaited for job in jobs)
    assert Change(schedule_id="x") == POLICY.fire(snapshot, None, at(1000), 1)
    state = state_of(ending(snapshot, jobs, 37))
    assert (at(37), at(47), at(47), None) == (
        state.anchor,
        state.next_fire_time,
        state.wake_at,
        state.waiting,
    )
    assert Change(schedule_id="x") == ending(snapshot, [attrs.evolve(jobs[0], id=UUID(int=1))], 37)
    assert Change(schedule_id="x") == ending(snapshot, [attrs.evolve(jobs[0], incarnation=None)], 37)
    assert {} == state.skipped


def test_the_end_counts_and_not_its_report() -> None:
    """Rule S9: the instant is that of the end; a clock that is ahead does not move it into the future."""
    snapshot, jobs = waiting()
    assert at(30) == state_of(ending(snapshot, jobs, 100, ended_at=20)).next_fire_time
    assert at(110) == state_of(ending(snapshot, jobs, 100, ended_at=500)).next_fire_time


@pytest.mark.parametrize(
    ("trigger", "end", "following"),
    [
        (IntervalTrigger(minutes=5), 100, 400),
        (IntervalTrigger(minutes=5, start_time=at(0)), 100, 300),
        (IntervalTrigger(minutes=5, start_time=at(0)), 300, 600),
        (CronTrigger("0 * * * *", "UTC"), 70 * 60, 7200),
        (IntervalTrigger(minutes=5, end_time=at(500)), 300, None),
    ],
)
def test_triggers(trigger: Trigger, end: float, following: float | None) -> None:
    """Rules S9 and T3: strictly after the end; a start or a wall clock of its own keeps its rhythm."""
    snapshot, jobs = waiting(delayed(trigger))
    change = ending(snapshot, jobs, end)
    assert following == since(state_of(change).next_fire_time)
    finished = [event for event in change.events if isinstance(event, ScheduleFinished)]
    assert (following is None) == bool(finished)


def test_what_is_late_runs_once() -> None:
    """Rules S9 and L1: late fire times are coalesced into one job; what is dropped as too late is not waited for."""
    snapshot, jobs = waiting(delayed(), 35)
    assert [at(30)] == [job.scheduled_fire_time for job in jobs]
    assert {SkipReason.coalesced: 3} == snapshot.state.skipped
    snapshot, jobs = fire(delayed(misfire_grace_time=3), 35)
    assert ((), (), at(40)) == (jobs, snapshot.waits_for, snapshot.next_fire_time)
    with pytest.raises(ValueError, match="coalesce must be 'latest' or 'earliest'"):
        delayed(coalesce="all")


def test_several_jobs() -> None:
    """Rules S9 and P5: a resume that makes several jobs has the schedule wait for all, and count from the last end."""
    snapshot = after(delayed(), pausing.pause(delayed(), options_of(delayed()), at(0), Pause(since=at(0))))
    how = CatchUp("all", spacing=60)
    change = pausing.unpause(snapshot, options_of(snapshot), at(30), missed=how)
    assert [0, 10, 20] == fired(change)  # and no job for what is due at this very instant
    assert change.unpaused is not None
    assert (ScheduleStatus.active, None) == (change.unpaused.status, change.unpaused.next_fire_time)
    snapshot = after(snapshot, change)
    for job, end, left in zip(change.jobs, (200, 100, 150), (2, 1, 0), strict=True):
        change = ending(snapshot, [job], 300, ended_at=end)
        snapshot = after(snapshot, change)
        assert left == len(snapshot.waits_for)
    assert at(210) == snapshot.next_fire_time


@pytest.mark.parametrize("missed", ["policy", "skip", "run_once", "run_all"])
@pytest.mark.parametrize(
    ("resume_from", "following"), [(None, 110), ("now", 110), (at(5), 110), (at(99), 110), (at(200), 200)]
)
def test_resumes_while_it_waits(resume_from: Any, missed: Any, following: float) -> None:
    """Rules S9 and P5 to P7: nothing was missed by a schedule that waits; a start in the future still holds."""
    snapshot, jobs = waiting()
    for pausing_at in (10, 20):
        wanted = Pause(since=at(pausing_at))
        snapshot = after(snapshot, pausing.pause(snapshot, options_of(snapshot), at(pausing_at), wanted))
    assert (ScheduleStatus.paused, None) == (snapshot.status, snapshot.state.wake_at)
    change = pausing.unpause(snapshot, options_of(snapshot), at(50), resume_from=resume_from, missed=missed)
    snapshot = after(snapshot, change)
    assert ([], {}, (jobs[0].id,)) == (fired(change), skips(change), snapshot.waits_for)
    assert at(following) == state_of(ending(snapshot, jobs, 100)).next_fire_time


def test_pauses_that_end() -> None:
    """Rules S9 and P10: a pause that ends by itself while the schedule waits ends, and leaves it waiting."""
    snapshot, jobs = waiting()
    wanted = Pause(since=at(1), until=at(20), resume_from="now")
    snapshot = after(snapshot, pausing.pause(snapshot, options_of(snapshot), at(1), wanted))
    assert at(20) == snapshot.state.wake_at
    snapshot, made = fire(snapshot, 25)
    assert ((), (jobs[0].id,), ()) == (made, snapshot.waits_for, snapshot.state.pauses)
    assert at(40) == state_of(ending(snapshot, jobs, 30)).next_fire_time


def test_failures_that_pause() -> None:
    """Rules S9 and B1: the end that pauses a schedule also sets its fire time."""
    snapshot, jobs = waiting(delayed(pause_after_failures=1))
    ends = [EndedJob(jobs[0], JobResult(jobs[0].id, JobOutcome.error, at(7)))]
    state = state_of(POLICY.ended(snapshot, None, ends, at(7)))
    assert (at(17), "failure") == (state.next_fire_time, state.pauses[0].kind)


def test_a_node_that_cannot_read_it() -> None:
    """Rules S9 and S5: it only writes down when the job ended; a pass of another, also under a pause, goes on."""
    snapshot, jobs = waiting()
    blind = attrs.evolve(snapshot, fault="strange")
    for pause in ((), (Pause(since=at(1)),)):
        state = attrs.evolve(snapshot.state, pauses=pause)
        change = ending(attrs.evolve(blind, state=state), jobs, 20, ended_at=13)
        told = state_of(change)
        assert (Waiting(jobs=(), ended_at=at(13)), at(13)) == (told.waiting, told.wake_at)
        new, made = fire(attrs.evolve(snapshot, state=told), 20)
        assert (at(23), None, pause, ()) == (new.next_fire_time, new.state.waiting, new.state.pauses, made)
        again = pausing.pause(
            attrs.evolve(snapshot, state=told), options_of(snapshot), at(20), Pause(since=at(20))
        )
        assert at(23) == state_of(again).next_fire_time or not pause
    damaged = POLICY.fire(attrs.evolve(blind, state=state_of(ending(blind, jobs, 13))), None, at(20), 1)
    assert [ScheduleFailed] == [type(event) for event in damaged.events]


def test_a_trigger_that_fails() -> None:
    """Rules S9 and S2: the schedule is set aside; once it is declared anew, it goes on from the end of its last run."""
    snapshot, jobs = waiting()
    broken = attrs.evolve(snapshot.schedule, trigger=Saying(lambda after: after))
    snapshot = attrs.evolve(snapshot, schedule=broken)
    snapshot = after(snapshot, ending(snapshot, jobs, 20))
    assert (ScheduleStatus.error, None) == (snapshot.status, snapshot.state.wake_at)
    assert Change(schedule_id="x") == go_on(snapshot)
    mended = attrs.evolve(broken, trigger=TEN)
    snapshot = after(snapshot, adding.add(mended, snapshot, at(500), ConflictPolicy.replace, same))
    assert (ScheduleStatus.active, at(20)) == (snapshot.status, snapshot.state.wake_at)
    assert at(30) == state_of(go_on(snapshot)).next_fire_time


@pytest.mark.parametrize(
    ("trigger", "fixed_delay", "following"),
    [(TEN, True, None), (Every(), True, None), (TEN, False, 30), (Every(), False, 25)],
)
def test_declared_anew(trigger: Trigger, fixed_delay: bool, following: float | None) -> None:
    """Rules S9 and S1: what is edited goes on waiting; without a fixed delay it goes on from now."""
    snapshot, jobs = waiting()
    schedule = attrs.evolve(snapshot.schedule, trigger=trigger, fixed_delay=fixed_delay)
    new = after(snapshot, adding.add(schedule, snapshot, at(25), ConflictPolicy.replace, same))
    expected = None if following is None else at(following)
    assert (expected, fixed_delay) == (new.next_fire_time, new.state.waiting is not None)
    if fixed_delay:
        step = trigger.step if isinstance(trigger, Every) else timedelta(0)
        assert at(40) + step == state_of(ending(new, jobs, 40)).next_fire_time
    else:
        assert Change(schedule_id="x") == ending(new, jobs, 40)


def test_windows() -> None:
    """Rules S9 and W2: what lies in a window while it waits was no fire time; what does after the end is skipped."""
    snapshot = delayed()
    window = Window(id="w", mode="skip", since=at(0), dates=((at(15), at(35)), (at(95), at(125))))
    snapshot = after(snapshot, cover(snapshot, options(snapshot), at(0), window, None))
    snapshot, jobs = waiting(snapshot)
    other = Window(id="other", mode="skip", since=at(50), dates=((at(60), at(65)),))
    change = cover(snapshot, options(snapshot), at(50), other, None)
    assert ((), None) == (change.events, state_of(change).next_fire_time)
    snapshot = after(snapshot, change)
    snapshot = after(snapshot, ending(snapshot, jobs, 88))
    assert at(128) == snapshot.next_fire_time
    snapshot, jobs = waiting(snapshot, 128)
    assert {SkipReason.window: 3} == snapshot.state.skipped


def test_single_fire_times() -> None:
    """Rules S9 and O1 to O5: only the next can be named, none while it waits; a moved one waits for the end as well."""
    snapshot = delayed()
    change = occurrences.move(snapshot, options_of(snapshot), at(0), None, at(25))
    snapshot = after(snapshot, change)
    snapshot, jobs = waiting(snapshot, 10)
    for named in (None, at(40)):
        with pytest.raises(ValueError, match="waits for the end of a job"):
            occurrences.skip(attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, occurrences=())),
                             options_of(snapshot), at(11), named)  # fmt: skip
    assert ((), None) == (fire(snapshot, 30)[1], snapshot.state.wake_at)
    restored = after(snapshot, occurrences.restore(snapshot, options_of(snapshot), at(11), at(0)))
    assert (None, ()) == (restored.next_fire_time, restored.state.occurrences)
    paused = after(snapshot, pausing.pause(snapshot, options_of(snapshot), at(11), Pause(since=at(11))))
    change = pausing.unpause(paused, options_of(snapshot), at(29), missed="run_all")
    assert ((), snapshot.state.occurrences) == (change.jobs, state_of(change).occurrences)
    snapshot = after(snapshot, ending(snapshot, jobs, 30))
    assert (at(40), at(25)) == (snapshot.next_fire_time, snapshot.state.wake_at)
    snapshot, jobs = waiting(snapshot, 30)
    assert [at(0)] == [job.scheduled_fire_time for job in jobs]
    snapshot = after(snapshot, ending(snapshot, jobs, 33))
    skipped = after(snapshot, occurrences.skip(snapshot, options_of(snapshot), at(33), None))
    assert at(53) == skipped.next_fire_time
    snapshot, jobs = waiting(skipped, 53)
    state = state_of(ending(snapshot, jobs, 58))
    assert (at(68), {SkipReason.requested: 1}) == (state.next_fire_time, state.skipped)


def test_jobs_that_are_gone() -> None:
    """Rule S9: a schedule goes on without the jobs that are gone, from when that is found; the others it waits for."""
    snapshot, jobs = waiting()
    assert Change(schedule_id="x") == lost(snapshot, [jobs[0].id], at(50))
    assert at(60) == state_of(lost(snapshot, [], at(50))).next_fire_time
    two = Waiting(jobs=(jobs[0].id, UUID(int=7)))
    snapshot = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, waiting=two))
    snapshot = after(snapshot, lost(snapshot, [jobs[0].id], at(50)))
    assert (jobs[0].id,) == snapshot.waits_for
    assert at(60) == state_of(ending(snapshot, jobs, 55, ended_at=40)).next_fire_time
    assert Change(schedule_id="x") == lost(delayed(), [], at(50))


def known(snapshot: ScheduleSnapshot, now: float, jobs: Iterable[Job] = ()) -> Known:
    return Known(
        snapshot=snapshot, options=options(snapshot), records=[], oldest=None, jobs=list(jobs), now=at(now)
    )


def ahead(snapshot: ScheduleSnapshot, now: float, end: float | None = None) -> list[tuple[float | None, str]]:
    """Return what is told of a schedule from now on."""
    told = tell(known(snapshot, now), at(now), None if end is None else at(end), 100)
    return [(since(one.first), one.status) for one in told if isinstance(one, FireTime)]


def test_what_is_told() -> None:
    """Rules S9 and G2: nothing is told of what follows the next run, and nothing is made up of the past."""
    snapshot = delayed()
    assert [(0, "planned")] == ahead(snapshot, -1, 5)
    assert [(0, "planned")] == ahead(snapshot, -1) == ahead(snapshot, -1, 1000)
    snapshot, jobs = waiting(snapshot)
    assert [] == ahead(snapshot, 5) == ahead(snapshot, 5, 1000)
    ended = after(snapshot, ending(snapshot, jobs, 7))
    assert [(17, "planned")] == ahead(ended, 8) == ahead(ended, 8, 1000)
    late = tell(known(ended, 40), at(0), at(1000), 100)
    assert [(at(17), at(37), "late")] == [(one.first, one.last, one.status) for one in late]
    window = Window(id="w", mode="skip", since=at(8), dates=((at(16), at(20)), (at(100), at(200))))
    covered = after(ended, cover(ended, options(ended), at(8), window, None))
    assert [(17, "skipped"), (27, "planned")] == ahead(covered, 8)
    paused = after(ended, pausing.pause(ended, options(ended), at(8), Pause(since=at(8), until=at(9))))
    assert [(17, "planned")] == ahead(paused, 8)


def test_explanations() -> None:
    """Rules S9 and G2: a schedule that waits says for which job, and which pause it is under; the rest is not known."""

    def say(snapshot: ScheduleSnapshot, now: float, instant: float | None = None) -> str:
        asked = None if instant is None else at(instant)
        return explain(Question(known=known(snapshot, now), at=asked, timezone=UTC))

    snapshot, jobs = waiting()
    waits = (
        f"Has no next fire time yet: the schedule counts from the end of its job {jobs[0].id} (fixed_delay)"
    )
    assert f"{waits}." == say(snapshot, 5) == say(snapshot, 5, 20)
    paused = after(snapshot, pausing.pause(snapshot, options(snapshot), at(6), Pause(since=at(6), by="ana")))
    assert f"{waits}; it is paused by ana since 2026-01-01 00:00:06+00:00." == say(paused, 7)
    over = attrs.evolve(snapshot.state, waiting=Waiting(jobs=(), ended_at=at(3)))
    assert "Will run at 2026-01-01 00:00:13+00:00." == say(attrs.evolve(snapshot, state=over), 5)
    over = attrs.evolve(over, pauses=paused.state.pauses)
    assert "of its last job, which a node has yet to look at" in say(attrs.evolve(snapshot, state=over), 7)
    ended = after(snapshot, ending(snapshot, jobs, 7))
    assert "Will run at 2026-01-01 00:00:17+00:00." == say(ended, 8) == say(ended, 8, 17)
    assert say(ended, 8, 27).startswith(
        "Nothing is known of it yet: the schedule counts from the end of each run"
    )
    assert say(ended, 8, 3).startswith("Nothing is known of it: that is longer ago")
    assert "finished" in say(after(*_last(once(at(0)))), 30, 60)


def _last(trigger: Trigger) -> tuple[ScheduleSnapshot, Change]:
    snapshot, jobs = waiting(delayed(trigger))
    return snapshot, ending(snapshot, jobs, 20)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100), st.booleans()), min_size=1, max_size=20))
def test_no_two_runs_are_closer(rounds: list[tuple[float, float, bool]]) -> None:
    """Rule S9: however late passes come and however long jobs take, each run begins a full delay after the last end."""
    snapshot, now, last = delayed(), 0.0, None
    for late, takes, blind in rounds:
        due = snapshot.state.wake_at
        assert due is not None
        now = max(now, (since(due) or 0) + late)
        snapshot, jobs = fire(snapshot, now)
        (job,) = jobs
        assert job.scheduled_fire_time is not None
        assert last is None or job.scheduled_fire_time >= last + timedelta(seconds=10)
        assert fire(snapshot, now + takes)[1] == ()
        now += takes
        seen = attrs.evolve(snapshot, fault="strange") if blind else snapshot
        snapshot = attrs.evolve(snapshot, state=state_of(ending(seen, jobs, now)))
        snapshot, made = fire(snapshot, now)
        last = at(now)
        assert (last + timedelta(seconds=10), ()) == (snapshot.next_fire_time, made)
    assert len(rounds) == snapshot.state.jobs_made


def test_damaged_records() -> None:
    """Rules S9 and S2: what a schedule waits for comes back as it was written, or is refused as damaged."""
    for waits in (Waiting(jobs=(UUID(int=1), UUID(int=2)), ended_at=at(3)), Waiting(jobs=(UUID(int=1),))):
        plain = states.waiting_to_plain(waits)
        assert waits == states.waiting_from_plain(plain)
        for damage in ({"jobs": ["x"]}, {"jobs": 1}, {"ended_at": "x"}, {"more": 1}, {"version": 0}):
            with pytest.raises(DeserializationError, match="the stored wait is damaged"):
                states.waiting_from_plain({**plain, **damage})
    with pytest.raises(DeserializationError, match="a wait that is over has an end"):
        states.waiting_from_plain(states.waiting_to_plain(Waiting(jobs=())))
