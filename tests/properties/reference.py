"""A scheduler as the rules describe it, done the long way: second by second, fire time by fire time.

It shares nothing with the code under test. Instants are whole seconds since the start of a test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import attrs

#: No trigger here has a longer gap between an instant and its next fire time.
HORIZON = 400

#: What the slow task takes, and how often a job is started at most.
SLOW = 3
MOST_ATTEMPTS = 3

ResumeFrom = int | Literal["now"] | None


class Refused(Exception):
    """What was asked for is an error; the argument says which."""


@attrs.frozen
class Every:
    """Fires every so many seconds; ``plain`` only says what stands for it on the other side."""

    period: int
    start: int | None = None
    end: int | None = None
    plain: bool = False

    def fires(self, at: int, anchor: int) -> bool:
        """Tell whether an instant is a fire time."""
        start = anchor if self.start is None else self.start
        return at >= start and (at - start) % self.period == 0 and (self.end is None or at <= self.end)


@attrs.frozen
class Once:
    """Fires once."""

    at: int

    def fires(self, at: int, anchor: int) -> bool:
        """Tell whether an instant is the fire time."""
        return at == self.at


@attrs.frozen
class Config:
    """What a user says of a schedule."""

    trigger: Every | Once
    slow: bool = False
    coalesce: str = "latest"
    grace: int | None = None
    most: int = 100
    group: str | None = None
    tags: frozenset[str] = frozenset()


@attrs.frozen
class CatchUp:
    """Rule P5: which missed fire times get a job, and how far apart."""

    coalesce: str = "all"
    most: int | None = None
    age: int | None = None
    spacing: int | None = None


Missed = str | CatchUp

#: What words are short for.
WORDS: dict[Missed, CatchUp] = {"run_once": CatchUp("latest"), "run_all": CatchUp()}


@attrs.frozen
class Pause:
    """What a user says of a pause; ``queued`` is about that moment only, and what is held is seen by the jobs."""

    until: int | None = None
    reason: str | None = None
    queued: str = attrs.field(default="keep", eq=False)
    resume_from: ResumeFrom = None
    missed: Missed = "policy"
    since: int = 0
    hold: str | None = None

    def is_over(self, now: int) -> bool:
        """Rule P10: from ``until`` on it counts as resumed."""
        return self.until is not None and self.until <= now


@attrs.frozen
class Selector:
    """Which schedules are meant: those that meet all conditions given (rule H1)."""

    ids: frozenset[str] | None = None
    group: str | None = None
    tags: frozenset[str] | None = None
    task: str | None = None
    everything: bool = False

    @property
    def name(self) -> str:
        """What a hold is called that is given no name."""
        conditions = {"ids": self.ids, "group": self.group, "tags": self.tags, "task": self.task}
        given = {key: value for key, value in conditions.items() if value is not None}
        texts = [
            f"{key}={value if isinstance(value, str) else ','.join(sorted(value))}"
            for key, value in given.items()
        ]
        return " ".join(texts) or "everything"

    def means(self, id: str, config: Config) -> bool:
        """Tell whether a schedule is among those meant."""
        return not (
            (self.ids is not None and id not in self.ids)
            or (self.group is not None and config.group != self.group)
            or (self.tags is not None and not config.tags.issuperset(self.tags))
            or (self.task is not None and self.task != (f"slow {id}" if config.slow else "quick"))
        )


@attrs.frozen
class Hold:
    """A pause of all schedules that are meant, now or later."""

    selector: Selector
    pause: Pause


@attrs.frozen
class Window:
    """Spans in which all schedules that are meant do not run, now or later (rule W1)."""

    selector: Selector
    mode: str
    spans: tuple[tuple[int, int], ...]
    since: int = 0

    @property
    def until(self) -> int:
        """When its last span ends."""
        return self.spans[-1][1]


@attrs.frozen
class Cover:
    """A window as one schedule has it, from one instant to another (rule W4)."""

    name: str
    window: Window
    start: int
    end: int

    def covers(self, at: int) -> bool:
        """Tell whether an instant is in it."""
        return self.start <= at < self.end and any(start <= at < end for start, end in self.window.spans)


@attrs.frozen
class Report:
    """What a resume did.

    Status, next fire time, jobs made, fire times skipped, whether there was such a pause, and what else pauses.
    """

    id: str
    status: str
    cursor: int | None
    jobs: int = 0
    skipped: int = 0
    changed: bool = True
    pauses: tuple[Pause, ...] = ()


@attrs.define(eq=False)
class Job:
    """A job and where it is."""

    schedule: str
    fire_time: int | None
    run_at: int
    deadline: int | None
    slow: bool
    attempt: int = 1
    state: str = "queued"
    held_since: int | None = None
    claimed_at: int = 0
    holder: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether it is not tried again."""
        return self.attempt == MOST_ATTEMPTS

    @property
    def late(self) -> bool:
        """Rule L4: whether it was taken too late to start; one that has started before never is."""
        return self.attempt == 1 and self.deadline is not None and self.deadline < self.claimed_at


