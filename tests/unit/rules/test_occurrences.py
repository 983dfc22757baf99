"""Skipping, moving and restoring single fire times."""

from __future__ import annotations

from collections.abc import Callable
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
    options_of,
    paused,
    same,
    since,
    skips,
)

from anysched.errors import DeserializationError, TriggerError
from anysched.model.change import Change
from anysched.model.events import FireTimeChanged, FireTimesSkipped, ScheduleFinished
from anysched.model.occurrence import MOST_OCCURRENCES, Occurrence
from anysched.model.policies import CatchUp, ConflictPolicy, ScheduleStatus, SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules import occurrences
from anysched.rules.adding import add
from anysched.rules.pausing import preview, settle_and_fire, unpause
from anysched.rules.times import FireTimes, RemainingFireTimes


class Told:
    """A schedule of every 10 s from 10 on, and what people ask of it and nodes do with it."""

    def __init__(self, trigger: Any = None, **settings: Any) -> None:
        self.snapshot: ScheduleSnapshot = added(trigger or FastEvery(10 * SECOND, at(10)), **settings)

    def _do(self, change: Change) -> Change:
        self.snapshot = after(self.snapshot, change)
        return change

    def skip(self, fire_time: float | None = None, now: float = 0, **told: Any) -> Change:
        named = None if fire_time is None else at(fire_time)
        return self._do(occurrences.skip(self.snapshot, options_of(self.snapshot), at(now), named, **told))

    def move(self, fire_time: float | None, to: float, now: float = 0, **told: Any) -> Change:
        named = None if fire_time is None else at(fire_time)
        return self._do(
            occurrences.move(self.snapshot, options_of(self.snapshot), at(now), named, at(to), **told)
        )

    def restore(self, fire_time: float, now: float = 0) -> Change:
        return self._do(occurrences.restore(self.snapshot, options_of(self.snapshot), at(now), at(fire_time)))

    def fire(self, now: float, limit: int = 100) -> Change:
        change = settle_and_fire(self.snapshot, options_of(self.snapshot), at(now), limit)
        return self._do(change)

    def resume(self, now: float, **how: Any) -> Change:
        return self._do(unpause(self.snapshot, options_of(self.snapshot), at(now), **how))

    def pause(self, now: float, **pause: Any) -> None:
        self.snapshot = paused(self.snapshot, at(now), **pause)

    @property
    def wake(self) -> float | None:
        return since(self.snapshot.state.wake_at)

    @property
    def cursor(self) -> float | None:
        return since(self.snapshot.next_fire_time)

    @property
    def named(self) -> list[tuple[float | None, float | None]]:
        return [(since(one.fire_time), since(one.moved_to)) for one in self.snapshot.state.occurrences]


def test_a_skipped_fire_time() -> None:
    """Rules O1 and O2: the schedule goes on to the following one; the skipped one is counted when its time has come."""
    told = Told()
    change = told.skip(reason="holiday", by="ana")
    event = FireTimeChanged("x", "task", at(10), "skipped", None, "holiday", "ana", at(20))
    assert ((event,), ()) == (change.events, change.jobs)
    occurrence = Occurrence(fire_time=at(10), reason="holiday", by="ana")
    assert ((occurrence,), 20, 10) == (told.snapshot.state.occurrences, told.cursor, told.wake)
    assert {} == told.snapshot.state.skipped
    counted = told.fire(10)
    assert ({SkipReason.requested: 1}, [], 20, []) == (
        skips(counted),
        fired(counted),
        told.cursor,
        told.named,
    )
    assert (FireTimesSkipped("x", "task", ((SkipReason.requested, 1),), True),) == counted.events


def test_next_is_what_is_due_next() -> None:
    """Rule O1: "next" means the fire time that is due next; one that was moved is due at its new instant."""
    told = Told()
    told.skip()
    told.skip()
    assert ([(10, None), (20, None)], 30) == (told.named, told.cursor)
    told.move(None, 35)
    told.move(None, 33)
    assert [(10, None), (20, None), (30, 33)] == told.named
    told.skip()
    assert [(10, None), (20, None), (30, None)] == told.named


