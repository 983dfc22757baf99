"""The schedules of the memory store, and the heap of when to look at them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice

import attrs

from anysched.errors import TriggerError
from anysched.model.change import Change
from anysched.model.hold import Selector
from anysched.model.quick import maker
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.rules.times import END
from anysched.rules.windows import fire_times

#: A decision about a schedule with this many missed fire times takes long if its trigger cannot count them.
LONG_BACKLOG = 100

#: When to look at a schedule, and its id.
Entry = tuple[datetime, str]

Stored = dict[str, ScheduleSnapshot | None]

_new_snapshot = maker(ScheduleSnapshot)


class Snapshots:
    """Schedules and their states by id.

    Snapshots are made when somebody asks, so that the garbage collector has an object fewer to look at for each.
    """

    def __init__(self, schedules: dict[str, Schedule], states: dict[str, ScheduleState]) -> None:
        self._schedules = schedules
        self._states = states

    def __len__(self) -> int:
        return len(self._schedules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._schedules)

    def get(self, key: str) -> ScheduleSnapshot | None:
        """Return a schedule, or None."""
        state = self._states.get(key)
        return None if state is None else ScheduleSnapshot(self._schedules[key], state)

    def pairs(self, keys: Iterable[str]) -> Iterator[tuple[Schedule, ScheduleState]]:
        """Yield what is stored of schedules, those passed over that do not exist."""
        return ((self._schedules[key], self._states[key]) for key in keys if key in self._states)

    def meant(self, selector: Selector) -> Stored:
        """Return what is stored of the schedules that a selector means, of ids that do not exist None."""
        if selector.ids is not None:
            return {key: self.get(key) for key in selector.ids}
        return {key: self.get(key) for key, one in self._schedules.items() if selector.matches(one)}

    def _holds(self, entry: Entry) -> bool:
        wake_at, key = entry
        state = self._states.get(key)
        return state is not None and state.wake_at == wake_at


class ScheduleTable(Snapshots):
    """The schedules, and a heap of their ``wake_at``.

    An entry holds while its schedule has that ``wake_at``; others are passed over when they come up. So pausing costs
    nothing, and a paused head is simply not there (rule S5). One that has it again has two equal entries, which come
    up one after the other.
    """

    def __init__(self) -> None:
        super().__init__({}, {})
        self._heap: list[Entry] = []
        self._watchers: list[list[str]] = []
        self._lends = 0

    def is_still(self, key: str, snapshot: ScheduleSnapshot | None) -> bool:
        """Return whether a schedule is as it was (rule S4): each write writes its state."""
        return self._states.get(key) is (None if snapshot is None else snapshot.state)

    def waiting(self) -> list[str]:
        """Return the ids of the schedules that wait for the end of a job."""
        return [key for key, state in self._states.items() if state.waiting is not None]

    def write(self, change: Change) -> None:
        """Write what a change says of a schedule."""
        key, schedule, state = change.schedule_id, change.schedule, change.state
        assert schedule is None or state is not None, "is_still() looks at states"
        old = self._states.get(key)
        if state is None or (schedule is None and old is None):
            return
        if schedule is not None:
            self._schedules[key] = schedule
        self._states[key] = state
        for written in self._watchers:
            written.append(key)
        wake_at = state.wake_at
        if wake_at is not None and (self._lends or old is None or old.wake_at != wake_at):
            heapq.heappush(self._heap, (wake_at, key))
            if len(self._heap) > 2 * len(self._states) + 64:
                self._drop_stale()

    def remove(self, key: str) -> None:
        """Forget a schedule."""
        del self._schedules[key], self._states[key]
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
        return Image(dict(self._schedules), dict(self._states), list(self._heap))

    def apply(self, rewrite: Rewrite, written: Iterable[str]) -> None:
        """Write very many schedules at once; those written since the image was made stay as they are."""
        self._heap = rewrite.heap
        for key in written:
            rewrite.schedules.pop(key, None)
            rewrite.states.pop(key, None)
            state = self._states.get(key)
            if state is not None and (wake_at := state.wake_at) is not None:
                heapq.heappush(self._heap, (wake_at, key))
        for others in self._watchers:
            others.extend(rewrite.states)
        self._schedules.update(rewrite.schedules)
        self._states.update(rewrite.states)

    def _drop_stale(self) -> None:
        self._heap = list({entry for entry in self._heap if self._holds(entry)})
        heapq.heapify(self._heap)

    @contextmanager
    def due(self, until: datetime = END) -> Generator[Iterator[ScheduleSnapshot]]:
        """Lend the schedules to look at up to an instant, in order: the one rule of being due (S5).

        Entries that were looked at are off the heap meanwhile. Those of schedules that were not written come back.
        """
        taken: list[tuple[Entry, ScheduleState]] = []

        def take() -> Iterator[ScheduleSnapshot]:
            last: str | None = None
            while self._heap and self._heap[0][0] <= until:
                entry = wake_at, key = heapq.heappop(self._heap)
                state = self._states.get(key)
                if state is not None and state.wake_at == wake_at and key != last:
                    taken.append((entry, state))
                    yield _new_snapshot(self._schedules[key], state)
                    last = key

        self._lends += 1
        try:
            yield take()
        finally:
            self._lends -= 1
            for entry, state in taken:
                if self._states.get(entry[1]) is state:
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
    """Schedules to write, their states, and what becomes of the heap."""

    schedules: dict[str, Schedule]
    states: dict[str, ScheduleState]
    heap: list[Entry]


class Image(Snapshots):
    """The table as it was at one moment."""

    def __init__(
        self, schedules: dict[str, Schedule], states: dict[str, ScheduleState], heap: list[Entry]
    ) -> None:
        super().__init__(schedules, states)
        self._heap = heap

    def rewrite(self, snapshots: Collection[ScheduleSnapshot]) -> Rewrite:
        """Return what there is to write, so that little is left to do at that moment."""
        schedules = {snapshot.id: snapshot.schedule for snapshot in snapshots}
        states = {snapshot.id: snapshot.state for snapshot in snapshots}
        heap = [entry for entry in self._heap if entry[1] not in states and self._holds(entry)]
        wakes = ((state.wake_at, key) for key, state in states.items())
        heap += [(wake_at, key) for wake_at, key in wakes if wake_at is not None]
        heapq.heapify(heap)
        return Rewrite(schedules, states, heap)


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
