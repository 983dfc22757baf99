"""Every kind of answer to why a schedule did or did not run, as the whole sentence (rule G2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import pytest
from tests.unit.rules.support import Every, Instants, Saying, added, paused

from anysched.model.history import Record, RunRecord, SkipRecord
from anysched.model.ids import new_id
from anysched.model.job import Job, JobException
from anysched.model.occurrence import Occurrence
from anysched.model.pause import Pause
from anysched.model.policies import JobKind, JobOutcome, JobStatus, SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import TaskDefaults
from anysched.rules.explaining import Question, explain
from anysched.rules.options import effective_options
from anysched.rules.telling import Known
from anysched.rules.wording import length

VIENNA = ZoneInfo("Europe/Vienna")
ADDED = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)


def h(hour: float) -> datetime:
    """Return an instant of one day, by the clocks of Vienna."""
    return datetime(2026, 1, 5, tzinfo=UTC) + timedelta(hours=hour - 1)


HOURLY = Every(timedelta(hours=1), start=h(0))
DEPLOY: dict[str, Any] = {"since": h(9.5), "reason": "deploy 142", "by": "ops"}


def active(next_fire_time: float = 10, **state: Any) -> ScheduleSnapshot:
    """Return a schedule that was added at half past seven, and stands at an hour."""
    snapshot = added(HOURLY, ADDED)
    cursor = h(next_fire_time)
    return attrs.evolve(
        snapshot, state=attrs.evolve(snapshot.state, next_fire_time=cursor, due_at=cursor, **state)
    )


def told(
    snapshot: ScheduleSnapshot,
    at: datetime | None,
    now: float = 9.75,
    *,
    records: Sequence[Record] = (),
    jobs: Sequence[Job] = (),
    most: int | None = None,
    running: int | None = None,
    has_task: bool = True,
) -> str:
    """Return the answer at a quarter to ten."""
    defaults = TaskDefaults(max_running_jobs=most)
    known = Known(
        snapshot=snapshot,
        options=effective_options(snapshot.schedule, None, defaults),
        records=records,
        oldest=h(8),
        jobs=jobs,
        now=h(now),
        has_task=has_task,
    )
    return explain(Question(known=known, at=at, timezone=VIENNA, running=running))


def run(outcome: JobOutcome = JobOutcome.success, **how: Any) -> RunRecord:
    """Return the run of nine o'clock; it began two seconds late, and took 0.4 s."""
    started = h(9) + timedelta(seconds=2)
    known: dict[str, Any] = {
        "job_id": new_id(h(9)), "schedule_id": "x", "incarnation": UUID(int=1), "kind": JobKind.regular,
        "fire_time": h(9), "run_at": h(9), "outcome": outcome, "started_at": started,
        "finished_at": started + timedelta(seconds=0.4), "node": "web-1",
    }  # fmt: skip
    return RunRecord(**{**known, **how})


def skip(reason: SkipReason, **how: Any) -> SkipRecord:
    """Return what is written of fire times from eight to nine."""
    known: dict[str, Any] = {"first": h(8), "last": h(9), "number": 2, "exact": True, "at": h(9.5)}
    return SkipRecord(schedule_id="x", incarnation=UUID(int=1), reason=reason, **{**known, **how})


def job(status: JobStatus = JobStatus.queued, **how: Any) -> Job:
    """Return the job of nine o'clock."""
    known: dict[str, Any] = {"kind": JobKind.regular, "scheduled_fire_time": h(9), "schedule_id": "x"}
    return Job(new_id(h(9)), "task", h(how.pop("run_at", 9)), h(9), status=status, **{**known, **how})


