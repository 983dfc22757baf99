"""What is told of fire times where several things come together (rules G1 to G3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import attrs
import pytest
from tests.unit.rules.support import (
    SECOND,
    Every,
    FastEvery,
    Saying,
    added,
    after,
    at,
    options_of,
    paused,
    since,
)

from anysched.errors import TriggerError
from anysched.model.history import FireTime, Record
from anysched.model.job import Job
from anysched.model.policies import SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.firing import fire
from anysched.rules.occurrences import move, skip
from anysched.rules.telling import Known, made_at, tell
from anysched.rules.times import COUNT_LIMIT

EVERY_10 = FastEvery(10 * SECOND)


def told(
    snapshot: ScheduleSnapshot,
    now: float,
    end: float | None = None,
    *,
    jobs: Sequence[Job] = (),
    records: Sequence[Record] = (),
    oldest: float | None = None,
    most: int = 100,
) -> list[FireTime]:
    """Return what is told from the start on."""
    known = Known(
        snapshot=snapshot, options=options_of(snapshot), records=records, jobs=jobs, now=at(now),
        oldest=None if oldest is None else at(oldest),
    )  # fmt: skip
    return tell(known, at(0), None if end is None else at(end), most)


def short(found: Sequence[FireTime]) -> list[tuple[Any, ...]]:
    """Return it in few words."""
    return [(since(one.first), since(one.last), one.number, one.status) for one in found]


def test_what_has_run_early_is_told_once() -> None:
    """Rules G2 and O6: a fire time that was moved forward and has its job is no more to come, paused or not."""
    snapshot = added(EVERY_10, at(-5))
    options = options_of(snapshot)
    snapshot = after(snapshot, move(snapshot, options, at(0), at(15), at(8)))
    change = fire(snapshot, options, at(8), 100)
    snapshot = after(snapshot, change)
    assert at(15) in [job.scheduled_fire_time for job in change.jobs]
    jobs = list(change.jobs)
    for state in (snapshot, paused(snapshot, at(9))):
        found = [one.status for one in told(state, 12, 20, jobs=jobs) if one.first == at(15)]
        assert ["queued"] == found


def test_a_pause_that_goes_on_later_than_it_ends() -> None:
    """Rules G2, P7 and P10: with a ``resume_from`` after ``until``, what lies between is told as held back."""
    snapshot = paused(added(EVERY_10), at(5), until=at(25), resume_from=at(45))
    assert [
        (0, 10, 2, "missed"),
        (20, 40, 3, "paused"),
        (45, 45, 1, "planned"),
        (55, 55, 1, "planned"),
    ] == short(told(snapshot, 15, 60))


def test_jitter_reaches_beyond_the_end_of_a_pause() -> None:
    """Rules G2, P7 and T8: what has passed by the end of a pause, and is not due then, runs, and is told once."""
    schedule = added(EVERY_10, max_jitter=timedelta(seconds=9))
    for resume_from in (None, at(10)):
        snapshot = paused(schedule, at(5), until=at(20.001), resume_from=resume_from)
        found = [one for one in told(snapshot, 15, 25) if one.first <= at(20) <= one.last]
        assert [(20, 20, 1, "planned")] == short(found)


@pytest.mark.parametrize("how", ["skip", "move"])
def test_what_a_pause_has_missed_is_written_by_what_comes_next(how: str) -> None:
    """Rules G1 and P10: where a pause was over and nobody had looked, who names a fire time writes what it missed."""
    snapshot = paused(added(EVERY_10), at(5), until=at(25), missed="skip", reason="deploy", by="ops")
    options = options_of(snapshot)
    if how == "skip":
        change = skip(snapshot, options, at(32), at(50))
    else:
        change = move(snapshot, options, at(32), at(50), at(55))
    (record,) = change.skips
    assert (SkipReason.paused, at(0), at(20), 3, "deploy", "ops") == (
        record.reason, record.first, record.last, record.number, record.why, record.by,
    )  # fmt: skip


def test_what_is_coalesced_into_a_moved_fire_time_names_it() -> None:
    """Rules G1 and O3: where a moved fire time stands for late ones, all of them say so."""
    snapshot = added(EVERY_10)
    options = options_of(snapshot)
    snapshot = after(snapshot, move(snapshot, options, at(-1), at(50), at(25)))
    change = fire(snapshot, options, at(28), 100)
    assert [at(50)] == [job.scheduled_fire_time for job in change.jobs]
    assert [(0, 10, at(50)), (20, 20, at(50))] == [
        (since(skip.first), since(skip.last), skip.into) for skip in change.skips
    ]


def test_a_lower_bound_reaches_to_the_last() -> None:
    """Rules G1 and L3: a span that cannot be counted to its end is told up to its last fire time all the same."""
    snapshot = paused(added(Every(SECOND)), at(0))
    (missed,) = told(snapshot, COUNT_LIMIT + 50, 0)
    assert (COUNT_LIMIT + 1, False, at(COUNT_LIMIT + 49)) == (missed.number, missed.exact, missed.last)


def test_what_is_to_come_is_bounded() -> None:
    """Rule G2: a span of the future costs what is told of it, however many fire times it has."""
    trigger = Every(SECOND)
    found = told(added(trigger), -1, 10**9, most=5)
    assert [(float(t), float(t), 1, "planned") for t in range(5)] == short(found)
    assert len(trigger.asked) < 100


def test_what_was_forgotten_under_another_anchor() -> None:
    """Rules G3 and P6: where a resume has moved the anchor, how many are unknown is a lower bound."""
    snapshot = added(EVERY_10)
    moved = attrs.evolve(snapshot.state, anchor=at(100), next_fire_time=at(200), due_at=at(200))
    (unknown,) = told(attrs.evolve(snapshot, state=moved), 150, 150, oldest=45)
    assert [(0, 40, 5, "unknown")] == short([unknown])
    assert not unknown.exact


def test_when_a_schedule_was_added() -> None:
    """Rule G3: a life of a schedule tells when it began, though its anchor may have moved."""
    snapshot = added(EVERY_10, at(7.25))
    assert at(7.25) == made_at(snapshot.state.incarnation)


def test_a_trigger_that_does_not_work() -> None:
    """Rules G2 and S2: a broken trigger is an error, but not where the schedule was set aside for it."""

    def broken(after: Any) -> Any:
        raise OSError("no moon")

    snapshot = added(EVERY_10)
    snapshot = attrs.evolve(snapshot, schedule=attrs.evolve(snapshot.schedule, trigger=Saying(broken)))
    with pytest.raises(TriggerError, match="no moon"):
        told(snapshot, 5, 60)
    state = attrs.evolve(snapshot.state, error="no moon", next_fire_time=at(0))
    assert [] == told(attrs.evolve(snapshot, state=state), 5, 60)


def test_a_schedule_that_was_set_aside() -> None:
    """Rules G2 and S2: what has passed since then is told as missed, with the error, and nothing is to come."""
    snapshot = added(EVERY_10)
    snapshot = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, error="the disk is full"))
    (missed,) = told(snapshot, 25, 60)
    assert [(0, 20, 3, "missed")] == short([missed])
    assert "the disk is full" == missed.why


def test_jitter_of_the_latest() -> None:
    """Rules G2 and T8: a fire time that has passed, and waits for its delay, is to come, and not late."""
    snapshot = added(EVERY_10, max_jitter=timedelta(seconds=9))
    due = told(snapshot, -1, 0)[0].due_at
    assert due is not None
    assert due > at(0)
    assert [(0, 0, 1, "planned")] == short(told(snapshot, (since(due) or 0) - 0.001, 0))
    assert [(0, 0, 1, "late")] == short(told(snapshot, since(due) or 0, 0))
