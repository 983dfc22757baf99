"""What is kept of who did what: the whole entry of each action."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from copy import copy
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import attrs
import pytest
from tests.unit.rules.support import SECOND, T0, Every, added, after, at, options_of, paused, same

from anysched.model.audit import Addition, AuditEntry
from anysched.model.brief import brief
from anysched.model.change import Change, HoldChange
from anysched.model.events import FireTimesSkipped, ScheduleFailed
from anysched.model.history import Retention
from anysched.model.hold import Hold, Selector
from anysched.model.job import EndedJob, JobException, JobResult
from anysched.model.pause import Pause
from anysched.model.policies import AuditAction, CatchUp, ConflictPolicy, JobOutcome, ScheduleStatus
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import TaskDefaults
from anysched.model.trigger import Trigger, UndecodableTrigger
from anysched.rules import adding, auditing, holding, occurrences, pausing
from anysched.rules.auditing import Actor, Deed, counted, entry, noted, noted_hold, noted_itself
from anysched.rules.policy import Policy
from anysched.triggers import CronTrigger, DatesTrigger, DateTrigger, IntervalTrigger

ANN = Actor("node", "ann", "why")
EVERY_10 = Every(10 * SECOND)
TRIGGER = "Every(step=0:00:10)"
DEFAULTS = TaskDefaults()


def audited(
    change: Change, stored: ScheduleSnapshot | None, now: float = 25, actor: Actor | None = ANN
) -> Change:
    return noted(change, stored, at(now), actor, same)


def told(change: Change | HoldChange) -> tuple[AuditAction, Mapping[str, Any]]:
    """Return what the one entry of a change by Ann says besides what all entries say alike."""
    (found,) = change.audit
    assert found.id.version == 7
    assert (found.by, found.reason, found.node) == ("ann", "why", "node")
    return found.action, found.details


def by_scheduler(change: Change, reason: str | None = None) -> tuple[AuditAction, Mapping[str, Any]]:
    """Return what the one entry of a change by the scheduler itself says."""
    (found,) = change.audit
    assert (found.by, found.reason, found.node, found.schedule_id) == (None, reason, "node", "x")
    return found.action, found.details


def unpause(stored: ScheduleSnapshot, now: float = 25, **how: Any) -> Change:
    return pausing.unpause(stored, options_of(stored), at(now), **how)


def test_an_entry_as_a_whole() -> None:
    """rule A1: an entry says what, when, to what, by whom, why, and through which node."""
    stored = added(EVERY_10)
    change = audited(pausing.pause(stored, options_of(stored), at(25), Pause(since=at(25))), stored)
    (found,) = change.audit
    assert found == AuditEntry(
        id=found.id,
        at=at(25),
        action=AuditAction.schedule_paused,
        schedule_id="x",
        name=None,
        by="ann",
        reason="why",
        node="node",
        details={"kind": "manual", "queued": "keep"},
    )


def test_adding_and_removing() -> None:
    """rule A1: what is added or removed is told with its task and its trigger, as it may be gone."""
    schedule = Schedule("task", EVERY_10, id="x")
    change = adding.add(schedule, None, T0, ConflictPolicy.exception, same)
    known = {"task": "task", "trigger": TRIGGER}
    begins = {"status": "active", "next_fire_time": T0.isoformat()}
    assert (AuditAction.schedule_added, {**known, **begins}) == told(audited(change, None, 0))
    change = adding.add(attrs.evolve(schedule, paused=True), None, T0, ConflictPolicy.exception, same)
    assert "paused" == told(audited(change, None, 0))[1]["status"]
    stored = added(EVERY_10)
    assert (AuditAction.schedule_removed, known) == told(audited(adding.remove("x", stored), stored))
    unread = attrs.evolve(stored, fault="unknown type")
    assert (AuditAction.schedule_removed, {"task": "task"}) == told(
        audited(adding.remove("x", unread), unread)
    )


def test_an_addition_is_told_when_it_is_read() -> None:
    """rule A1: the text of an addition is made when somebody reads it, and is a mapping like that of any other."""
    step = Every(10 * SECOND)
    change = audited(
        adding.add(Schedule("task", step, id="x"), None, T0, ConflictPolicy.exception, same), None, 0
    )
    details = told(change)[1]
    names = ["task", "trigger", "status", "next_fire_time"]
    assert (names, 4) == (list(details), len(details))
    assert dict(details) == details
    assert repr(dict(details)) == repr(details)
    assert "start" not in details
    with pytest.raises(KeyError):
        details["start"]
    never = Addition("task", step, ScheduleStatus.finished, None)
    assert {"task": "task", "trigger": TRIGGER, "status": "finished"} == never
    assert 3 == len(never)
    assert never.get("next_fire_time") is None


def test_an_addition_is_a_value() -> None:
    """rule A1: an entry of an addition can be taken apart, copied and sent like any other."""
    details = Addition("task", DateTrigger(T0), ScheduleStatus.active, T0)
    found = AuditEntry(id=UUID(int=1), at=T0, action=AuditAction.schedule_added, details=details)
    for again in (attrs.asdict(found)["details"], pickle.loads(pickle.dumps(found)).details, copy(details)):
        assert dict(details) == again == details
    assert found == pickle.loads(pickle.dumps(found))


@attrs.define
class Changing:
    """A trigger that does not keep to rule T2."""

    seconds: int = attrs.field(converter=int)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        return None


@pytest.mark.parametrize(
    "trigger", [DateTrigger(T0), DateTrigger(datetime(2025, 1, 1), "Europe/Paris"), IntervalTrigger(5)]
)
def test_small_triggers_are_kept(trigger: Trigger) -> None:
    """rule A2: the trigger of an addition is kept where it takes less than its text."""
    assert trigger is Addition("task", trigger, ScheduleStatus.active, T0).trigger


@pytest.mark.parametrize(
    "trigger",
    [
        DatesTrigger([at(second) for second in range(1000)]),
        DateTrigger(T0) | IntervalTrigger(5),
        CronTrigger("H H * * *", "UTC"),
        UndecodableTrigger("x" * 1000),
        Changing(5),
    ],
)
def test_other_triggers_are_told_at_once(trigger: Trigger) -> None:
    """rule A2: what is large, grows or may change is kept as text, as entries may outlive their schedules."""
    details = Addition("task", trigger, ScheduleStatus.active, T0)
    assert brief(trigger) == details.trigger == details["trigger"]


def test_editing() -> None:
    """rule A1: an edit tells which fields have changed, each with the old and the new value as short text."""
    stored = added(EVERY_10, args=(1,))
    wanted = Schedule("task", Every(20 * SECOND), id="x", args=(2,), group="g")

    def edited(schedule: Schedule, stored: ScheduleSnapshot) -> Change:
        return audited(adding.add(schedule, stored, at(25), ConflictPolicy.replace, same), stored)

    fields = {
        "args": ["(1,)", "(2,)"],
        "group": ["None", "'g'"],
        "trigger": [TRIGGER, "Every(step=0:00:20)"],
    }
    assert (AuditAction.schedule_edited, fields) == told(edited(wanted, stored))
    assert () == edited(stored.schedule, stored).audit
    set_aside = attrs.evolve(stored, state=attrs.evolve(stored.state, error="it broke"))
    assert (AuditAction.schedule_edited, {"error": ["'it broke'", "None"]}) == told(
        edited(stored.schedule, set_aside)
    )
    unread = attrs.evolve(
        stored, fault="new", schedule=attrs.evolve(stored.schedule, trigger=UndecodableTrigger("new"))
    )
    assert (AuditAction.schedule_edited, {"fault": ["'new'", "None"]}) == told(edited(wanted, unread))


@pytest.mark.parametrize(
    ("pause", "details"),
    [
        ({}, {"queued": "keep"}),
        ({"queued": "hold"}, {"queued": "hold"}),
        (
            {"until": at(90), "resume_from": "now"},
            {"queued": "keep", "until": at(90).isoformat(), "resume_from": "now", "missed": "policy"},
        ),
        (
            {"until": at(90), "resume_from": at(60), "missed": CatchUp("all", max_jobs=3, spacing=90)},
            {
                "queued": "keep",
                "until": at(90).isoformat(),
                "resume_from": at(60).isoformat(),
                "missed": "all, max_jobs=3, spacing=0:01:30",
            },
        ),
    ],
)
def test_pausing(pause: dict[str, Any], details: dict[str, Any]) -> None:
    """rules A1 and P10: a pause tells when and how it ends, if it ends by itself, and what becomes of queued jobs."""
    stored = added(EVERY_10)
    change = pausing.pause(stored, options_of(stored), at(25), Pause(since=at(25), **pause))
    assert (AuditAction.schedule_paused, {"kind": "manual", **details}) == told(audited(change, stored))
    again = after(stored, change)
    unchanged = pausing.pause(again, options_of(again), at(26), Pause(since=at(26)))
    assert () == audited(unchanged, again, 26).audit
    other = Pause(since=at(26), reason="another")
    assert 1 == len(audited(pausing.pause(again, options_of(again), at(26), other), again, 26).audit)


def test_resuming() -> None:
    """rules A1 and P9: a resume tells how it was asked for, and what came of it."""
    stored = paused(added(EVERY_10))
    base = {"kind": "manual", "missed": "policy", "status": "active", "next_fire_time": at(30).isoformat()}
    assert (AuditAction.schedule_resumed, {**base, "jobs": 1, "skipped": 2}) == told(
        audited(unpause(stored), stored)
    )
    found = told(audited(unpause(stored, resume_from=at(20), missed="run_all"), stored))
    how = {"resume_from": at(20).isoformat(), "missed": "run_all", "jobs": 3, "skipped": 0}
    assert (AuditAction.schedule_resumed, {**base, **how}) == found
    running = added(EVERY_10)
    assert () == audited(unpause(running), running).audit


def test_resuming_what_stays_paused() -> None:
    """rules A1 and H3: lifting one of several pauses is a resume, after which the schedule is still paused."""
    stored = paused(added(EVERY_10))
    both = (*stored.state.pauses, Pause(since=T0, hold="h"), Pause(since=T0, kind="failure", hold="f"))
    stored = attrs.evolve(stored, state=stored.state.with_pauses(both))
    assert (AuditAction.schedule_resumed, {"status": "paused"}) == told(audited(unpause(stored), stored))


def test_resuming_what_cannot_be_read() -> None:
    """rule A1: where another node has to carry out a resume, it is told as it was asked for."""
    stored = attrs.evolve(paused(added(EVERY_10)), fault="unknown type")
    change = audited(unpause(stored, resume_from="now", missed="skip"), stored)
    expected = {"resume_from": "now", "missed": "skip", "status": "paused"}
    assert (AuditAction.schedule_resumed, expected) == told(change)


def test_inexact_numbers() -> None:
    """rule L3: a number of skipped fire times that is only a lower bound is told as one."""
    stored = paused(added(Every(timedelta(milliseconds=1))))
    details = told(audited(unpause(stored, 30, missed="skip"), stored, 30))[1]
    assert (True, False) == (details["skipped"] >= 10_000, details["skipped_exact"])


def test_running_by_hand() -> None:
    """rule A1: a job that somebody asks for is told by its id."""
    stored = added(EVERY_10)
    change = audited(adding.run_by_hand(stored, options_of(stored), at(25)), stored)
    assert (AuditAction.schedule_run, {"job": str(change.jobs[0].id)}) == told(change)


def test_fire_times() -> None:
    """rules A1, O1 and O4: a fire time that was skipped, moved or restored is told."""
    stored = added(EVERY_10)
    options = options_of(stored)
    skipped = occurrences.skip(stored, options, T0, at(20))
    assert (AuditAction.fire_time_skipped, {"fire_time": at(20).isoformat()}) == told(
        audited(skipped, stored, 0)
    )
    moved = occurrences.move(stored, options, T0, at(20), at(25))
    expected = {"fire_time": at(20).isoformat(), "moved_to": at(25).isoformat()}
    assert (AuditAction.fire_time_moved, expected) == told(audited(moved, stored, 0))
    stored = after(stored, moved)
    restored = occurrences.restore(stored, options, T0, at(20))
    assert (AuditAction.fire_time_restored, {"fire_time": at(20).isoformat()}) == told(
        audited(restored, stored, 0)
    )


class TestByItself:
    """What no user asks for at that moment."""

    policy = Policy(DEFAULTS, node="node")

    def test_until(self) -> None:
        """rules A1 and P10: a pause of a schedule's own that ends by itself is ended by the scheduler."""
        stored = paused(added(EVERY_10), until=at(15), by="bob", reason="lunch")
        change = self.policy.fire(stored, None, at(25), 100)
        expected = {
            "kind": "manual",
            "missed": "policy",
            "status": "active",
            "next_fire_time": at(30).isoformat(),
            "jobs": 1,
            "skipped": 2,
        }
        assert (AuditAction.schedule_resumed, expected) == by_scheduler(change)

    def test_until_of_a_hold(self) -> None:
        """rule A1: what a hold does to its schedules is no entry of theirs, its end included."""
        stored = paused(added(EVERY_10), until=at(15), hold="h")
        assert () == self.policy.fire(stored, None, at(25), 100).audit

    def test_until_seen_by_a_user(self) -> None:
        """rule A1: who finds a pause that was over has not ended it; what they ask for is an entry of theirs."""
        stored = paused(added(EVERY_10), until=at(15))
        change = audited(pausing.pause(stored, options_of(stored), at(25), Pause(since=at(25))), stored)
        resumed, again = change.audit
        assert (AuditAction.schedule_resumed, None) == (resumed.action, resumed.by)
        assert (AuditAction.schedule_paused, "ann") == (again.action, again.by)
        assert resumed.id < again.id
        assert 1 == len(audited(unpause(stored), stored).audit)

    def test_failures(self) -> None:
        """rules A1 and B1: the scheduler pauses after failures; the reason names the job."""
        stored = added(EVERY_10, pause_after_failures=1, probe_after=60)
        job = self.policy.fire(stored, None, T0, 1).jobs[0]
        result = JobResult(job.id, JobOutcome.error, at(1), T0, exception=JobException("KeyError", "'x'", ""))
        change = self.policy.ended(stored, None, [EndedJob(job, result)], at(1))
        expected = {
            "kind": "failure",
            "queued": "hold",
            "until": at(61).isoformat(),
            "resume_from": "now",
            "missed": "policy",
        }
        reason = f"job {job.id} failed: KeyError: 'x'"
        assert (AuditAction.schedule_paused, expected) == by_scheduler(change, reason)

    def test_other_events(self) -> None:
        """rule A1: firing, skipping and setting aside are nobody's doing."""
        events = (FireTimesSkipped("x", "task", (), True), ScheduleFailed("x", "task", "why"))
        change = Change(schedule_id="x", events=events)
        assert change == audited(change, None) == noted_itself(change, T0, ANN)
        assert () == self.policy.fire(added(EVERY_10), None, at(95), 100).audit

    def test_lifting_beside_a_pause_by_failures(self) -> None:
        """rules A1 and H3: where a pause by failures is what is left, it is not told as a new one."""
        stored = paused(added(EVERY_10), kind="failure")
        both = (*stored.state.pauses, Pause(since=T0, hold="h"))
        stored = attrs.evolve(stored, state=stored.state.with_pauses(both))
        lifted = pausing.unpause(stored, options_of(stored), at(25), hold="h")
        assert () == noted_itself(lifted, at(25), ANN).audit


