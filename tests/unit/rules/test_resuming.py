"""Resuming in all its forms."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from tests.unit.rules.support import (
    SECOND,
    T0,
    YEAR,
    Every,
    FastEvery,
    Saying,
    added,
    after,
    at,
    fired,
    once,
    options_of,
    paused,
    since,
    skips,
    state_of,
)

from anysched.model.change import Change
from anysched.model.events import (
    FireTimesSkipped,
    ScheduleFailed,
    ScheduleFinished,
    SchedulePaused,
    ScheduleUnpaused,
)
from anysched.model.policies import CatchUp, Missed, Queued, ResumeFrom, ScheduleStatus, SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.unpaused import UnpauseResult
from anysched.rules.pausing import settle_and_fire, unpause
from anysched.rules.times import COUNT_LIMIT, END, FireTimes

FORMS: list[Missed] = [
    "policy",
    "skip",
    "run_once",
    "run_all",
    CatchUp(max_jobs=3, max_age=YEAR / 3, spacing=60),
]


def start(resume_from: float | str | None) -> Any:
    return at(resume_from) if isinstance(resume_from, (int, float)) else resume_from


def resuming(
    snapshot: ScheduleSnapshot, now: float, resume_from: Any = None, missed: Missed = "policy"
) -> Change:
    return unpause(snapshot, options_of(snapshot), at(now), resume_from=start(resume_from), missed=missed)


class TestForms:
    """Every 10 s from 0; fired 0, 10 and 20; paused at 25, frozen at 30; resumed at 65 unless said otherwise."""

    @pytest.mark.parametrize(
        ("resume_from", "missed", "jobs", "counts", "cursor", "anchor"),
        [
            (None, "policy", [60], {"coalesced": 3}, 70, 0),
            (None, "skip", [], {"paused": 4}, 70, 0),
            (None, "run_once", [60], {"coalesced": 3}, 70, 0),
            (None, "run_all", [30, 40, 50, 60], {}, 70, 0),
            ("now", "policy", [], {"paused": 4}, 65, 65),
            ("now", "skip", [], {"paused": 4}, 65, 65),
            ("now", "run_once", [60], {"coalesced": 3}, 65, 65),
            ("now", "run_all", [30, 40, 50, 60], {}, 65, 65),
            (42, "policy", [62], {"paused": 2, "coalesced": 2}, 72, 42),
            (42, "skip", [], {"paused": 5}, 72, 42),
            (42, "run_once", [62], {"coalesced": 4}, 72, 42),
            (42, "run_all", [30, 40, 42, 52, 62], {}, 72, 42),
            (30, "policy", [60], {"coalesced": 3}, 70, 30),
            (30, "run_all", [30, 40, 50, 60], {}, 70, 30),
            (29.999999, "policy", [60], {"coalesced": 3}, 70, 0),
            (-1000, "policy", [60], {"coalesced": 3}, 70, 0),
            (-1000, "run_all", [30, 40, 50, 60], {}, 70, 0),
            (65, "policy", [65], {"paused": 4}, 75, 65),
            (65, "skip", [65], {"paused": 4}, 75, 65),
            (65, "run_all", [30, 40, 50, 60, 65], {}, 75, 65),
            (100, "policy", [], {"paused": 7}, 100, 100),
            (100, "skip", [], {"paused": 7}, 100, 100),
            (100, "run_once", [60], {"coalesced": 3, "paused": 3}, 100, 100),
            (100, "run_all", [30, 40, 50, 60], {"paused": 3}, 100, 100),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("kind", [Every, FastEvery])
    def test_form(
        self,
        kind: type[Every],
        resume_from: float | str | None,
        missed: Missed,
        jobs: list[float],
        counts: dict[str, int],
        cursor: float,
        anchor: float,
    ) -> None:
        """rules P5, P6, P7 and P9: where it goes on, what gets a job, what is skipped and why; all of it reported."""
        snapshot = self.frozen(kind(10 * SECOND))
        change = resuming(snapshot, 65, resume_from, missed)
        state = state_of(change)
        assert jobs == fired(change)
        assert {SkipReason(reason): number for reason, number in counts.items()} == skips(change)
        assert (cursor, anchor) == (since(state.next_fire_time), since(state.anchor))
        assert state.next_fire_time == state.due_at
        assert state.pause is None
        assert ScheduleStatus.active is state.status
        assert 3 + len(jobs) == state.jobs_made
        assert max([20, *jobs]) == since(state.last_fire_time)
        assert snapshot.state.revision + 1 == state.revision
        ids = tuple(job.id for job in change.jobs)
        total = sum(counts.values())
        assert (
            UnpauseResult(
                schedule_id="x",
                status=state.status,
                next_fire_time=at(cursor),
                jobs=ids,
                start_times=(at(65),) * len(jobs),
                skipped=total,
            )
            == change.unpaused
        )
        unpaused, *rest = change.events
        assert (
            ScheduleUnpaused(
                "x",
                "task",
                since=at(25),
                until=None,
                reason="upgrade",
                by="ops",
                resume_from=start(resume_from),
                missed=missed,
                status=ScheduleStatus.active,
                next_fire_time=at(cursor),
                jobs=ids,
                skipped=total,
                skipped_exact=True,
            )
            == unpaused
        )
        told = [dict(event.counts) for event in rest if isinstance(event, FireTimesSkipped)]
        assert ([skips(change)] if counts else []) == told
        assert len(told) == len(rest)

    def frozen(self, trigger: Every, **settings: Any) -> ScheduleSnapshot:
        snapshot = added(trigger, **settings)
        for now in (0, 10, 20):
            snapshot = after(snapshot, settle_and_fire(snapshot, options_of(snapshot), at(now), 9))
        return paused(snapshot, at(25), reason="upgrade", by="ops")

    @pytest.mark.parametrize(
        ("resume_from", "cursor"), [("now", 70), (42, 70), (100, 100), (101, 110), (None, 70)], ids=str
    )
    def test_a_start_of_its_own(self, resume_from: float | str | None, cursor: float) -> None:
        """rules P6 and P7: a trigger with a start of its own keeps its phase."""
        snapshot = self.frozen(Every(10 * SECOND, start=T0))
        change = resuming(snapshot, 65, resume_from)
        assert cursor == since(state_of(change).next_fire_time)

    @pytest.mark.parametrize(
        ("coalesce", "jobs"), [("latest", [62]), ("earliest", [42]), ("all", [42, 52, 62])]
    )
    def test_coalescing(self, coalesce: str, jobs: list[float]) -> None:
        """rules P7 and L1: from the given instant on, what is late gets the schedule's own rules."""
        assert jobs == fired(resuming(self.frozen(Every(10 * SECOND), coalesce=coalesce), 65, 42))

    def test_grace(self) -> None:
        """rules P5 and L1: a resume by policy drops what is later than the grace time allows."""
        snapshot = self.frozen(Every(10 * SECOND), coalesce="all", misfire_grace_time=15)
        change = resuming(snapshot, 65)
        assert [50, 60] == fired(change)
        assert {SkipReason.grace: 2} == skips(change)
        assert [at(65), at(75)] == [job.start_deadline for job in change.jobs]

    @pytest.mark.parametrize("missed", ["run_once", "run_all"])
    def test_deadlines_from_now(self, missed: Missed) -> None:
        """rule P5: jobs that the resume asks for are not too late for the grace time; it counts from now."""
        snapshot = self.frozen(Every(10 * SECOND), misfire_grace_time=5)
        change = resuming(snapshot, 65, missed=missed)
        assert ([60] if missed == "run_once" else [30, 40, 50, 60]) == fired(change)
        assert {at(70)} == {job.start_deadline for job in change.jobs}

    @pytest.mark.parametrize(
        ("resume_from", "missed", "jobs", "counts"),
        [
            (None, CatchUp("earliest"), [30], {"coalesced": 3}),
            (None, CatchUp("earliest", max_age=25), [40], {"paused": 1, "coalesced": 2}),
            (42, CatchUp("earliest"), [30], {"coalesced": 4}),
            (42, CatchUp("earliest", max_age=23), [42], {"paused": 2, "coalesced": 2}),
            (100, CatchUp("earliest"), [30], {"coalesced": 3, "paused": 3}),
            (None, CatchUp("latest", max_age=5), [60], {"paused": 3}),
            (None, CatchUp("latest", max_age=4.999999), [], {"paused": 4}),
            (None, CatchUp(max_age=25), [40, 50, 60], {"paused": 1}),
            ("now", CatchUp(max_age=24), [50, 60], {"paused": 2}),
            (42, CatchUp(max_age=23), [42, 52, 62], {"paused": 2}),
            (42, CatchUp(max_age=25, max_jobs=3), [42, 52, 62], {"paused": 1, "catchup_limit": 1}),
            (None, CatchUp(max_jobs=3), [40, 50, 60], {"catchup_limit": 1}),
            (None, CatchUp(max_age=timedelta.max), [30, 40, 50, 60], {}),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("kind", [Every, FastEvery])
    def test_bounds(
        self,
        kind: type[Every],
        resume_from: float | str | None,
        missed: Missed,
        jobs: list[float],
        counts: dict[str, int],
    ) -> None:
        """rules P5 and L3: a backlog is bounded by age, then by number; what is given up is counted by reason."""
        change = resuming(self.frozen(kind(10 * SECOND), max_catchup=5), 65, resume_from, missed)
        assert jobs == fired(change)
        assert {SkipReason(reason): number for reason, number in counts.items()} == skips(change)

    def test_more_than_max_catchup(self) -> None:
        """rules P5 and L2: the bound of this one resume takes the place of the schedule's, also where it is higher."""
        change = resuming(self.frozen(Every(10 * SECOND), max_catchup=2), 65, missed=CatchUp(max_jobs=4))
        assert [30, 40, 50, 60] == fired(change)

    @pytest.mark.parametrize("until", [None, at(45)])
    def test_spacing(self, until: datetime | None) -> None:
        """rules P5 and P10: a backlog and its deadlines start one by one from now on; what is due now does not wait."""
        snapshot = self.frozen(Every(10 * SECOND), misfire_grace_time=5)
        missed = CatchUp(max_jobs=3, spacing=60)
        if until is None:
            change = resuming(snapshot, 60, missed=missed)
        else:
            pause = attrs.evolve(snapshot.state.pause, until=until, missed=missed)
            snapshot = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, pauses=(pause,)))
            change = settle_and_fire(snapshot, options_of(snapshot), at(60), 9)
        backlog = [30, 40, 50] if until is None else [30, 40]
        starts = [60 + 60 * number for number in range(len(backlog))]
        assert [*backlog, 60] == fired(change)
        assert [*starts, 60] == [since(job.run_at) for job in change.jobs]
        assert [*(start + 5 for start in starts), 65] == [since(job.start_deadline) for job in change.jobs]
        assert change.unpaused is not None
        assert [*starts, 60] == [since(start) for start in change.unpaused.start_times]

    def test_spacing_by_policy(self) -> None:
        """rule P5: without a word about what was missed, late jobs are due as the schedule's rules say."""
        change = resuming(self.frozen(Every(10 * SECOND), coalesce="all"), 65)
        assert [30, 40, 50, 60] == [since(job.run_at) for job in change.jobs]

    def test_spaced_to_the_end_of_the_calendar(self) -> None:
        """rule P5: what would start after the last instant there is waits for that one."""
        change = resuming(self.frozen(Every(10 * SECOND)), 65, missed=CatchUp(spacing=YEAR * 5000))
        assert [at(65), at(65) + YEAR * 5000, END, END] == [job.run_at for job in change.jobs]

    @pytest.mark.parametrize("resume_from", [None, "now", 42])
    def test_max_catchup(self, resume_from: float | str | None) -> None:
        """rules P5 and L2: a resume writes at most ``max_catchup`` jobs, for the latest."""
        snapshot = self.frozen(Every(10 * SECOND), max_catchup=2)
        change = resuming(snapshot, 65, resume_from, "run_all")
        assert [[50, 60], [52, 62]][resume_from == 42] == fired(change)
        assert {SkipReason.catchup_limit: [2, 3][resume_from == 42]} == skips(change)

    def test_max_catchup_and_now(self) -> None:
        """rule P5: what is due at the very instant waits for the next pass where the resume is full."""
        snapshot = self.frozen(Every(10 * SECOND), max_catchup=2)
        change = resuming(snapshot, 60, missed="run_all")
        assert [40, 50] == fired(change)
        assert at(60) == state_of(change).next_fire_time
        snapshot = after(snapshot, change)
        assert [60] == fired(settle_and_fire(snapshot, options_of(snapshot), at(60), 9))
        assert [50, 60] == fired(resuming(self.frozen(Every(10 * SECOND)), 60, missed="run_once"))

    @pytest.mark.parametrize("missed", FORMS)
    @pytest.mark.parametrize("resume_from", [None, "now", 5, 20, 27, 29, 40])
    def test_before_anything_was_missed(self, resume_from: float | str | None, missed: Missed) -> None:
        """rules P5 to P7: a pause that saw no fire time pass leaves nothing to make or to skip by now."""
        change = resuming(self.frozen(Every(10 * SECOND)), 27, resume_from, missed)
        expected = {"now": 27, 40: 40}.get(resume_from, 30)  # type: ignore[call-overload]
        assert expected == since(state_of(change).next_fire_time)
        assert [] == fired(change)
        assert ({SkipReason.paused: 1} if resume_from == 40 else {}) == skips(change)

    @pytest.mark.parametrize("missed", FORMS)
    @pytest.mark.parametrize("resume_from", [None, "now", 20])
    @pytest.mark.parametrize("kind", [Every, FastEvery])
    def test_never_again(self, kind: type[Every], resume_from: float | str | None, missed: Missed) -> None:
        """rule S3: resumed at the instant of its last fire time, a schedule does not repeat it."""
        change = resuming(self.frozen(kind(10 * SECOND)), 20, resume_from, missed)
        assert [] == fired(change)
        assert {} == skips(change)
        assert at(30) == state_of(change).next_fire_time


