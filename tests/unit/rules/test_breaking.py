"""Pausing schedules whose jobs fail again and again (rules B1 to B3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import attrs
import pytest
from tests.unit.rules.support import Every, added, after, at, fired, once, options_of, state_of

from anysched.model.change import Change
from anysched.model.events import SchedulePaused, ScheduleUnpaused
from anysched.model.job import EndedJob, JobException, JobResult
from anysched.model.pause import Pause
from anysched.model.policies import JobOutcome, JobStatus, ScheduleStatus, SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.breaking import LONGEST_REASON, ended
from anysched.rules.ending import by_schedule
from anysched.rules.firing import fire
from anysched.rules.jobs import manual_job
from anysched.rules.pausing import pause, settle_and_fire, unpause

OUTCOMES = {
    "s": JobOutcome.success,
    "e": JobOutcome.error,
    "a": JobOutcome.abandoned,
    "c": JobOutcome.cancelled,
    "m": JobOutcome.missed_start_deadline,
}


def fragile(number: int = 3, **settings: Any) -> ScheduleSnapshot:
    """Return a schedule that is paused after so many failures."""
    return added(Every(), pause_after_failures=number, **settings)


def ends(snapshot: ScheduleSnapshot, outcomes: str, exception: JobException | None = None) -> list[EndedJob]:
    """Return ends of regular jobs of a schedule, by the first letters of their outcomes."""
    active = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, pauses=(), error=None))
    change = fire(active, options_of(snapshot), at(60), 1)
    return [
        EndedJob(change.jobs[0], JobResult(change.jobs[0].id, OUTCOMES[letter], at(1), exception=exception))
        for letter in outcomes
    ]


def ending(snapshot: ScheduleSnapshot, outcomes: str | Iterable[EndedJob], now: float = 1) -> Change:
    """Decide about ends of jobs."""
    these = ends(snapshot, outcomes) if isinstance(outcomes, str) else outcomes
    return ended(snapshot, options_of(snapshot), these, at(now))


@pytest.mark.parametrize(
    ("outcomes", "failures", "opens"),
    [
        ("ee", 2, False),
        ("eee", 3, True),
        ("eae", 3, True),
        ("eese", 1, False),
        ("eecme", 3, True),
        ("eeees", 3, True),
        ("cm", 0, False),
        ("s", 0, False),
    ],
)
def test_what_is_counted(outcomes: str, failures: int, opens: bool) -> None:
    """Rule B1: failures in a row count; a success begins anew, what did not run to an end of its own does not count."""
    snapshot = fragile()
    change = ending(snapshot, outcomes)
    state = after(snapshot, change).state
    assert (failures, opens) == (state.failures, state.paused)
    assert (snapshot.state.revision + bool(failures)) == state.revision


def test_it_counts_on() -> None:
    """Rule B1: the count outlives firings; nothing is written where it does not change."""
    snapshot = after(fragile(), ending(fragile(), []))
    for _ in range(2):
        snapshot = after(snapshot, ending(snapshot, "e"))
        snapshot = after(snapshot, fire(snapshot, options_of(snapshot), at(5), 1))
    assert 2 == snapshot.state.failures
    assert ending(snapshot, "c").state is None
    assert state_of(ending(snapshot, "e")).paused


def test_jobs_that_do_not_count() -> None:
    """Rule B1: jobs made by hand, and those of schedules without the setting, are not looked at."""
    snapshot = fragile(1)
    by_hand = manual_job(snapshot, options_of(snapshot), at(0))
    result = JobResult(by_hand.id, JobOutcome.error, at(1))
    assert {} == by_schedule([EndedJob(by_hand, result), *ends(added(Every()), "ee")])
    assert ending(snapshot, [EndedJob(by_hand, result)]).state is None
    assert ["x"] == list(by_schedule(ends(snapshot, "es")))
    other_life = [
        attrs.evolve(end, job=attrs.evolve(end.job, incarnation=end.job.id)) for end in ends(snapshot, "e")
    ]
    assert ending(snapshot, other_life).state is None
    plain = attrs.evolve(snapshot, schedule=added(Every()).schedule)
    assert ending(plain, ends(snapshot, "e")).state is None


def test_the_pause() -> None:
    """Rule B2: it names the job, holds what waits, lasts until somebody lifts it, and is told."""
    snapshot = fragile(1)
    (end,) = ends(snapshot, "e", JobException("ValueError", "no\nway \ud800"))
    change = ending(snapshot, [end], 7)
    (new,) = state_of(change).pauses
    reason = f"job {end.job.id} failed: ValueError: no\\nway \\ud800"
    assert Pause(at(7), None, reason, None, "hold", kind="failure") == new
    assert ("hold",) == change.queued
    (event,) = change.events
    assert isinstance(event, SchedulePaused)
    assert ("failure", None, reason, at(0)) == (event.kind, event.hold, event.reason, event.next_fire_time)


@pytest.mark.parametrize("message", ["x" * 10_000, "\n" * 10_000])
def test_a_reason_is_bounded(message: str) -> None:
    """Rule B2: however much an exception has to say, the reason stays short."""
    snapshot = fragile(1)
    change = ending(snapshot, ends(snapshot, "e", JobException("E" * 10_000, message)))
    (new,) = state_of(change).pauses
    assert new.reason is not None
    assert LONGEST_REASON == len(new.reason)


def test_while_it_is_open() -> None:
    """Rule B2: the ends of jobs that were running are not counted while failures pause it, neither way."""
    snapshot = after(fragile(1), ending(fragile(1), "e"))
    assert ending(snapshot, "seee").state is None


@pytest.mark.parametrize("outcomes", ["e", "s"])
def test_a_probe(outcomes: str) -> None:
    """Rule B3: at its end it goes on from then; one failure is enough to pause it again, one success to close it."""
    snapshot = fragile(2, probe_after=timedelta(seconds=10.5))
    snapshot = after(snapshot, ending(snapshot, "ee", 1))
    assert at(11.5) == snapshot.state.wake_at
    change = settle_and_fire(snapshot, options_of(snapshot), at(12), 10)
    assert [11.5] == fired(change)
    snapshot = after(snapshot, change)
    assert (2, ()) == (snapshot.state.failures, snapshot.state.pauses)
    assert 12 == snapshot.state.skipped[SkipReason.paused]
    state = state_of(ending(snapshot, outcomes, 13))
    expected = (3, [at(23.5)]) if outcomes == "e" else (0, [])
    assert expected == (state.failures, [new.until for new in state.pauses])


def test_a_pause_that_is_over_and_not_seen() -> None:
    """Rules B3 and P10: another failure first carries out the resume that the pause asked for, then pauses anew."""
    snapshot = fragile(1, probe_after=10)
    snapshot = after(snapshot, ending(snapshot, "e", 1))
    change = ending(snapshot, "e", 30)
    assert [ScheduleUnpaused, SchedulePaused] == [
        type(event) for event in change.events if isinstance(event, (ScheduleUnpaused, SchedulePaused))
    ]
    state = state_of(change)
    assert [(at(30), at(40))] == [(new.since, new.until) for new in state.pauses]
    assert (at(11), 2) == (state.next_fire_time, state.failures)


def test_a_probe_beyond_the_calendar() -> None:
    """Rule B3: a pause that would end after the end of the calendar has no end."""
    snapshot = fragile(1, probe_after=timedelta.max)
    (new,) = state_of(ending(snapshot, "e")).pauses
    assert (None, None) == (new.until, new.resume_from)


class TestAnOperatorsPause:
    """Rule B2: what a person pauses and what failures pause stay apart."""

    def paused(self, now: float = 1, **own: Any) -> ScheduleSnapshot:
        snapshot = fragile(1, probe_after=10)
        options = options_of(snapshot)
        snapshot = after(snapshot, pause(snapshot, options, at(0), Pause(at(0), reason="mine", **own)))
        return after(snapshot, ending(snapshot, "e", now))

    def test_both_are_kept(self) -> None:
        """Neither replaces the other, and a second pause by a person changes the first."""
        snapshot = self.paused()
        again = pause(snapshot, options_of(snapshot), at(2), Pause(at(2), by="me"))
        pauses = state_of(again).pauses
        assert [("failure", None), ("manual", "me")] == [(one.kind, one.by) for one in pauses]
        assert at(11) == pauses[0].until
        assert ("mine", at(0), "hold") == (pauses[1].reason, pauses[1].since, pauses[0].queued)

    def test_the_probe_waits(self) -> None:
        """A pause of a person's that lasts longer is not ended by the other's end."""
        assert self.paused().state.wake_at is None
        assert at(60) == self.paused(until=at(60)).state.wake_at

    def test_the_shorter_one(self) -> None:
        """The end of a pause of a person's leaves the one of failures."""
        assert at(11) == self.paused(until=at(5)).state.wake_at

    def test_a_resume_ends_both(self) -> None:
        """``unpause_schedule`` means the schedule: whatever pauses it alone ends, and the count begins anew."""
        snapshot = self.paused()
        change = unpause(snapshot, options_of(snapshot), at(3), missed="skip")
        state = state_of(change)
        assert (ScheduleStatus.active, 0) == (state.status, state.failures)
        assert ("discard_held",) == change.queued

    def test_a_hold_stays(self) -> None:
        """A hold on a set of schedules is lifted apart, and keeps holding the jobs that the failures held."""
        snapshot = fragile(1)
        options = options_of(snapshot)
        snapshot = after(snapshot, pause(snapshot, options, at(0), Pause(at(0), hold="h")))
        snapshot = after(snapshot, ending(snapshot, "e"))
        state = state_of(unpause(snapshot, options, at(2)))
        assert [("h", "hold")] == [(one.hold, one.queued) for one in state.pauses]
        assert 0 == state.failures
        state = state_of(unpause(snapshot, options, at(2), hold="h"))
        assert [("failure", 1)] == [(one.kind, state.failures) for one in state.pauses]


