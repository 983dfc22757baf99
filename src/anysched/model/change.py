"""What decisions come to; stores write it, in one transaction (rule S3)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import attrs

from anysched.model.audit import AuditEntry
from anysched.model.events import Event
from anysched.model.history import SkipRecord
from anysched.model.hold import Placed, Selector
from anysched.model.job import Job
from anysched.model.quick import quick
from anysched.model.schedule import Schedule, ScheduleState
from anysched.model.unpaused import UnpauseResult

#: "hold" is for queued jobs, "release" and "discard_held" for held ones, "discard" for both.
QueuedFate = Literal["hold", "release", "discard_held", "discard"]


@quick
@attrs.frozen(kw_only=True)
class Change:
    """One decision, ready to be written. What is None or empty is left as it is.

    Who writes a configuration writes a state as well: by its state a store tells whether a schedule is as it was.

    :ivar schedule_id: the schedule it is about
    :ivar schedule: configuration to write
    :ivar state: state to write; the store has checked that the state it was decided from still stands
    :ivar jobs: jobs to write, as they are
    :ivar queued: what to do first, in this order, with the regular jobs of the schedule that no node has (rule P3)
    :ivar dropped: a backfill whose jobs end that no node has (rule F3)
    :ivar removed: whether the schedule goes, and with it its queued jobs (rule S4)
    :ivar events: what to publish once it is committed
    :ivar skips: fire times that get no job, for the history (rule G1)
    :ivar audit: what is kept of who did it (rule A1)
    :ivar unpaused: what a resume reports
    """

    schedule_id: str
    schedule: Schedule | None = None
    state: ScheduleState | None = None
    jobs: tuple[Job, ...] = ()
    queued: tuple[QueuedFate, ...] = ()
    dropped: UUID | None = None
    removed: bool = False
    events: tuple[Event, ...] = ()
    skips: tuple[SkipRecord, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    unpaused: UnpauseResult | None = None


@attrs.frozen(kw_only=True)
class HoldChange:
    """One decision about a hold or window, ready to be written, with what comes of it for each schedule it means.

    :ivar selector: the schedules
    :ivar hold_id: the hold or window
    :ivar hold: what to write; None if it goes
    :ivar events: what to publish once it is committed, before the events of the schedules
    :ivar audit: what is kept of who did it (rule A1); the store has ``rules.auditing.counted`` tell how many schedules
        were changed
    """

    selector: Selector
    hold_id: str
    hold: Placed | None
    events: tuple[Event, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