class TestJitter:
    """Fire times each 10 s; the one at 30 is due at 30 + d, for some d between 0 and 10."""

    def frozen(self) -> tuple[ScheduleSnapshot, datetime]:
        snapshot = paused(added(Every(10 * SECOND, start=at(30)), max_jitter=9.9))
        due_at = FireTimes.of(snapshot.schedule, T0).due_at(at(30))
        assert at(30.1) < due_at == snapshot.state.due_at
        return snapshot, due_at

    @pytest.mark.parametrize("missed", FORMS)
    def test_not_yet_due(self, missed: Missed) -> None:
        """rules T8 and P5: a fire time that waits for its jitter was not missed, and still fires."""
        snapshot, due_at = self.frozen()
        now = due_at - timedelta(microseconds=1)
        change = unpause(snapshot, options_of(snapshot), now, missed=missed)
        assert at(30) == state_of(change).next_fire_time
        assert due_at == state_of(change).due_at
        assert [] == fired(change)
        assert {} == skips(change)

    @pytest.mark.parametrize("missed", FORMS)
    def test_due_now(self, missed: Missed) -> None:
        """rule P5: what is due at the very instant of the resume was not missed: it fires."""
        snapshot, due_at = self.frozen()
        assert [30] == fired(unpause(snapshot, options_of(snapshot), due_at, missed=missed))

    @pytest.mark.parametrize("missed", FORMS)
    def test_from_now(self, missed: Missed) -> None:
        """rules P6 and L3: from now on, a fire time that has passed is given up though not yet due, and counted."""
        snapshot, _ = self.frozen()
        change = resuming(snapshot, 30.05, "now", missed)
        assert [] == fired(change)
        assert {SkipReason.paused: 1} == skips(change)
        assert at(40) == state_of(change).next_fire_time