@pytest.mark.parametrize("trigger", [FastEvery, Every])
def test_a_fire_time_that_is_moved_back(trigger: Callable[..., Any]) -> None:
    """Rule O2: its job is due at the new instant, without jitter, and keeps its nominal fire time; others stay."""
    told = Told(trigger(10 * SECOND, at(10)), misfire_grace_time=5)
    told.move(10, 32)
    made = [job for now in (10, 20, 30, 31, 32, 40) for job in told.fire(now).jobs]
    assert [(20, 20), (30, 30), (10, 32), (40, 40)] == [
        (since(job.scheduled_fire_time), since(job.run_at)) for job in made
    ]
    assert [25, 35, 37, 45] == [since(job.start_deadline) for job in made]
    state = told.snapshot.state
    assert (4, {}, (), at(40)) == (state.jobs_made, state.skipped, state.occurrences, state.last_fire_time)


def test_a_fire_time_that_is_moved_forward() -> None:
    """Rules O2 and O6: it has its job before the others, and none at its old instant; it is not the last yet."""
    told = Told()
    told.move(30, 5)
    assert 5 == told.wake
    assert [30] == fired(told.fire(5))
    assert ([(30, 5)], 10, None) == (told.named, told.wake, told.snapshot.last_fire_time)
    for now, expected in ((10, [10]), (20, [20]), (30, []), (40, [40])):
        assert expected == fired(told.fire(now))
        assert (([] if now >= 30 else [(30, 5)]), at(now)) == (told.named, told.snapshot.last_fire_time)


@pytest.mark.parametrize(
    ("settings", "jobs", "counts"),
    [
        ({}, [10], {SkipReason.coalesced: 3}),
        ({"coalesce": "earliest"}, [20], {SkipReason.coalesced: 3}),
        ({"coalesce": "all"}, [20, 30, 40, 10], {}),
        ({"coalesce": "all", "max_catchup": 1}, [40, 10], {SkipReason.catchup_limit: 2}),
        ({"coalesce": "all", "misfire_grace_time": 4}, [10], {SkipReason.grace: 3}),
        ({"misfire_grace_time": 1}, [], {SkipReason.grace: 4}),
        ({"misfire_grace_time": 6}, [10], {SkipReason.grace: 2, SkipReason.coalesced: 1}),
    ],
)
def test_lateness(settings: dict[str, Any], jobs: list[int], counts: dict[SkipReason, int]) -> None:
    """Rule O3: moved fire times are late by their new instants, chosen among the others, and past no limit."""
    told = Told(**settings)
    told.move(10, 43)
    change = told.fire(46)
    assert (jobs, counts, 50, []) == (fired(change), skips(change), told.cursor, told.named)


def test_catching_up_in_parts() -> None:
    """Rules O3 and L2: under coalesce "all" no pass makes more jobs than it may, and the next goes on."""
    told = Told(coalesce="all")
    told.move(10, 12)
    told.move(20, 13)
    told.skip(40)
    passes = [fired(told.fire(55, limit=1)) for _ in range(5)]
    assert [[10], [20], [30], [50], []] == passes
    assert ({SkipReason.requested: 1}, [], 60) == (told.snapshot.state.skipped, told.named, told.cursor)


def test_jitter_of_the_others_stays() -> None:
    """Rules O2 and T8: what is delayed by jitter stays delayed as it was, whatever becomes of its neighbours."""
    told = Told(max_jitter=60)
    due = told.snapshot.state.due_at
    told.skip(20)
    assert due == told.snapshot.state.due_at
    told.skip(10)
    whole = FireTimes.of(told.snapshot.schedule, T0)
    assert whole.due_at(at(30)) == told.snapshot.state.due_at
    told.restore(10)
    assert due == told.snapshot.state.due_at


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda told: told.skip(5), "no fire time .*00:05.* to come; the nearest: .*00:10"),
        (lambda told: told.skip(34), "the nearest: .*00:30.*, .*00:40"),
        (lambda told: told.skip(95), "the nearest: .*01:30"),
        (lambda told: told.move(15, 17), "the nearest: .*00:10.*, .*00:20"),
        (lambda told: told.move(10, 30), "to must not be a fire time of schedule 'x': .*restore_fire_time"),
        (lambda told: told.move(10, 10), "to must not be a fire time"),
        (lambda told: told.move(10, 0), "to must lie in the future"),
        (lambda told: [told.move(10, 15), told.move(20, 15)], "another fire time .* is moved to .*00:15"),
        (lambda told: told.restore(10), "has not skipped or moved a fire time .*00:10.*; it has: none"),
        (lambda told: [told.skip(20), told.restore(10)], "it has: .*00:20"),
        (lambda told: [told.fire(10), told.skip(10, 11)], "to come; the nearest: .*00:20"),
        (lambda told: [told.move(20, 5), told.fire(5), told.skip(20, 6)], "00:20.* has its job already"),
        (lambda told: [told.move(20, 5), told.fire(9), told.move(20, 15, 9)], "00:20.* was dropped as late"),
        (lambda told: [told.fire(95), told.skip(None, 95)], "schedule 'x' has no fire time left"),
        (lambda told: [told.fire(95), told.skip(90, 95)], "to come: none is left"),
        (lambda told: [told.move(10, 35), told.fire(30), told.restore(10, 31)], "later ones have been dealt"),
    ],
)
def test_what_is_refused(ask: Callable[[Told], object], message: str) -> None:
    """Rules O1 and O4: what is no fire time to come is refused with the nearest; so is an instant that is taken."""
    told = Told(FastEvery(10 * SECOND, at(10), at(90)), misfire_grace_time=3)
    with pytest.raises(ValueError, match=message):
        ask(told)