NEVER: dict[str, Any] = {"started_at": None, "node": None, "finished_at": h(9.5)}
BROKEN = JobException("ValueError", "no\nbees", "traceback")


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (run(), "Ran at 2026-01-05 09:00:02+01:00 (2 s late) on node web-1 and succeeded after 0.4 s."),
        (
            run(started_at=h(9), finished_at=h(9.5), attempt=2),
            "Ran at 2026-01-05 09:00:00+01:00 on node web-1 in attempt 2 and succeeded after 30 min.",
        ),
        (
            run(JobOutcome.error, exception=BROKEN, started_at=h(9)),
            "Ran at 2026-01-05 09:00:00+01:00 on node web-1 and failed after 2.4 s with ValueError (no\\nbees).",
        ),
        (
            run(JobOutcome.error, exception=JobException("Exit", ""), started_at=h(9)),
            "Ran at 2026-01-05 09:00:00+01:00 on node web-1 and failed after 2.4 s with Exit.",
        ),
        (
            run(JobOutcome.cancelled, started_at=h(9)),
            "Ran at 2026-01-05 09:00:00+01:00 on node web-1 and was cancelled after 2.4 s.",
        ),
        (
            run(JobOutcome.cancelled, **NEVER),
            "Did not run: its job was cancelled at 2026-01-05 09:30:00+01:00 before it started.",
        ),
        (
            run(JobOutcome.missed_start_deadline, **NEVER),
            "Did not run: its job came too late to start at 2026-01-05 09:30:00+01:00.",
        ),
        (
            run(JobOutcome.abandoned, started_at=None, attempt=3, finished_at=h(9.5)),
            "Was given up at 2026-01-05 09:30:00+01:00: node web-1 stopped or went away during attempt 3.",
        ),
        (
            run(kind=JobKind.backfill, started_at=h(9)),
            "Ran in a backfill at 2026-01-05 09:00:00+01:00 on node web-1 and succeeded after 2.4 s.",
        ),
        (
            run(kind=JobKind.manual, fire_time=None, started_at=h(9)),
            "Ran by hand at 2026-01-05 09:00:00+01:00 on node web-1 and succeeded after 2.4 s.",
        ),
    ],
)
def test_runs(record: RunRecord, sentence: str) -> None:
    """Rule G2: a job that has ended is told with when, where, how late, how long and how."""
    assert sentence == told(active(), h(9), records=[record])


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (skip(SkipReason.grace), "Did not run: it was later than its misfire_grace_time allows."),
        (
            skip(SkipReason.coalesced, into=h(10)),
            "Did not run: coalesced into 2026-01-05 10:00:00+01:00.",
        ),
        (skip(SkipReason.catchup_limit), "Did not run: more fire times were late than max_catchup allows."),
        (
            skip(SkipReason.paused, why="deploy 142", by="ops"),
            "Did not run: paused by ops (deploy 142), and given up by the resume at 2026-01-05 09:30:00+01:00.",
        ),
        (
            skip(SkipReason.paused, cause="night", by="ops"),
            "Did not run: paused by hold 'night' of ops, and given up by the resume at 2026-01-05 09:30:00+01:00.",
        ),
        (
            skip(SkipReason.requested, first=h(9), number=1, why="holiday", by="ana"),
            "Did not run: skipped by ana (holiday).",
        ),
        (
            skip(SkipReason.window, cause="nightly", why="backup"),
            "Did not run: in window 'nightly' (backup).",
        ),
    ],
)
def test_skips(record: SkipRecord, sentence: str) -> None:
    """Rules G2 and L3: each reason for which a fire time got no job is told, with who was it."""
    assert sentence == told(active(), h(9), records=[record])


@pytest.mark.parametrize(
    ("made", "options", "sentence"),
    [
        (
            job(),
            {},
            "Has not run yet: its job is queued since 2026-01-05 09:00:00+01:00, and no node has taken it.",
        ),
        (
            job(),
            {"most": 1, "running": 1},
            (
                "Has not run yet: its job is queued since 2026-01-05 09:00:00+01:00, and task 'task' is at its limit of"
                " 1 running job."
            ),
        ),
        (
            job(kind=JobKind.manual, scheduled_fire_time=None),
            {"most": 2, "running": 1},
            "Has not run by hand yet: its job is queued since 2026-01-05 09:00:00+01:00, and no node has taken it.",
        ),
        (
            job(run_at=9.8),
            {},
            "Will run at 2026-01-05 09:48:00+01:00: its job waits for its start.",
        ),
        (
            job(),
            {"has_task": False},
            "Has not run yet: its job is queued since 2026-01-05 09:00:00+01:00, and no node knows its task 'task'.",
        ),
        (
            job(attempt=2),
            {},
            "Waits for attempt 2: its job is queued again, and no node has taken it.",
        ),
        (job(JobStatus.running), {}, "Is running now."),
        (job(JobStatus.running, attempt=2), {}, "Is running now in attempt 2."),
    ],
)
def test_jobs(made: Job, options: dict[str, Any], sentence: str) -> None:
    """Rule G2: a job that has not ended is told with what it waits for."""
    assert sentence == told(active(), h(9), jobs=[made], **options)


