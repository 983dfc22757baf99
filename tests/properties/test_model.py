"""The scheduler on both stores against a reference that goes through time second by second."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from itertools import cycle, repeat
from typing import Any, ClassVar, Literal

import anyio
import attrs
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.properties import reference as ref
from tests.properties.world import NODES, World, hold_of, instant, pause_of, refusal, seconds

from anysched import AsyncScheduler, JobKind, SkipReason
from anysched.model.history import RunRecord, SkipRecord
from anysched.model.job import Claim
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.ports.store import Advanced, AdvanceRequest, Completed, Completion, NodePolicy, Taker
from anysched.stores import _memory_schedules
from anysched.stores.sql import advance

#: How many steps each machine takes on each store and event loop.
STEPS = int(os.environ.get("ANYSCHED_MODEL_STEPS", "75"))
STEPS_A_RUN = 25

ids = st.sampled_from("aaaab")
nodes = st.integers(0, NODES - 1)
offsets = st.integers(-15, 15)
resumes = st.sampled_from([None, "now"]) | offsets
catch_ups = st.one_of(
    st.builds(
        ref.CatchUp,
        st.just("all"),
        st.none() | st.integers(1, 8),
        st.none() | st.integers(1, 20),
        st.none() | st.integers(1, 4),
    ),
    st.builds(ref.CatchUp, st.sampled_from(["latest", "earliest"]), age=st.none() | st.integers(1, 20)),
)
missed: st.SearchStrategy[ref.Missed] = st.sampled_from(["policy", "skip", "run_once", "run_all"]) | catch_ups
conflicts = st.sampled_from(["replace", "replace", "do_nothing", "exception"])
lengths = st.sampled_from([*range(1, 10)] * 3 + [130])
rarely = st.sampled_from([False] * 9 + [True])


@st.composite
def triggers(draw: st.DrawFn) -> ref.Every | ref.Once:
    """Draw a trigger around an instant, 0."""
    if draw(rarely):
        return ref.Once(draw(offsets))
    start = draw(st.none() | st.none() | offsets)
    end = draw(st.integers(15, 40)) if draw(rarely) else None
    plain = start is None and end is None and draw(st.sampled_from([True, True, False]))
    return ref.Every(draw(st.sampled_from([1, 1, 2, 3, 5, 7])), start, end, plain)


configs = st.builds(
    ref.Config,
    triggers(),
    slow=st.booleans(),
    coalesce=st.sampled_from(["latest", "earliest", "all", "all"]),
    grace=st.none() | st.integers(1, 10),
    most=st.integers(1, 5),
    group=st.sampled_from([None, "g", "g", "h"]),
    tags=st.sets(st.sampled_from("xy")).map(frozenset),
)
selectors = st.sampled_from(
    [
        ref.Selector(ids=frozenset("a")),
        ref.Selector(ids=frozenset("ab")),
        ref.Selector(group="g"),
        ref.Selector(group="g"),
        ref.Selector(tags=frozenset("x")),
        ref.Selector(tags=frozenset("x")),
        ref.Selector(tags=frozenset("xy")),
        ref.Selector(group="g", tags=frozenset("x")),
        ref.Selector(group="h", task="quick"),
        ref.Selector(task="slow a"),
        ref.Selector(everything=True),
    ]
)
names = st.sampled_from([None, None, None, "hold"])


@st.composite
def pauses(draw: st.DrawFn) -> ref.Pause:
    """Draw a pause that begins at 0; its ``resume_from`` is a distance from its end."""
    until = draw(st.none() | st.integers(0, 9))
    says_how = until is not None or draw(rarely)
    return ref.Pause(
        until,
        draw(st.sampled_from([None, "why"])),
        draw(st.sampled_from(["keep", "hold", "hold", "discard"])),
        draw(resumes) if says_how else None,
        draw(missed) if says_how else "policy",
    )


@attrs.frozen
class Add:
    """Add a schedule; or declare it again, with the trigger that it has."""

    config: ref.Config
    conflict: str = "replace"
    paused: bool = False
    same_trigger: bool = False


@attrs.frozen
class Unpause:
    """Resume a schedule, from a distance from now."""

    start: ref.ResumeFrom
    missed: ref.Missed


@attrs.frozen
class Hold:
    """Pause a set of schedules."""

    selector: ref.Selector
    name: str | None
    pause: ref.Pause


@attrs.frozen
class Lift:
    """Resume a set of schedules, named by what it is, or by the name of its hold."""

    selector: ref.Selector
    name: str | None
    how: Unpause


@attrs.frozen
class Name:
    """Skip or move a fire time, by its distance from now, or the next; or take the like of it back.

    :ivar which: to take back, which of those that were skipped or moved
    """

    fire_time: int | None = None
    to: int | None = None
    which: int | None = None


@attrs.frozen
class Cover:
    """Add a window, with spans from now on, or around it."""

    name: str
    selector: ref.Selector
    mode: str
    spans: tuple[tuple[int, int], ...]


@attrs.frozen
class Uncover:
    """Remove a window."""

    name: str


Deed = Add | ref.Pause | Unpause | Hold | Lift | Name | Cover | Uncover | Literal["remove", "run"]

window_names = st.sampled_from(["night", "night", "day"])


@st.composite
def covers(draw: st.DrawFn) -> Cover:
    """Draw a window that is not over within the time that it takes to add it."""
    start = draw(st.integers(-5, 8))
    end = max(start + draw(st.integers(1, 12)), 8)
    spans = [(start, end)]
    if draw(st.booleans()):
        start = end + draw(st.integers(0, 6))
        spans.append((start, start + draw(st.integers(1, 9))))
    mode = draw(st.sampled_from(["skip", "defer"]))
    return Cover(draw(window_names), draw(selectors), mode, tuple(spans))


unpauses = st.builds(Unpause, resumes, missed)
holds = st.builds(Hold, selectors, names, pauses())
lifts = st.builds(Lift, selectors, names, unpauses)
adds = st.builds(Add, configs, conflicts, rarely, st.booleans())
fire_times = st.none() | st.none() | st.integers(-4, 12)
deviations = st.one_of(
    st.builds(Name, fire_times, st.none() | st.integers(-1, 20)),
    st.builds(Name, fire_times, st.integers(1, 9)),
    st.builds(Name, which=st.integers(0, 2)),
)
deeds: st.SearchStrategy[Deed] = st.one_of(
    adds,
    adds,
    pauses(),
    pauses(),
    unpauses,
    unpauses,
    holds,
    holds,
    lifts,
    lifts,
    deviations,
    deviations,
    covers(),
    st.builds(Uncover, window_names),
    st.just("run"),
    st.sampled_from(["run", "remove"]),
)


def at(trigger: ref.Every | ref.Once, now: int) -> ref.Every | ref.Once:
    """Return a trigger with its instants counted from another one."""
    if isinstance(trigger, ref.Once):
        return ref.Once(trigger.at + now)
    return attrs.evolve(
        trigger,
        start=None if trigger.start is None else trigger.start + now,
        end=None if trigger.end is None else trigger.end + now,
    )


def pause_from(pause: ref.Pause, now: int) -> ref.Pause:
    """Return a pause that begins now."""
    until = None if pause.until is None else pause.until + now
    start = pause.resume_from
    return attrs.evolve(
        pause, until=until, resume_from=start + (until or now) if isinstance(start, int) else start
    )


Real = Callable[[AsyncScheduler], Awaitable[Any]]


@attrs.define
class Action:
    """What a user does: to the reference, and to a node."""

    ideal: Callable[[], Any]
    real: Real
    by: int
    expected: Any = "nothing was written"

    def think(self) -> Any:
        """Do it to the reference; return what comes of it."""
        try:
            self.expected = self.ideal()
        except ref.Refused as refused:
            self.expected = refused.args[0]
        return self.expected

    async def act(self, world: World) -> Any:
        """Do it to a node that is awake; return what comes of it, in the same words."""
        awake = [node for node in world.nodes if node is not None]
        try:
            outcome = await self.real(awake[self.by % len(awake)])
            return outcome if isinstance(outcome, ref.Report | list) else None
        except Exception as exc:
            return refusal(exc)


class AtRest(RuleBasedStateMachine):
    """One thing after another, each once everybody is at rest."""

    kind: ClassVar[str]
    backend: ClassVar[str]
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.reference = ref.Reference(durable=self.kind != "memory")
        self.world = self.make_world()
        self.start(0)

    def make_world(self) -> World:
        return World(self.kind, self.backend)

    def teardown(self) -> None:
        self.world.close()

    @property
    def now(self) -> int:
        return self.reference.now

    @property
    def awake(self) -> bool:
        return self.world.awake

    # what users do

    def perform(self, id: str, deed: Deed, by: int) -> None:
        """Let a user do something to a schedule, by way of a node."""
        reference, world, now = self.reference, self.world, self.now
        if isinstance(deed, Add):
            old = reference.schedules.get(id)
            trigger = old.config.trigger if deed.same_trigger and old else at(deed.config.trigger, now)
            config = attrs.evolve(deed.config, trigger=trigger)
            self.do(
                lambda: reference.add(id, config, deed.conflict, paused=deed.paused),
                lambda node: world.add(node, id, config, deed.conflict, paused=deed.paused),
                by,
            )
        elif isinstance(deed, ref.Pause):
            pause = pause_from(deed, now)
            self.do(lambda: reference.pause(id, pause), lambda node: world.pause(node, id, pause), by)
        elif isinstance(deed, Hold):
            selector, name, pause = deed.selector, deed.name, pause_from(deed.pause, now)
            self.do(
                lambda: reference.hold(selector, name or selector.name, pause),
                lambda node: world.hold(node, selector, name, pause),
                by,
            )
        elif isinstance(deed, Lift):
            selector, name, missed = deed.selector, deed.name, deed.how.missed
            start = deed.how.start + now if isinstance(deed.how.start, int) else deed.how.start
            self.do(
                lambda: reference.lift(name or selector.name, start, missed, must_exist=name is not None),
                lambda node: world.lift(node, selector, name, start, missed),
                by,
            )
        elif isinstance(deed, Cover):
            spans = tuple((start + now, end + now) for start, end in deed.spans)
            window, covering = ref.Window(deed.selector, deed.mode, spans), deed.name
            self.do(
                lambda: reference.cover(covering, window),
                lambda node: world.cover(node, covering, window),
                by,
            )
        elif isinstance(deed, Uncover):
            covering = deed.name
            self.do(lambda: reference.uncover(covering), lambda node: node.remove_window(covering), by)
        elif isinstance(deed, Unpause):
            start = deed.start + now if isinstance(deed.start, int) else deed.start
            self.do(
                lambda: reference.unpause(id, start, deed.missed),
                lambda node: world.unpause(node, id, start, deed.missed),
                by,
            )
        elif isinstance(deed, Name):
            self.deviate(id, deed, by)
        elif deed == "run":
            self.do(lambda: reference.run(id), lambda node: node.run_schedule(id), by)
        else:
            self.do(lambda: self.remove(id), lambda node: node.remove_schedule(id), by)

    def deviate(self, id: str, deed: Name, by: int) -> None:
        reference, world, now = self.reference, self.world, self.now
        if deed.which is None:
            fire_time = None if deed.fire_time is None else deed.fire_time + now
            to = None if deed.to is None else deed.to + now
            self.do(
                lambda: reference.name(id, fire_time, to),
                lambda node: world.name(node, id, fire_time, to),
                by,
            )
            return
        schedule = reference.schedules.get(id)
        named = [*schedule.named] if schedule and schedule.named else [now]
        found = named[deed.which % len(named)]
        self.do(lambda: reference.restore(id, found), lambda node: world.restore(node, id, found), by)

    def remove(self, id: str) -> None:
        self.reference.remove(id)
        self.world.told.pop(id, None)

    def do(self, ideal: Callable[[], Any], real: Real, by: int) -> None:
        """Let the reference and a node do the same."""
        action = Action(ideal, real, by)
        expected = action.think()
        found = self.world.call(action.act, self.world)
        assert expected == found, (expected, found)
        self.settle()

    @initialize(config=configs, other=configs, two=st.sampled_from([True, True, False]))
    def begin(self, config: ref.Config, other: ref.Config, two: bool) -> None:
        """Have something to work on, and one node or two to do it."""
        if two:
            self.start(1)
        self.perform("a", Add(config), 0)
        self.perform("b", Add(other), 0)

    @precondition(lambda self: self.awake)
    @rule(id=ids, deeds=st.lists(deeds, min_size=1, max_size=3), by=nodes)
    def act(self, id: str, deeds: list[Deed], by: int) -> None:
        """Do this and that."""
        for deed in deeds:
            self.perform(id, deed, by)

    @precondition(lambda self: self.awake)
    @rule(
        id=ids,
        pause=pauses(),
        names=st.lists(deviations, max_size=3),
        length=lengths,
        unpause=unpauses,
        by=nodes,
    )
    def pause_and_unpause(
        self, id: str, pause: ref.Pause, names: list[Name], length: int, unpause: Unpause, by: int
    ) -> None:
        """Pause a schedule, skip and move fire times, and resume it after a while, if it is still paused."""
        self.perform(id, pause, by)
        for name in names:
            self.perform(id, name, by)
        self.pass_time(length)
        self.settle()
        self.perform(id, unpause, by)

    @precondition(lambda self: self.awake)
    @rule(id=ids, hold=holds, deeds=st.lists(deeds, max_size=2), length=lengths, unpause=unpauses, by=nodes)
    def hold_and_lift(
        self, id: str, hold: Hold, deeds: list[Deed], length: int, unpause: Unpause, by: int
    ) -> None:
        """Pause a set of schedules, and resume it after a while, if it is still paused."""
        self.perform(id, hold, by)
        for deed in deeds:
            self.perform(id, deed, by)
        self.pass_time(length)
        self.settle()
        self.perform(id, Lift(hold.selector, hold.name, unpause), by)

    # what else happens

    @rule(length=lengths)
    def wait(self, length: int) -> None:
        """Let time pass."""
        self.pass_time(length)
        self.settle()

    def pass_time(self, length: int) -> None:
        self.reference.wait(length, awake=self.awake)
        self.world.wait(length)

    @rule(number=nodes, sure=st.sampled_from([False, False, True]))
    def switch(self, number: int, sure: bool) -> None:
        """Start a node, or, less often, stop it."""
        if self.world.nodes[number] is None:
            self.start(number)
        elif sure:
            self.stop(number)
        self.settle()

    def start(self, number: int) -> None:
        self.reference.takers += 1
        self.world.start(number)

    def stop(self, number: int) -> None:
        self.reference.takers -= 1
        running = self.world.running_on(number)
        self.world.stop(number)
        for job in list(self.reference.jobs):
            if job.state == "running" and (job.schedule, job.fire_time, job.attempt) in running:
                self.reference.interrupt(job)

    @rule(length=st.integers(0, 20), sure=rarely)
    def restart(self, length: int, sure: bool) -> None:
        """Stop all nodes; after a while start them again."""
        if not sure:
            self.wait(length)
            return
        for number in range(NODES):
            if self.world.nodes[number] is not None:
                self.stop(number)
                self.settle()
        self.pass_time(length)
        for number in range(NODES):
            self.start(number)
            self.settle()

    # what must be so

    def settle(self) -> None:
        """Let the reference come to rest as well, and compare."""
        type(self).steps += 1
        if self.awake:
            self.reference.rest()
            self.compare()
            self.compare_history()

    def compare(self) -> None:
        """Compare what is there."""
        assert self.now == self.world.now
        snapshots = {snapshot.id: snapshot for snapshot in self.world.schedules()}
        assert self.reference.schedules.keys() == snapshots.keys()
        for id, schedule in self.reference.schedules.items():
            state = snapshots[id].state
            assert state.skipped_exact
            assert (
                schedule.status,
                schedule.cursor,
                None if schedule.cursor is None else schedule.due(schedule.cursor),
                schedule.last,
                schedule.anchor,
                schedule.pausing(self.now) or schedule.pauses,
                schedule.made,
                +schedule.skipped,
                [(at, one.moved_to, one.settled) for at, one in sorted(schedule.named.items())],
            ) == (
                str(state.status),
                seconds(state.next_fire_time),
                seconds(state.due_at),
                seconds(state.last_fire_time),
                seconds(state.anchor),
                self.pauses_of(state),
                state.jobs_made,
                {str(reason): number for reason, number in state.skipped.items()},
                [(seconds(one.fire_time), seconds(one.moved_to), one.settled) for one in state.occurrences],
            ), id
        self.compare_holds(snapshots)
        self.compare_windows(snapshots)
        for snapshot in snapshots.values():
            self.compare_ledger(snapshot.state)
        jobs = [
            (job.schedule, job.fire_time, job.run_at, job.deadline, job.attempt, job.state)
            for job in self.reference.jobs
        ]
        assert sorted(jobs, key=repr) == sorted(self.world.jobs(), key=repr)
        assert not [key for key, number in self.world.keys.items() if number > 1], "rule S3"

    def compare_ledger(self, state: ScheduleState) -> None:
        """Every job that was made has a record, or has not ended; so has every fire time that got none (rule G1)."""
        records = self.world.ledger(state.incarnation)
        runs = [one for one in records if isinstance(one, RunRecord) and one.kind is JobKind.regular]
        made = {run.job_id for run in runs} | {job.id for job in self.world.jobs_of(state.incarnation)}
        assert state.jobs_made == len(made)
        assert len({run.fire_time for run in runs}) == len(runs)
        skipped: Counter[SkipReason] = Counter()
        for one in records:
            if isinstance(one, SkipRecord):
                skipped[one.reason] += one.number
        assert state.skipped == skipped

    def pauses_of(self, state: ScheduleState) -> list[ref.Pause]:
        """Return what pauses a schedule; what is over does not, but the last of it says how to go on."""
        pauses = [pause_of(pause) for pause in state.pauses]
        return [pause for pause in pauses if not pause.is_over(self.now)] or pauses

    def compare_holds(self, snapshots: dict[str, ScheduleSnapshot]) -> None:
        """Compare holds; each is among the pauses of exactly the schedules that it means (rules H2 and H4)."""
        reference, found = self.reference, self.world.holds()
        holds = {hold.id: hold_of(hold) for hold in found if hold.id is not None}
        assert reference.live_holds() == holds
        own = [(hold.selector.ids, pause_of(hold.pause)) for hold in found if hold.id is None]
        assert own == [
            (frozenset({id}), pause)
            for id, schedule in sorted(reference.schedules.items())
            for pause in schedule.pausing(self.now)
            if pause.hold is None
        ]
        for id, snapshot in snapshots.items():
            config = reference.schedules[id].config
            assert (config.group, config.tags) == (snapshot.schedule.group, snapshot.schedule.tags)
            pausing = [
                pause.hold
                for pause in map(pause_of, snapshot.state.pauses)
                if pause.hold is not None and not pause.is_over(self.now)
            ]
            assert sorted(pausing) == sorted(
                name for name, hold in holds.items() if hold.selector.means(id, config)
            )

    def compare_windows(self, snapshots: dict[str, ScheduleSnapshot]) -> None:
        """Compare windows; each is among those of exactly the schedules that it means (rules W1 and H4)."""
        windows, found = self.reference.live_windows(), self.world.windows()
        assert {(name, window.mode, window.until) for name, window in windows.items()} == {
            (placed.id, placed.window.mode, seconds(placed.until)) for placed in found
        }
        for id, snapshot in snapshots.items():
            config = self.reference.schedules[id].config
            has = [one.id for one in snapshot.state.windows if not one.is_over(instant(self.now))]
            assert sorted(has) == sorted(
                name for name, window in windows.items() if window.selector.means(id, config)
            )

    def compare_history(self) -> None:
        """Compare what has happened since the last time."""
        world, reference = self.world, self.reference
        for id, schedule in reference.schedules.items():
            assert +schedule.skipped == +world.told[id], "rule L3: what is skipped is told"
        started = [entry[:-1] for entry in world.started]
        for expected, found in ((reference.started, started), (reference.ended, world.ended)):
            assert sorted(expected, key=repr) == sorted(found, key=repr)
            expected.clear()
        world.started.clear()
        world.ended.clear()


current_action: ContextVar[Action] = ContextVar("current_action")


class Interleaved(AtRest):
    """Several things at once: who goes on is chosen at every await of every operation on the stores.

    The reference takes each step in the moment in which a store commits it.
    """

    def __init__(self) -> None:
        self.pending: list[Action] = []
        self.choices = [0]
        self.objection: AssertionError | None = None
        self.claimed: Counter[Any] = Counter()
        self.ended_well: Counter[Any] = Counter()
        super().__init__()

    def make_world(self) -> World:
        return World(self.kind, self.backend, witness=self)

    def do(self, ideal: Callable[[], Any], real: Real, by: int) -> None:
        self.pending.append(Action(ideal, real, by))
        if len(self.pending) == 4:
            self.flush()

    @precondition(lambda self: self.awake)
    @rule(
        length=st.integers(0, 6),
        stops=st.sampled_from([None, None, None, 0, 1]),
        choices=st.lists(st.integers(0, 5), min_size=1, max_size=25),
    )
    def together(self, length: int, stops: int | None, choices: list[int]) -> None:
        """Let it all happen at once: what users do, time, and the stop of one of two nodes."""
        self.choices = choices
        if stops is None or not all(self.world.nodes):
            self.flush(length)
        else:
            self.flush(0, stops)  # jobs have real time to end when a node stops: so no other passes

    @precondition(lambda self: self.awake)
    @rule(
        id=ids,
        until=st.integers(4, 9),
        queued=st.sampled_from(["keep", "hold"]),
        missed=st.sampled_from(["policy", "policy", "policy", "run_once", "run_all"]) | catch_ups,
        deeds=st.lists(deeds, min_size=1, max_size=2),
        choices=st.lists(st.integers(0, 5), min_size=1, max_size=25),
    )
    def clash(
        self, id: str, until: int, queued: str, missed: ref.Missed, deeds: list[Deed], choices: list[int]
    ) -> None:
        """Do things to a schedule in the second in which its pause ends."""
        self.perform(id, ref.Pause(until, queued=queued, missed=missed), 0)
        self.pass_time(until - 1)
        for number, deed in enumerate(deeds):
            self.perform(id, deed, number)
        self.choices = choices
        self.flush(2)

    def flush(self, length: int = 0, stops: int | None = None) -> None:
        """Let happen what was put off."""
        actions, self.pending = self.pending, []
        if actions or length or stops is not None:
            self.world.call(self.conducted, actions, length, stops)
            if stops is not None:
                self.reference.takers -= 1
                self.world.stop(stops)
        self.settle()

    async def conducted(self, actions: Sequence[Action], length: int, stops: int | None) -> None:
        found: list[tuple[Any, Any]] = []

        async def act(action: Action) -> None:
            current_action.set(action)
            outcome = await action.act(self.world)
            found.append((action.expected, outcome))

        async def pass_time() -> None:
            for _ in range(length):
                await self.world.conductor.tick()

        stopping = self.world.leave(stops)
        self.world.conductor.choices = cycle(self.choices)
        async with anyio.create_task_group() as task_group:
            for action in actions:
                task_group.start_soon(act, action)
            task_group.start_soon(pass_time)
            if stopping is not None:
                task_group.start_soon(stopping.stop)
        await self.world.clock.settle()
        self.world.conductor.choices = repeat(0)
        for expected, outcome in found:
            assert expected == outcome, self.objection

    def pass_time(self, length: int) -> None:
        self.flush()
        self.world.wait(length)

    def stop(self, number: int) -> None:
        self.flush()
        self.reference.takers -= 1
        self.world.stop(number)

    def settle(self) -> None:
        type(self).steps += 1
        if self.objection is not None:
            raise self.objection
        self.synchronize()
        if self.awake and not self.pending:
            self.reference.look()
            assert not self.reference.ready()
            self.compare()
            started = Counter((*key, slow) for _, *key, slow in self.world.started)
            assert self.ended_well <= started <= self.claimed

    def synchronize(self) -> None:
        """Bring the reference to the present."""
        now = self.world.now
        assert now is not None
        self.reference.now = now

    # what stores tell

    def transact_holds(self, outcome: Any, *_: Any) -> None:
        self.synchronize()
        expected = current_action.get().think()
        if isinstance(outcome, Exception):
            assert expected == refusal(outcome)

    def transact_schedules(
        self,
        outcome: Any,
        ids: Sequence[str],
        decide: Any,
        taker: Taker | None = None,
        delivered: Sequence[Claim] = (),
    ) -> None:
        self.transact_holds(outcome)
        if taker is None or isinstance(outcome, Exception):
            assert not delivered
            return
        for change in outcome.changes:
            if change.state is not None:
                self.reference.look_at(change.schedule_id)
        node = taker.request.node
        oldest = self.reference.ready(node)[: len(delivered)]
        assert [job_key(job) for job in oldest] == [claim_key(claim) for claim in delivered]
        for job in oldest:
            self.reference.claim(job, node)
            self.claimed[job_key(job)] += 1

    declare_schedules = transact_schedules

    def fired(self, id: str) -> None:
        self.synchronize()
        self.reference.look_at(id)

    def advance(self, outcome: Advanced | Exception, request: AdvanceRequest) -> None:
        assert isinstance(outcome, Advanced), outcome
        self.synchronize()
        if self.kind != "memory":  # which tells of each schedule
            self.reference.look()
        ready = self.reference.ready(request.node) if request.claim_limit else []
        assert sorted(map(job_key, ready), key=repr) == sorted(map(claim_key, outcome.claims), key=repr)
        for job in ready:
            self.reference.claim(job, request.node)
            self.claimed[job_key(job)] += 1

    def complete(
        self, outcome: Completed | Exception, node: str, completions: Sequence[Completion], _: NodePolicy
    ) -> None:
        assert isinstance(outcome, Completed), outcome
        self.synchronize()
        for completion, accepted in zip(completions, outcome.accepted, strict=True):
            job = self.held(completion.claim, node)
            assert accepted == (job is not None)
            if job is not None:
                found = str(completion.result.outcome)
                if found == "abandoned":
                    assert ref.MOST_ATTEMPTS == job.attempt
                else:
                    assert ("missed_start_deadline" if job.late else "success") == found
                    assert not job.slow or job.late or self.now == job.claimed_at + ref.SLOW
                self.ended_well[job_key(job)] += found == "success"
                self.reference.end(job, found)

    def give_back(
        self, outcome: Exception | None, node: str, claims: Sequence[Claim], *, attempted: bool = False
    ) -> None:
        assert outcome is None
        self.synchronize()
        for claim in claims:
            job = self.held(claim, node)
            assert job is not None
            if attempted:
                assert job.attempt < ref.MOST_ATTEMPTS
                self.reference.interrupt(job)
            else:
                self.reference.give_back(job)

    def held(self, claim: Claim, node: str) -> ref.Job | None:
        """Return the job of a claim if a node holds it."""
        for job in self.reference.jobs:
            if job.state == "running" and job.holder == node and job_key(job) == claim_key(claim):
                return job
        return None


def job_key(job: ref.Job) -> tuple[Any, ...]:
    return job.schedule, job.fire_time, job.attempt, job.slow


def claim_key(claim: Claim) -> tuple[Any, ...]:
    job = claim.job
    return job.schedule_id, seconds(job.scheduled_fire_time), job.attempt, job.task_id != "quick"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("machine", [AtRest, Interleaved])
def test_model(machine: type[AtRest], kind: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """rules S, P, H, W, L, O, J3 and G1: whatever users, nodes and time do, the stores agree with the reference."""
    monkeypatch.setattr(_memory_schedules, "LONG_BACKLOG", 3)  # so that more is decided in threads
    monkeypatch.setattr(advance, "LOOK_AGAIN", 1_000_000)  # the reference knows whole seconds
    variant: Any = type(machine.__name__, (machine,), {"kind": kind, "backend": backend, "steps": 0})
    run_state_machine_as_test(
        variant,
        settings=settings(
            max_examples=max(1, STEPS // STEPS_A_RUN),
            stateful_step_count=STEPS_A_RUN,
            derandomize="ANYSCHED_MODEL_STEPS" not in os.environ,  # every run the same; longer ones explore
            suppress_health_check=list(HealthCheck),
            deadline=None,
        ),
    )
    print(f"{machine.__name__} on {kind}, {backend}: {variant.steps} steps")
