"""The sentences in which a schedule is explained: one for each thing that can come of a fire time (rule G2)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from typing import Final

import attrs

from anysched._text import printable
from anysched.model.history import FireTime
from anysched.model.pause import Pause
from anysched.model.policies import JobKind, JobOutcome, SkipReason
from anysched.rules.telling import Known

#: How much of a free text is told, in characters.
LONGEST: Final = 200

#: Starts that are later than this are said to be late.
PUNCTUAL: Final = timedelta(seconds=1)

_ASKED_FOR: Final = {JobKind.manual: " by hand", JobKind.backfill: " in a backfill"}

_SKIPPED: Final = {
    SkipReason.grace: "it was later than its misfire_grace_time allows",
    SkipReason.catchup_limit: "more fire times were late than max_catchup allows",
}


#: Why fire times do not run of which several become due at once.
_AMONG_OTHERS: Final = (SkipReason.coalesced, SkipReason.catchup_limit)


@attrs.frozen
class Words:
    """Tells what is known of one schedule.

    :ivar timezone: the time zone in which times are told
    :ivar running: how many jobs of the task are running; None if that does not matter
    """

    known: Known
    timezone: tzinfo
    running: int | None = None

    def sentence(self, one: FireTime, at: datetime | None = None, before: FireTime | None = None) -> str:
        """Tell what came, or is to come, of a fire time.

        :param at: which of several is meant; by default the first
        :param before: what became of it before a backfill took it up
        """
        first = one.first if at is None or not one.first <= at <= one.last else at
        told = self._sentence(one, first)
        if before is None:
            return told
        earlier = self._sentence(before, first)
        return f"{told.removesuffix('.')}; before that, it {earlier[0].lower()}{earlier[1:]}"

    def _sentence(self, one: FireTime, first: datetime) -> str:
        match one.status:
            case "ran":
                return self._ran(one)
            case "running":
                return f"Is running{_asked_for(one)} now{_attempt(one)}."
            case "queued":
                return self._queued(one)
            case "held":
                return f"Has not run yet: its job is held, {self._paused(self.known.snapshot.state.pause)}."
            case "skipped":
                return self._skipped(one, first)
            case "missed":
                return self._missed(one)
            case "late":
                due = one.due_at or first
                return (
                    f"Has not run yet: it is due since {self._at(due)}, and {self._nobody('made its job')}."
                )
            case "planned":
                return self._planned(one)
            case "paused":
                return self._will_not_run(first)
            case "unknown":
                return self.unknown()

    def finished(self, left_out: FireTime | None = None) -> str:
        """Tell that nothing is to come.

        :param left_out: what would be next if no window left it out
        """
        last = self.known.snapshot.last_fire_time
        ran = "and none of its fire times got a job" if last is None else f"and last ran for {self._at(last)}"
        if left_out is not None:
            ran = (
                f"until a window goes, {ran}: windows leave out all that is to come, next {self._at(left_out.first)} in"
                f" {_window(left_out)}"
            )
            return f"Will not run: the schedule is finished {ran}."
        return f"Will not run: the schedule is finished, {ran}."

    def waits(self) -> str:
        """Tell that a job has to end before anything is to come (rule S9)."""
        waits_for = self.known.snapshot.waits_for
        jobs = "job" if len(waits_for) == 1 else f"{len(waits_for)} jobs, the first of them"
        end = (
            f"of its {jobs} {waits_for[0]}"
            if waits_for
            else "of its last job, which a node has yet to look at"
        )
        pause = self.known.snapshot.state.pause
        paused = "" if pause is None or pause.is_over(self.known.now) else f"; it is {self._paused(pause)}"
        return f"Has no next fire time yet: the schedule counts from the end {end} (fixed_delay){paused}."

    def depends_on_runs(self) -> str:
        """Tell that fire times after the next run are not known (rule S9)."""
        return "Nothing is known of it yet: the schedule counts from the end of each run (fixed_delay)."

    def set_aside(self) -> str:
        """Tell that the schedule stands still."""
        return f"Will not run: the schedule was set aside ({_text(self.known.snapshot.state.error)})."

    def unreadable(self) -> str:
        """Tell that this node does not know."""
        return f"Nothing can be told from this node ({_text(self.known.snapshot.fault)})."

    def broken(self, error: Exception) -> str:
        """Tell that the trigger does not work."""
        return f"Nothing can be told: {_text(error)}."

    def unknown(self) -> str:
        """Tell that what came of it is gone."""
        return "Nothing is known of it: that is longer ago than history is kept, or it was no fire time then."

    def before_it_was_added(self) -> str:
        """Tell that the schedule is younger."""
        return f"Did not run: the schedule was added only at {self._at(self.known.added)}."

    def no_fire_time(self, *nearest: datetime) -> str:
        """Tell that the schedule does not fire then.

        :param nearest: the fire times before and after
        """
        near = " and ".join(map(self._at, nearest))
        those = ("there is none", f"the nearest is {near}", f"the nearest are {near}")[len(nearest)]
        return f"Is not a fire time of this schedule; {those}."

    def _ran(self, one: FireTime) -> str:
        node = "" if one.node is None else f" on node {printable(one.node)}"
        finished = "" if one.finished_at is None else f" at {self._at(one.finished_at)}"
        if one.outcome is JobOutcome.abandoned:
            whose = "its node" if one.node is None else f"node {printable(one.node)}"
            return f"Was given up{finished}: {whose} stopped or went away{_attempt(one, during=True)}."
        if one.started_at is None or one.finished_at is None:
            if one.outcome is JobOutcome.cancelled:
                return f"Did not run{_asked_for(one)}: its job was cancelled{finished} before it started."
            return f"Did not run{_asked_for(one)}: its job came too late to start{finished}."
        late = one.started_at - (one.due_at or one.first)
        when = self._at(one.started_at, exact=False) + (f" ({length(late)} late)" if late >= PUNCTUAL else "")
        took = length(one.finished_at - one.started_at)
        end = {
            JobOutcome.success: f"succeeded after {took}",
            JobOutcome.cancelled: f"was cancelled after {took}",
        }.get(one.outcome or JobOutcome.success, f"failed after {took}")
        if one.exception is not None and one.outcome is JobOutcome.error:
            end += f" with {_text(one.exception.type)}"
            end += f" ({_text(one.exception.message)})" if one.exception.message else ""
        return f"Ran{_asked_for(one)} at {when}{node}{_attempt(one)} and {end}."

    def _queued(self, one: FireTime) -> str:
        due = one.due_at or one.first
        if due > self.known.now:
            return f"Will run{_asked_for(one)} at {self._at(due)}: its job waits for its start."
        waits = f"Has not run{_asked_for(one)} yet: its job is queued since {self._at(due)}"
        if one.attempt is not None and one.attempt > 1:
            waits = f"Waits for attempt {one.attempt}{_asked_for(one)}: its job is queued again"
        limit = self.known.options.max_running_jobs
        if limit is not None and self.running is not None and self.running >= limit:
            task, jobs = printable(self.known.snapshot.task_id), "job" if limit == 1 else "jobs"
            return f"{waits}, and task {task!r} is at its limit of {limit} running {jobs}."
        return f"{waits}, and {self._nobody('taken it')}."

    def _nobody(self, did: str) -> str:
        if self.known.has_task:
            return f"no node has {did}"
        return f"no node knows its task {printable(self.known.snapshot.task_id)!r}"

    def _skipped(self, one: FireTime, first: datetime) -> str:
        did = "Did not run" if one.finished_at is not None or first <= self.known.now else "Will not run"
        if one.finished_at is None and first > self.known.now:
            did = f"Will not run at {self._at(first)}"
        if one.finished_at is None and one.reason in _AMONG_OTHERS:
            then = "more are due then than max_catchup allows"
            if one.into is not None:
                then = f"it is coalesced into {self._at(one.into)}"
            return f"Will not run at {self._at(first)}: {_window(one)} puts it off with others, and {then}."
        if one.reason is SkipReason.coalesced:
            into = "another fire time" if one.into is None else self._at(one.into)
            return f"{did}: coalesced into {into}."
        if one.reason is SkipReason.paused:
            when = "" if one.finished_at is None else f" at {self._at(one.finished_at)}"
            return f"{did}: paused{_of(one)}, and given up by the resume{when}."
        if one.reason is SkipReason.window:
            return f"{did}: in {_window(one)}."
        if one.reason is SkipReason.backfilled:
            return f"{did}: it was left to {_backfill(one)}, which was cancelled."
        if one.reason is SkipReason.requested:
            return f"{did}: skipped{_of(one)}."
        return f"{did}: {_SKIPPED[one.reason or SkipReason.grace]}."

    def _missed(self, one: FireTime) -> str:
        state = self.known.snapshot.state
        if state.error is not None:
            return f"Did not run: the schedule was set aside ({_text(state.error)})."
        return f"Did not run: {self._paused(state.pause)}."

    def _planned(self, one: FireTime) -> str:
        if one.kind is JobKind.backfill:
            return self._left(one)
        pause, due = self.known.snapshot.state.pause, one.due_at or one.first
        when = self._at(due)
        named = [each for each in self.known.snapshot.state.occurrences if each.waits_for == due]
        if named and named[0].fire_time == one.first:
            when += f", moved from {self._at(one.first)}{_of(one)}"
        elif one.cause is not None:
            when += f", put off from {self._at(one.first)} by {_window(one)}"
        elif pause is not None and pause.until is not None and due == pause.until:
            return f"Will run at {when}, when the schedule goes on: it is {self._paused(pause)}."
        elif due > one.first:
            when += f", which is {self._at(one.first)} with jitter"
        if pause is not None and not pause.is_over(self.known.now):
            return f"Will run at {when}: it is {self._paused(pause)}, and goes on before."
        return f"Will run at {when}."

    def _left(self, one: FireTime) -> str:
        """Tell of a fire time that a backfill has not come to."""
        found = [each for each in self.known.snapshot.state.backfills if str(each.id) == one.cause]
        waits = "is paused" if found and found[0].status == "paused" else "has not made its job yet"
        return f"Is left to {_backfill(one)}, which {waits}."

    def _will_not_run(self, first: datetime) -> str:
        pause = self.known.snapshot.state.pause
        unless = "" if pause is None or pause.until is not None else " unless it is resumed before"
        return f"Will not run at {self._at(first)}{unless}: {self._paused(pause)}."

    def _paused(self, pause: Pause | None) -> str:
        if pause is None:
            return "paused"
        told = "paused" if pause.hold is None else f"paused by hold {printable(pause.hold)!r}"
        if pause.kind == "failure":
            told += " after failures"
        if pause.by is not None:
            told += f" by {_text(pause.by)}" if pause.hold is None else f" of {_text(pause.by)}"
        told += f" since {self._at(pause.since, exact=False)}"
        if pause.until is not None:
            told += f" until {self._at(pause.until)}"
        return told if pause.reason is None else f"{told} ({_text(pause.reason)})"

    def _at(self, instant: datetime, *, exact: bool = True) -> str:
        with suppress(OverflowError):  # at an end of the calendar
            instant = instant.astimezone(self.timezone)
        return str(instant if exact else instant.replace(microsecond=0))


def length(duration: timedelta) -> str:
    """Return how long something took, or how late it was, in one unit."""
    seconds = duration.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    for unit, size, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < size * most:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def _of(one: FireTime) -> str:
    """Tell who is the reason, and why."""
    if one.cause is not None:
        return f" by {_named('hold', one)}"
    told = "" if one.by is None else f" by {_text(one.by)}"
    return told if one.why is None else f"{told} ({_text(one.why)})"


def _window(one: FireTime) -> str:
    return _named("window", one)


def _backfill(one: FireTime) -> str:
    return _named("backfill", one)


def _named(what: str, one: FireTime) -> str:
    """Name what is the reason by its id, whose it is, and why."""
    told = f"{what} {_text(one.cause)!r}"
    if one.by is not None:
        told += f" of {_text(one.by)}"
    return told if one.why is None else f"{told} ({_text(one.why)})"


def _asked_for(one: FireTime) -> str:
    return "" if one.kind is None else _ASKED_FOR.get(one.kind, "")


def _attempt(one: FireTime, *, during: bool = False) -> str:
    if one.attempt is None or (one.attempt == 1 and not during):
        return ""
    return f" {'during' if during else 'in'} attempt {one.attempt}"


def _text(value: object) -> str:
    """Return free text as it is told: in one line of bounded length."""
    text = printable(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
