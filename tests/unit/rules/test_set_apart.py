"""What is told of fire times in windows, and of those that backfills run (rules G2, W2 to W5, F2 and F4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest
from tests.unit.rules.support import SECOND, Every, FastEvery, added, after, at, options_of, paused
from tests.unit.rules.test_backfilling import begun, ending, the_one
from tests.unit.rules.test_explaining import ADDED, BROKEN, HOURLY, active, h, job, run, skip
from tests.unit.rules.test_explaining import told as explained
from tests.unit.rules.test_telling import short, told

from anysched.model.backfill import Backfill
from anysched.model.history import Record, RunRecord
from anysched.model.job import Job
from anysched.model.policies import CoalescePolicy, JobKind, JobOutcome, JobStatus, SkipReason, WindowMode
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.window import Window
from anysched.rules import backfilling
from anysched.rules.firing import fire
from anysched.rules.pausing import unpause
from anysched.rules.windows import rewindowed

#: An id, as it is told.
SEVEN = "00000000-0000-0000-0000-000000000007"
AT_11 = "at 2026-01-05 11:00:00+01:00"
TAPE = "window 'tape' of ops (backup)"


def under(snapshot: ScheduleSnapshot, *windows: Window) -> ScheduleSnapshot:
    """Return a schedule under windows that came with it."""
    since = snapshot.state.anchor
    placed = tuple(attrs.evolve(one, since=since) for one in windows)
    state = rewindowed(snapshot.schedule, snapshot.state, placed, since)
    return attrs.evolve(snapshot, state=state)


def window(start: Any, end: Any, mode: WindowMode = "skip") -> Window:
    return Window(id="tape", mode=mode, dates=((start, end),), since=ADDED, reason="backup", by="ops")


def from_11(mode: WindowMode = "skip", cursor: float = 10, **settings: Any) -> ScheduleSnapshot:
    """Return a schedule with a window from eleven to half past twelve."""
    found = under(active(10), window(h(11), h(12.5), mode))
    state = attrs.evolve(
        found.state, next_fire_time=h(cursor), due_at=h(max(cursor, 12.5) if cursor > 10 else 10)
    )
    return attrs.evolve(found, schedule=attrs.evolve(found.schedule, **settings), state=state)


@pytest.mark.parametrize(
    ("snapshot", "at", "now", "sentence"),
    [
        (from_11(), 11, 9.75, f"Will not run {AT_11}: in {TAPE}."),
        (from_11(cursor=13), 11, 12.75, f"Did not run: in {TAPE}."),
        (
            from_11("defer"),
            12,
            9.75,
            f"Will run at 2026-01-05 12:30:00+01:00, put off from 2026-01-05 12:00:00+01:00 by {TAPE}.",
        ),
        (
            from_11("defer", cursor=11),
            None,
            12.25,
            f"Will run at 2026-01-05 12:30:00+01:00, put off from 2026-01-05 12:00:00+01:00 by {TAPE}.",
        ),
        (
            from_11("defer"),
            11,
            9.75,
            (
                f"Will not run {AT_11}: {TAPE} puts it off with others, and it is coalesced into"
                " 2026-01-05 12:00:00+01:00."
            ),
        ),
        (
            from_11("defer", coalesce=CoalescePolicy.all, max_catchup=1),
            11,
            9.75,
            f"Will not run {AT_11}: {TAPE} puts it off with others, and more are due then than max_catchup allows.",
        ),
        (
            from_11("defer", coalesce=CoalescePolicy.earliest),
            11,
            9.75,
            f"Will run at 2026-01-05 12:30:00+01:00, put off from 2026-01-05 11:00:00+01:00 by {TAPE}.",
        ),
        (
            from_11(),
            11.5,
            9.75,
            (
                "Is not a fire time of this schedule; the nearest are 2026-01-05 10:00:00+01:00 and"
                " 2026-01-05 13:00:00+01:00."
            ),
        ),
    ],
)  # fmt: skip
def test_windows(snapshot: ScheduleSnapshot, at: float | None, now: float, sentence: str) -> None:
    """Rules G2, W2 and W3: what a window keeps from running is told with whose it is, why, and when it runs instead."""
    assert sentence == explained(snapshot, None if at is None else h(at), now)


def test_windows_leave_out_all_that_is_to_come() -> None:
    """Rules G2 and W5: a schedule that is finished until a window goes says which one."""
    snapshot = under(added(Every(timedelta(hours=1), h(0), h(15)), ADDED), window(h(7), h(20)))
    assert snapshot.next_fire_time is None
    sentence = (
        "Will not run: the schedule is finished until a window goes, and none of its fire times got a job: windows"
        f" leave out all that is to come, next 2026-01-05 10:00:00+01:00 in {TAPE}."
    )
    assert sentence == explained(snapshot, None)
    assert f"Did not run: in {TAPE}." == explained(snapshot, h(9))
    sentence = "Will not run: the schedule is finished, and none of its fire times got a job."
    assert sentence == explained(snapshot, None, 15.5)


def test_spans() -> None:
    """Rules G2 and W2: what a window leaves out is one entry, cut at the present, and at what is asked for."""
    snapshot = under(added(FastEvery(10 * SECOND)), window(at(20), at(60)))
    found = told(snapshot, 35, 80)
    expected = [
        (0, 10, 2, "late"),
        (20, 30, 2, "skipped"),
        (40, 50, 2, "skipped"),
        (60, 60, 1, "planned"),
        (70, 70, 1, "planned"),
        (80, 80, 1, "planned"),
    ]
    assert expected == short(found)
    assert (SkipReason.window, "tape", "backup", "ops", None, None) == (
        found[1].reason, found[1].cause, found[1].why, found[1].by, found[1].due_at, found[1].finished_at,
    )  # fmt: skip
    held = [(0, 10, 2, "missed"), (20, 30, 2, "skipped"), (40, 50, 2, "skipped"), (60, 80, 3, "paused")]
    assert held == short(told(paused(snapshot), 35, 80))
    fired = fire(snapshot, options_of(snapshot), at(35), 100)
    assert [(0, 30, 4, "unknown"), *expected[2:]] == short(told(after(snapshot, fired), 35, 80))


def test_what_is_put_off_together_is_told_by_who_chooses() -> None:
    """Rules G2, W3 and L2: of a million put off to one instant, those that run are told one by one, others as one."""
    snapshot = under(
        added(FastEvery(SECOND), coalesce="all", max_catchup=2), window(at(10), at(1_000_010), "defer")
    )
    found = told(snapshot, -1, 1_000_010)
    assert [(10, 1_000_008, 999_999, "skipped"), (1_000_009, 1_000_009, 1, "planned")] == short(found[10:-1])
    assert [at(1_000_010)] * 2 == [one.due_at for one in found[-2:]]
    assert (SkipReason.catchup_limit, "tape") == (found[10].reason, found[10].cause)


def test_many_spans_are_bounded() -> None:
    """Rules G2 and T4: no more spans of a window are told than asked for, and none is stepped through."""
    trigger = FastEvery(timedelta(minutes=1), start=at(0))
    each = Window(id="w", mode="skip", trigger=trigger, duration=timedelta(seconds=30), since=ADDED)
    snapshot = under(added(Every(SECOND, start=at(0))), each)
    found = told(snapshot, -1, most=40)
    spans = [one for one in found if one.status == "skipped"]
    assert [(0, 29, 30, "skipped"), (60, 89, 30, "skipped")] == short(spans)
    assert 40 == sum(one.status == "planned" for one in found)
    assert 5 == sum(one.status == "skipped" for one in told(snapshot, -1, 10**6, most=5))


def backfill(**how: Any) -> Backfill:
    """Return a backfill of eight and nine o'clock."""
    known: dict[str, Any] = {"left": ((h(8), h(9)),), "trigger": HOURLY, "reason": "gap", "by": "ana"}
    return Backfill(
        id=UUID(int=7), schedule_id="x", start=h(8), end=h(9), anchor=ADDED, since=h(9.5),
        **{**known, **how},
    )  # fmt: skip


