"""History and audit in the memory store."""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from anysched.model.audit import AuditEntry
from anysched.model.history import Record, Retention, RunRecord, SkipRecord
from anysched.model.job import JobException
from anysched.model.policies import JobKind, JobOutcome
from anysched.ports.queries import AuditQuery, HistoryQuery
from anysched.rules.retention import is_kept

#: What is kept in memory at most, whatever the retention says: of all schedules together, and of what was done.
MOST_RECORDS: Final = 100_000
MOST_ENTRIES: Final = 10_000

#: A run as it is kept: the fields of a ``RunRecord``, ids and choices as plain values. Of a tuple of these the garbage
#: collector lets go, and there is one for each firing.
Packed = tuple[Any, ...]

Kept = Packed | SkipRecord


class MemoryLedger:
    """Records of each schedule in the order of their fire times, and what was done in the order of time."""

    def __init__(self) -> None:
        # By incarnation, as integers: a UUID hashes itself in Python. The last written last.
        self._records: OrderedDict[int, Kept | list[Kept]] = OrderedDict()
        self._number = 0
        self._audit: deque[AuditEntry] = deque(maxlen=MOST_ENTRIES)

    def add(self, skip: SkipRecord) -> None:
        """Keep what is told of fire times without a job."""
        self._add(skip.incarnation.int, skip)

    def add_run(self, run: Packed) -> None:
        """Keep a run."""
        self._add(run[2], run)

    def _add(self, life: int, record: Kept) -> None:
        """Keep a record; where there is no more room, those of the schedule that was silent longest go first."""
        known = self._records.get(life)
        if known is None:
            self._records[life] = record  # no list, or one would be left of each schedule that fires once
        else:
            records = self._records[life] = known if isinstance(known, list) else [known]
            if _last(records[-1]) <= _last(record):
                records.append(record)
            else:
                insort(records, record, key=_last)
            self._records.move_to_end(life)
        self._number += 1
        if self._number > MOST_RECORDS:
            self._drop_some()

    def note(self, entries: Iterable[AuditEntry]) -> None:
        """Keep what was done."""
        self._audit.extend(entries)

    def history(self, query: HistoryQuery) -> list[Record]:
        """Return what a query asks for."""
        found = [
            record
            for record in self._of(query.incarnation.int)
            if (query.start is None or _last(record) >= query.start)
            and (query.end is None or _first(record) <= query.end)
        ]
        return [
            _unpacked(record) for record in (found[-query.most :] if query.latest else found[: query.most])
        ]

    def audit(self, query: AuditQuery) -> list[AuditEntry]:
        """Return what a query asks for, the latest first."""
        found = [entry for entry in self._audit if _matches(entry, query)]
        found.sort(key=_id, reverse=True)  # an entry is made before it is kept, and another one may be faster
        return found[: query.most]

    def clean_up(self, retention: Retention, now: datetime) -> None:
        """Forget what is not kept any more."""
        for life in list(self._records):
            records = self._of(life)
            kept = records[-retention.most :] if retention.history is not None else []
            kept = [record for record in kept if is_kept(_at(record), retention.history, now)]
            self._number -= len(records) - len(kept)
            if kept:
                self._records[life] = kept if len(kept) > 1 else kept[0]
            else:
                del self._records[life]
        while self._audit and not is_kept(self._audit[0].at, retention.audit, now):
            self._audit.popleft()

    def _of(self, life: int) -> list[Kept]:
        known = self._records.get(life)
        if known is None:
            return []
        return known if isinstance(known, list) else [known]

    def _drop_some(self) -> None:
        """Forget the older half of one schedule."""
        life = next(iter(self._records))
        records = self._of(life)
        dropped = (len(records) + 1) // 2
        self._number -= dropped
        if dropped == len(records):
            del self._records[life]
        else:
            del records[:dropped]


def packed(
    job_id: UUID,
    schedule_id: str,
    incarnation: UUID,
    kind: JobKind,
    fire_time: datetime | None,
    run_at: datetime,
    outcome: JobOutcome,
    finished_at: datetime,
    started_at: datetime | None,
    attempt: int,
    node: str | None,
    exception: JobException | None,
) -> Packed:
    """Return a run as it is kept."""
    return (
        job_id.int, schedule_id, incarnation.int, kind._value_, fire_time, run_at, outcome._value_, finished_at,
        started_at, attempt, node, exception,
    )  # fmt: skip


def _unpacked(record: Kept) -> Record:
    if isinstance(record, SkipRecord):
        return record
    job_id, schedule_id, incarnation, kind, fire_time, run_at, outcome, *others = record
    return RunRecord(
        UUID(int=job_id), schedule_id, UUID(int=incarnation), JobKind(kind), fire_time, run_at,
        JobOutcome(outcome), *others,
    )  # fmt: skip


def _first(record: Kept) -> datetime:
    return record.first if isinstance(record, SkipRecord) else record[4] or record[5]


def _last(record: Kept) -> datetime:
    return record.last if isinstance(record, SkipRecord) else record[4] or record[5]


def _at(record: Kept) -> datetime:
    return record.at if isinstance(record, SkipRecord) else record[7]


def _id(entry: AuditEntry) -> UUID:
    return entry.id


def _matches(entry: AuditEntry, query: AuditQuery) -> bool:
    return (
        (query.schedule_id is None or entry.schedule_id == query.schedule_id)
        and (query.name is None or entry.name == query.name)
        and (query.action is None or entry.action is query.action)
        and (query.since is None or entry.at >= query.since)
        and (query.before is None or entry.id < query.before)
    )