def test_a_held_job() -> None:
    """Rules G2 and P3: a job that a pause holds is told with the pause."""
    snapshot = paused(active(), queued="hold", **DEPLOY)
    sentence = "Has not run yet: its job is held, paused by ops since 2026-01-05 09:30:00+01:00 (deploy 142)."
    assert sentence == told(snapshot, h(9), jobs=[job(JobStatus.held)])


MOVED = Occurrence(fire_time=h(11), moved_to=h(11.5), reason="busy", by="ana")


@pytest.mark.parametrize(
    ("snapshot", "at", "now", "sentence"),
    [
        (active(), 11, 9.75, "Will run at 2026-01-05 11:00:00+01:00."),
        (active(), None, 9.75, "Will run at 2026-01-05 10:00:00+01:00."),
        (
            active(),
            10,
            10,
            "Has not run yet: it is due since 2026-01-05 10:00:00+01:00, and no node has made its job.",
        ),
        (
            active(),
            11,
            12.5,
            "Has not run yet: it is due since 2026-01-05 11:00:00+01:00, and no node has made its job.",
        ),
        (
            active(occurrences=(Occurrence(fire_time=h(11), reason="holiday", by="ana"),)),
            11,
            9.75,
            "Will not run at 2026-01-05 11:00:00+01:00: skipped by ana (holiday).",
        ),
        (
            active(13, occurrences=(Occurrence(fire_time=h(11)),)),
            11,
            12.5,
            "Did not run: skipped.",
        ),
        (
            active(occurrences=(MOVED,)),
            11,
            9.75,
            "Will run at 2026-01-05 11:30:00+01:00, moved from 2026-01-05 11:00:00+01:00 by ana (busy).",
        ),
        (
            active(occurrences=(MOVED,)),
            11.5,
            9.75,
            "Will run at 2026-01-05 11:30:00+01:00, moved from 2026-01-05 11:00:00+01:00 by ana (busy).",
        ),
        (
            active(),
            10.5,
            9.75,
            (
                "Is not a fire time of this schedule; the nearest are 2026-01-05 10:00:00+01:00 and"
                " 2026-01-05 11:00:00+01:00."
            ),
        ),
        (active(), 7, 9.75, "Did not run: the schedule was added only at 2026-01-05 07:30:00+01:00."),
        (
            active(),
            9,
            9.75,
            "Nothing is known of it: that is longer ago than history is kept, or it was no fire time then.",
        ),
    ],
)
def test_what_is_to_come(snapshot: ScheduleSnapshot, at: float | None, now: float, sentence: str) -> None:
    """Rules G2 and G3: what comes of fire times without a job is told, as is what is unknown or none."""
    assert sentence == told(snapshot, None if at is None else h(at), now)


def test_nobody_knows_the_task() -> None:
    """Rules G2 and S2: a schedule that is left alone because of its task says so."""
    sentence = (
        "Has not run yet: it is due since 2026-01-05 10:00:00+01:00, and no node knows its task 'task'."
    )
    assert sentence == told(active(), h(10), 10.5, has_task=False)


def test_jitter() -> None:
    """Rules G2 and T8: a fire time that is delayed is told with both instants."""
    snapshot = active()
    schedule = attrs.evolve(snapshot.schedule, max_jitter=timedelta(minutes=10))
    sentence = told(attrs.evolve(snapshot, schedule=schedule), h(11))
    assert sentence.startswith("Will run at 2026-01-05 11:0")
    assert sentence.endswith(", which is 2026-01-05 11:00:00+01:00 with jitter.")


FROZEN = "since 2026-01-05 09:30:00+01:00"


