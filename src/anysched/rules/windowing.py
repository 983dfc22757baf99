"""Placing and removing windows (rules W1, W3 and W4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import islice, pairwise
from typing import Final

import attrs

from anysched._text import printable
from anysched.errors import ConflictingHoldError, DeserializationError, TriggerError, WindowLookupError
from anysched.model.change import Change, HoldChange
from anysched.model.events import ScheduleFinished, WindowAdded, WindowRemoved
from anysched.model.hold import Placed, PlacedWindow, Selector
from anysched.model.options import EffectiveOptions
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.window import Window
from anysched.rules.counting import left_out
from anysched.rules.firing import skipping
from anysched.rules.ledger import told
from anysched.rules.pausing import after, settle
from anysched.rules.setting_aside import failed
from anysched.rules.spans import MOST_SPANS
from anysched.rules.windows import active, fire_times, mark, remaining, rewindowed, spans_of, upcoming

#: A schedule has no more windows than this at once, those included that are over and not dealt with.
MOST_WINDOWS: Final = 100


def place(placed: Mapping[str, Placed], selector: Selector, wanted: Window, now: datetime) -> HoldChange:
    """Decide about ``add_window``; a window that exists is replaced, and goes on if its spans are the same (rule W1).

    :param wanted: the window, checked
    :raise ConflictingHoldError: when its id is that of a hold, or of a window on other schedules
    """
    old = placed.get(wanted.id)
    if old is not None and not old.is_over(now):
        if not isinstance(old, PlacedWindow):
            raise ConflictingHoldError(wanted.id, str(old.selector), "hold")
        if old.selector != selector:
            raise ConflictingHoldError(wanted.id, str(old.selector), "window")
        if old.window.does_as(wanted):
            wanted = attrs.evolve(old.window, reason=wanted.reason, by=wanted.by)
    event = WindowAdded(wanted.id, str(selector), wanted.mode, wanted.until, wanted.reason, wanted.by)
    hold = PlacedWindow(selector, wanted)
    return HoldChange(selector=selector, hold_id=wanted.id, hold=hold, events=(event,))


def remove(
    placed: Mapping[str, Placed], window_id: str, now: datetime, reason: str | None, by: str | None
) -> HoldChange:
    """Decide about ``remove_window``. :raise WindowLookupError: when there is none with this id, or none any more"""
    old = placed.get(window_id)
    if not isinstance(old, PlacedWindow) or old.is_over(now):
        raise WindowLookupError(window_id)
    event = WindowRemoved(window_id, str(old.selector), reason, by)
    return HoldChange(selector=old.selector, hold_id=window_id, hold=None, events=(event,))


def checked(window: Window, now: datetime) -> Window:
    """Return a window that is added now, with the end of its last span, if that is among the next (rule W3).

    :raise ValueError: when it has no span left, spans that overlap, or no time between them
    :raise TriggerError: when its trigger does not work
    """
    if window.trigger is None:
        if window.dates[-1][1] <= now:
            raise ValueError(f"dates must not all be past: the last ends at {window.dates[-1][1]}")
        return attrs.evolve(window, since=now, until=window.dates[-1][1])
    window = attrs.evolve(window, since=now, until=None)
    spans = list(islice(upcoming(spans_of(window), now), MOST_SPANS))
    if not spans:
        raise ValueError(f"the trigger of window {window.id!r} has no fire time left: {window.trigger!r}")
    for one, following in pairwise(spans):
        if following[0] < one[1]:
            raise ValueError(
                f"duration must not be longer than from one fire time of the trigger to the next: {window.duration} is"
                f" longer than from {one[0]} to {following[0]}"
            )
    if len(spans) < MOST_SPANS:
        return attrs.evolve(window, until=spans[-1][1])
    if all(one[1] == following[0] for one, following in pairwise(spans)):
        raise ValueError("a window must leave time between its spans; what is to stand still is paused")
    return window


def overlap(one: Window, other: Window, now: datetime) -> datetime | None:
    """Return where two windows overlap first, in their next spans (rule W3); None if they do not."""
    ones = islice(upcoming(spans_of(one), now), MOST_SPANS)
    others = islice(upcoming(spans_of(other), now), MOST_SPANS)
    left, right = next(ones, None), next(others, None)
    while left is not None and right is not None:
        start = max(left[0], right[0])
        if start < min(left[1], right[1]):
            return start
        if left[1] <= right[1]:
            left = next(ones, None)
        else:
            right = next(others, None)
    return None


class Overlaps:
    """Finds out whether a window overlaps with others, of which many schedules have the same (rule W3)."""

    def __init__(self) -> None:
        self._known: list[tuple[Window, Window, datetime | None]] = []

    def check(self, window: Window, other: Window, now: datetime) -> None:
        """Refuse a window. :raise ValueError: when it overlaps with the other one in the next spans of both"""
        other = attrs.evolve(other, covers_from=None)  # which differs, and lies in the past
        for one, against, instant in self._known:
            if one is window and against == other:
                found = instant
                break
        else:
            found = overlap(window, other, now)
            self._known.append((window, other, found))
        if found is not None:
            raise ValueError(
                f"window {printable(window.id)} overlaps with window {printable(other.id)}, which some of the same"
                f" schedules have: both are open at {found}; if that is meant, pass allow_overlap=True"
            )


def cover(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    now: datetime,
    window: Window,
    overlaps: Overlaps | None,
) -> Change:
    """Decide about a schedule that a window means from now on, or means already and is replaced (rule W4).

    :param overlaps: finds out whether it overlaps with others; None if it may
    :raise ValueError: when it overlaps with another window of the schedule, or that has too many
    :raise TriggerError: when the trigger of another window does not work
    :raise DeserializationError: when the schedule cannot be read on this node
    """

    def windows(snapshot: ScheduleSnapshot) -> tuple[Window, ...]:
        found = active(snapshot.state, now)
        others = [other for other in found if other.id != window.id]
        if overlaps is not None:
            for other in others:
                overlaps.check(window, other, now)
        old = next((one for one in found if one.id == window.id), None)
        if old is not None and old.goes_on_as(window):
            new = attrs.evolve(old, reason=window.reason, by=window.by)
            return tuple(new if one is old else one for one in found)
        cursor = snapshot.state.next_fire_time
        is_late = cursor is not None and cursor < now and window.since < now
        return (*others, attrs.evolve(window, covers_from=now) if is_late else window)

    return _settled_and(snapshot, options, now, windows)


def uncover(snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, window_id: str) -> Change:
    """Decide about a schedule that a window means no more (rule W4).

    :raise DeserializationError: when the schedule cannot be read on this node
    """
    return _settled_and(
        snapshot,
        options,
        now,
        lambda snapshot: tuple(one for one in active(snapshot.state, now) if one.id != window_id),
    )


def _settled_and(
    snapshot: ScheduleSnapshot,
    options: EffectiveOptions,
    now: datetime,
    windows: Callable[[ScheduleSnapshot], tuple[Window, ...]],
) -> Change:
    """Carry out the resume of a pause that is over (rule P10), then look anew at what is to come."""
    if snapshot.fault is not None and snapshot.state.error is None:
        raise DeserializationError(
            f"the windows of schedule {snapshot.id!r} cannot be changed from this node: {snapshot.fault}"
        )
    resumed = settle(snapshot, options, now)
    snapshot = after(snapshot, resumed)
    change = _under(snapshot, options, now, windows(snapshot))
    if change is None:
        return resumed
    return attrs.evolve(
        change,
        jobs=resumed.jobs,
        queued=resumed.queued,
        events=(*resumed.events, *change.events),
        skips=(*resumed.skips, *change.skips),
    )


def _under(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, windows: tuple[Window, ...]
) -> Change | None:
    """Put a schedule under windows, or set it aside if its trigger fails (rule S2); None if it has them already."""
    if windows == active(snapshot.state, now):
        return None
    try:
        change = _looked_at(snapshot, options, now, windows)
    except TriggerError as exc:
        change = failed(snapshot, str(exc))
        assert change.state is not None
        change = attrs.evolve(change, state=rewindowed(snapshot.schedule, change.state, windows, now))
    assert change.state is not None
    if len(change.state.windows) > MOST_WINDOWS:
        raise ValueError(
            f"schedule {printable(snapshot.id)} has {MOST_WINDOWS} windows, and can have no more; those that are over"
            " go when it is resumed, or fires"
        )
    return change


def _looked_at(
    snapshot: ScheduleSnapshot, options: EffectiveOptions, now: datetime, windows: tuple[Window, ...]
) -> Change:
    """Count what the old windows have skipped, and find what is next under the new ones."""
    old = snapshot.state
    dealt_with, counted = old.windowed_until, []
    if dealt_with is not None and old.error is None:
        dealt_with = max(dealt_with, mark(old.next_fire_time, now))
        if old.waiting is None:  # else there were none (rule S9)
            counted = left_out(snapshot, fire_times(snapshot.schedule, old), dealt_with)
    skips = skipping(snapshot, counted)
    state = attrs.evolve(
        old,
        revision=old.revision + 1,
        skipped=skips.counts,
        skipped_exact=skips.exact,
        windows=old.windows if dealt_with is None else remaining(old.windows, dealt_with, old.occurrences),
        windowed_until=dealt_with,
    )
    state = rewindowed(snapshot.schedule, state, windows, now)
    is_over = state.next_fire_time is None and old.next_fire_time is not None and not state.occurrences
    finished = (ScheduleFinished(snapshot.id, snapshot.task_id),) if is_over else ()
    records = told(snapshot, counted, now, None) if counted and options.recorded else ()
    return Change(schedule_id=snapshot.id, state=state, events=(*skips.events, *finished), skips=records)
