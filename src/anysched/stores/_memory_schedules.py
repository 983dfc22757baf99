"""The schedules of the memory store, and the heap of when to look at them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import count, islice

import attrs

from anysched.errors import TriggerError
from anysched.model.change import Change
from anysched.model.schedule import ScheduleSnapshot
from anysched.rules.windows import fire_times

#: A decision about a schedule with this many missed fire times takes long if its trigger cannot count them.
LONG_BACKLOG = 100

Entry = tuple[datetime, int, str]


class ScheduleTable:
    """Snapshots by id, and a heap of their ``wake_at``.

    Only the latest entry of a schedule holds, and only while the schedule still has that ``wake_at``; others are
    passed over when they come up. So pausing costs nothing, and a paused head is simply not there (rule S5).
    """

    def __init__(self) -> None:
        self._snapshots: dict[str, ScheduleSnapshot] = {}
        self._heap: list[Entry] = []
        self._latest: dict[str, int] = {}  # which entry is the latest of each schedule
        self._order = count()
        self._watchers: list[list[str]] = []

    def __len__(self) -> int:
        return len(self._snapshots)

    def __iter__(self) -> Iterator[str]:
        return iter(self._snapshots)

    def get(self, key: str) -> ScheduleSnapshot | None:
        """Return a schedule, or None."""
        return self._snapshots.get(key)

    @property
    def stored(self) -> Mapping[str, ScheduleSnapshot]:
        """All schedules by id."""
        return self._snapshots

    def put(self, snapshot: ScheduleSnapshot) -> None:
        """Write a schedule."""
        key, wake_at = snapshot.id, snapshot.state.wake_at
        old = self._snapshots.get(key)
        self._snapshots[key] = snapshot
        for written in self._watchers:
            written.append(key)
        if wake_at is not None and (old is None or old.state.wake_at != wake_at):
            self._latest[key] = next(self._order)
            heapq.heappush(self._heap, (wake_at, self._latest[key], key))
            if len(self._heap) > 2 * len(self._snapshots) + 64:
                self._drop_stale()

    def remove(self, key: str) -> None:
        """Forget a schedule."""
        del self._snapshots[key]
        self._latest.pop(key, None)
        for written in self._watchers:
            written.append(key)

    @contextmanager
    def watched(self) -> Generator[list[str]]:
        """Lend a list to which the ids of all schedules are added that are written or removed meanwhile."""
        written: list[str] = []
        self._watchers.append(written)
        try:
            yield written
        finally:
            self._watchers = [other for other in self._watchers if other is not written]

    def image(self) -> Image:
        """Return the table as it is now, for a thread."""
        return Image(dict(self._snapshots), list(self._heap), dict(self._latest), self._order)

    def apply(self, rewrite: Rewrite, written: Iterable[str]) -> None:
        """Write very many schedules at once; those written since the image was made stay as they are."""
        self._heap = rewrite.heap
        for key in written:
            rewrite.snapshots.pop(key, None)
            rewrite.latest.pop(key, None)
            stored = self._snapshots.get(key)
            if stored is not None and stored.state.wake_at is not None:
                self._latest[key] = next(self._order)
                heapq.heappush(self._heap, (stored.state.wake_at, self._latest[key], key))
        for others in self._watchers:
            others.extend(rewrite.snapshots)
        self._snapshots.update(rewrite.snapshots)
        self._latest.update(rewrite.latest)

    def _drop_stale(self) -> None:
        self._heap = [entry for entry in self._heap if self._holds(entry)]
        heapq.heapify(self._heap)

    def _holds(self, entry: Entry) -> bool:
        wake_at, order, key = entry
        return self._latest.get(key) == order and self._snapshots[key].state.wake_at == wake_at

    def take_due(self, until: datetime | None = None) -> Iterator[tuple[Entry, ScheduleSnapshot]]:
        """Take entries that hold off the heap, in order, up to an instant: the one rule of being due (S5)."""
        while self._heap and (until is None or self._heap[0][0] <= until):
            entry = heapq.heappop(self._heap)
            if self._holds(entry):
                yield entry, self._snapshots[entry[2]]

    def put_back(self, entries: Iterable[Entry]) -> None:
        """Put entries back that were taken and not acted upon."""
        for entry in entries:
            heapq.heappush(self._heap, entry)

    def next_due(self, wanted: Callable[[ScheduleSnapshot], bool]) -> datetime | None:
        """Return when the first schedule of a kind has to be looked at."""
        passed: list[Entry] = []
        found = None
        for entry, snapshot in self.take_due():
            passed.append(entry)
            if wanted(snapshot):
                found = entry[0]
                break
        self.put_back(passed)
        return found

    def count_due(self, now: datetime) -> tuple[int, datetime | None]:
        """Return how many schedules have to be looked at, and since when the first."""
        due = [entry for entry, _ in self.take_due(now)]
        self.put_back(due)
        return len(due), due[0][0] if due else None


@attrs.frozen
class Rewrite:
    """Schedules to write, and what becomes of the heap."""

    snapshots: dict[str, ScheduleSnapshot]
    latest: dict[str, int]
    heap: list[Entry]


@attrs.frozen
class Image:
    """The table as it was at one moment."""

    snapshots: dict[str, ScheduleSnapshot]
    heap: list[Entry]
    latest: dict[str, int]
    order: Iterator[int]

    def rewrite(self, snapshots: dict[str, ScheduleSnapshot]) -> Rewrite:
        """Return what there is to write, so that little is left to do at that moment."""
        heap = [
            (wake_at, order, key)
            for wake_at, order, key in self.heap
            if self.latest.get(key) == order
            and key not in snapshots
            and self.snapshots[key].state.wake_at == wake_at
        ]
        latest: dict[str, int] = {}
        for key, snapshot in snapshots.items():
            wake_at = snapshot.state.wake_at
            if wake_at is not None:
                latest[key] = next(self.order)
                heap.append((wake_at, latest[key], key))
        heapq.heapify(heap)
        return Rewrite(snapshots, latest, heap)


def after(stored: ScheduleSnapshot | None, change: Change) -> ScheduleSnapshot | None:
    """Return what is stored once a change is written."""
    if change.removed:
        return None
    schedule = change.schedule or (stored.schedule if stored else None)
    state = change.state or (stored.state if stored else None)
    if schedule is None or state is None or (change.schedule is None and change.state is None):
        return stored
    return ScheduleSnapshot(schedule, state)


def takes_long(snapshot: ScheduleSnapshot | None, now: datetime) -> bool:
    """Return whether a decision has many missed fire times to count that the trigger cannot count itself."""
    if snapshot is None or hasattr(snapshot.trigger, "count_fire_times"):
        return False
    cursor = snapshot.next_fire_time
    if cursor is None or cursor >= now:
        return False
    try:
        missed = fire_times(snapshot.schedule, snapshot.state).between(cursor, now)
        return sum(1 for _ in islice(missed, LONG_BACKLOG)) == LONG_BACKLOG
    except TriggerError:
        return False
