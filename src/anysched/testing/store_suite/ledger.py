"""What came of fire times, and who did what, is written with what it tells of (rules G1, G3, A1 and A2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest

from anysched.model.audit import AuditEntry
from anysched.model.backfill import Backfill
from anysched.model.change import Change, HoldChange
from anysched.model.history import Retention, RunRecord, SkipRecord
from anysched.model.hold import Hold, Selector
from anysched.model.ids import new_id
from anysched.model.job import JobResult
from anysched.model.pause import Pause
from anysched.model.policies import AuditAction, JobKind, JobOutcome, SkipReason
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import TaskOptions
from anysched.model.window import Window
from anysched.ports.queries import AuditQuery, HistoryQuery
from anysched.ports.store import Completion, DataStore
from anysched.rules import adding, pausing
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import FAILURE, LEASE, POLICY, Node, User, every, seconds
from anysched.testing.store_suite.base import StoreTests
from anysched.triggers import CronTrigger, IntervalTrigger

DAY = timedelta(days=1)


class LedgerTests(StoreTests):
    """History and audit."""

    async def _ran(self, store: DataStore, clock: FakeClock, number: int) -> UUID:
        """Return the incarnation of a schedule that has run so often, every ten seconds, every second time failing."""
        user, node = User(store), Node(store)
        await user.add(every(10))
        for turn in range(number):
            await clock.advance(10 if turn else 0)
            for claim in (await node.work()).claims:
                now, failed = clock.now(), turn % 2
                outcome = JobOutcome.error if failed else JobOutcome.success
                result = JobResult(claim.job.id, outcome, now, now, exception=FAILURE if failed else None)
                await node.report([Completion(claim, result)])
        return (await user.get()).state.incarnation

    async def test_runs_are_written(self, store: DataStore, clock: FakeClock) -> None:
        """Rule G1: each run of a schedule is there, with its fire time, how it ended, and who ran it."""
        start = clock.now()
        life = await self._ran(store, clock, 4)
        records = await store.get_history(HistoryQuery(incarnation=life))
        runs = [record for record in records if isinstance(record, RunRecord)]
        assert [start + seconds(10 * turn) for turn in range(4)] == [run.fire_time for run in runs]
        assert [JobOutcome.success, JobOutcome.error] * 2 == [run.outcome for run in runs]
        assert {("schedule", Node(store).name, JobKind.regular, 1)} == {
            (run.schedule_id, run.node, run.kind, run.attempt) for run in runs
        }
        failure = attrs.evolve(FAILURE, traceback="")
        assert [None, failure] * 2 == [run.exception for run in runs]
        assert [run.run_at for run in runs] == [run.started_at for run in runs]
        assert [] == await store.get_history(HistoryQuery(incarnation=new_id(start)))

    async def test_parts_of_the_history(self, store: DataStore, clock: FakeClock) -> None:
        """Rule G2: what overlaps a span of time can be read, the first or the latest records, in order."""
        start = clock.now()
        life = await self._ran(store, clock, 5)
        for query, expected in (
            (HistoryQuery(incarnation=life, start=start + seconds(10), end=start + seconds(30)), [1, 2, 3]),
            (HistoryQuery(incarnation=life, start=start + seconds(10.1), end=start + seconds(29.9)), [2]),
            (HistoryQuery(incarnation=life, most=2), [0, 1]),
            (HistoryQuery(incarnation=life, most=2, latest=True), [3, 4]),
            (HistoryQuery(incarnation=life, end=start + seconds(15), most=1, latest=True), [1]),
        ):
            found = await store.get_history(query)
            assert [start + seconds(10 * turn) for turn in expected] == [record.first for record in found]

    async def test_skipped_fire_times_are_written(self, store: DataStore, clock: FakeClock) -> None:
        """Rule G1: fire times that a pause makes a schedule miss are one record, with who paused it and why."""
        user = User(store)
        await user.add(every(10))
        start = clock.now()
        await user.pause("schedule", reason="deploy", by="ops")
        await clock.advance(25)
        await user.resume("schedule", missed="skip")
        (found,) = await store.get_history(HistoryQuery(incarnation=(await user.get()).state.incarnation))
        assert isinstance(found, SkipRecord)
        expected = (SkipReason.paused, start, start + seconds(20), 3, True, clock.now(), "deploy", "ops")
        assert expected == (
            found.reason, found.first, found.last, found.number, found.exact, found.at, found.why, found.by,
        )  # fmt: skip

    async def test_jobs_that_end_without_a_report(self, store: DataStore, clock: FakeClock) -> None:
        """Rules G1 and J2: jobs that were cancelled, discarded, removed or left behind are written, each once."""
        user, node = User(store), Node(store)
        await store.declare_tasks({"task": TaskOptions(on_abandon="fail")})
        await user.add(every(10, "a", coalesce="all"), every(10, "b"))
        lives = {snapshot.id: snapshot.state.incarnation for snapshot in await user.schedules()}
        await node.advance(claim_limit=0)
        await clock.advance(10)
        await node.advance(claim_limit=0)
        cancelled, discarded = await user.jobs(schedule_id="a")
        await store.cancel_job(cancelled.id, POLICY)
        await user.pause("a", queued="discard")
        removed, left = await user.jobs(schedule_id="b")
        if store.durable:
            (taken,) = (await node.advance(claim_limit=1, plan_limit=0)).claims
            assert taken.job.id == removed.id
            removed, left = left, removed
            await clock.advance(LEASE.total_seconds() + 1)
            await Node(store, "node b").work(plan_limit=0, claim_limit=0)
        await user.remove("b")
        expected: dict[UUID, tuple[str, str | None]]
        expected = {cancelled.id: ("cancelled", None), discarded.id: ("cancelled", None)}
        assert expected == await self._ends(store, lives["a"])
        expected = {removed.id: ("cancelled", None), left.id: ("cancelled", None)}
        if store.durable:
            expected[left.id] = ("abandoned", node.name)
        assert expected == await self._ends(store, lives["b"])

    async def _ends(self, store: DataStore, life: UUID) -> dict[UUID, tuple[str, str | None]]:
        """Return how the jobs of a schedule have ended, and who had them."""
        runs = await store.get_history(HistoryQuery(incarnation=life))
        ends = {run.job_id: (str(run.outcome), run.node) for run in runs if isinstance(run, RunRecord)}
        assert len(runs) == len(ends)
        return ends

    async def test_history_does_not_grow_for_ever(self, store: DataStore, clock: FakeClock) -> None:
        """Rule G3: what is older than was said goes, and all but the latest of a schedule."""
        life = await self._ran(store, clock, 6)
        await store.clean_up(Retention(most=4))
        assert 4 == len(left := await store.get_history(HistoryQuery(incarnation=life)))
        await store.clean_up(Retention(history=seconds(15)))
        assert left[2:] == await store.get_history(HistoryQuery(incarnation=life))
        await store.clean_up(Retention(history=None))
        assert [] == await store.get_history(HistoryQuery(incarnation=life))

    async def test_audit(self, store: DataStore, clock: FakeClock) -> None:
        """Rules A1 and A2: what was done is written with it, found by what it is about, and kept for its time."""
        user = User(store)
        await user.add(every(id="a"), every(id="b"))
        entries = [
            AuditEntry(
                id=new_id(clock.now()), at=clock.now(), action=AuditAction.schedule_paused, schedule_id=key,
                by="ops", reason="why", node="node", details={"until": "2030-01-01", "number": 3, "tags": ["x"]},
            )
            for key in ("a", "b")
        ]  # fmt: skip
        noted: dict[str, AuditEntry] = dict(zip(("a", "b"), entries, strict=True))
        await store.transact_schedules(
            ["a", "b"], lambda key, _, __, ___: Change(schedule_id=key, audit=(noted[key],))
        )
        await clock.advance(60)
        placed = AuditEntry(id=new_id(clock.now()), at=clock.now(), action=AuditAction.hold_placed, name="h")
        hold = Hold(Selector(ids={"a"}), Pause(since=clock.now(), hold="h"))
        change = HoldChange(selector=hold.selector, hold_id="h", hold=hold, audit=(placed,))
        await store.transact_holds(lambda _, __: change, lambda key, _, __, ___: Change(schedule_id=key))
        placed = attrs.evolve(placed, details={"schedules": 0})
        for query, expected in (
            (AuditQuery(), [placed, *reversed(entries)]),
            (AuditQuery(schedule_id="a"), entries[:1]),
            (AuditQuery(name="h"), [placed]),
            (AuditQuery(action=AuditAction.hold_placed), [placed]),
            (AuditQuery(since=clock.now()), [placed]),
            (AuditQuery(before=placed.id, most=1), entries[1:]),
        ):
            assert expected == await store.get_audit(query)
        await store.clean_up(Retention(audit=seconds(59)))
        assert [placed] == await store.get_audit(AuditQuery())
        await store.clean_up(Retention(audit=None))
        assert [] == await store.get_audit(AuditQuery())

    async def test_audit_is_written_with_what_it_tells_of(self, store: DataStore, clock: FakeClock) -> None:
        """Rule A1: an entry and its change are one transaction, of a hold, of schedules, and of jobs that end."""
        user, node = User(store), Node(store)
        await user.add(every(id="a", pause_after_failures=1), every(id="b"))

        def note(action: AuditAction, **about: Any) -> tuple[AuditEntry, ...]:
            return (AuditEntry(id=new_id(clock.now()), at=clock.now(), action=action, **about),)

        hold = Hold(Selector(everything=True), Pause(since=clock.now(), hold="h"))
        placed = HoldChange(
            selector=hold.selector, hold_id="h", hold=hold, audit=note(AuditAction.hold_placed, name="h")
        )

        def decide(key: str, stored: ScheduleSnapshot | None, _: Any, now: datetime) -> Change:
            change = pausing.pause_active(adding.existing(key, stored), now, hold.pause)
            if key in refused:
                raise ValueError(key)
            return attrs.evolve(change, audit=note(AuditAction.schedule_paused, schedule_id=key))

        refused = {"b"}
        with pytest.raises(ValueError, match="b"):
            await store.transact_holds(lambda _, __: placed, decide)
        with pytest.raises(ValueError, match="b"):
            await store.transact_schedules(["a", "b"], decide)
        assert ([], []) == (await store.get_audit(AuditQuery()), await store.get_holds())
        failing = [claim for claim in (await node.work()).claims if claim.job.schedule_id == "a"]
        await node.complete(*failing, outcome=JobOutcome.error)
        assert (await user.get("a")).paused
        (opened,) = await store.get_audit(AuditQuery())
        assert (AuditAction.schedule_paused, "a") == (opened.action, opened.schedule_id)
        await node.complete(*failing, outcome=JobOutcome.error)  # too late, and changes nothing
        assert [opened] == await store.get_audit(AuditQuery())
        refused.clear()
        await user.resume("a")
        await store.transact_holds(lambda _, __: placed, decide)
        (whole,) = await store.get_audit(AuditQuery(name="h"))
        assert {"schedules": 2} == whole.details

    async def test_windows_and_backfills_are_kept(self, store: DataStore, clock: FakeClock) -> None:
        """Rules W1 and F2: what a state says of windows and backfills comes back as it was written."""
        user, now = User(store), clock.now()
        await user.add(every(10))
        nightly = Window(
            id="nightly", mode="defer", trigger=CronTrigger("0 2 * * *", timezone="Europe/Vienna"),
            duration=seconds(7200), since=now, reason="backup", by="ops",
        )  # fmt: skip
        once = Window(id="once", mode="skip", dates=((now, now + DAY),), since=now)
        backfill = Backfill(
            id=new_id(now), schedule_id="schedule", start=now - DAY, end=now, reprocess="failed",
            order="newest", max_running=3,
            trigger=IntervalTrigger(hours=1), anchor=now - DAY, left=((now - DAY, now - DAY / 2), (now, now)),
            taken=((now, now),), total=14, made=4, running=2, error="no", succeeded=1, failed=1, since=now,
            reason="why", by="me",
        )  # fmt: skip
        fields: dict[str, Any] = {
            "windows": (nightly, once), "windowed_until": now, "backfills": (backfill,)
        }  # fmt: skip
        await user.write_state(**fields)
        state = (await user.get()).state
        assert fields == {name: getattr(state, name) for name in fields}
