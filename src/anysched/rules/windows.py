"""What windows do to the fire times of a schedule (rules W1 to W5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import attrs

from anysched.model.occurrence import Occurrence
from anysched.model.policies import SkipReason
from anysched.model.schedule import Schedule
from anysched.model.state import ScheduleState
from anysched.model.window import Window
from anysched.rules.spans import Dates, Exclusion, Exclusions, Interval, Spans
from anysched.rules.stretches import taken_by
from anysched.rules.times import END, TICK, FireTimes, earlier, later


@attrs.frozen
class Recurring:
    """Spans of one length that begin at fire times.

    :ivar times: the fire times
    :ivar duration: the length
    """

    times: FireTimes
    duration: timedelta

    def at(self, instant: datetime) -> Interval | None:
        """Return the span that contains an instant, the first of several; or None."""
        start = self.times.next(earlier(instant, self.duration))
        return None if start is None or start > instant else self._from(start)

    def after(self, instant: datetime) -> Interval | None:
        """Return the first span that begins strictly after an instant, or None."""
        start = self.times.next(instant)
        return None if start is None else self._from(start)

    def _from(self, start: datetime) -> Interval:
        return start, later(start, self.duration) or END


@attrs.frozen
class Covered:
    """The spans of a window as far as it covers them.

    :ivar spans: all of them
    :ivar start: nothing before is covered
    :ivar end: nothing from here on is; None for no limit
    """

    spans: Spans
    start: datetime
    end: datetime | None

    def at(self, instant: datetime) -> Interval | None:
        """Return the span that contains an instant, or None."""
        if instant < self.start or (self.end is not None and instant >= self.end):
            return None
        found = self.spans.at(instant)
        return None if found is None else self._cut(found)

    def after(self, instant: datetime) -> Interval | None:
        """Return the first span that begins strictly after an instant, or None."""
        if instant < self.start:
            if (found := self.at(self.start)) is not None:
                return found
            instant = self.start
        found = self.spans.after(instant)
        if found is None or (self.end is not None and found[0] >= self.end):
            return None
        return self._cut(found)

    def _cut(self, span: Interval) -> Interval:
        end = span[1] if self.end is None else min(span[1], self.end)
        return max(span[0], self.start), end


def spans_of(window: Window) -> Spans:
    """Return the spans of a window, as far as it covers them."""
    spans: Spans
    if window.trigger is None:
        spans = Dates(window.dates)
    else:
        assert window.duration is not None
        spans = Recurring(FireTimes(window.trigger, window.since, window.id), window.duration)
    return Covered(spans, max(window.since, window.covers_from or window.since), window.until)


def upcoming(spans: Spans, since: datetime) -> Iterator[Interval]:
    """Yield the span that contains an instant, and those that begin later, in order."""
    found = spans.at(since) or spans.after(since)
    while found is not None:
        yield found
        found = spans.after(found[0])


def exclusions_from(windows: Iterable[Window]) -> Iterator[Exclusion]:
    """Yield what windows keep from running (rule W2), each for itself."""
    for window in windows:
        yield Exclusion(
            spans=spans_of(window),
            reason=SkipReason.window if window.mode == "skip" else None,
            cause=window.id,
            why=window.reason,
            by=window.by,
        )


def exclusions_of(windows: Iterable[Window]) -> Exclusions | None:
    """Return what windows keep from running together; None for no windows."""
    return Exclusions.of(exclusions_from(windows))


def exclusions_in(state: ScheduleState) -> Exclusions | None:
    """Return what keeps fire times of a schedule from running: what is left to a backfill is no concern of windows."""
    return Exclusions.of((*taken_by(state.backfills), *exclusions_from(state.windows)))


def fire_times(
    schedule: Schedule,
    state: ScheduleState,
    *,
    anchor: datetime | None = None,
    named: Sequence[Occurrence] | None = None,
) -> FireTimes:
    """Return the fire times of a schedule, without those that were skipped or moved by name, or are in windows.

    :param anchor: instead of its own
    :param named: what was skipped or moved, instead of what its state says
    """
    return FireTimes.of(
        schedule,
        anchor or state.anchor,
        state.occurrences if named is None else named,
        exclusions_in(state) if state.windows or state.backfills else None,
    )


def mark(cursor: datetime | None, now: datetime) -> datetime:
    """Return up to when fire times have been dealt with, or passed over: to now, or to just before the cursor."""
    return now if cursor is None or cursor > now else cursor - TICK


def active(state: ScheduleState, now: datetime) -> tuple[Window, ...]:
    """Return the windows that mean a schedule, and are not over."""
    return tuple(window for window in state.windows if not window.is_over(now))


def remaining(
    windows: Iterable[Window], dealt_with: datetime, named: Iterable[Occurrence]
) -> tuple[Window, ...]:
    """Return windows without those that cover nothing after an instant.

    :param named: fire times that were skipped or moved: what one of them becomes when it is restored (rule O4) depends
        on the windows from it on
    """
    first = min((one.fire_time for one in named if not one.settled), default=dealt_with + TICK)
    return tuple(window for window in windows if not window.is_over(min(first, dealt_with + TICK)))


def rewindowed(
    schedule: Schedule, state: ScheduleState, windows: tuple[Window, ...], now: datetime
) -> ScheduleState:
    """Return a state under other windows (rule W4): from now on fire times are looked at anew, earlier ones are not.

    :param windows: those that mean the schedule now; what it had besides covers nothing from now on
    :raise TriggerError: when a trigger does not work
    """
    ended = tuple(
        window if window.is_over(now) else attrs.evolve(window, until=now)
        for window in state.windows
        if window.is_over(now) or not any(window.goes_on_as(other) for other in windows)
    )
    dealt_with = state.windowed_until or mark(state.next_fire_time, now)
    kept = remaining((*ended, *windows), dealt_with, state.occurrences)
    new = attrs.evolve(state, windows=kept, windowed_until=dealt_with if kept else None)
    # Nothing can be asked of its trigger, or need be now.
    if state.error is not None or state.waiting is not None:
        return new
    times, cursor = fire_times(schedule, new), state.next_fire_time
    if cursor is None or cursor >= now:
        cursor = times.first(first_open(state, now))
    return attrs.evolve(new, next_fire_time=cursor, due_at=None if cursor is None else times.due_at(cursor))


def first_open(state: ScheduleState, now: datetime) -> datetime:
    """Return the first instant at which a fire time may lie that nothing has come of.

    A resume may have moved the anchor into the future, and nothing fires before it (rule P7).
    """
    start = now if state.next_fire_time == now else now + TICK
    if state.last_fire_time is not None:
        start = max(start, state.last_fire_time + TICK)
    return max(start, state.anchor)