def test_no_more_than_so_many() -> None:
    """Rule O1: a schedule has a limited number of named fire times; naming one of them again is no new one."""
    told = Told()
    for _ in range(MOST_OCCURRENCES):
        told.skip()
    with pytest.raises(ValueError, match="can have no more"):
        told.skip()
    told.move(10, 15)
    assert (MOST_OCCURRENCES, 10 * MOST_OCCURRENCES + 10) == (len(told.named), told.cursor)


def test_what_does_not_work_on_this_node() -> None:
    """Rule O1: a schedule that cannot be read, or whose trigger does not work, is left alone with an error."""
    told = Told()
    told.snapshot = attrs.evolve(told.snapshot, fault="unknown trigger")
    with pytest.raises(DeserializationError, match="cannot be changed from this node: unknown trigger"):
        told.skip()
    broken = attrs.evolve(told.snapshot.schedule, trigger=Saying(lambda _: None / 1))  # type: ignore[operator]
    told.snapshot = ScheduleSnapshot(broken, told.snapshot.state)
    with pytest.raises(TriggerError, match="TypeError"):
        told.skip()


def test_restoring() -> None:
    """Rule O4: what is restored is again what the trigger says; the schedule stands where it stood."""
    told = Told()
    before = told.snapshot.state
    told.skip()
    told.skip()
    change = told.restore(10)
    assert (FireTimeChanged("x", "task", at(10), "restored", None, None, None, at(10)),) == change.events
    assert ([(20, None)], 10) == (told.named, told.cursor)
    told.restore(20)
    assert attrs.evolve(before, revision=before.revision + 4) == told.snapshot.state


def test_restoring_what_is_past() -> None:
    """Rule O4: a fire time that has passed can be restored while none after it was dealt with; it is late then."""
    told = Told()
    told.move(10, 55)
    told.restore(10, now=15)
    assert [10] == fired(told.fire(16))
    assert [20] == fired(told.fire(20))


def test_the_last_fire_time() -> None:
    """Rule O6: a schedule whose last fire time is skipped or moved is finished when that is over, and not before."""
    told = Told(Instants((at(10), at(20))))
    told.skip(20)
    assert [10] == fired(told.fire(10))
    assert (None, 20, ScheduleStatus.active) == (told.cursor, told.wake, told.snapshot.status)
    told.restore(20, now=11)
    told.move(20, 15, now=12)
    assert [20] == fired(told.fire(15))
    assert (20, ScheduleStatus.active) == (told.wake, told.snapshot.status)
    change = told.fire(20)
    assert ((ScheduleFinished("x", "task"),), ScheduleStatus.finished) == (
        change.events,
        told.snapshot.status,
    )
    assert (None, at(20)) == (told.wake, told.snapshot.last_fire_time)


def test_while_paused() -> None:
    """Rules O5 and P1: nothing comes of named fire times during a pause, but they can be named and restored."""
    told = Told()
    told.move(10, 15)
    told.skip(20)
    told.pause(5)
    assert (None, Change(schedule_id="x")) == (told.wake, told.fire(30))
    told.skip(40, now=31)
    told.restore(40, now=32)
    assert ([(10, 15), (20, None)], 30, True) == (told.named, told.cursor, told.snapshot.paused)


