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

    Only the entry that was made for the present ``wake_at`` of a schedule holds; others are passed over when they
    come up. So pausing costs nothing, and a paused head is simply not there (rule S5).
    """

    def __init__(self) -> None:
        self._snapshots: dict[str, ScheduleSnapshot] = {}
        self._heap: list[Entry] = []
        self._holding: dict[str, Entry] = {}  # the entry of each schedule that is to be looked at some time
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
        key = snapshot.id
        self._snapshots[key] = snapshot
        for written in self._watchers:
            written.append(key)
        self._enter(key, snapshot.state.wake_at)
        if len(self._heap) > 2 * len(self._snapshots) + 64:
            self._drop_stale()

    def _enter(self, key: str, wake_at: datetime | None) -> None:
        entry = self._holding.get(key)
        if wake_at is None:
            self._holding.pop(key, None)
        elif entry is None or entry[0] != wake_at:
            self._holding[key] = entry = wake_at, next(self._order), key
            heapq.heappush(self._heap, entry)

    def remove(self, key: str) -> None:
        """Forget a schedule."""
        del self._snapshots[key]
        self._holding.pop(key, None)
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
        return Image(dict(self._snapshots), dict(self._holding), self._order)

    def apply(self, rewrite: Rewrite, written: Iterable[str]) -> None:
        """Write very many schedules at once; those written since the image was made stay as they are."""
        self._heap, self._holding = rewrite.heap, rewrite.holding
        for key in written:
            rewrite.snapshots.pop(key, None)
            stored = self._snapshots.get(key)
            self._enter(key, None if stored is None else stored.state.wake_at)
        for others in self._watchers:
            others.extend(rewrite.snapshots)
        self._snapshots.update(rewrite.snapshots)

    def _drop_stale(self) -> None:
        self._heap = [entry for entry in self._heap if self._holds(entry)]
        heapq.heapify(self._heap)

    def _holds(self, entry: Entry) -> bool:
        return self._holding.get(entry[2]) is entry

    @contextmanager
    def due(self, until: datetime | None = None) -> Generator[Iterator[ScheduleSnapshot]]:
        """Lend the schedules to look at up to an instant, in order: the one rule of being due (S5).

        Entries that were looked at are off the heap meanwhile. Those whose schedules are not written come back.
        """
        taken: list[Entry] = []

        def take() -> Iterator[ScheduleSnapshot]:
            while self._heap and (until is None or self._heap[0][0] <= until):
                entry = heapq.heappop(self._heap)
                if self._holds(entry):
                    taken.append(entry)
                    yield self._snapshots[entry[2]]

        try:
            yield take()
        finally:
            for entry in taken:
                if self._holds(entry):
                    heapq.heappush(self._heap, entry)

    def next_due(self, wanted: Callable[[ScheduleSnapshot], bool]) -> datetime | None:
        """Return when the first schedule of a kind has to be looked at."""
        with self.due() as due:
            return next((snapshot.state.wake_at for snapshot in due if wanted(snapshot)), None)

    def count_due(self, now: datetime) -> tuple[int, datetime | None]:
        """Return how many schedules have to be looked at, and since when the first."""
        with self.due(now) as due:
            since = [snapshot.state.wake_at for snapshot in due]
        return len(since), since[0] if since else None


@attrs.frozen
class Rewrite:
    """Schedules to write, and what becomes of all entries and of the heap."""

    snapshots: dict[str, ScheduleSnapshot]
    holding: dict[str, Entry]
    heap: list[Entry]


@attrs.frozen
class Image:
    """The table as it was at one moment."""

    snapshots: dict[str, ScheduleSnapshot]
    holding: dict[str, Entry]
    order: Iterator[int]

    def rewrite(self, snapshots: dict[str, ScheduleSnapshot]) -> Rewrite:
        """Return what there is to write, so that little is left to do at that moment."""
        holding = dict(self.holding)
        for key, snapshot in snapshots.items():
            holding.pop(key, None)
            if (wake_at := snapshot.state.wake_at) is not None:
                holding[key] = wake_at, next(self.order), key
        heap = list(holding.values())
        heapq.heapify(heap)
        return Rewrite(snapshots, holding, heap)


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
    """Return whether a decision has many missed fire times to count that the trigger cannot count at once."""
    if snapshot is None or (hasattr(snapshot.trigger, "count_fire_times") and not snapshot.state.windows):
        return False
    cursor = snapshot.next_fire_time
    if cursor is None or cursor >= now:
        return False
    try:
        missed = fire_times(snapshot.schedule, snapshot.state).between(cursor, now)
        return sum(1 for _ in islice(missed, LONG_BACKLOG)) == LONG_BACKLOG
    except TriggerError:
        return False
