"""Who did what, through the scheduler (rules A1 and A2)."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import attrs
import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import Runs, at

from anysched import (
    AsyncScheduler,
    AuditAction,
    AuditEntry,
    ConflictingIdError,
    HoldLookupError,
    IntervalTrigger,
    Retention,
    Schedule,
    ScheduleChangedError,
    ScheduleLookupError,
    task,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

EVERY_10 = IntervalTrigger(seconds=10, start_time=at(10))
WHO = {"by": "ann", "reason": "why"}

#: What reads, or runs the scheduler, or is about jobs and tasks: no matter of the audit.
NO_MATTER = {
    "health", "check_health", "identity", "role", "state", "timezone", "start", "stop", "wait_until_stopped",
    "run_until_stopped", "configure_task", "get_tasks", "get_schedule", "get_schedules", "preview_unpause",
    "preview_unpause_schedules", "get_holds", "get_audit", "add_job", "add_jobs", "run_job", "get_jobs",
    "get_job_result", "cancel_job", "subscribe", "get_next_event", "get_fire_times", "explain", "get_windows",
    "preview_clock_changes",
    "get_backfills",
}  # fmt: skip


@task(id="noop")
async def noop() -> None:
    """Do nothing."""


def declared(id: str = "a", seconds: float = 10, **options: Any) -> Schedule:
    return Schedule(noop, IntervalTrigger(seconds=seconds, start_time=at(10)), id=id, **options)


async def ready(scheduler: AsyncScheduler) -> None:
    """Have a schedule that is active, one that is paused, a hold, and a fire time that is skipped."""
    await scheduler.add_schedules([declared("a"), declared("b"), declared("c", group="g")])
    await scheduler.pause_schedule("b")
    await scheduler.pause_schedules(group="g")
    await scheduler.skip_fire_time("a", at(50))
    await scheduler.add_window("old", dates=[(at(200), at(300))], group="g")
    past = Schedule(noop, IntervalTrigger(seconds=10, start_time=at(-30)), id="past")
    await scheduler.add_schedules([past])
    await scheduler.backfill("past", at(-30), at(-30))
    plan = await scheduler.backfill("past", at(-20), at(-20))
    assert plan.id is not None
    await scheduler.pause_backfill(plan.id)


async def backfill(scheduler: AsyncScheduler, verb: str, which: int = 0) -> None:
    found = (await scheduler.get_backfills("past"))[which]
    await getattr(scheduler, f"{verb}_backfill")(found.id, **WHO)


Call = Callable[[AsyncScheduler], Awaitable[object]]


async def maintained(scheduler: AsyncScheduler) -> None:
    async with scheduler.maintenance(ids=["a"], **WHO):
        pass


#: One call of each method that changes something, and the actions that it leaves.
CALLS: dict[str, tuple[Call, list[str]]] = {
    "add_schedule": (lambda s: s.add_schedule(noop, EVERY_10, id="new", **WHO), ["schedule_added"]),
    "add_schedules": (lambda s: s.add_schedules([declared("new")], **WHO), ["schedule_added"]),
    "apply_schedules": (
        lambda s: s.apply_schedules([declared("new")], owner="me", **WHO),
        ["schedule_added"],
    ),
    "remove_schedule": (lambda s: s.remove_schedule("a", **WHO), ["schedule_removed"]),
    "run_schedule": (lambda s: s.run_schedule("a", **WHO), ["schedule_run"]),
    "pause_schedule": (lambda s: s.pause_schedule("a", **WHO), ["schedule_paused"]),
    "unpause_schedule": (lambda s: s.unpause_schedule("b", **WHO), ["schedule_resumed"]),
    "pause_schedules": (lambda s: s.pause_schedules(everything=True, **WHO), ["hold_placed"]),
    "unpause_schedules": (lambda s: s.unpause_schedules(group="g", **WHO), ["hold_lifted"]),
    "maintenance": (maintained, ["hold_lifted", "hold_placed"]),
    "skip_fire_time": (lambda s: s.skip_fire_time("a", **WHO), ["fire_time_skipped"]),
    "move_fire_time": (lambda s: s.move_fire_time("a", to=at(15), **WHO), ["fire_time_moved"]),
    "add_window": (
        lambda s: s.add_window("w", dates=[(at(60), at(90))], everything=True, **WHO),
        ["window_added"],
    ),
    "remove_window": (lambda s: s.remove_window("old", **WHO), ["window_removed"]),
    "backfill": (lambda s: s.backfill("past", at(-10), at(-10), **WHO), ["backfill_started"]),
    "pause_backfill": (lambda s: backfill(s, "pause"), ["backfill_paused"]),
    "resume_backfill": (lambda s: backfill(s, "resume", 1), ["backfill_resumed"]),
    "cancel_backfill": (lambda s: backfill(s, "cancel"), ["backfill_cancelled"]),
    "restore_fire_time": (lambda s: s.restore_fire_time("a", at(50), **WHO), ["fire_time_restored"]),
}

#: Calls that fail, or change nothing.
IDLE: dict[str, tuple[Call, type[Exception] | None]] = {
    "added already": (lambda s: s.add_schedule(noop, EVERY_10, id="a"), None),
    "replaced by the same": (lambda s: s.add_schedules([declared()], conflict_policy="replace"), None),
    "declared as a try": (
        lambda s: s.apply_schedules([declared(seconds=20)], owner="me", take_over=True, dry_run=True), None
    ),
    "paused already": (lambda s: s.pause_schedule("b"), None),
    "not paused": (lambda s: s.unpause_schedule("a"), None),
    "only previewed": (lambda s: s.preview_unpause("b"), None),
    "held already": (lambda s: s.pause_schedules(group="g"), None),
    "no such hold": (lambda s: s.unpause_schedules(group="other"), None),
    "nothing declared": (lambda s: s.apply_schedules([], owner="me"), None),
    "id taken": (lambda s: s.add_schedule(noop, EVERY_10, id="a", conflict_policy="exception"), ConflictingIdError),
    "nobody removed": (lambda s: s.remove_schedule("nobody"), ScheduleLookupError),
    "another version": (lambda s: s.pause_schedule("a", version="old"), ScheduleChangedError),
    "one of the ids": (lambda s: s.pause_schedules(ids=["a", "nobody"]), ScheduleLookupError),
    "nobody held": (lambda s: s.unpause_schedules(hold="nobody"), HoldLookupError),
    "half of them": (
        lambda s: s.add_schedules([declared("new"), declared("a")], conflict_policy="exception"), ConflictingIdError
    ),
    "only told": (lambda s: s.backfill("past", at(-10), at(-10), dry_run=True), None),
    "paused already by somebody": (lambda s: backfill(s, "pause", 1), None),
    "no fire time": (lambda s: s.skip_fire_time("a", at(11)), ValueError),
    "no text": (lambda s: s.run_schedule("a", by=7), TypeError),  # type: ignore[arg-type]
    "no reason": (lambda s: s.remove_schedule("a", reason=b"x"), TypeError),  # type: ignore[arg-type]
}  # fmt: skip


def test_no_method_is_forgotten() -> None:
    """Rule A1: each public method leaves an entry when it changes something, or is listed as none that could."""
    methods = {
        name
        for one in AsyncScheduler.__mro__
        for name in vars(one)
        if not name.startswith("_") and one is not object
    }
    assert methods == NO_MATTER | CALLS.keys()
    assert not NO_MATTER & CALLS.keys()
    for name in CALLS:
        parameters = inspect.signature(getattr(AsyncScheduler, name)).parameters
        for parameter in ("by", "reason"):
            assert inspect.Parameter.KEYWORD_ONLY is parameters[parameter].kind


async def test_every_call_leaves_an_entry(
    make: MakeScheduler, make_store: Callable[[str], DataStore]
) -> None:
    """Rule A1: whatever changes something leaves one entry, with who, why, when, and through which node."""
    for name, (call, actions) in CALLS.items():
        async with make(make_store("memory"), identity="n1", role="client") as scheduler:
            await ready(scheduler)
            before = await scheduler.get_audit()
            await call(scheduler)
            new = (await scheduler.get_audit())[: -len(before)]
            assert actions == [str(entry.action) for entry in new], name
            assert {("ann", "why", "n1", at(0))} == {
                (entry.by, entry.reason, entry.node, entry.at) for entry in new
            }
            assert len(new) + len(before) == len(await scheduler.get_audit())


async def test_what_changes_nothing_leaves_none(make: MakeScheduler, store: DataStore) -> None:
    """Rule A1: calls that fail, are only tried, or find everything as they want it, leave no entry."""
    async with make(store, role="client") as scheduler:
        await ready(scheduler)
        before = await scheduler.get_audit()
        for name, (call, error) in IDLE.items():
            if error is None:
                await call(scheduler)
            else:
                with pytest.raises(error):
                    await call(scheduler)
            assert before == await scheduler.get_audit(), name


async def test_the_story_of_a_schedule(scheduler: AsyncScheduler) -> None:
    """Rules A1 and A2: entries outlive what they tell of, and are found by what it was, the latest first."""
    await scheduler.add_schedule(noop, EVERY_10, id="a", group="g", by="deploy")
    await scheduler.pause_schedule("a", by="ann", reason="disk swap")
    await scheduler.pause_schedules(group="g", hold="h", by="bob")
    await scheduler.unpause_schedule("a", by="ann")
    await scheduler.unpause_schedules(hold="h", by="bob", missed="skip")
    await scheduler.remove_schedule("a", by="ann", reason="obsolete")
    entries = await scheduler.get_audit(schedule_id="a")
    assert [
        ("schedule_removed", "ann", "obsolete"),
        ("schedule_resumed", "ann", None),
        ("schedule_paused", "ann", "disk swap"),
        ("schedule_added", "deploy", None),
    ] == [(str(entry.action), entry.by, entry.reason) for entry in entries]
    placed, lifted = reversed(await scheduler.get_audit(name="h"))
    assert (AuditAction.hold_placed, None, 1) == (
        placed.action, placed.schedule_id, placed.details["schedules"],
    )  # fmt: skip
    assert {
        "selector": "group=g",
        "missed": "skip",
        "schedules": 1,
        "jobs": 0,
        "skipped": 0,
    } == lifted.details
    assert entries[:1] == await scheduler.get_audit(action="schedule_removed")


async def test_reading_on(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Rule A2: entries are read from an instant on, some at a time, and on from the last one read."""
    await scheduler.add_schedules([declared(str(number)) for number in range(3)])
    await clock.advance(1)
    await scheduler.pause_schedule("1")
    everything = await scheduler.get_audit()
    assert ["1", "2", "1", "0"] == [entry.schedule_id for entry in everything]
    read: list[AuditEntry] = []
    while page := await scheduler.get_audit(limit=3, before=read[-1].id if read else None):
        read += page
    assert everything == read
    assert everything[:1] == await scheduler.get_audit(since=at(1))
    assert everything[:1] == await scheduler.get_audit(since=at(1).replace(tzinfo=None))
    assert [] == await scheduler.get_audit(schedule_id="nobody")


