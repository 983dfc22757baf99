"""What the rules promise, checked against what was seen. Pure functions: evidence in, complaints out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

import attrs
from journal import Run

from anysched import Job, JobStatus, Pause, ScheduleSnapshot, ScheduleStatus, SkipReason, UnpauseResult

STEPS = {"check": timedelta(seconds=1), "backup": timedelta(seconds=2), "prune": timedelta(seconds=3)}
ONE_SHOT = "report"

#: The end of a run is written to the file a moment after the run: a kill in between makes it run again (rule J3).
UNWRITTEN = timedelta(seconds=1)


@attrs.frozen(kw_only=True)
class Resumed:
    """A pause and a resume, as the one who asked for them saw it.

    :ivar frozen: the next fire time while it was paused
    :ivar paused_at: when the pause was confirmed
    :ivar asked_at: when the resume was asked for
    :ivar answered_at: when it was confirmed
    """

    schedule: str
    frozen: datetime
    paused_at: datetime
    asked_at: datetime
    answered_at: datetime
    resume_from: datetime | Literal["now"] | None
    result: UnpauseResult

    @property
    def goes_on_at(self) -> datetime:
        """The first fire time after the resume; a schedule of the demo always has one."""
        assert self.result.next_fire_time is not None
        return self.result.next_fire_time


@attrs.frozen
class Away:
    """Something was gone for a while."""

    since: datetime
    until: datetime


@attrs.frozen(kw_only=True)
class Evidence:
    """Everything that the demo saw.

    :ivar runs: the journal
    :ivar first: the first fire time of each schedule
    :ivar schedules: what the file says in the end
    :ivar left: jobs that are still in the file
    :ivar resumed: each pause that ended
    :ivar node_away: from the kill until the next process took over
    :ivar service_away: when the service was down
    :ivar pause_after_kill: the pause of "prune" as the second process found it
    :ivar max_catchup: how many late backups are made up for at most
    :ivar backups: the backups that are there, and what SQLite's integrity check says about each
    """

    runs: Sequence[Run]
    first: Mapping[str, datetime]
    schedules: Mapping[str, ScheduleSnapshot]
    left: Sequence[Job]
    resumed: Mapping[str, Resumed]
    node_away: Away
    service_away: Away
    pause_after_kill: Pause | None
    max_catchup: int
    backups: Mapping[str, str]

    def jobs_of(self, schedule: str) -> dict[datetime, list[Run]]:
        """Return the attempts of a schedule by fire time, in order."""
        jobs: dict[datetime, list[Run]] = {}
        for run in sorted(self.runs, key=lambda run: (run.fire_time, run.start)):
            if run.schedule == schedule:
                jobs.setdefault(run.fire_time, []).append(run)
        return jobs

    def waiting(self, schedule: str) -> set[datetime]:
        """Return the fire times of jobs that wait for the next start of the node."""
        return {
            job.scheduled_fire_time
            for job in self.left
            if job.schedule_id == schedule and job.scheduled_fire_time is not None
        }


Complaints = Iterator[str]


def fire_times(evidence: Evidence, schedule: str) -> list[datetime]:
    """Return all fire times that a schedule has had, by arithmetic of our own.

    A resume from "now" or from an instant begins a new series there; the last series ends at the cursor.
    """
    if schedule == ONE_SHOT:
        return [evidence.first[schedule]]
    series = [evidence.first[schedule]]
    resumed = evidence.resumed.get(schedule)
    if resumed is not None and resumed.resume_from is not None:
        series.append(resumed.goes_on_at)
    cursor = evidence.schedules[schedule].next_fire_time
    assert cursor is not None
    return [at for start, end in pairwise([*series, cursor]) for at in _series(schedule, start, end)]


def _series(schedule: str, start: datetime, end: datetime) -> list[datetime]:
    """Return the fire times of a schedule that counts from ``start``, up to ``end`` exclusive."""
    step = STEPS[schedule]
    return [start + number * step for number in range(max(0, -((start - end) // step)))]


def one_job_for_each_fire_time(evidence: Evidence) -> Complaints:
    """A fire time never has two jobs, and a job never has two fire times."""
    job_of: dict[tuple[str, datetime], str] = {}
    fire_time_of: dict[str, datetime] = {}
    for run in evidence.runs:
        if job_of.setdefault((run.schedule, run.fire_time), run.job) != run.job:
            yield f"{run.schedule} at {shown(run.fire_time)} has two jobs"
        if fire_time_of.setdefault(run.job, run.fire_time) != run.fire_time:
            yield f"job {run.job} has two fire times"


def nothing_lost(evidence: Evidence) -> Complaints:
    """Each fire time has a job or is counted as skipped, and nothing else has a job."""
    for schedule, snapshot in evidence.schedules.items():
        expected = fire_times(evidence, schedule)
        made = evidence.jobs_of(schedule).keys() | evidence.waiting(schedule)
        for at in made - set(expected):
            yield f"{schedule} has a job for {shown(at)}, which is no fire time of it"
        state, missing = snapshot.state, len(expected) - len(made & set(expected))
        if state.jobs_made != len(made):
            yield f"{schedule}: {state.jobs_made} jobs were made, {len(made)} are known"
        if sum(state.skipped.values()) != missing or not state.skipped_exact:
            counts = {str(reason): number for reason, number in state.skipped.items()}
            yield f"{schedule}: {missing} fire times have no run, {counts or 'none'} are counted as skipped"


def nothing_run_twice(evidence: Evidence) -> Complaints:
    """A job is tried again only when the kill had cut it off; then it is the same job, with the next attempt."""
    for schedule in evidence.schedules:
        for at, attempts in evidence.jobs_of(schedule).items():
            if [run.attempt for run in attempts] != list(range(1, len(attempts) + 1)):
                yield f"{schedule} at {shown(at)}: attempts {[run.attempt for run in attempts]}"
            killed_at = evidence.node_away.since
            for run in attempts[:-1]:
                if not run.start < killed_at < (run.end or killed_at) + UNWRITTEN:
                    yield f"{schedule} at {shown(at)} was tried again, and the kill had not cut it off"


def everything_finished(evidence: Evidence) -> Complaints:
    """The last attempt of each job ended well; what is left in the file has not been begun, and waits."""
    for schedule in evidence.schedules:
        jobs = evidence.jobs_of(schedule)
        for at, attempts in jobs.items():
            if attempts[-1].end is None or attempts[-1].failed:
                yield f"{schedule} at {shown(at)} did not end well: {attempts[-1].said or 'cut off'}"
        for at in evidence.waiting(schedule) & jobs.keys():
            yield f"{schedule} at {shown(at)} has run, and its job is still in the file"
    for job in evidence.left:
        if job.status is not JobStatus.queued:
            yield f"a job of {job.schedule_id} is {job.status} in the file, and nobody is there to run it"


def a_pause_holds(evidence: Evidence) -> Complaints:
    """Nothing that became due after a pause was confirmed ran before the resume was asked for."""
    for resumed in evidence.resumed.values():
        for run in evidence.runs:
            if (
                run.schedule == resumed.schedule
                and run.fire_time >= resumed.frozen
                and run.start < resumed.asked_at
            ):
                yield f"{run.schedule} at {shown(run.fire_time)} ran while it was paused"


def resumed_from_now(evidence: Evidence) -> Complaints:
    """The checks began anew at the resume: what had passed was skipped and counted, and no burst followed."""
    yield from _began_anew(evidence, evidence.resumed["check"])


def resumed_from_an_instant(evidence: Evidence) -> Complaints:
    """Pruning went on at the very instant that was given, and not before."""
    resumed = evidence.resumed["prune"]
    if resumed.goes_on_at != resumed.resume_from:
        yield f"prune goes on at {shown(resumed.goes_on_at)}, not at the instant given"
    yield from _began_anew(evidence, resumed)


def _began_anew(evidence: Evidence, resumed: Resumed) -> Complaints:
    schedule, start, result = resumed.schedule, resumed.goes_on_at, resumed.result
    if resumed.resume_from == "now" and not resumed.asked_at <= start <= resumed.answered_at:
        yield f"{schedule} goes on at {shown(start)}, which was not now"
    if result.jobs:
        yield f"{schedule}: the resume made {len(result.jobs)} jobs"
    passed = len(_series(schedule, resumed.frozen, start))
    counted = evidence.schedules[schedule].state.skipped.get(SkipReason.paused, 0)
    if not passed == result.skipped == counted:
        yield f"{schedule}: {passed} passed, {result.skipped} reported, {counted} counted as skipped"
    jobs = evidence.jobs_of(schedule)
    for at in jobs:
        if resumed.frozen <= at < start:
            yield f"{schedule} ran for {shown(at)}, which was given up"
    if start not in jobs:
        yield f"{schedule} did not run at {shown(start)}, where it was to go on"
    elif jobs[start][0].start < start:
        yield f"{schedule} ran too early"


def caught_up(evidence: Evidence) -> Complaints:
    """The backups went on from where they stopped: the latest missed ones were made, older ones skipped."""
    resumed = evidence.resumed["backup"]
    made = {str(job_id) for job_id in resumed.result.jobs}
    times = sorted(run.fire_time for run in evidence.runs if run.job in made and run.attempt == 1)
    passed = _series("backup", resumed.frozen, resumed.goes_on_at)
    if times != passed[-evidence.max_catchup :]:
        yield f"backup caught up with {[shown(at) for at in times]} of {[shown(at) for at in passed]}"
    if resumed.result.skipped != len(passed) - len(times):
        yield f"backup: {resumed.result.skipped} reported as skipped, not {len(passed) - len(times)}"
    if not resumed.asked_at < resumed.goes_on_at <= resumed.answered_at + STEPS["backup"]:
        yield f"backup goes on at {shown(resumed.goes_on_at)}"


def survived_the_kill(evidence: Evidence) -> Complaints:
    """The kill cut off a backup, which was tried again; the report that was due meanwhile ran, once and late."""
    cut_off = [run for run in evidence.runs if run.end is None]
    if not any(run.schedule == "backup" for run in cut_off):
        yield "the kill hit no backup"
    for run in cut_off:
        last = evidence.jobs_of(run.schedule)[run.fire_time][-1]
        if last.end is None or last.start < evidence.node_away.until:
            yield f"{run.schedule} at {shown(run.fire_time)} was cut off and not tried again"
    reports, due = [run for run in evidence.runs if run.schedule == ONE_SHOT], evidence.first[ONE_SHOT]
    if not evidence.node_away.since < due < evidence.node_away.until:
        yield "the report was not due while the process was dead"
    if len(reports) != 1:
        yield f"the report ran {len(reports)} times"
    if evidence.schedules[ONE_SHOT].status is not ScheduleStatus.finished:
        yield f"the report is {evidence.schedules[ONE_SHOT].status}, not finished"


def the_pause_survived(evidence: Evidence) -> Complaints:
    """The pause was still there after the kill, with its reason, though the program declared its schedules again."""
    pause = evidence.pause_after_kill
    if pause is None or not pause.reason or not pause.by:
        yield f"after the kill the pause of prune was {pause}"


def checks_met_the_service(evidence: Evidence) -> Complaints:
    """No check met a service that was taken down."""
    for run in evidence.runs:
        if run.schedule == "check" and not (run.failed or run.said.startswith("200")):
            yield f"the check at {shown(run.fire_time)} said {run.said or 'nothing'}"
        if run.schedule == "check" and evidence.service_away.since < run.start < evidence.service_away.until:
            yield f"the check at {shown(run.fire_time)} ran while the service was down"


def backups_are_whole(evidence: Evidence) -> Complaints:
    """Every backup that is there passes SQLite's integrity check, and there are some."""
    if not evidence.backups:
        yield "there are no backups"
    for name, verdict in evidence.backups.items():
        if verdict != "ok":
            yield f"{name}: {verdict}"