@attrs.define(eq=False)
class Scheduled:
    """A schedule and its state."""

    id: str
    config: Config
    anchor: int
    cursor: int | None
    pauses: list[Pause] = attrs.Factory(list[Pause])
    last: int | None = None
    made: int = 0
    skipped: Counter[str] = attrs.Factory(Counter[str])
    covers: list[Cover] = attrs.Factory(list[Cover])
    counted: int = -HORIZON

    @property
    def status(self) -> str:
        """Rule S2: the first that holds."""
        if self.cursor is None:
            return "finished"
        return "paused" if self.pauses else "active"

    def pausing(self, now: int) -> list[Pause]:
        """Return the pauses that are not over."""
        return [pause for pause in self.pauses if not pause.is_over(now)]

    def times(self, first: int | None, last: int) -> list[int]:
        """Return the fire times from one instant to another."""
        if first is None:
            return []
        fires = (at for at in range(first, last + 1) if self.config.trigger.fires(at, self.anchor))
        return [at for at in fires if not self.is_covered(at, "skip")]

    def is_covered(self, at: int, mode: str | None = None) -> bool:
        """Tell whether an instant is in a window of a kind, or of any."""
        return any(cover.covers(at) for cover in self.covers if mode in {None, cover.window.mode})

    def due(self, at: int) -> int:
        """Return when a fire time is due: windows may put it off (rules W2 and W3)."""
        if self.is_covered(at, "defer"):
            while self.is_covered(at):
                at += 1
        return at

    def active(self, now: int) -> list[Cover]:
        """Return the windows that are not over."""
        return [cover for cover in self.covers if cover.end > now]

    def count(self, now: int, old_anchor: int | None = None) -> None:
        """Count what windows have skipped, up to now or the cursor; before a new anchor, by the old one."""
        until = now if self.cursor is None else min(now, self.cursor - 1)
        for at in range(self.counted + 1, until + 1):
            anchor = self.anchor if old_anchor is None or at >= self.anchor else old_anchor
            if self.config.trigger.fires(at, anchor) and self.is_covered(at, "skip"):
                self.skip([at], "window")
        self.counted = max(self.counted, until)

    def look_anew(self, now: int, covers: list[Cover]) -> None:
        """Have other windows, of which ended ones cover nothing from now on, and go on from what is to come."""
        self.covers = covers
        if self.cursor is None or self.cursor >= now:
            self.cursor = self.first(max(now + (self.cursor != now), self.anchor))

    def first(self, at: int) -> int | None:
        """Return the first fire time at or after an instant, of those that had no job yet (rule S3)."""
        if self.last is not None:
            at = max(at, self.last + 1)
        return next(iter(self.times(at, at + HORIZON)), None)

    def skip(self, fire_times: Sequence[int], reason: str) -> None:
        """Count fire times that get no job (rule L3)."""
        if fire_times:
            self.skipped[reason] += len(fire_times)