@pytest.mark.parametrize(
    ("how", "jobs", "counts", "named", "cursor"),
    [
        ({}, [30], {SkipReason.coalesced: 1, SkipReason.requested: 1}, [(50, 61)], 40),
        ({"missed": "skip"}, [], {SkipReason.paused: 2, SkipReason.requested: 1}, [(50, 61)], 40),
        ({"missed": "run_once"}, [30], {SkipReason.coalesced: 1, SkipReason.requested: 1}, [(50, 61)], 40),
        ({"missed": "run_all"}, [10, 30], {SkipReason.requested: 1}, [(50, 61)], 40),
        (
            {"missed": CatchUp("earliest")},
            [10],
            {SkipReason.coalesced: 1, SkipReason.requested: 1},
            [(50, 61)],
            40,
        ),
        (
            {"missed": CatchUp(max_jobs=1)},
            [30],
            {SkipReason.catchup_limit: 1, SkipReason.requested: 1},
            [(50, 61)],
            40,
        ),
        (
            {"missed": CatchUp(max_age=19)},
            [30],
            {SkipReason.paused: 1, SkipReason.requested: 1},
            [(50, 61)],
            40,
        ),
        (
            {"resume_from": "now"},
            [],
            {SkipReason.paused: 2, SkipReason.requested: 1},
            [(50, 61)],
            40,
        ),
        ({"resume_from": at(33)}, [], {SkipReason.paused: 2, SkipReason.requested: 1}, [(50, 61)], 40),
        ({"resume_from": at(70)}, [], {SkipReason.paused: 5, SkipReason.requested: 1}, [(50, None)], 70),
    ],
)
def test_resuming(how: dict[str, Any], jobs: list[int], counts: Any, named: Any, cursor: int) -> None:
    """Rule O5: a moved fire time is missed, late or given up by its new instant; the preview tells what is left.

    Frozen at 30 from 5 on; 10 was moved to 15, 20 skipped, 50 moved to 61; resumed at 35.
    """
    told = Told()
    told.move(10, 15)
    told.skip(20)
    told.move(50, 61)
    told.pause(5)
    seen = preview(told.snapshot, unpause(told.snapshot, options_of(told.snapshot), at(35), **how))
    change = told.resume(35, **how)
    assert (jobs, counts, named, cursor) == (fired(change), skips(change), told.named, told.cursor)
    assert seen.occurrences == told.snapshot.state.occurrences


def test_resuming_step_by_step() -> None:
    """Rules O5 and P5: moved fire times are spaced with the others, in the order in which they were due."""
    told = Told()
    told.move(10, 25)
    told.pause(5)
    change = told.resume(45, missed=CatchUp(spacing=60))
    assert [(20, 45), (10, 105), (30, 165), (40, 225)] == [
        (since(job.scheduled_fire_time), since(job.run_at)) for job in change.jobs
    ]


def test_resuming_with_another_rhythm() -> None:
    """Rules O5 and P6: under a new anchor, what was asked for stands if it is about a fire time still, or of before."""
    told = Told(Every(10 * SECOND))
    told.fire(0)
    told.skip(20)
    told.skip(40)
    told.move(30, 35)
    told.move(10, 37)
    told.pause(5)
    told.resume(12, resume_from="now")
    assert ([(10, 37)], 12) == (told.named, told.cursor)


def test_another_trigger() -> None:
    """Rules O6 and S1: named fire times go with their trigger, uncounted; under the same trigger they stay."""
    told = Told()
    told.skip(20)
    told.move(10, 15)
    kept = told.snapshot.state.occurrences

    def replaced(**changes: Any) -> ScheduleSnapshot:
        schedule = attrs.evolve(told.snapshot.schedule, **changes)
        return after(told.snapshot, add(schedule, told.snapshot, at(1), ConflictPolicy.replace, same))

    assert kept == replaced(args=("new",)).state.occurrences
    state = replaced(trigger=FastEvery(20 * SECOND, at(20))).state
    assert ((), at(20), {}) == (state.occurrences, state.next_fire_time, state.skipped)


def test_those_that_are_left_are_found_and_counted() -> None:
    """Rules O2, T4 and L3: named fire times are neither the latest nor counted, with fast triggers and slow ones."""
    named = tuple(Occurrence(fire_time=at(second)) for second in (20, 30, 95))
    for trigger in (Every(10 * SECOND, at(10)), FastEvery(10 * SECOND, at(10))):
        times = FireTimes.of(added(trigger).schedule, T0, named)
        assert isinstance(times, RemainingFireTimes)
        assert [at(10), at(40), at(50)] == list(times.between(T0, at(50)))
        assert (at(10), at(40)) == (times.last(at(10), at(39)), times.last(at(10), at(40)))
        assert (2, True) == attrs.astuple(times.count(at(10), at(50)))
        assert 7 == times.count(at(10), at(100)).number
        assert [True, True, False] == [times.has(at(second)) for second in (10, 20, 95)]