@pytest.mark.parametrize(
    ("query", "error", "match"),
    [
        ({"action": "paused"}, ValueError, "AuditAction must be one of 'schedule_added'"),
        ({"limit": 0}, ValueError, "limit must be at least 1"),
        ({"limit": 10_001}, ValueError, "limit must be at most 10000"),
        ({"before": str(uuid4())}, TypeError, "before must be the id of an entry"),
        ({"since": "today"}, TypeError, "since must be a datetime"),
        ({"name": ""}, ValueError, "name must have between"),
        ({"schedule_id": 3}, TypeError, "schedule_id must be a string"),
    ],
)
async def test_bad_questions(
    scheduler: AsyncScheduler, query: dict[str, Any], error: type[Exception], match: str
) -> None:
    """Rule A2: what is no condition is refused by name."""
    with pytest.raises(error, match=match):
        await scheduler.get_audit(**query)


async def test_applying(scheduler: AsyncScheduler) -> None:
    """Rules A1 and S8: what a program declares is told per schedule that is written, by its owner or who is named."""
    await scheduler.apply_schedules([declared("a"), declared("b"), declared("c")], owner="billing")
    before = len(await scheduler.get_audit())
    changed = [declared("a", seconds=20), declared("b")]
    await scheduler.apply_schedules(changed, owner="billing", retire=True, reason="release 7")
    removed, edited = (await scheduler.get_audit())[:-before]
    assert ("c", "billing", "release 7", AuditAction.schedule_removed) == (
        removed.schedule_id, removed.by, removed.reason, removed.action,
    )  # fmt: skip
    assert ("a", AuditAction.schedule_edited, ["trigger"]) == (
        edited.schedule_id, edited.action, list(edited.details),
    )  # fmt: skip
    assert "10" in edited.details["trigger"][0]
    assert "20" in edited.details["trigger"][1]
    await scheduler.apply_schedules([declared("b")], owner="billing", by="ann", retire=True)
    assert "ann" == (await scheduler.get_audit(limit=1))[0].by


