"""Windows: placed, removed and read (rules W1 to W5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, get_args

from anysched.engine import committing
from anysched.engine.asking import check_choice, check_texts
from anysched.engine.committing import Asked
from anysched.engine.instants import aware
from anysched.engine.lifecycle import Engine
from anysched.model import convert
from anysched.model.change import Change, HoldChange
from anysched.model.hold import Placed, PlacedWindow, Selector
from anysched.model.policies import WindowMode
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.task import Task
from anysched.model.trigger import BindableTrigger, Trigger, own_timezone
from anysched.model.window import Window
from anysched.rules import adding, windowing
from anysched.rules.windows import active

#: The two ends of a span, as a user gives them.
Dates = tuple[datetime, datetime] | tuple[date, date]


class Windows:
    """Placing, removing and reading windows."""

    def __init__(self, engine: Engine, timezone: tzinfo) -> None:
        self._engine = engine
        self._store = engine.settings.store
        self._timezone = timezone

    def window(
        self,
        window_id: str,
        *,
        mode: WindowMode,
        trigger: Trigger | None,
        duration: timedelta | float | None,
        dates: Iterable[Dates],
        timezone: tzinfo | None,
        reason: str | None,
        by: str | None,
    ) -> Window:
        """Return a window as it was asked for.

        :param timezone: of what has none of its own; by default the scheduler's
        :raise ValueError, TypeError: naming the argument that makes no sense
        """
        check_choice("mode", mode, get_args(WindowMode))
        check_texts(reason, by)
        zone = timezone or self._timezone
        if isinstance(trigger, BindableTrigger):
            trigger = trigger.bind(own_timezone(trigger) or zone)
        now = self._store.present()
        window = Window(
            id=convert.identifier(window_id, "id"),
            mode=mode,
            trigger=trigger,
            duration=None if duration is None else convert.positive_duration(duration, "duration"),
            dates=tuple(_instants(pair, zone) for pair in convert.frozen_sequence(dates, "dates")),
            since=now,
            reason=reason,
            by=by,
        )
        return windowing.checked(window, now)

    async def add(self, selector: Selector, window: Window, *, allow_overlap: bool) -> PlacedWindow:
        """Place a window, also on schedules that are added later."""
        policy = self._engine.settings.policy
        overlaps = None if convert.boolean(allow_overlap, "allow_overlap") else windowing.Overlaps()
        placed: PlacedWindow | None = None

        def decide_hold(all_placed: Mapping[str, Placed], now: datetime) -> HoldChange:
            nonlocal placed
            change = windowing.place(all_placed, selector, window, now)
            assert isinstance(change.hold, PlacedWindow)
            placed = change.hold
            return change

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            assert placed is not None
            snapshot = adding.existing(key, stored)
            options = policy.options(snapshot.schedule, task)
            return windowing.cover(snapshot, options, now, placed.window, overlaps)

        asked = Asked(by=window.by, reason=window.reason)
        await self._engine.zones.note([window.trigger])
        await committing.hold(self._engine, decide_hold, decide, asked)
        assert placed is not None
        return placed

    async def remove(self, window_id: str, *, reason: str | None, by: str | None) -> None:
        """Remove a window."""
        name = convert.identifier(window_id, "id")
        asked, policy = Asked(by=by, reason=reason), self._engine.settings.policy

        def decide(key: str, stored: ScheduleSnapshot | None, task: Task | None, now: datetime) -> Change:
            if stored is None:  # a selector of ids outlives its schedules
                return Change(schedule_id=key)
            return windowing.uncover(stored, policy.options(stored.schedule, task), now, name)

        def decide_hold(placed: Mapping[str, Placed], now: datetime) -> HoldChange:
            return windowing.remove(placed, name, now, reason, by)

        await committing.hold(self._engine, decide_hold, decide, asked)

    async def get(self, of: ScheduleSnapshot | None) -> list[PlacedWindow]:
        """Return the windows that are not over, in the order of their ids.

        :param of: only those that mean this schedule
        """
        found = await self._store.get_windows()
        if of is None:
            return found
        ids = {window.id for window in active(of.state, self._store.present())}
        return [placed for placed in found if placed.id in ids]


def _instants(pair: Any, timezone: tzinfo) -> tuple[datetime, datetime]:
    """Return from when to when a span lasts; a date stands for the whole day in the zone."""
    ends: tuple[Any, ...] = convert.frozen_sequence(pair, "each of dates")
    if len(ends) != 2:
        raise ValueError(f"each of dates must be a pair, from when to when: {pair!r}")
    start, end = ends
    if isinstance(start, datetime) and isinstance(end, datetime):
        return aware(start, timezone, "each of dates"), aware(end, timezone, "each of dates")
    if any(isinstance(one, datetime) or not isinstance(one, date) for one in ends):
        raise TypeError(f"each of dates must be two datetimes, or two dates: {pair!r}")
    if start > end:
        raise ValueError(f"dates must end after they begin: from {start} to {end}")
    if end == date.max:
        raise ValueError(f"dates are out of range: {end}")
    return _midnight(start, timezone), _midnight(end + timedelta(days=1), timezone)


def _midnight(day: date, timezone: tzinfo) -> datetime:
    return aware(datetime.combine(day, time()), timezone, "each of dates")