class TestLongPauses:
    @pytest.mark.parametrize("missed", FORMS)
    @pytest.mark.parametrize("resume_from", ["now", None, T0 + YEAR / 2, T0 + YEAR * 2, END])
    @pytest.mark.parametrize("coalesce", ["latest", "earliest", "all"])
    @pytest.mark.parametrize("grace", [None, YEAR / 4])
    @pytest.mark.parametrize("kind", [Every, FastEvery])
    def test_a_year_of_seconds(
        self,
        kind: type[Every],
        grace: timedelta | None,
        coalesce: str,
        resume_from: ResumeFrom,
        missed: Missed,
    ) -> None:
        """rules T4 and L3: after a year no form steps through it; only counting does, up to the limit in all."""
        trigger = kind()
        snapshot = paused(added(trigger, coalesce=coalesce, misfire_grace_time=grace))
        trigger.asked.clear()
        change = unpause(snapshot, options_of(snapshot), T0 + YEAR, resume_from=resume_from, missed=missed)
        stepped = COUNT_LIMIT if kind is Every else 0
        assert len(trigger.asked) < stepped + 200
        state = state_of(change)
        assert state.error is None
        assert len(change.jobs) <= 100
        assert (kind is FastEvery) == state.skipped_exact
        assert state.next_fire_time is not None
        assert (
            max(resume_from if isinstance(resume_from, datetime) else T0, T0 + YEAR) <= state.next_fire_time
        )
        passed = -((T0 - state.next_fire_time) // SECOND)
        if kind is FastEvery:
            assert passed == len(change.jobs) + sum(state.skipped.values())
        else:
            assert passed > len(change.jobs) + sum(state.skipped.values())

    def test_the_end_of_the_calendar(self) -> None:
        """rule P7: resumed from the last instant there is, a schedule waits until then."""
        change = resuming(paused(added(Every(10 * SECOND), max_jitter=5)), 65, END)
        assert END == state_of(change).next_fire_time
        assert END == state_of(change).due_at
        change = resuming(paused(added(Every(10 * SECOND, start=T0))), 65, END)
        assert ScheduleStatus.finished is state_of(change).status


class TestNothingLeft:
    @pytest.mark.parametrize(
        ("resume_from", "missed", "jobs", "counts"),
        [
            (None, "policy", [10], {}),
            (None, "skip", [], {"paused": 1}),
            (None, "run_once", [10], {}),
            (None, "run_all", [10], {}),
            ("now", "policy", [], {"paused": 1}),
            ("now", "run_once", [10], {}),
            (5, "policy", [10], {}),
            (10, "policy", [10], {}),
            (11, "policy", [], {"paused": 1}),
            (11, "run_all", [10], {}),
            (99, "policy", [], {"paused": 1}),
            (99, "run_once", [10], {}),
        ],
        ids=str,
    )
    def test_a_date_missed(
        self, resume_from: float | str | None, missed: Missed, jobs: list[float], counts: dict[str, int]
    ) -> None:
        """rule P8: a single date that passed in the pause fires or is skipped as asked; the schedule is kept."""
        change = resuming(paused(added(once(at(10)))), 65, resume_from, missed)
        assert jobs == fired(change)
        assert {SkipReason(reason): number for reason, number in counts.items()} == skips(change)
        assert ScheduleStatus.finished is state_of(change).status
        assert change.unpaused is not None
        assert ScheduleStatus.finished is change.unpaused.status
        assert ScheduleFinished("x", "task") == change.events[-1]

    def test_a_date_too_late(self) -> None:
        """rules P5 and L1: a single date that passed in the pause is late by the schedule's own rules."""
        change = resuming(paused(added(once(at(10)), misfire_grace_time=30)), 65)
        assert [] == fired(change)
        assert {SkipReason.grace: 1} == skips(change)
        assert ScheduleStatus.finished is state_of(change).status

    @pytest.mark.parametrize("missed", FORMS)
    @pytest.mark.parametrize("resume_from", [None, "now", 0, 10, 20, 99])
    def test_finished_before(self, resume_from: float | str | None, missed: Missed) -> None:
        """rule P8: resuming a schedule that had finished leaves it finished, and repeats nothing."""
        snapshot = added(Every(10 * SECOND, start=T0, end=at(15)))
        snapshot = after(snapshot, settle_and_fire(snapshot, options_of(snapshot), at(15), 9))
        assert ScheduleStatus.finished is snapshot.status
        change = resuming(paused(snapshot), 65, resume_from, missed)
        assert [] == fired(change)
        assert dict(snapshot.state.skipped) == skips(change)
        assert ScheduleStatus.finished is state_of(change).status
        assert not state_of(change).paused
        (event,) = change.events  # it is not told a second time that it has finished
        assert isinstance(event, ScheduleUnpaused)

    def test_finished_but_for_its_anchor(self) -> None:
        """rule P6: resumed from now, a trigger that counts from its anchor has fire times again."""

        @attrs.frozen
        class Twice(Every):
            def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
                found = super().next_fire_time(after, anchor=anchor, key=key)
                return found if found is not None and found <= anchor + self.step else None

        snapshot = added(Twice(10 * SECOND))
        snapshot = after(snapshot, settle_and_fire(snapshot, options_of(snapshot), at(15), 9))
        assert ScheduleStatus.finished is snapshot.status
        assert at(65) == state_of(resuming(paused(snapshot), 65, "now")).next_fire_time


class TestNotPaused:
    @pytest.mark.parametrize("missed", FORMS)
    @pytest.mark.parametrize("resume_from", [None, "now", -50, 50, 1000])
    def test_nothing_changes(self, resume_from: float | str | None, missed: Missed) -> None:
        """rule P8: resuming a schedule that is not paused changes nothing, whatever the arguments."""
        active = added(Every(10 * SECOND))
        finished = attrs.evolve(active.state, next_fire_time=None, due_at=None)
        failed = attrs.evolve(active.state, error="broken")
        for state in (active.state, finished, failed):
            change = resuming(attrs.evolve(active, state=state), 65, resume_from, missed)
            report = UnpauseResult(
                schedule_id="x", status=state.status, next_fire_time=state.next_fire_time, changed=False
            )
            assert Change(schedule_id="x", unpaused=report) == change


class TestHeldJobs:
    @pytest.mark.parametrize(
        ("resume_from", "missed", "fate"),
        [
            (None, "policy", "release"),
            (None, "run_all", "release"),
            (None, "skip", "discard_held"),
            ("now", "policy", "discard_held"),
            ("now", "skip", "discard_held"),
            ("now", "run_once", "release"),
            (5, "policy", "release"),
            (5, "skip", "discard_held"),
        ],
        ids=str,
    )
    def test_fate(self, resume_from: float | str | None, missed: Missed, fate: str) -> None:
        """rules P3 and P6: a resume releases held jobs, or discards them where what was missed is skipped."""
        assert (fate,) == resuming(paused(added(Every()), queued="hold"), 65, resume_from, missed).queued

    @pytest.mark.parametrize("queued", ["keep", "discard"])
    @pytest.mark.parametrize("missed", FORMS)
    def test_nothing_held(self, missed: Missed, queued: Queued) -> None:
        """rule P3: jobs that were kept in the queue are nothing to a resume."""
        assert () == resuming(paused(added(Every()), queued=queued), 65, None, missed).queued


class TestFaults:
    @pytest.mark.parametrize("missed", FORMS)
    @pytest.mark.parametrize("resume_from", ["now", 5])
    def test_a_trigger_that_fails(self, resume_from: float | str | None, missed: Missed) -> None:
        """rules S2 and P10: a trigger that fails in a resume sets the schedule aside; the pause is over, and told."""

        def answer(_: object) -> None:
            raise RuntimeError("out of order")

        good = paused(added(Every()), queued="hold")
        snapshot = attrs.evolve(good, schedule=attrs.evolve(good.schedule, trigger=Saying(answer)))
        change = resuming(snapshot, 65, resume_from, missed)
        state = state_of(change)
        error = "the trigger raised RuntimeError: out of order"
        assert attrs.evolve(snapshot.state, pauses=(), error=error, revision=2) == state
        unpaused, failed = change.events
        assert isinstance(unpaused, ScheduleUnpaused)
        assert ScheduleStatus.error is unpaused.status
        assert ScheduleFailed("x", "task", error) == failed
        assert change.unpaused is not None
        assert (ScheduleStatus.error, (), 0) == (
            change.unpaused.status,
            change.unpaused.jobs,
            change.unpaused.skipped,
        )

    @pytest.mark.parametrize("missed", FORMS)
    @pytest.mark.parametrize("resume_from", [None, "now", 5, 99])
    def test_a_schedule_in_error(self, resume_from: float | str | None, missed: Missed) -> None:
        """rule S2: resuming a failed schedule ends the pause and asks nothing of its trigger."""
        trigger = Every()
        snapshot = paused(added(trigger))
        snapshot = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, error="broken"))
        trigger.asked.clear()
        change = resuming(snapshot, 65, resume_from, missed)
        assert attrs.evolve(snapshot.state, pauses=(), revision=2) == state_of(change)
        assert [] == trigger.asked
        assert [ScheduleStatus.error] == [getattr(event, "status", None) for event in change.events]

    @pytest.mark.parametrize("missed", FORMS)
    @pytest.mark.parametrize("resume_from", [None, "now", 5, 99])
    def test_a_node_that_cannot_read_it(self, resume_from: float | str | None, missed: Missed) -> None:
        """rules S2 and P10: where the schedule cannot be read, its pause ends now, for a node that can."""
        snapshot = paused(added(Every(10 * SECOND)), reason="upgrade")
        here = attrs.evolve(snapshot, fault="unknown type")
        change = resuming(here, 65, resume_from, missed)
        state = state_of(change)
        assert state.error is None
        assert at(65) == state.wake_at
        assert () == change.jobs
        (event,) = change.events
        assert isinstance(event, SchedulePaused)
        assert change.unpaused is not None
        assert (True, ScheduleStatus.paused) == (change.unpaused.changed, change.unpaused.status)
        again = resuming(after(here, change), 70, "now", "skip")  # it counts as resumed
        assert again.unpaused is not None
        assert (None, False) == (again.state, again.unpaused.changed)
        elsewhere = settle_and_fire(after(snapshot, change), options_of(snapshot), at(65), 100)
        direct = resuming(snapshot, 65, resume_from, missed)
        if resume_from == "now":
            snapshot = after(snapshot, direct)
            direct = settle_and_fire(snapshot, options_of(snapshot), at(65), 100)
            assert state_of(direct).next_fire_time == state_of(elsewhere).next_fire_time
        else:
            assert fired(direct) == fired(elsewhere)
            assert attrs.evolve(state_of(direct), revision=3) == state_of(elsewhere)

    def test_a_damaged_one(self) -> None:
        """rule S2: a node that should be able to read it, and cannot, sets it aside when the pause ends."""
        snapshot = attrs.evolve(paused(added(Every()), until=at(25)), fault="damaged")
        change = settle_and_fire(snapshot, options_of(snapshot), at(30), 9)
        assert "damaged" == state_of(change).error
        assert state_of(change).pause is None