@pytest.mark.parametrize(
    ("pause", "at", "sentence"),
    [
        (DEPLOY, 10, f"Did not run: paused by ops {FROZEN} (deploy 142)."),
        (
            DEPLOY,
            12,
            (
                "Will not run at 2026-01-05 12:00:00+01:00 unless it is resumed before: paused by ops"
                f" {FROZEN} (deploy 142)."
            ),
        ),
        (
            DEPLOY,
            None,
            (
                f"Will not run at 2026-01-05 11:00:00+01:00 unless it is resumed before: paused by ops {FROZEN}"
                " (deploy 142)."
            ),
        ),
        ({"since": h(9.5)}, 10, f"Did not run: paused {FROZEN}."),
        (
            {**DEPLOY, "hold": "night"},
            10,
            f"Did not run: paused by hold 'night' of ops {FROZEN} (deploy 142).",
        ),
        (
            {"since": h(9.5), "kind": "failure", "reason": "job 7 failed"},
            10,
            f"Did not run: paused after failures {FROZEN} (job 7 failed).",
        ),
        (
            {"since": h(9.5), "until": h(12.5)},
            11,
            f"Will not run at 2026-01-05 11:00:00+01:00: paused {FROZEN} until 2026-01-05 12:30:00+01:00.",
        ),
        (
            {"since": h(9.5), "until": h(12.5)},
            12,
            (
                "Will run at 2026-01-05 12:30:00+01:00, when the schedule goes on: it is paused"
                f" {FROZEN} until 2026-01-05 12:30:00+01:00."
            ),
        ),
        (
            {"since": h(9.5), "until": h(12.5)},
            13,
            (
                f"Will run at 2026-01-05 13:00:00+01:00: it is paused {FROZEN} until 2026-01-05 12:30:00+01:00, and"
                " goes on before."
            ),
        ),
    ],
)
def test_pauses(pause: dict[str, Any], at: float | None, sentence: str) -> None:
    """Rules G2 and P10: what a pause holds back is told with who paused it, why, and until when."""
    assert sentence == told(paused(active(), **pause), None if at is None else h(at), 10.5)


def test_a_schedule_that_was_set_aside() -> None:
    """Rules G2 and S2: the error is told, of what has passed since and of what is to come."""
    snapshot = active(error="the trigger raised OSError")
    for at, did in ((10, "Did not run"), (12, "Will not run"), (None, "Will not run")):
        sentence = f"{did}: the schedule was set aside (the trigger raised OSError)."
        assert sentence == told(snapshot, None if at is None else h(at), 10.5)


def test_a_finished_schedule() -> None:
    """Rules G2 and S2: a schedule that has nothing left says so, and which was its last."""
    snapshot = added(Instants((h(8), h(9))), ADDED)
    state = attrs.evolve(snapshot.state, next_fire_time=None, due_at=None, last_fire_time=h(9))
    finished = attrs.evolve(snapshot, state=state)
    assert "Will not run: the schedule is finished, and last ran for 2026-01-05 09:00:00+01:00." == told(
        finished, None
    )
    assert "Is not a fire time of this schedule; the nearest is 2026-01-05 09:00:00+01:00." == told(
        finished, h(12)
    )
    never = attrs.evolve(snapshot, state=attrs.evolve(state, last_fire_time=None))
    assert "Will not run: the schedule is finished, and none of its fire times got a job." == told(
        never, None
    )


def test_nothing_can_be_told() -> None:
    """Rules G2 and S2: a schedule that this node cannot read, and a trigger that does not work, are named as such."""
    unreadable = attrs.evolve(active(), fault="type 'lunar' is not registered")
    for at in (None, h(9)):
        sentence = "Nothing can be told from this node (type 'lunar' is not registered)."
        assert sentence == told(unreadable, at)
    broken = active()
    broken = attrs.evolve(broken, schedule=attrs.evolve(broken.schedule, trigger=Saying(lambda _: 1 / 0)))
    sentence = "Nothing can be told: the trigger raised ZeroDivisionError: division by zero."
    assert sentence == told(broken, h(12))


def test_a_pause_that_is_over() -> None:
    """Rules G2 and P10: what the end of a pause has asked for is told as done, though no node has looked."""
    pause = Pause(since=h(9.5), until=h(11.5), missed="skip", by="ops")
    snapshot = active()
    snapshot = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, pauses=(pause,)))
    sentence = "Did not run: paused by ops, and given up by the resume at 2026-01-05 11:45:00+01:00."
    assert sentence == told(snapshot, h(10), 11.75)


def test_long_texts_are_cut() -> None:
    """Rules G2 and N7: what users wrote stays in one line of bounded length."""
    sentence = told(paused(active(), since=h(9.5), reason="why\n" * 100), h(10), 10.5)
    assert sentence.isprintable()
    assert len(sentence) < 300


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.04, "0 s"),
        (9.96, "10 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7200, "2 h"),
        (172800, "2 days"),
    ],
)
def test_lengths(seconds: float, text: str) -> None:
    """How long something took is told in one unit."""
    assert text == length(timedelta(seconds=seconds))
