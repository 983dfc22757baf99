"""The demo's own checks: what keeps the promises passes, and each way to break one is told."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID, uuid5

import attrs
import pytest
from tests.examples.running import ROOT

from anysched import (
    DateTrigger,
    IntervalTrigger,
    Job,
    JobStatus,
    Pause,
    Schedule,
    ScheduleSnapshot,
    ScheduleState,
    ScheduleStatus,
    SkipReason,
    UnpauseResult,
)

BEGIN = datetime(2025, 6, 2, 12, tzinfo=UTC)
SPACE = UUID(int=0)


@pytest.fixture(scope="module")
def demo() -> Iterator[Callable[[str], ModuleType]]:
    """Import modules of the demo, which is a program and no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "examples" / "demo")
        before = set(sys.modules)
        yield __import__
        for name in set(sys.modules) - before:
            patch.delitem(sys.modules, name)


@pytest.fixture(scope="module")
def good(demo: Callable[[str], ModuleType]) -> Any:
    """What the demo sees when all goes well, by the second."""
    checks = demo("checks")
    runs = [
        *ran("check", [*range(8), *(12.4 + n for n in range(11))]),
        *ran("check", [*late([26.4], 27.3), *(27.4 + n for n in range(6))]),
        *ran("backup", [0, 2, 4, 6, *late(range(8, 14, 2), 14.1), 14, 16, 18, 20]),
        *ran("backup", [22], until=None),
        *ran("backup", late([22], 30), attempt=2),
        *ran("backup", [*late([24, 26], 27.5), 28, 30, 32]),
        *ran("prune", [1, 4, 7, 30, 33]),
        *ran("report", late([26], 27.6)),
    ]
    return checks.Evidence(
        runs=runs,
        first={"check": at(0), "backup": at(0), "prune": at(1), "report": at(26)},
        schedules={
            "check": snapshot("check", 33.4, 26, {SkipReason.paused: 5, SkipReason.coalesced: 3}),
            "backup": snapshot("backup", 34, 17),
            "prune": snapshot("prune", 36, 5, {SkipReason.paused: 7}),
            "report": snapshot("report", None, 1),
        },
        left=[],
        resumed={
            "check": resumed(checks, "check", 8, 12.4, "now", skipped=5),
            "backup": resumed(checks, "backup", 8, 14, None, made=[8, 10, 12]),
            "prune": resumed(checks, "prune", 10, 29, at(30), skipped=7),
        },
        node_away=checks.Away(at(22.5), at(27)),
        service_away=checks.Away(at(8.2), at(12)),
        pause_after_kill=Pause(at(9), reason="inspection", by="operator"),
        max_catchup=3,
        backups={"120032.db": "ok"},
    )


def at(seconds: float) -> datetime:
    """Return an instant of the story."""
    return BEGIN + timedelta(seconds=seconds)


def late(times: Sequence[float], start: float) -> list[tuple[float, float]]:
    """Return fire times whose runs start at a time of their own."""
    return [(time, start) for time in times]


def job_id(schedule: str, time: float) -> UUID:
    """Return the id of the one job of a fire time."""
    return uuid5(SPACE, f"{schedule} {time}")


def ran(schedule: str, times: Sequence[Any], *, until: float | None = 0.1, attempt: int = 1) -> list[Any]:
    """Return runs for fire times, as the journal has them."""
    from journal import Run

    pairs = [time if isinstance(time, tuple) else (time, time + 0.02) for time in times]
    return [
        Run(
            schedule=schedule,
            fire_time=at(time),
            job=str(job_id(schedule, time)),
            attempt=attempt,
            start=at(start),
            end=None if until is None else at(start + until),
            said="200 in 1 ms",
        )
        for time, start in pairs
    ]


