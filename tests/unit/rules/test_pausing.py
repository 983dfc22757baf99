"""Pausing."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from tests.unit.rules.support import (
    SECOND,
    T0,
    Every,
    Instants,
    added,
    after,
    at,
    fired,
    options_of,
    paused,
    skips,
    state_of,
)

from anysched.model.change import Change
from anysched.model.events import ScheduleFinished, SchedulePaused, ScheduleUnpaused
from anysched.model.pause import Pause
from anysched.model.policies import JobStatus, Missed, Queued, ScheduleStatus, SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.pausing import pause, settle, settle_and_fire, unpause


def pausing(snapshot: ScheduleSnapshot, now: float, **wanted: Any) -> Change:
    return pause(snapshot, options_of(snapshot), at(now), Pause(since=T0, **wanted))


def passing(snapshot: ScheduleSnapshot, now: float, limit: int = 100) -> Change:
    return settle_and_fire(snapshot, options_of(snapshot), at(now), limit)


class TestFirstPause:
    def test_what_it_writes(self) -> None:
        """rules P1 and P10: a pause is a mark with its circumstances; the next fire time stays frozen."""
        snapshot = added(Every(10 * SECOND))
        change = pausing(
            snapshot, 3, until=at(50), reason="upgrade", by="ops", resume_from="now", missed="run_once"
        )
        mark = Pause(at(3), at(50), "upgrade", "ops", "keep", "now", "run_once")
        expected = attrs.evolve(snapshot.state, pauses=(mark,), revision=2)
        assert (
            Change(
                schedule_id="x",
                state=expected,
                events=(
                    SchedulePaused(
                        "x",
                        "task",
                        since=at(3),
                        until=at(50),
                        reason="upgrade",
                        by="ops",
                        resume_from="now",
                        missed="run_once",
                        next_fire_time=T0,
                    ),
                ),
            )
            == change
        )
        assert ScheduleStatus.paused is expected.status
        assert at(50) == expected.wake_at

    def test_no_job_from_then_on(self) -> None:
        """rule P1: a paused schedule makes no regular job, even where its fire time had come before."""
        snapshot = after(added(Every()), pausing(added(Every()), 5))
        assert snapshot.state.wake_at is None
        assert Change(schedule_id="x") == passing(snapshot, 100)

    @pytest.mark.parametrize("queued", ["keep", "hold", "discard"])
    def test_queued_jobs(self, queued: Queued) -> None:
        """rule P3: jobs already queued are kept, held or discarded."""
        change = pausing(added(Every()), 0, queued=queued)
        assert (() if queued == "keep" else (queued,)) == change.queued
        assert queued == state_of(change).pause.queued  # type: ignore[union-attr]

    @pytest.mark.parametrize("until", [5, 4.999999, -100])
    def test_over_before_it_begins(self, until: float) -> None:
        """rule P10: a pause that would be over already is refused."""
        with pytest.raises(ValueError, match="until must lie in the future"):
            pausing(added(Every()), 5, until=at(until))

    @pytest.mark.parametrize("wanted", [{"resume_from": "now"}, {"missed": "skip"}], ids=str)
    def test_how_but_not_when(self, wanted: dict[str, Any]) -> None:
        """rule P10: ``resume_from`` and ``missed`` are for ``until``; without it they would never be used."""
        with pytest.raises(ValueError, match="give `until` as well"):
            pausing(added(Every()), 5, **wanted)

    @pytest.mark.parametrize("text", ["a\0b", "\ud800"])
    @pytest.mark.parametrize("name", ["reason", "by"])
    def test_text_that_cannot_be_stored(self, name: str, text: str) -> None:
        """rule N7: what a user says is data, and must fit into any store."""
        with pytest.raises(ValueError, match=f"{name} must"):
            Pause(T0, **{name: text})
        with pytest.raises(TypeError, match=f"{name} must be a string"):
            Pause(T0, **{name: 5})

    def test_finished_and_failed_ones(self) -> None:
        """rules P2 and S2: finished and failed schedules can be paused, and stay what they are."""
        active = added(Every())
        finished = attrs.evolve(active.state, next_fire_time=None, due_at=None)
        failed = attrs.evolve(active.state, error="broken")
        for state in (finished, failed):
            change = pausing(attrs.evolve(active, state=state), 5)
            assert state_of(change).paused
            assert state.status is state_of(change).status


class TestSecondPause:
    def test_nothing_given(self) -> None:
        """rule P2: pausing a paused schedule changes nothing."""
        snapshot = paused(added(Every()), until=at(50), reason="upgrade", by="ops")
        assert Change(schedule_id="x") == pausing(snapshot, 5)
        assert Change(schedule_id="x") == pausing(snapshot, 5, reason="upgrade")

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ({"reason": ""}, {"reason": ""}),
            ({"by": "me"}, {"by": "me"}),
            ({"until": "later"}, {"until": "later", "resume_from": None, "missed": "policy"}),
            ({"until": "later", "missed": "skip"}, {"until": "later", "resume_from": None, "missed": "skip"}),
        ],
        ids=str,
    )
    def test_what_is_given(self, wanted: dict[str, Any], expected: dict[str, Any]) -> None:
        """rule P2: of until, reason and by, what is given is replaced; how to go on comes with ``until``."""
        snapshot = paused(
            added(Every()), until=at(50), reason="upgrade", by="ops", resume_from="now", missed="run_once"
        )
        wanted = {key: at(70) if value == "later" else value for key, value in wanted.items()}
        expected = {key: at(70) if value == "later" else value for key, value in expected.items()}
        change = pausing(snapshot, 5, **wanted)
        assert snapshot.state.pause is not None
        mark = attrs.evolve(snapshot.state.pause, **expected)
        assert attrs.evolve(snapshot.state, pauses=(mark,), revision=2) == state_of(change)
        (event,) = change.events
        assert isinstance(event, SchedulePaused)
        assert (T0, mark.until, mark.reason, mark.by) == (event.since, event.until, event.reason, event.by)

    @pytest.mark.parametrize(
        ("before", "wanted", "kept"),
        [
            ("keep", "hold", "hold"),
            ("keep", "discard", "discard"),
            ("hold", "discard", "discard"),
            ("hold", "hold", "hold"),
        ],
    )
    def test_queued(self, before: Queued, wanted: Queued, kept: Queued) -> None:
        """rules P2 and P3: a second pause may still hold or discard what waits; it never lets go of it."""
        change = pausing(paused(added(Every()), queued=before), 5, queued=wanted)
        assert (wanted,) == change.queued
        assert kept == state_of(change).pause.queued  # type: ignore[union-attr]

    def test_held_jobs_stay_held(self) -> None:
        """rule P3: another pause with ``queued="keep"`` leaves held jobs as they are."""
        change = pausing(paused(added(Every()), queued="hold"), 5, reason="still")
        assert () == change.queued
        assert "hold" == state_of(change).pause.queued  # type: ignore[union-attr]


class TestPauseThatIsOver:
    def test_pausing_again(self) -> None:
        """rule P10: a pause that is over counts as resumed then; another pause is a new one."""
        snapshot = paused(added(Every(10 * SECOND)), until=at(25), reason="old", by="ops", missed="run_once")
        change = pausing(snapshot, 47, reason="new")
        assert Pause(at(47), reason="new") == state_of(change).pause
        assert [20] == fired(change)  # what the resume at 25 asked for
        assert at(30) == state_of(change).next_fire_time  # late since then, and frozen again
        assert {SkipReason.coalesced: 2} == skips(change)
        unpaused, _, again = change.events
        assert isinstance(unpaused, ScheduleUnpaused)
        assert ("old", "ops", at(25), 2) == (unpaused.reason, unpaused.by, unpaused.until, unpaused.skipped)
        assert isinstance(again, SchedulePaused)
        assert at(30) == again.next_fire_time

    @pytest.mark.parametrize("missed", ["policy", "skip", "run_once", "run_all"])
    @pytest.mark.parametrize("queued", ["keep", "hold", "discard"])
    @pytest.mark.parametrize("held", ["keep", "hold"])
    def test_the_jobs_of_both(self, held: Queued, missed: Missed, queued: Queued) -> None:
        """rule P3: jobs that the resume then makes, or lets go, meet the pause now as queued ones do."""
        snapshot = paused(added(Every(10 * SECOND)), until=at(25), missed=missed, queued=held)
        change = pausing(snapshot, 47, queued=queued)
        asked_for = {"run_once": [20], "run_all": [0, 10, 20]}.get(missed, [])
        assert ([] if queued == "discard" else asked_for) == fired(change)
        status = JobStatus.held if queued == "hold" else JobStatus.queued
        assert all(job.status is status for job in change.jobs)
        given_up = missed == "skip" or (queued == "discard" and missed != "policy")
        fates = [] if held == "keep" else ["discard_held" if given_up else "release"]
        assert (*fates, *([] if queued == "keep" else [queued])) == change.queued
        assert 3 == sum(skips(change).values()) + len(fired(change)) or missed == "policy"

    def test_what_is_held_stays_held_until_a_resume(self) -> None:
        """rules P3 and P10: where the trigger cannot be read, nothing resumes; another pause forgets no held job."""
        snapshot = attrs.evolve(
            paused(added(Every(10 * SECOND)), until=at(25), queued="hold"), fault="unknown type"
        )
        change = pausing(snapshot, 47)
        assert () == change.queued
        assert Pause(at(47), queued="hold") == state_of(change).pause

    def test_unpausing(self) -> None:
        """rule P8: resuming a schedule whose pause is over changes nothing but what that resume asked for."""
        snapshot = paused(added(Every(10 * SECOND)), until=at(25), missed="skip")
        change = unpause(snapshot, options_of(snapshot), at(47), resume_from="now", missed="run_all")
        assert change.unpaused is not None
        assert not change.unpaused.changed
        assert at(30) == change.unpaused.next_fire_time == state_of(change).next_fire_time
        assert T0 == state_of(change).anchor
        assert () == change.unpaused.jobs == change.jobs

    def test_the_next_pass(self) -> None:
        """rule P10: whoever sees it first carries the resume out as of then, and fires what is late since."""
        snapshot = paused(added(Every(10 * SECOND)), until=at(25), resume_from="now", missed="run_once")
        change = passing(snapshot, 47)
        assert [20, 45] == fired(change)  # the latest missed; then the new anchor is 25: 25, 35, 45
        assert at(25) == state_of(change).anchor
        assert at(55) == state_of(change).next_fire_time
        assert {SkipReason.coalesced: 2 + 2} == skips(change)
        unpaused = change.events[0]
        assert isinstance(unpaused, ScheduleUnpaused)
        assert tuple(job.id for job in change.jobs) == unpaused.jobs
        assert (4, at(55), "now", "run_once") == (
            unpaused.skipped,
            unpaused.next_fire_time,
            unpaused.resume_from,
            unpaused.missed,
        )
        assert 1 == len([event for event in change.events if type(event).__name__ == "FireTimesSkipped"])

    @pytest.mark.parametrize(("now", "expected"), [(24.999999, []), (25, [20]), (30, [30]), (1000, [1000])])
    def test_by_policy(self, now: float, expected: list[float]) -> None:
        """rules P5 and P10: resumed by policy, all since the frozen time is late, in one ordinary pass."""
        snapshot = paused(added(Every(10 * SECOND)), until=at(25))
        change = passing(snapshot, now)
        assert expected == fired(change)

    def test_finishing(self) -> None:
        """rules P8 and P10: a pause that ends with nothing left leaves the schedule finished."""
        snapshot = paused(added(Instants((at(10),))), until=at(25), missed="skip")
        change = passing(snapshot, 25)
        assert ScheduleStatus.finished is state_of(change).status
        assert ScheduleFinished("x", "task") in change.events
        assert not state_of(change).paused

    def test_unreadable(self) -> None:
        """rule P1: a schedule that this node cannot read can be paused all the same, also once a pause is over."""
        snapshot = attrs.evolve(paused(added(Every()), until=at(25), missed="run_all"), fault="unknown type")
        change = pausing(snapshot, 47, reason="new")
        assert Pause(at(47), reason="new") == state_of(change).pause
        assert T0 == state_of(change).next_fire_time
        assert () == change.jobs
        assert Change(schedule_id="x") == settle(snapshot, options_of(snapshot), at(47))