FAILED = run(JobOutcome.error, exception=BROKEN, started_at=h(9))
EARLIER = "ran at 2026-01-05 09:00:00+01:00 on node web-1 and failed after 2.4 s with ValueError (no\\nbees)"
BY_A_BACKFILL = run(kind=JobKind.backfill, run_at=h(9.5), started_at=h(9.5), finished_at=h(9.6), node="web-2")
LEFT = f"Is left to backfill '{SEVEN}' of ana (gap), which"


@pytest.mark.parametrize(
    ("backfills", "records", "jobs", "sentence"),
    [
        ([backfill()], [], [], f"{LEFT} has not made its job yet."),
        ([backfill(status="paused")], [], [], f"{LEFT} is paused."),
        ([backfill()], [FAILED], [], f"{LEFT} has not made its job yet; before that, it {EARLIER}."),
        (
            [],
            [BY_A_BACKFILL],
            [],
            "Ran in a backfill at 2026-01-05 09:30:00+01:00 on node web-2 and succeeded after 6 min.",
        ),
        (
            [],
            [FAILED, BY_A_BACKFILL],
            [],
            (
                "Ran in a backfill at 2026-01-05 09:30:00+01:00 on node web-2 and succeeded after 6 min; before that,"
                f" it {EARLIER}."
            ),
        ),
        (
            [],
            [FAILED, attrs.evolve(BY_A_BACKFILL, run_at=h(9.4), outcome=JobOutcome.abandoned), BY_A_BACKFILL],
            [],
            (
                "Ran in a backfill at 2026-01-05 09:30:00+01:00 on node web-2 and succeeded after 6 min; before that,"
                f" it {EARLIER}."
            ),
        ),
        (
            [],
            [FAILED],
            [job(JobStatus.running, kind=JobKind.backfill, backfill=UUID(int=7), run_at=9.6)],
            f"Is running in a backfill now; before that, it {EARLIER}.",
        ),
        (
            [],
            [skip(SkipReason.backfilled, cause=SEVEN, why="gap", by="ana")],
            [],
            f"Did not run: it was left to backfill '{SEVEN}' of ana (gap), which was cancelled.",
        ),
    ],
)
def test_backfills(backfills: list[Backfill], records: list[Record], jobs: list[Job], sentence: str) -> None:
    """Rules G2 and F2: a fire time that a backfill has taken up is told with that, and with what it was before."""
    assert sentence == explained(active(backfills=tuple(backfills)), h(9), records=records, jobs=jobs)