def snapshot(
    schedule: str, cursor: float | None, jobs: int, skipped: dict[SkipReason, int] | None = None
) -> ScheduleSnapshot:
    """Return a schedule as the file has it in the end."""
    next_fire_time = None if cursor is None else at(cursor)
    trigger = DateTrigger(at(26)) if schedule == "report" else IntervalTrigger(seconds=1)
    state = ScheduleState(
        incarnation=SPACE,
        revision=1,
        anchor=BEGIN,
        next_fire_time=next_fire_time,
        due_at=next_fire_time,
        jobs_made=jobs,
        skipped=skipped or {},
    )
    return ScheduleSnapshot(Schedule(schedule, trigger, id=schedule), state)


def resumed(
    checks: ModuleType,
    schedule: str,
    frozen: float,
    now: float,
    resume_from: Any,
    *,
    made: Sequence[float] = (),
    skipped: int = 0,
) -> Any:
    """Return a resume as the operator saw it."""
    goes_on_at = resume_from if isinstance(resume_from, datetime) else at(now)
    return checks.Resumed(
        schedule=schedule,
        frozen=at(frozen),
        paused_at=at(frozen - 0.5),
        asked_at=at(now - 0.01),
        answered_at=at(now + 0.01),
        resume_from=resume_from,
        result=UnpauseResult(
            schedule_id=schedule,
            status=ScheduleStatus.active,
            next_fire_time=goes_on_at,
            jobs=tuple(job_id(schedule, time) for time in made),
            skipped=skipped,
        ),
    )


def broken(demo: Callable[[str], ModuleType], evidence: Any) -> set[str]:
    """Return the rules that the evidence speaks against."""
    return {rule for rule, _, complaints in demo("checks").judge(evidence) if complaints}


def test_kept_promises(demo: Callable[[str], ModuleType], good: Any) -> None:
    """Nothing is found wrong with a story in which all went well."""
    assert {words: [] for _, words, _ in demo("checks").PROMISES} == {
        words: complaints for _, words, complaints in demo("checks").judge(good)
    }


def without(evidence: Any, schedule: str, time: float) -> Any:
    """Return the evidence without the runs for a fire time."""
    runs = [run for run in evidence.runs if (run.schedule, run.fire_time) != (schedule, at(time))]
    return attrs.evolve(evidence, runs=runs)


def also(evidence: Any, *runs: Any) -> Any:
    """Return the evidence with more runs."""
    return attrs.evolve(evidence, runs=[*evidence.runs, *runs])


def resume_of(evidence: Any, schedule: str, **changes: Any) -> Any:
    """Return the evidence with a resume that said something else."""
    old = evidence.resumed[schedule]
    new = attrs.evolve(old, result=attrs.evolve(old.result, **changes))
    return attrs.evolve(evidence, resumed={**evidence.resumed, schedule: new})


def state_of(evidence: Any, schedule: str, **changes: Any) -> Any:
    """Return the evidence with another state of a schedule in the file."""
    old = evidence.schedules[schedule]
    new = attrs.evolve(old, state=attrs.evolve(old.state, **changes))
    return attrs.evolve(evidence, schedules={**evidence.schedules, schedule: new})


def left(evidence: Any, time: float, status: JobStatus = JobStatus.queued) -> Any:
    """Return the evidence with a job of a check still in the file."""
    job = Job(
        job_id("check", time),
        "check",
        at(time),
        at(time),
        schedule_id="check",
        scheduled_fire_time=at(time),
        status=status,
    )
    return attrs.evolve(evidence, left=[job])


def stranger(schedule: str, time: float, start: float | None = None) -> Any:
    """Return a run by a job that should not be there."""
    [run] = ran(schedule, late([time], time if start is None else start))
    return attrs.evolve(run, job=str(job_id("stranger", time)))


