"""Adding, replacing, removing and running by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from tests.unit.rules.support import (
    SECOND,
    T0,
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
    same,
    since,
    state_of,
)

from anysched.errors import ConflictingIdError, DeserializationError, ScheduleLookupError, TriggerError
from anysched.model.change import Change
from anysched.model.events import ScheduleAdded, ScheduleRemoved, ScheduleUpdated
from anysched.model.pause import Pause
from anysched.model.policies import ConflictPolicy, JobKind, ScheduleStatus, SkipReason
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.model.trigger import Trigger, is_known_to_move
from anysched.rules.adding import add, differs, existing, remove, run_by_hand
from anysched.rules.pausing import settle_and_fire
from anysched.rules.times import FireTimes
from anysched.triggers.interval import IntervalTrigger


def declared(trigger: Trigger, **settings: Any) -> Schedule:
    return Schedule("task", trigger, id="x", **settings)


def replaced(
    snapshot: ScheduleSnapshot, now: float, trigger: Trigger | None = None, **settings: Any
) -> Change:
    schedule = attrs.evolve(snapshot.schedule, trigger=trigger or snapshot.trigger, **settings)
    return add(schedule, snapshot, at(now), ConflictPolicy.replace, same)


class TestNew:
    def test_what_is_written(self) -> None:
        """rules S1 and S6: a new schedule begins at its first fire time from now, anchored now."""
        schedule = declared(Every(10 * SECOND))
        change = add(schedule, None, T0, ConflictPolicy.exception, same)
        state = state_of(change)
        expected = ScheduleState(
            incarnation=state.incarnation, revision=1, anchor=T0, next_fire_time=T0, due_at=T0
        )
        event = ScheduleAdded("x", "task", T0)
        assert Change(schedule_id="x", schedule=schedule, state=expected, events=(event,)) == change
        again = state_of(add(schedule, None, T0, ConflictPolicy.exception, same))
        assert state.incarnation != again.incarnation

    @pytest.mark.parametrize(
        ("trigger", "now", "cursor"),
        [
            (Every(10 * SECOND, start=T0), 15, 20),
            (Every(10 * SECOND, start=T0), 20, 20),
            (Every(10 * SECOND, start=T0), -5, 0),
            (once(at(7)), 3, 7),
            (once(at(7)), 9999, 7),
            (Instants((at(7), at(8))), 8, 8),
        ],
        ids=str,
    )
    def test_cursor(self, trigger: Trigger, now: float, cursor: float) -> None:
        """rule S6: the first fire time at or after now; a single date in the past is due at once."""
        assert cursor == since(added(trigger, at(now)).next_fire_time)

    @pytest.mark.parametrize(
        "trigger", [Instants(()), Instants((at(1),)), Every(end=at(1), start=T0)], ids=str
    )
    def test_nothing_left(self, trigger: Trigger) -> None:
        """rule S6: a trigger with nothing left is refused."""
        with pytest.raises(ValueError, match="the trigger of schedule 'x' has no fire time left"):
            added(trigger, at(2))

    @pytest.mark.parametrize(
        "answer",
        [lambda after: after, lambda after: at(5), lambda after: 1 / 0],
        ids=["the same", "stuck later", "raises"],
    )
    def test_a_trigger_that_does_not_work(self, answer: Any) -> None:
        """rule S2: a trigger that stands still or raises is refused when it is added."""
        with pytest.raises(TriggerError):
            added(Saying(answer))

    def test_jitter(self) -> None:
        """rule T8: state holds the fire time and when it is due."""
        snapshot = added(Every(10 * SECOND), max_jitter=5)
        assert T0 == snapshot.next_fire_time
        assert FireTimes.of(snapshot.schedule, T0).due_at(T0) == snapshot.state.due_at != T0

    def test_what_says_that_it_moves(self) -> None:
        """rule S2: only a class that says so of itself is not tried; one that is derived from it may stand still."""

        class Stuck(IntervalTrigger):
            def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
                return at(5)

        assert is_known_to_move(IntervalTrigger(seconds=1))
        with pytest.raises(TriggerError):
            added(Stuck(seconds=1))

    def test_paused(self) -> None:
        """rule S1: ``paused=True`` creates it paused."""
        snapshot = added(Every(), paused=True)
        assert Pause(since=T0) == snapshot.state.pause


class TestExisting:
    def test_conflict(self) -> None:
        """rule S1: an id that exists is left alone, or refused."""
        snapshot = added(Every())
        other = declared(Every(5 * SECOND))
        assert Change(schedule_id="x") == add(other, snapshot, at(3), ConflictPolicy.do_nothing, same)
        with pytest.raises(ConflictingIdError, match="'x' exists already"):
            add(other, snapshot, at(3), ConflictPolicy.exception, same)

    def test_differs(self) -> None:
        """rule S1: a declaration differs in anything but whether it is created paused."""
        snapshot = added(Every(), args=(1,))
        assert not differs(declared(Every(), args=(1,), paused=True), snapshot, same)
        assert differs(declared(Every(), args=(2,)), snapshot, same)
        assert differs(declared(Every(2 * SECOND), args=(1,)), snapshot, same)
        assert not differs(declared(FastEvery(), args=(1,)), snapshot, lambda one, other: True)
        assert differs(declared(Every(), args=(1,)), attrs.evolve(snapshot, fault="damaged"), same)

    def test_remove(self) -> None:
        """rule S4: removing takes the schedule and its queued jobs, and says so."""
        event = ScheduleRemoved("x", "task")
        assert Change(schedule_id="x", removed=True, events=(event,)) == remove("x", added(Every()))
        with pytest.raises(ScheduleLookupError, match="'x'"):
            remove("x", None)
        with pytest.raises(ScheduleLookupError, match="'x'"):
            existing("x", None)


class TestReplace:
    def history(self) -> ScheduleSnapshot:
        """Every 10 s from 0 with grace; looked at at 25 and 47, paused at 48; so it stands at 50."""
        snapshot = added(Every(10 * SECOND), misfire_grace_time=15)
        for now in (25, 47):
            snapshot = after(snapshot, settle_and_fire(snapshot, options_of(snapshot), at(now), 9))
        assert at(50) == snapshot.next_fire_time
        assert {SkipReason.grace: 2, SkipReason.coalesced: 1} == dict(snapshot.state.skipped)
        return paused(snapshot, at(48), reason="upgrade")

    def test_configuration_only(self) -> None:
        """rule S1: pause, counters and cursor survive, however long ago the cursor was."""
        snapshot = self.history()
        change = replaced(snapshot, 999, args=(5,), paused=True)
        assert attrs.evolve(snapshot.state, revision=snapshot.state.revision + 1) == state_of(change)
        assert (ScheduleUpdated("x", "task", at(50)),) == change.events
        assert (5,) == after(snapshot, change).schedule.args

    def test_the_same_again(self) -> None:
        """rule S1: declaring a schedule as it is stored changes nothing."""
        assert Change(schedule_id="x") == replaced(self.history(), 999, paused=True)

    def test_unpaused_declaration(self) -> None:
        """rule S1: a restart that declares its schedules again never resumes what an operator paused."""
        change = replaced(self.history(), 999, paused=False, args=(7,))
        assert state_of(change).paused

    @pytest.mark.parametrize("status", [ScheduleStatus.paused, ScheduleStatus.active])
    def test_a_changed_trigger(self, status: ScheduleStatus) -> None:
        """rule S1: a changed trigger moves the cursor to its first fire time from now and keeps the anchor."""
        snapshot = self.history()
        if status is ScheduleStatus.active:
            snapshot = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, pauses=()))
        change = replaced(snapshot, 61, trigger=Every(7 * SECOND))
        expected = attrs.evolve(
            snapshot.state, next_fire_time=at(63), due_at=at(63), revision=snapshot.state.revision + 1
        )
        assert expected == state_of(change)
        assert T0 == expected.anchor
        assert status is expected.status

    def test_error(self) -> None:
        """rule S1: replacing clears the error; the schedule goes on from where it stood."""
        snapshot = self.history()
        snapshot = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, error="broken", pauses=()))
        state = state_of(replaced(snapshot, 999))
        assert (None, at(50)) == (state.error, state.next_fire_time)
        assert ScheduleStatus.active is state.status

    def test_finished(self) -> None:
        """rule S1: a finished schedule becomes active again with a changed trigger, and only with one."""
        snapshot = added(once(at(5)))
        snapshot = after(snapshot, settle_and_fire(snapshot, options_of(snapshot), at(5), 9))
        assert ScheduleStatus.finished is snapshot.status
        assert Change(schedule_id="x") == replaced(snapshot, 9)
        assert ScheduleStatus.active is state_of(replaced(snapshot, 9, trigger=once(at(7)))).status

    def test_never_again(self) -> None:
        """rule S3: a changed trigger never returns to a fire time that has a job."""
        snapshot = added(Every(10 * SECOND))
        snapshot = after(snapshot, settle_and_fire(snapshot, options_of(snapshot), T0, 9))
        assert at(7) == state_of(replaced(snapshot, 0, trigger=Every(7 * SECOND))).next_fire_time
        with pytest.raises(ValueError, match="no fire time left"):
            replaced(snapshot, 0, trigger=once(T0))

    def test_nothing_left(self) -> None:
        """rule S6: a changed trigger with nothing left is refused."""
        with pytest.raises(ValueError, match="no fire time left"):
            replaced(self.history(), 999, trigger=Instants((at(1),)))

    def test_jitter(self) -> None:
        """rule T8: a changed jitter moves when the next fire time is due, not the fire time."""
        snapshot = self.history()
        change = replaced(snapshot, 999, max_jitter=timedelta(seconds=9))
        state = state_of(change)
        assert at(50) == state.next_fire_time
        assert FireTimes.of(after(snapshot, change).schedule, T0).due_at(at(50)) == state.due_at != at(50)
        assert at(50) == state_of(replaced(after(snapshot, change), 999, max_jitter=None)).due_at

    def test_what_cannot_be_read(self) -> None:
        """rule S1: where the stored trigger cannot be read it counts as changed."""
        snapshot = attrs.evolve(self.history(), fault="damaged")
        assert at(1000) == state_of(replaced(snapshot, 999)).next_fire_time

    def test_a_pause_that_is_over(self) -> None:
        """rules S1 and P10: a pause that ended before the trigger was changed brings no fire times from before."""
        for resume_from in (None, "now", at(20)):
            snapshot = paused(added(Every(10 * SECOND)), until=at(25), resume_from=resume_from)
            snapshot = after(snapshot, replaced(snapshot, 61, trigger=Every(7 * SECOND)))
            change = settle_and_fire(snapshot, options_of(snapshot), at(61), 9)
            assert [] == fired(change)
            assert at(63) == state_of(change).next_fire_time
        snapshot = paused(added(Every(10 * SECOND)), until=at(65), resume_from="now")
        snapshot = after(snapshot, replaced(snapshot, 61, trigger=Every(7 * SECOND)))
        assert [65] == fired(settle_and_fire(snapshot, options_of(snapshot), at(71), 9))


class TestByHand:
    def test_a_job(self) -> None:
        """rules P2 and S3: a paused schedule can be run by hand; the job is marked, and moves nothing."""
        snapshot = paused(added(Every(), misfire_grace_time=5, args=(1,)))
        change = run_by_hand(snapshot, options_of(snapshot), at(30))
        (job,) = change.jobs
        assert Change(schedule_id="x", jobs=(job,)) == change
        assert (JobKind.manual, at(30), None, None, (1,)) == (
            job.kind,
            job.run_at,
            job.scheduled_fire_time,
            job.start_deadline,
            job.args,
        )
        assert ("x", snapshot.state.incarnation) == (job.schedule_id, job.incarnation)

    def test_what_cannot_be_read(self) -> None:
        """rule S2: a schedule whose arguments cannot be read here is not run with others instead."""
        snapshot = attrs.evolve(added(Every()), fault="unknown type")
        with pytest.raises(DeserializationError, match="unknown type"):
            run_by_hand(snapshot, options_of(snapshot), at(30))