class Reference:
    """Schedules, their jobs, and what became of both.

    :ivar durable: whether jobs outlive nodes
    :ivar takers: how many nodes are awake
    """

    def __init__(self, *, durable: bool) -> None:
        self.durable = durable
        self.takers = 0
        self.now = 0
        self.schedules: dict[str, Scheduled] = {}
        self.holds: dict[str, Hold] = {}
        self.windows: dict[str, Window] = {}
        self.jobs: list[Job] = []
        self.started: list[tuple[int, str, int | None, int]] = []
        self.ended: list[tuple[int, str, str]] = []

    # what users do

    def add(self, id: str, config: Config, conflict: str, *, paused: bool) -> None:
        """Rules S1, S6, H2 and H4."""
        stored = self.schedules.get(id)
        if stored is None:
            new = Scheduled(id, config, self.now, None)
            self.begin(new, self.covering(id, config))
            new.pauses = [Pause(since=self.now)] if paused else []
            new.pauses += self.meaning(id, config)
            self.schedules[id] = new
        elif conflict == "exception":
            raise Refused("conflict")
        elif conflict == "replace":
            covers = self.covering(id, config, stored)
            if config.trigger != stored.config.trigger:
                new = attrs.evolve(stored, config=config)
                self.begin(new, covers)
                stored.cursor, stored.covers, stored.counted = new.cursor, new.covers, new.counted
            elif covers != stored.active(self.now):
                ended = [
                    cover if cover.end <= self.now else attrs.evolve(cover, end=self.now)
                    for cover in stored.covers
                    if cover not in covers or cover.end <= self.now
                ]
                stored.look_anew(self.now, ended + covers)
            self.change_sides(stored, config)
            if config.trigger != stored.config.trigger:
                stored.pauses = [self.begin_anew(pause) for pause in stored.pauses]
            stored.config = config

    def meaning(self, id: str, config: Config) -> list[Pause]:
        """Return the pauses of the holds that mean a schedule."""
        live = [hold for _, hold in sorted(self.live_holds().items())]
        return [hold.pause for hold in live if hold.selector.means(id, config)]

    def live_holds(self) -> dict[str, Hold]:
        """Return the holds that are not over."""
        return {name: hold for name, hold in self.holds.items() if not hold.pause.is_over(self.now)}

    def change_sides(self, schedule: Scheduled, config: Config) -> None:
        """Let holds end that do not mean a schedule any more, let others begin (rule H4)."""
        meaning = {pause.hold: pause for pause in self.meaning(schedule.id, config)}
        pauses = [
            pause
            if pause.hold is None or pause.hold in meaning or pause.is_over(self.now)
            else attrs.evolve(pause, until=self.now)
            for pause in schedule.pauses
        ]
        live = {pause.hold for pause in schedule.pausing(self.now)}
        schedule.pauses = pauses + [pause for name, pause in meaning.items() if name not in live]

    def begin_anew(self, pause: Pause) -> Pause:
        """Return what a pause becomes under a new trigger: none that is over goes on from before that."""
        over = pause.is_over(self.now)
        return attrs.evolve(pause, resume_from=None) if over and pause.resume_from == "now" else pause

    def begin(self, schedule: Scheduled, covers: list[Cover]) -> None:
        """Let a new trigger begin with its first fire time outside; a single date is due though it has passed."""
        trigger, schedule.covers = schedule.config.trigger, []
        found = schedule.first(trigger.at if isinstance(trigger, Once) else self.now)
        if found is None:
            raise Refused("nothing left")
        if found < self.now:
            covers = [attrs.evolve(cover, start=self.now) for cover in covers]
        schedule.covers, schedule.counted = covers, min(self.now, found - 1)
        schedule.cursor = schedule.first(found)

    # windows

    def live_windows(self) -> dict[str, Window]:
        """Return the windows that are not over."""
        return {name: window for name, window in self.windows.items() if window.until > self.now}

    def covering(self, id: str, config: Config, stored: Scheduled | None = None) -> list[Cover]:
        """Return the windows that mean a schedule, as it has them; one that is stored gets others from now on."""
        had = {} if stored is None else {cover.name: cover for cover in stored.active(self.now)}
        return [
            had.get(name) or Cover(name, window, window.since if stored is None else self.now, window.until)
            for name, window in sorted(self.live_windows().items())
            if window.selector.means(id, config)
        ]

    def cover(self, name: str, wanted: Window) -> None:
        """Rules W1, W3 and W4."""
        old = self.live_windows().get(name)
        if old is not None and old.selector != wanted.selector:
            raise Refused("other schedules")
        ids = wanted.selector.ids
        meant = [schedule.id for schedule in self.meant(wanted.selector)] if ids is None else sorted(ids)
        new = Cover(name, attrs.evolve(wanted, since=self.now), self.now, wanted.until)
        for id in meant:
            others = [cover for cover in self.find(id).active(self.now) if cover.name != name]
            if any(
                new.covers(at) and other.covers(at) for other in others for at in range(new.start, new.end)
            ):
                raise Refused("overlap")
        goes_on = old is not None and (old.mode, old.spans) == (wanted.mode, wanted.spans)
        self.windows[name] = old if old is not None and goes_on else new.window
        for id in meant:
            self.settle(self.schedules[id])
            if not goes_on:
                self.change_cover(self.schedules[id], name, [new])

    def uncover(self, name: str) -> None:
        """Rule W4."""
        window = self.live_windows().get(name)
        if window is None:
            raise Refused("no window")
        del self.windows[name]
        for schedule in self.meant(window.selector):
            self.settle(schedule)
            self.change_cover(schedule, name, [])

    def change_cover(self, schedule: Scheduled, name: str, new: list[Cover]) -> None:
        """End a window for a schedule, let another one begin."""
        schedule.count(self.now)
        covers = [
            attrs.evolve(cover, end=self.now) if cover.name == name and cover.end > self.now else cover
            for cover in schedule.covers
        ]
        schedule.look_anew(self.now, covers + new)

    def remove(self, id: str) -> None:
        """Rule S4."""
        self.find(id)
        del self.schedules[id]
        self.discard(self.waiting(id))

    def run(self, id: str) -> None:
        """Run by hand: fire times do not move, a pause does not matter."""
        self.jobs.append(Job(id, None, self.now, None, self.find(id).config.slow))

    def pause(self, id: str, wanted: Pause) -> None:
        """Rules P1 to P3 and P10."""
        schedule = self.find(id)
        self.check(wanted)
        self.begin_pause(schedule, wanted)

    def hold(self, selector: Selector, name: str, wanted: Pause) -> None:
        """Rules H1 and H2."""
        self.check(wanted)
        old = self.live_holds().get(name)
        if old is not None and old.selector != selector:
            raise Refused("other schedules")
        for id in selector.ids or ():
            self.find(id)
        wanted = attrs.evolve(wanted, hold=name)
        new = attrs.evolve(wanted, since=self.now) if old is None else replaced(old.pause, wanted)
        self.holds[name] = Hold(selector, new)
        for schedule in self.meant(selector):
            self.begin_pause(schedule, wanted)

    def meant(self, selector: Selector) -> list[Scheduled]:
        """Return the schedules that a selector means."""
        schedules = [schedule for _, schedule in sorted(self.schedules.items())]
        return [schedule for schedule in schedules if selector.means(schedule.id, schedule.config)]

    def check(self, wanted: Pause) -> None:
        """Refuse a pause that makes no sense."""
        if wanted.until is None and (wanted.resume_from is not None or wanted.missed != "policy"):
            raise Refused("nothing to resume")
        if wanted.is_over(self.now):
            raise Refused("until has passed")

    def begin_pause(self, schedule: Scheduled, wanted: Pause) -> None:
        """Pause a schedule, or change a pause that it has."""
        self.settle(schedule, discard=wanted.queued == "discard")
        live = schedule.pausing(self.now)
        old = next((pause for pause in live if pause.hold == wanted.hold), None)
        new = attrs.evolve(wanted, since=self.now) if old is None else replaced(old, wanted)
        if (
            new != old or wanted.queued != "keep"
        ):  # what has changed last counts among those that end together
            schedule.pauses = [pause for pause in live if pause is not old] + [new]
        regular = [job for job in self.waiting(schedule.id) if job.fire_time is not None]
        if wanted.queued == "discard":
            self.discard(regular)
        elif wanted.queued == "hold":
            for job in regular:
                if job.state == "queued":
                    job.state, job.held_since = "held", self.now

    def unpause(self, id: str, resume_from: ResumeFrom, missed: Missed) -> Report:
        """Rules P5 to P9."""
        return self.end_pause(self.find(id), None, resume_from, missed)

    def lift(self, name: str, resume_from: ResumeFrom, missed: Missed, *, must_exist: bool) -> list[Report]:
        """Rule H3."""
        hold = self.live_holds().get(name)
        if hold is None:
            if must_exist:
                raise Refused("no hold")
            return []
        del self.holds[name]
        return [self.end_pause(schedule, name, resume_from, missed) for schedule in self.meant(hold.selector)]

    def end_pause(
        self, schedule: Scheduled, hold: str | None, resume_from: ResumeFrom, missed: Missed
    ) -> Report:
        """End one pause of a schedule, which goes on if it was the last."""
        self.settle(schedule)
        live = schedule.pausing(self.now)
        others = [pause for pause in live if pause.hold != hold]
        if len(others) == len(live):
            return Report(schedule.id, schedule.status, schedule.cursor, changed=False, pauses=tuple(others))
        if others:
            schedule.pauses = others
            return Report(schedule.id, schedule.status, schedule.cursor, pauses=tuple(others))
        made, skipped = schedule.made, schedule.skipped.total()
        self.resume(schedule, self.now, resume_from, missed)
        room = schedule.config.most - (schedule.made - made)
        if resume_from != "now" and room > 0:
            self.fire(schedule, room)
        return Report(
            schedule.id,
            schedule.status,
            schedule.cursor,
            schedule.made - made,
            schedule.skipped.total() - skipped,
        )

    def find(self, id: str) -> Scheduled:
        """Return a schedule that must exist."""
        if id not in self.schedules:
            raise Refused("unknown")
        return self.schedules[id]

    # what schedules do

    def settle(self, schedule: Scheduled, *, discard: bool = False) -> None:
        """Carry out the resume that was asked for, if all pauses are over, as the one says that ended last."""
        if not schedule.pauses or schedule.pausing(self.now):
            return
        last = schedule.pauses[0]
        for pause in schedule.pauses[1:]:
            assert pause.until is not None
            assert last.until is not None
            last = pause if pause.until >= last.until else last
        assert last.until is not None
        missed = "skip" if discard and last.missed != "policy" else last.missed
        self.resume(schedule, last.until, last.resume_from, missed)

    def resume(self, schedule: Scheduled, at: int, resume_from: ResumeFrom, missed: Missed) -> None:
        """Let a schedule go on as of an instant (rules P5 to P7)."""
        assert schedule.pauses
        self.let_go(schedule.id, missed == "skip" or (missed == "policy" and resume_from == "now"))
        schedule.pauses = []
        start = at if resume_from == "now" else resume_from
        frozen, anchor = schedule.cursor, schedule.anchor
        if start is None or (resume_from != "now" and frozen is not None and start < frozen):
            passed: list[int] = []  # rule P5
        else:  # rules P6 and P7
            passed = schedule.times(frozen, start - 1)
            schedule.anchor = start
            schedule.cursor = schedule.first(start)
        if missed == "policy":
            schedule.skip(passed, "paused")
        else:
            self.make_up(schedule, at, passed, missed)
        schedule.count(self.now, anchor)

    def make_up(self, schedule: Scheduled, at: int, passed: list[int], missed: Missed) -> None:
        """Decide about what was missed (rule P5)."""
        schedule.skip([t for t in passed if schedule.due(t) >= at], "paused")
        given = [t for t in [*passed, *schedule.times(schedule.cursor, at - 1)] if schedule.due(t) < at]
        while schedule.cursor is not None and schedule.due(schedule.cursor) < at:
            schedule.cursor = next(iter(schedule.times(schedule.cursor + 1, schedule.cursor + HORIZON)), None)
        how = missed if isinstance(missed, CatchUp) else WORDS.get(missed)
        young = [t for t in given if how is not None and (how.age is None or at - schedule.due(t) <= how.age)]
        schedule.skip([t for t in given if t not in young], "paused")
        if how is None or not young:
            return
        latest = young[-(how.most or schedule.config.most) :]
        chosen = {"latest": young[-1:], "earliest": young[:1], "all": latest}[how.coalesce]
        reason = "catchup_limit" if how.coalesce == "all" else "coalesced"
        schedule.skip([t for t in young if t not in chosen], reason)
        for number, fire_time in enumerate(chosen):
            start = None if how.spacing is None else self.now + number * how.spacing
            self.make(schedule, fire_time, self.now if start is None else start, start)

    def let_go(self, id: str, discard: bool) -> None:
        """End the hold on jobs: discard them, or let them run with as much time as they had (rule P3)."""
        held = [job for job in self.waiting(id) if job.state == "held"]
        if discard:
            self.discard(held)
            return
        for job in held:
            assert job.held_since is not None
            if job.deadline is not None:
                job.deadline += self.now - job.held_since
            if job.run_at > job.held_since:
                job.run_at += self.now - job.held_since
            job.state, job.held_since = "queued", None

    def fire(self, schedule: Scheduled, room: int) -> None:
        """Rules L1 and L2."""
        config = schedule.config
        late = [t for t in schedule.times(schedule.cursor, self.now) if schedule.due(t) <= self.now]
        if not late:
            return
        kept = [t for t in late if config.grace is None or self.now - schedule.due(t) <= config.grace]
        if config.coalesce == "latest":
            chosen, reason = kept[-1:], "coalesced"
        elif config.coalesce == "earliest":
            chosen, reason = kept[:1], "coalesced"
        else:
            chosen, reason = kept[-config.most :], "catchup_limit"
        schedule.skip([t for t in late if t not in kept], "grace")
        schedule.skip([t for t in kept if t not in chosen], reason)
        for fire_time in chosen[:room]:
            self.make(schedule, fire_time, schedule.due(fire_time))
        schedule.cursor = chosen[room] if room < len(chosen) else schedule.first(late[-1] + 1)
        schedule.count(self.now)

    def make(self, schedule: Scheduled, fire_time: int, deadline_from: int, start: int | None = None) -> None:
        """Make the job of a fire time (rules S3 and L4)."""
        assert schedule.last is None or schedule.last < fire_time
        grace = schedule.config.grace
        deadline = None if grace is None else deadline_from + grace
        run_at = schedule.due(fire_time) if start is None else start
        self.jobs.append(Job(schedule.id, fire_time, run_at, deadline, schedule.config.slow))
        schedule.last = fire_time
        schedule.made += 1

    # what nodes do

    def look(self) -> None:
        """Let every schedule do what is due."""
        for id in self.schedules:
            self.look_at(id)

    def look_at(self, id: str) -> None:
        """Let one schedule do what is due."""
        schedule = self.schedules[id]
        if schedule.cursor is not None:
            self.settle(schedule)
            if not schedule.pauses:
                self.fire(schedule, HORIZON)

    def ready(self, holder: str | None = None) -> list[Job]:
        """Return the jobs that can start: the oldest first, slow ones of a schedule one at a time (rule J5).

        Each node takes one at a time of those that were left behind and are on their last attempt (rule J3).
        """
        chosen: list[Job] = []
        running = [job for job in self.jobs if job.state == "running"]
        busy = {job.schedule for job in running if job.slow}
        suspects = sum(job.is_last and holder in {None, job.holder} for job in running)
        for job in sorted(
            self.jobs, key=lambda job: job.run_at
        ):  # a stable sort: jobs stand as they were made
            if job.state == "queued" and job.run_at <= self.now and not (job.slow and job.schedule in busy):
                busy |= {job.schedule} if job.slow else set()
                if not job.is_last or suspects < (self.takers if holder is None else 1) or not self.durable:
                    chosen.append(job)
                    suspects += job.is_last
        return chosen

    def claim(self, job: Job, holder: str | None = None) -> None:
        """Take a job."""
        job.state, job.claimed_at, job.holder = "running", self.now, holder

    def start(self, job: Job) -> None:
        """Take a job and start it, or find that it is too late."""
        self.claim(job)
        if job.late:
            self.end(job, "missed_start_deadline")
            return
        self.started.append((self.now, job.schedule, job.fire_time, job.attempt))
        if not job.slow:
            self.end(job, "success")

    def end(self, job: Job, outcome: str) -> None:
        """End a job."""
        self.jobs.remove(job)
        self.ended.append((self.now, job.schedule, outcome))

    def discard(self, jobs: Sequence[Job]) -> None:
        """End jobs that have not started."""
        for job in jobs:
            self.end(job, "cancelled")

    def waiting(self, id: str) -> list[Job]:
        """Return the jobs of a schedule that are not running."""
        return [job for job in self.jobs if job.schedule == id and job.state != "running"]

    def interrupt(self, job: Job) -> None:
        """A node stops and lets go of a job: it begins anew on another, if it may (rule J3)."""
        if not job.is_last:
            self.give_back(job)
            job.attempt += 1
        else:
            self.end(job, "abandoned")

    def give_back(self, job: Job) -> None:
        """Put a job back that was taken."""
        job.state, job.holder = "queued", None

    def rest(self) -> None:
        """Do all that there is to do now."""
        while True:
            for job in list(self.jobs):
                if job.state == "running" and job.claimed_at + SLOW <= self.now:
                    self.end(job, "success")
            self.look()
            ready = self.ready()
            if not ready:
                return
            for job in ready:
                self.start(job)

    def wait(self, seconds: int, *, awake: bool) -> None:
        """Let time pass; with nobody awake, nothing happens in it."""
        for _ in range(seconds):
            self.now += 1
            if awake:
                self.rest()


def replaced(old: Pause, wanted: Pause) -> Pause:
    """Return a pause with what was given of it anew (rule P2)."""
    if wanted.until is not None:
        old = attrs.evolve(old, until=wanted.until, resume_from=wanted.resume_from, missed=wanted.missed)
    return old if wanted.reason is None else attrs.evolve(old, reason=wanted.reason)