BREAKAGES: dict[str, tuple[Callable[[Any], Any], set[str]]] = {
    "a run is lost": (lambda e: without(e, "check", 3), {"L3"}),
    "a skip is not counted": (lambda e: state_of(e, "check", skipped={SkipReason.paused: 5}), {"L3"}),
    "a skip is counted that was none": (
        lambda e: state_of(e, "backup", skipped={SkipReason.grace: 1}),
        {"L3"},
    ),
    "a fire time has two jobs": (lambda e: also(e, stranger("check", 3)), {"S3", "J3"}),
    "a job ran again after it had ended": (
        lambda e: also(e, *ran("backup", late([16], 17), attempt=2)),
        {"J3"},
    ),
    "a job ran for no fire time": (lambda e: also(e, stranger("check", 3.5)), {"L3"}),
    "a job failed": (
        lambda e: also(
            without(e, "check", 5), attrs.evolve(ran("check", [5])[0], failed=True, said="URLError")
        ),
        {"J4"},
    ),
    "a job never ended": (
        lambda e: also(without(e, "prune", 33), *ran("prune", [33], until=None)),
        {"J4", "J2"},
    ),
    "a job that ran is left in the file": (lambda e: left(e, 3), {"J4"}),
    "a job is left running in the file": (
        lambda e: left(without(e, "check", 3), 3, JobStatus.running),
        {"J4"},
    ),
    "a check ran while paused": (lambda e: also(e, stranger("check", 9)), {"P1", "P6", "L3", ""}),
    "a burst of stale checks": (
        lambda e: also(e, *(stranger("check", n, start=12.5) for n in range(8, 12))),
        {"P6", "L3"},
    ),
    "the checks did not go on at now": (
        lambda e: resume_of(e, "check", next_fire_time=at(13.4)),
        {"P6", "L3"},
    ),
    "the resume told too few skips": (lambda e: resume_of(e, "check", skipped=4), {"P6"}),
    "too few backups caught up": (lambda e: resume_of(e, "backup", jobs=()), {"P5"}),
    "backups caught up with the oldest": (
        lambda e: attrs.evolve(e, max_catchup=2),
        {"P5"},
    ),
    "pruning went on too early": (lambda e: also(e, stranger("prune", 28)), {"P1", "P7", "L3"}),
    "pruning did not go on at the instant": (lambda e: without(e, "prune", 30), {"P7", "L3"}),
    "the pause did not survive": (lambda e: attrs.evolve(e, pause_after_kill=None), {"P10"}),
    "what the kill cut off was not tried again": (
        lambda e: attrs.evolve(e, runs=[run for run in e.runs if run.attempt == 1]),
        {"J2", "J4"},
    ),
    "the kill hit nothing": (
        lambda e: attrs.evolve(e, runs=[run for run in e.runs if run.end or run.attempt > 1]),
        {"J2", "J3"},
    ),
    "the report ran twice": (lambda e: also(e, stranger("report", 26, start=28)), {"J2", "S3", "J3"}),
    "the report never ran": (lambda e: without(e, "report", 26), {"J2", "L3"}),
    "the report goes on": (lambda e: state_of(e, "report", error="no"), {"J2"}),
    "a check met a service that was down": (
        lambda e: also(without(e, "check", 6), attrs.evolve(ran("check", [6])[0], said="503 in 1 ms")),
        {""},
    ),
    "a backup is damaged": (lambda e: attrs.evolve(e, backups={"a.db": "row 7 missing"}), {""}),
    "there are no backups": (lambda e: attrs.evolve(e, backups={}), {""}),
}


@pytest.mark.parametrize("what", BREAKAGES)
def test_broken_promises(demo: Callable[[str], ModuleType], good: Any, what: str) -> None:
    """Each way to break a promise is told, under the rule that it breaks."""
    change, rules = BREAKAGES[what]

    assert rules == broken(demo, change(good))


def test_a_job_that_waits(demo: Callable[[str], ModuleType], good: Any) -> None:
    """Rule J6: a job that was made and not begun when the node stopped waits for the next start; nothing is lost."""
    evidence = left(without(good, "check", 3), 3)

    assert set() == broken(demo, evidence)
    assert ("check", "queued") in [(row.schedule, row.fate) for row in demo("table").rows(evidence)]