def test_what_is_left_to_a_backfill() -> None:
    """Rules G2, F2 and F4: of a paused schedule, it is told once: as left to the backfill, as its job, as its run."""
    snapshot = paused(added(Every(start=at(0)), at(0)))
    snapshot, change, _ = begun(snapshot, 1, 3, 4, by="ana")
    missed = [(0, 0, 1, "missed"), (1, 1, 1, "queued"), (2, 3, 2, "planned"), (4, 4, 1, "paused")]
    found = told(snapshot, 4, 4, jobs=change.jobs)
    assert missed == short(found)
    assert [str(the_one(snapshot).id)] * 2 == [found[1].cause, found[2].cause]
    assert (JobKind.backfill, None, "ana") == (found[2].kind, found[2].due_at, found[2].by)
    assert [(2, 2, 1, "planned")] == short([one for one in told(snapshot, 4, 2) if one.kind])


def test_a_backfill_that_cannot_be_counted() -> None:
    """Rules G2 and N5: where the trigger of a backfill does not work here, the ends of what is left are told."""
    broken = backfill(trigger=FastEvery(-SECOND), left=((at(0), at(5)), (at(9), at(9))))
    snapshot = added(Every(start=at(0)))
    snapshot = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, backfills=(broken,)))
    found = [one for one in told(snapshot, 20, 10) if one.kind is JobKind.backfill]
    assert [(0, 5), (9, 9)] == [
        tuple((one - at(0)).seconds for one in (each.first, each.last)) for each in found
    ]


def test_what_a_cancelled_backfill_has_lost_is_written() -> None:
    """Rules G1 and F4: what was left to it, and cannot come back, is in the history as such, unless none is kept."""
    snapshot = paused(added(Every(start=at(0)), at(0)))
    snapshot, change, plan = begun(snapshot, 0, 4, 6, by="ana", reason="gap")
    snapshot = after(snapshot, ending(snapshot, *change.jobs))
    assert plan.id is not None
    resumed = after(snapshot, unpause(snapshot, options_of(snapshot), at(6)))
    (lost,) = backfilling.cancel(resumed, plan.id, at(7)).skips
    assert (SkipReason.backfilled, at(2), at(4), 3, str(plan.id), "gap", "ana", at(7)) == (
        lost.reason, lost.first, lost.last, lost.number, lost.cause, lost.why, lost.by, lost.at,
    )  # fmt: skip
    assert () == backfilling.cancel(resumed, plan.id, at(7), recorded=False).skips
    assert () == backfilling.cancel(snapshot, plan.id, at(7)).skips


def test_what_only_a_backfill_has_run_is_known() -> None:
    """Rules G2 and G3: of fire times that are gone, those that a backfill has run are told as that, and not twice."""
    snapshot = added(Every(start=at(0)), at(0))
    state = attrs.evolve(snapshot.state, next_fire_time=at(6), due_at=at(6))
    record = RunRecord(
        UUID(int=1), "x", state.incarnation, JobKind.backfill, at(2), at(5), JobOutcome.success, at(5), at(5)
    )
    found = told(attrs.evolve(snapshot, state=state), 5, 5, records=[record])
    assert [(0, 1, 2, "unknown"), (2, 2, 1, "ran"), (3, 5, 3, "unknown")] == short(found)


def test_what_a_window_left_out_is_forgotten_like_others() -> None:
    """Rules G3 and W2: what was counted, and is not kept any more, is unknown, though its window still stands."""
    snapshot = under(added(FastEvery(10 * SECOND)), window(at(20), at(40)))
    snapshot = after(snapshot, fire(snapshot, options_of(snapshot), at(45), 100))
    assert [(0, 40, 5, "unknown"), (50, 50, 1, "planned")] == short(told(snapshot, 45, 50))