PROMISES: Sequence[tuple[str, str, Callable[[Evidence], Complaints]]] = (
    ("S3", "Each fire time has exactly one job", one_job_for_each_fire_time),
    ("L3", "Each fire time has run or is counted as skipped", nothing_lost),
    ("J3", "Nothing ran twice but what the kill had cut off", nothing_run_twice),
    ("J4", "Everything that was begun has ended well", everything_finished),
    ("P1", "Nothing ran that was paused", a_pause_holds),
    ("P6", 'The checks went on from "now", without a burst', resumed_from_now),
    ("P5", "The backups caught up with the latest that they had missed", caught_up),
    ("P7", "Pruning went on at the very instant that was given", resumed_from_an_instant),
    ("P10", "A pause outlived the process", the_pause_survived),
    ("J2", "What the kill interrupted, and what became due then, was done", survived_the_kill),
    ("", "No check met a service that was down", checks_met_the_service),
    ("", "Every backup is whole", backups_are_whole),
)


def judge(evidence: Evidence) -> list[tuple[str, str, list[str]]]:
    """Return for each promise its rule, its words, and what speaks against it."""
    return [(rule, words, list(check(evidence))) for rule, words, check in PROMISES]


def shown(at: datetime) -> str:
    """Return an instant as the tables show it: local time, to the tenth of a second where that matters."""
    local = at.astimezone()
    return f"{local:%H:%M:%S}" + (f".{local.microsecond // 100_000}" if local.microsecond else "")