class TestHolds:
    selector = Selector(group="g")

    def place(self, old: Hold | None = None, *, again: bool = False, **pause: Any) -> HoldChange:
        wanted = Pause(since=at(25), hold="h", **pause)
        holds = {} if old is None else {"h": old}
        change = noted_hold(
            holding.place(holds, self.selector, wanted, at(25)), old, at(25), ANN, again=again
        )
        assert change is not None
        return change

    def test_placing(self) -> None:
        """rules A1 and H2: a hold is one entry, with its selector, how it ends, and how many schedules it changed."""
        change = self.place(until=at(90), kind="maintenance", queued="hold")
        stored = added(EVERY_10)
        done = pausing.pause_active(stored, at(25), Pause(since=at(25), hold="h"))
        (found,) = counted(change, [done, Change(schedule_id="gone"), done])
        assert found == AuditEntry(
            id=found.id,
            at=at(25),
            action=AuditAction.hold_placed,
            name="h",
            by="ann",
            reason="why",
            node="node",
            details={
                "selector": "group=g",
                "kind": "maintenance",
                "queued": "hold",
                "until": at(90).isoformat(),
                "missed": "policy",
                "schedules": 2,
            },
        )

    def test_placing_again(self) -> None:
        """rule A1: placing a hold that stays as it was is no entry, unless its schedules are not left alone."""
        hold = self.place().hold
        assert () == self.place(hold).audit
        assert 1 == len(self.place(hold, again=True).audit)
        assert 1 == len(self.place(hold, reason="another").audit)

    def test_lifting(self) -> None:
        """rules A1 and H3: the lift of a hold tells how to go on, and what came of it in all."""
        hold = self.place().hold
        assert hold is not None
        stored = paused(added(EVERY_10), hold="h")
        lifted = pausing.unpause(stored, options_of(stored), at(25), hold="h", missed="run_all")
        change = noted_hold(holding.lift({"h": hold}, "h", at(25)), hold, at(25), ANN, missed="run_all")
        assert change is not None
        assert () == noted_itself(lifted, at(25), ANN).audit
        (found,) = counted(change, [lifted, lifted])
        expected = {"selector": "group=g", "missed": "run_all", "schedules": 2, "jobs": 6, "skipped": 0}
        assert (AuditAction.hold_lifted, "h", None, expected) == (
            found.action, found.name, found.schedule_id, found.details,
        )  # fmt: skip
        assert None is noted_hold(None, None, T0, ANN)

    def test_many_ids(self) -> None:
        """rule A1: a selector of very many ids does not make a long entry."""
        selector = Selector(ids={f"schedule {number}" for number in range(10_000)})
        hold = Hold(selector, Pause(since=T0, hold="h"))
        placed = holding.place({}, selector, hold.pause, T0)
        change = noted_hold(placed, None, T0, ANN)
        assert change is not None
        assert 200 >= len(told(change)[1]["selector"])