async def test_the_scheduler_itself(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rules A1, B1 and P10: pauses after failures, and resumes at ``until``, are entries of the node that does it."""

    @task(id="broken")
    async def broken() -> None:
        raise OSError("disk full")

    async with make(store, identity="n1") as scheduler:
        await scheduler.add_schedule(broken, EVERY_10, id="broken", pause_after_failures=2)
        await scheduler.add_schedule(runs.task(), EVERY_10, id="paused", group="g")
        await scheduler.pause_schedule("paused", until=at(25))
        await scheduler.pause_schedules(group="g", until=at(20))
        await clock.advance(40)
        resumed, opened = await scheduler.get_audit(since=at(1))
        assert {(None, "n1")} == {(entry.by, entry.node) for entry in (resumed, opened)}
        assert (AuditAction.schedule_paused, "broken", "failure", at(20)) == (
            opened.action, opened.schedule_id, opened.details["kind"], opened.at,
        )  # fmt: skip
        assert str(opened.reason).endswith("failed: OSError: disk full")
        assert (AuditAction.schedule_resumed, "paused", at(25), 1) == (
            resumed.action, resumed.schedule_id, resumed.at, resumed.details["jobs"],
        )  # fmt: skip


async def test_a_hold_on_many_is_one_entry(make: MakeScheduler, store: DataStore) -> None:
    """Rule A1: what a hold does to very many schedules is one entry, which has their number."""
    async with make(store, role="client") as scheduler:
        await scheduler.add_schedules(
            [declared(str(number), tags=["t"]) for number in range(300)]
        )  # more than are decided about on the event loop
        before = len(await scheduler.get_audit(limit=1000))
        await scheduler.pause_schedules(tags=["t"], until=at(1000))
        await scheduler.unpause_schedules(tags=["t"])
        lifted, placed = (await scheduler.get_audit(limit=1000))[:-before]
        assert (300, 300) == (placed.details["schedules"], lifted.details["schedules"])
        assert (AuditAction.hold_placed, AuditAction.hold_lifted) == (placed.action, lifted.action)


async def test_how_long_it_is_kept(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock
) -> None:
    """Rule A2: entries go when their time is up, and are not made where none are to be kept."""
    async with make(make_store("memory"), retention=Retention(audit=None)) as scheduler:
        await ready(scheduler)
        await maintained(scheduler)
        assert [] == await scheduler.get_audit()
    store = make_store("sqlite")
    async with make(store, retention=Retention(audit=60), cleanup_interval=30) as scheduler:
        await scheduler.add_schedule(noop, EVERY_10, id="a")
        await clock.advance(59)
        await scheduler.pause_schedule("a")
        assert 2 == len(await scheduler.get_audit())
        await clock.advance(2)
        await scheduler.add_schedule(noop, EVERY_10, id="b")
        await clock.advance(30)
        assert ["b", "a"] == [entry.schedule_id for entry in await scheduler.get_audit()]


async def test_a_node_that_was_renamed(make: MakeScheduler) -> None:
    """Rules A1 and N1: entries name the node as it is called where it starts, as after a fork."""
    scheduler = make()
    former = scheduler.identity
    scheduler._process = -1  # as if it had been made in another process
    async with scheduler:
        assert former != scheduler.identity
        await scheduler.add_schedule(noop, EVERY_10, pause_after_failures=1)
        assert [scheduler.identity] == [entry.node for entry in await scheduler.get_audit()]
        assert scheduler.identity == scheduler._engine.settings.policy.node


def test_entries_are_values() -> None:
    """Rule A1: an entry cannot be changed, nor what it tells."""
    entry = AuditEntry(id=uuid4(), at=at(0), action="hold_placed", details={"a": 1})  # type: ignore[arg-type]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        entry.by = "me"  # type: ignore[misc]
    with pytest.raises(TypeError):
        entry.details["a"] = 2  # type: ignore[index]