def test_a_resume_of_what_is_not_paused_leaves_the_count() -> None:
    """Rule P8: resuming a schedule that is not paused changes nothing, the count included."""
    snapshot = after(fragile(), ending(fragile(), "ee"))
    change = unpause(snapshot, options_of(snapshot), at(2))
    assert change.state is None


def test_what_cannot_be_paused() -> None:
    """Rule B2: a schedule that is finished or set aside is not paused, and its jobs are left to run."""
    snapshot = added(once(at(0)), pause_after_failures=1)
    finished = after(snapshot, fire(snapshot, options_of(snapshot), at(0), 1))
    change = ending(finished, ends(snapshot, "e"))
    assert ((), ()) == (state_of(change).pauses, change.queued)
    broken = attrs.evolve(fragile(1), state=attrs.evolve(fragile(1).state, error="it broke"))
    assert () == state_of(ending(broken, ends(broken, "e"))).pauses


def test_a_configuration_that_cannot_be_read() -> None:
    """Rules B1 and S2: whoever cannot read how many failures are too many counts on, for those who can."""
    snapshot = fragile(1)
    unread = attrs.evolve(snapshot, schedule=added(Every()).schedule, fault="a later version")
    change = ending(unread, ends(snapshot, "ee"))
    assert (2, ()) == (state_of(change).failures, state_of(change).pauses)
    faulty = attrs.evolve(snapshot, fault="unknown type")
    assert ["failure"] == [one.kind for one in state_of(ending(faulty, ends(snapshot, "e"))).pauses]


def test_missed_jobs_of_the_resume_are_held() -> None:
    """Rules B3 and P3: jobs that the resume makes right before the schedule is paused again wait with the others."""
    snapshot = fragile(1)
    options = options_of(snapshot)
    over = Pause(at(0), until=at(5), missed="run_once")
    snapshot = after(snapshot, pause(snapshot, options, at(0), over))
    change = ending(snapshot, "e", 30)
    assert [JobStatus.held] == [job.status for job in change.jobs]


def test_a_later_look() -> None:
    """Rule S5: an open breaker without a probe is never looked at by itself."""
    assert state_of(ending(fragile(1), "e")).wake_at is None
    assert at(61) == state_of(ending(fragile(1, probe_after=60), "e")).wake_at