@pytest.mark.parametrize("kept", [True, False])
def test_nothing_is_kept(*, kept: bool) -> None:
    """rule A2: with ``Retention(audit=None)`` nothing is kept; who asks must still be text."""
    policy = Policy(DEFAULTS, node="node", retention=Retention(audit=1 if kept else None))
    actor = policy.actor("ann", "why")
    assert (ANN if kept else None) == actor
    stored = paused(added(EVERY_10), until=at(15))
    assert kept == bool(policy.fire(stored, None, at(25), 100).audit)
    assert kept == bool(audited(unpause(paused(stored)), stored, actor=actor).audit)
    assert kept == bool(noted_itself(unpause(stored), at(25), actor).audit)
    placed = holding.place({}, Selector(ids={"x"}), Pause(since=T0, hold="h"), T0)
    found = noted_hold(placed, None, T0, actor)
    assert found is not None
    assert kept == bool(counted(found, ()))
    names: tuple[tuple[Literal["by", "reason"], Any], ...] = (("by", 1), ("reason", b"x"))
    for name, value in names:
        with pytest.raises(TypeError, match=f"{name} must be a string"):
            policy.actor(**{name: value})


def test_an_entry_of_ones_own() -> None:
    """rule A1: details that are None are left out, instants are text; a name says what it is about."""
    details = {"start": T0, "total": 3, "end": None, "tags": ["a"]}
    found = entry(ANN, T0, Deed(AuditAction.backfill_started, details, "b"), "x")
    assert isinstance(found.id, UUID)
    assert ("b", "x", {"start": T0.isoformat(), "total": 3, "tags": ["a"]}) == (
        found.name, found.schedule_id, found.details,
    )  # fmt: skip


def test_a_change_stays_the_same() -> None:
    """rule A1: what is kept of a change adds to it, and leaves all else of it as it is, whatever that consists of."""
    given: dict[str, Any] = {field.name: object() for field in attrs.fields(Change)}
    change = Change(**given | {"audit": ()})
    kept: Any = object()
    assert Change(**given | {"audit": (kept,)}) == auditing._with(change, [kept])
    assert change is auditing._with(change, [])
