"""What users ask for is committed together with what is kept of it, and told to everybody (rules A1, N2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from anysched.engine.lifecycle import Engine
from anysched.engine.telling import events_of
from anysched.model import convert
from anysched.model.change import Change, HoldChange
from anysched.model.events import Event, JobAcquired, ScheduleAdded, SchedulePaused, ScheduleUnpaused
from anysched.model.hold import Placed
from anysched.model.job import Claim
from anysched.model.passing import passing
from anysched.model.policies import Missed, ResumeFrom
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.ports.store import Committed, Decide, DecideHold
from anysched.rules import auditing
from anysched.rules.adding import SameTrigger

#: Of more schedules at once, events that nobody wants are not published.
MOST_TOLD: Final = 100

#: Decide about adding or editing one schedule: (its id, what is stored under it, all holds and windows, the present).
DecideAdded = Callable[[str, ScheduleSnapshot | None, Sequence[Placed], datetime], Change]


@passing(kw_only=True)
class Asked:
    """What a call says that the decisions do not, and the audit keeps.

    :ivar by: who asks
    :ivar reason: why
    :ivar again: whether placing a hold does something although the hold stays as it was
    :ivar resume_from, missed: how schedules go on whose hold is lifted
    :raise TypeError, ValueError: when a name or a reason is no text that can be stored
    """

    by: str | None = None
    reason: str | None = None
    again: bool = False
    resume_from: ResumeFrom = None
    missed: Missed | None = None

    def __attrs_post_init__(self) -> None:
        if self.by is not None or self.reason is not None:
            convert.by(self.by)
            convert.reason(self.reason)


async def transact(engine: Engine, ids: Sequence[str], decide: Decide, asked: Asked) -> Committed:
    """Have schedules decided about, as ``transact_schedules`` of the store does."""
    actor = engine.settings.policy.actor(asked.by, asked.reason)

    with engine.planner.lending.lend(len(ids)) as loan:

        def noted(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            change = auditing.noted(decide(key, stored, task, now), stored, now, actor)
            return loan.fired(change, stored, lambda _: task, now)

        committed = await engine.settings.store.transact_schedules(ids, noted, loan.taker)
    return published(engine, committed, loan.claims)


async def declare(
    engine: Engine, ids: Sequence[str], decide: DecideAdded, asked: Asked, same_trigger: SameTrigger
) -> Committed:
    """Have it decided about schedules that are added or edited, as ``declare_schedules`` of the store does."""
    actor = engine.settings.policy.actor(asked.by, asked.reason)

    with engine.planner.lending.lend(len(ids)) as loan:

        def noted(
            key: str,
            stored: ScheduleSnapshot | None,
            placed: Sequence[Placed],
            tasks: Mapping[str, Task],
            now: datetime,
        ) -> Change:
            change = auditing.noted(decide(key, stored, placed, now), stored, now, actor, same_trigger)
            return loan.fired(change, stored, tasks.get, now)

        committed = await engine.settings.store.declare_schedules(ids, noted, loan.taker)
    return published(engine, committed, loan.claims)


async def hold(engine: Engine, decide_hold: DecideHold, decide: Decide, asked: Asked) -> Committed:
    """Have it decided about a hold and its schedules, as ``transact_holds`` of the store does."""
    actor = engine.settings.policy.actor(asked.by, asked.reason)

    def noted_hold(holds: Mapping[str, Placed], now: datetime) -> HoldChange | None:
        change = decide_hold(holds, now)
        return change and auditing.noted_hold(
            change,
            holds.get(change.hold_id),
            now,
            actor,
            again=asked.again,
            resume_from=asked.resume_from,
            missed=asked.missed,
        )

    def noted(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
        return auditing.noted_itself(decide(key, stored, task, now), now, actor)

    return published(engine, await engine.settings.store.transact_holds(noted_hold, noted))


def published(engine: Engine, committed: Committed, claims: Sequence[Claim] = ()) -> Committed:
    """Publish what was committed, have this node look again, and return it.

    A call can be about very many schedules: what happened to each of them is then told only if somebody listens.

    :param claims: jobs that this node has taken
    """
    wants, changes = engine.settings.broker.wants, committed.changes
    events: list[Event] = [] if committed.hold is None else [*committed.hold.events]
    events += events_of(changes, committed.ended)
    events += acquired(engine, claims)
    if len(changes) > MOST_TOLD:
        unwanted = {kind for kind in (ScheduleAdded, SchedulePaused, ScheduleUnpaused) if not wants(kind)}
        events = [event for event in events if type(event) not in unwanted]
    if events:
        engine.changed(events)
    return committed


def acquired(engine: Engine, claims: Sequence[Claim]) -> list[Event]:
    """Return what tells that this node has taken jobs, if anybody wants to know."""
    if not claims or not engine.settings.broker.wants(JobAcquired):
        return []
    jobs = (claim.job for claim in claims)
    return [JobAcquired(job.id, job.task_id, job.schedule_id, engine.settings.node) for job in jobs]
