"""Every error that anysched raises. One root; what a program needs to react is kept as attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID


class AnyschedError(Exception):
    """The root of all errors that anysched raises on its own account."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message if message is not None else (type(self).__doc__ or "").strip())


class ScheduleLookupError(AnyschedError, LookupError):
    """There is no schedule with this id."""

    def __init__(self, schedule_id: str) -> None:
        self.schedule_id = schedule_id
        super().__init__(f"there is no schedule with the id {schedule_id!r}")


class TaskLookupError(AnyschedError, LookupError):
    """There is no task with this id."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(
            f"no task is known as {task_id!r}: pass the callable itself, list it in "
            "AsyncScheduler(tasks=[...]), or name it with configure_task()"
        )


class JobLookupError(AnyschedError, LookupError):
    """There is no job with this id."""

    def __init__(self, job_id: UUID) -> None:
        self.job_id = job_id
        super().__init__(f"there is no job with the id {job_id}")


class ExecutorLookupError(AnyschedError, LookupError):
    """There is no job executor with this name."""

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        self.name = name
        self.known = known
        super().__init__(
            f"there is no job executor named {name!r}; this node has: {', '.join(known) or 'none'}"
        )


class ConflictingIdError(AnyschedError):
    """A schedule with this id exists already, and is not to be replaced (rules S1 and S8)."""

    def __init__(self, schedule_id: str) -> None:
        self.schedule_id = schedule_id
        super().__init__(f"a schedule with the id {schedule_id!r} exists already")


class ScheduleOwnerError(ConflictingIdError):
    """A schedule that a program declares exists already and belongs to somebody else (rule S8).

    ``owner`` is who it belongs to, None for nobody, or for what cannot be read.
    """

    def __init__(self, schedule_id: str, owner: str | None, wanted: str, *, readable: bool = True) -> None:
        self.schedule_id = schedule_id
        self.owner = owner
        if not readable and owner is None:
            whose = "to whom it belongs cannot be read"
        else:
            whose = "belongs to nobody" if owner is None else f"belongs to {owner!r}"
        AnyschedError.__init__(
            self,
            f"a schedule with the id {schedule_id!r} exists already, and {whose}: if it is to belong to {wanted!r}, "
            "pass take_over=True",
        )


class HoldLookupError(AnyschedError, LookupError):
    """There is no hold with this id (rule H2)."""

    def __init__(self, hold: str) -> None:
        self.hold = hold
        super().__init__(f"there is no hold with the id {hold!r}")


class WindowLookupError(AnyschedError, LookupError):
    """There is no window with this id (rule W1)."""

    def __init__(self, window: str) -> None:
        self.window = window
        super().__init__(f"there is no window with the id {window!r}")


class ConflictingHoldError(AnyschedError):
    """A hold or window with this id exists already: it is the other of both, or about other schedules (rules H2, W1).

    ``kind`` says which it is, ``hold`` is its id.
    """

    def __init__(self, hold: str, selector: str, kind: Literal["hold", "window"] = "hold") -> None:
        self.hold = hold
        self.selector = selector
        self.kind: Literal["hold", "window"] = kind
        super().__init__(f"the {kind} {hold!r} exists already, and is about {selector}")


class BackfillLookupError(AnyschedError, LookupError):
    """There is no backfill with this id, or not any more (rule F3)."""

    def __init__(self, backfill_id: UUID) -> None:
        self.backfill_id = backfill_id
        super().__init__(f"there is no backfill with the id {backfill_id}")


class ConflictingBackfillError(AnyschedError):
    """Another backfill of the schedule is about the same time, and is not over (rule F3)."""

    def __init__(self, schedule_id: str, backfill_id: UUID, start: datetime, end: datetime) -> None:
        self.schedule_id = schedule_id
        self.backfill_id = backfill_id
        super().__init__(
            f"start and end overlap with the backfill {backfill_id} of schedule {schedule_id!r}, which is not over and "
            f"goes from {start} to {end}: wait for its end, or cancel it"
        )


class ScheduleChangedError(AnyschedError):
    """The schedule is not what it was when the caller read it (rule S4)."""

    def __init__(self, schedule_id: str, version: str) -> None:
        self.schedule_id = schedule_id
        self.version = version
        super().__init__(
            f"schedule {schedule_id!r} has changed since version {version} was read: read it again, and decide anew"
        )


class JobsStillRunning(AnyschedError, TimeoutError):
    """Jobs of a schedule have not ended in time; it is paused all the same (rule P11)."""

    def __init__(self, job_ids: tuple[UUID, ...]) -> None:
        self.job_ids = job_ids
        super().__init__(f"{len(job_ids)} jobs have not ended in time, the first of them {job_ids[0]}")


class UnnamedCallableError(AnyschedError, ValueError):
    """A durable store keeps the name of a task, and this callable has none of its own."""


class SerializationError(AnyschedError):
    """A value cannot be written in a form that could be read back."""


class DeserializationError(AnyschedError):
    """What was read back is damaged, or is not what this version writes."""


class UnknownTypeError(DeserializationError):
    """What was read back names a type or a version that this node has not registered (rule N5).

    ``known`` has the versions of the type that this node can read.
    """

    def __init__(self, type_name: str, version: int | None = None, known: Iterable[int] = ()) -> None:
        self.type_name = type_name
        self.version = version
        self.known: tuple[int, ...] = tuple(sorted(known))
        shown = type_name if version is None else f"{type_name} (version {version})"
        advice = "register it with register_type()"
        if self.known and version is not None:
            versions = f"version{'s' * (len(self.known) > 1)} {', '.join(map(str, self.known))}"
            advice = f"this program knows {versions}"
            if version > self.known[-1]:
                advice += ", and what was written is newer: upgrade it"
            else:
                advice += ": register the shape of the old version as well"
        super().__init__(f"no type is registered here as {shown}: {advice}")


class TriggerError(AnyschedError):
    """A trigger raised, did not move forward, or returned something other than an aware datetime."""


class TriggerSearchError(TriggerError):
    """A combination of triggers never fires, or has no fire time that a limited search finds (rule T11)."""


class CronSyntaxError(AnyschedError, ValueError):
    """A cron expression cannot be read, or can never match (rule T7).

    ``column`` counts from 1 and points at the first character that is wrong.
    """

    def __init__(self, message: str, *, expression: str, column: int) -> None:
        self.expression = expression
        self.column = column
        super().__init__(f"{message} (column {column} of {expression!r})")


class RRuleSyntaxError(AnyschedError, ValueError):
    """A recurrence rule cannot be read, or can never match (rule T9).

    ``text`` is the line that is wrong, or a part of it where it is long, ``line`` its number. ``column`` points at
    the first character of the line that is wrong; both count from 1.
    """

    def __init__(self, message: str, *, text: str, line: int = 1, column: int) -> None:
        self.text = text
        self.line = line
        self.column = column
        place = f"column {column}" if line == 1 else f"line {line}, column {column}"
        super().__init__(f"{message} ({place} of {text!r})")


class JobCancelled(AnyschedError):
    """The job was cancelled before it could end by itself."""

    def __init__(self, job_id: UUID) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id} was cancelled")


class JobDeadlineMissed(AnyschedError):
    """The job did not start before its deadline (rule L4)."""

    def __init__(self, job_id: UUID) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id} missed its start deadline and was not run")


class JobFailed(AnyschedError):
    """The job ended with an exception that can only be told by its type, message and traceback text."""

    def __init__(self, job_id: UUID, exception_type: str, message: str, traceback: str = "") -> None:
        self.job_id = job_id
        self.exception_type = exception_type
        self.exception_message = message
        self.traceback = traceback
        super().__init__(
            f"job {job_id} failed: {exception_type}: {message}"
            if message
            else f"job {job_id} failed: {exception_type}"
        )


class WorkerProcessError(AnyschedError):
    """A worker process died, or a job in it ended with something that cannot be handed over."""


class SchedulerStateError(AnyschedError, RuntimeError):
    """The scheduler is not in the state that this call needs."""


class SchedulerFaultError(AnyschedError):
    """The scheduler stopped because of a fault of its own; the cause is attached (rule J6)."""


class StoreError(AnyschedError):
    """The data store cannot do what was asked."""


class StoreUnavailableError(StoreError):
    """The data store does not answer, or cannot be read or written now (rule N3)."""


class SchemaVersionError(StoreError):
    """The tables are not those that this version of anysched needs: ``found`` is 0 where there are none."""

    def __init__(self, found: int, supported: int) -> None:
        self.found = found
        self.supported = supported
        if found > supported:
            said = (
                f"the tables have schema version {found}, this version of anysched knows up to {supported}: "
                "upgrade anysched on this node"
            )
        else:
            state = f"the tables have schema version {found}" if found else "the tables are missing"
            said = (
                f"{state}, this version of anysched needs {supported}: call anysched.stores.migrate() with an account "
                "that may change tables, or execute what anysched.stores.migration_sql() returns"
            )
        super().__init__(said)