def test_table(demo: Callable[[str], ModuleType], good: Any) -> None:
    """Every fire time is in the table, with what became of it and why."""
    table = [
        (row.schedule, len(row.fire_times), row.fate, row.why.partition(",")[0])
        for row in demo("table").rows(good)
    ]

    assert TABLE == table


TABLE = [
    ("check", 8, "ran", "on time"),
    ("check", 5, "skipped", "passed while paused"),
    ("check", 11, "ran", "on time"),
    ("check", 3, "skipped", "the process was dead; the latest late one stands for all"),
    ("check", 1, "ran late", "became due while the process was dead"),
    ("check", 6, "ran", "on time"),
    ("backup", 4, "ran", "on time"),
    ("backup", 3, "ran late", "missed while paused"),
    ("backup", 4, "ran", "on time"),
    ("backup", 1, "ran, attempt 2", "the kill cut off attempt 1: same job"),
    ("backup", 2, "ran late", "became due while the process was dead"),
    ("backup", 3, "ran", "on time"),
    ("prune", 3, "ran", "on time"),
    ("prune", 7, "skipped", "before 12:00:30"),
    ("prune", 2, "ran", "on time"),
    ("report", 1, "ran late", "became due while the process was dead"),
]


def test_verdict(demo: Callable[[str], ModuleType], good: Any) -> None:
    """The demo ends well only if every promise was kept, and says what speaks against one that was not."""
    screen, console = demo("screen"), recording_console()

    assert screen.print_verdict(console, good)
    assert "broken" not in console.export_text(clear=False)
    assert not screen.print_verdict(console, without(good, "check", 3))
    assert "check: 26 jobs were made, 25 are known" in console.export_text()


@pytest.mark.parametrize("kind", ["LiveScreen", "PlainScreen"])
def test_screen(
    demo: Callable[[str], ModuleType], good: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal and without one, what is told and how things stand can be read."""
    module, console = demo("screen"), recording_console()
    monkeypatch.setattr(module, "PLAIN_INTERVAL", 0)
    view = module.View(
        service_up=True, node_up=False, schedules=list(good.schedules.values()), runs=good.runs
    )
    with getattr(module, kind)(console) as screen:
        screen.show(view)
        screen.tell("what is told", act=True)
    text = console.export_text()

    assert "what is told" in text
    assert all(schedule in text for schedule in good.schedules)


def recording_console() -> Any:
    """Return a console that remembers what is printed."""
    from rich.console import Console

    return Console(file=io.StringIO(), record=True, width=140, height=50, force_terminal=True)


def test_journal(demo: Callable[[str], ModuleType], tmp_path: Path) -> None:
    """A start without an end is an attempt that was cut off."""
    lines = [entry("start", 1), entry("start", 2), entry("end", 2)]
    (tmp_path / "journal").write_text("\n".join(lines))

    first, second = demo("journal").read(tmp_path / "journal")

    assert (1, None) == (first.attempt, first.end)
    assert (2, at(0), "well") == (second.attempt, second.end, second.said)


@pytest.mark.parametrize("lines", [["start", "start"], ["end"], ["start", "end", "end"]])
def test_refused_journal(demo: Callable[[str], ModuleType], tmp_path: Path, lines: list[str]) -> None:
    """A journal that tells of an attempt twice is refused, or a job that ran twice would go unseen."""
    (tmp_path / "journal").write_text("\n".join(entry(what, 1) for what in lines))

    with pytest.raises(ValueError, match="attempt 1"):
        demo("journal").read(tmp_path / "journal")


def entry(what: str, attempt: int) -> str:
    """Return a line of a journal."""
    return json.dumps(
        {
            "what": what,
            "at": BEGIN.isoformat(),
            "schedule": "check",
            "fire_time": BEGIN.isoformat(),
            "job": "j",
            "attempt": attempt,
            "said": "well",
        }
    )
