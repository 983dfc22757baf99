"""States of schedules as rows have them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from anysched.errors import DeserializationError
from anysched.model.ids import new_id
from anysched.model.pause import Pause
from anysched.model.state import NOTHING_SKIPPED, ScheduleState
from anysched.model.trigger import UndecodableTrigger
from anysched.model.window import Window
from anysched.stores.sql.columns import (
    EPOCH,
    from_instant,
    from_json,
    from_optional_instant,
    to_id,
    to_instant,
    to_json,
    to_optional_instant,
)
from anysched.wire.registry import TypeRegistry
from anysched.wire.states import (
    backfills_from_plain,
    backfills_to_plain,
    occurrences_from_plain,
    occurrences_to_plain,
    pauses_from_plain,
    pauses_to_plain,
    skips_from_plain,
    skips_to_plain,
    waiting_from_plain,
    waiting_to_plain,
    windows_from_plain,
    windows_to_plain,
)


#: A hold writes the same pauses into very many rows, whose text is made once, and read once.
@lru_cache(maxsize=256)
def _pauses_text(pauses: tuple[Pause, ...]) -> str:
    return to_json(pauses_to_plain(pauses))


@lru_cache(maxsize=256)
def _pauses_of(text: str) -> tuple[Pause, ...]:
    return pauses_from_plain(from_json(text))


class States:
    """Writes and reads states. Many schedules have the same windows, whose text is made once, and read once."""

    def __init__(self, registry: TypeRegistry) -> None:
        self._registry = registry

        @lru_cache(maxsize=256)
        def text_of(windows: tuple[Window, ...]) -> str:
            return to_json(windows_to_plain(windows, registry))

        @lru_cache(maxsize=256)
        def windows_of(text: str) -> tuple[Window, ...]:
            return windows_from_plain(from_json(text), registry)

        self._text_of = text_of
        self._windows_of = windows_of

    def _windows_text(self, windows: tuple[Window, ...]) -> str:
        try:
            return self._text_of(windows)
        except TypeError:  # a trigger of the user's has no hash
            return to_json(windows_to_plain(windows, self._registry))

    def row(self, state: ScheduleState) -> tuple[Any, ...]:
        """Return a state as columns. :raise SerializationError: when a trigger in it cannot be written"""
        cursor, due, wake = state.next_fire_time, state.due_at, state.wake_at
        next_fire_time = from_optional_instant(cursor)  # mostly the very object that the other two are
        return (
            state.incarnation.hex,
            state.revision,
            from_instant(state.anchor),
            next_fire_time,
            next_fire_time if due is cursor else from_optional_instant(due),
            next_fire_time if wake is cursor else from_optional_instant(wake),
            from_optional_instant(state.last_fire_time),
            _pauses_text(state.pauses) if state.pauses else None,
            state.error,
            state.jobs_made,
            to_json(skips_to_plain(state.skipped)) if state.skipped else None,
            int(state.skipped_exact),
            state.failures,
            to_json(occurrences_to_plain(state.occurrences)) if state.occurrences else None,
            self._windows_text(state.windows) if state.windows else None,
            from_optional_instant(state.windowed_until),
            to_json(backfills_to_plain(state.backfills, self._registry)) if state.backfills else None,
            None if state.waiting is None else to_json(waiting_to_plain(state.waiting)),
        )

    def read(self, row: Sequence[Any]) -> tuple[ScheduleState, str | None]:
        """Return the state of a row, and what is wrong with it; a damaged row never fails the others (rule S2).

        A damaged state is one that has to be looked at, so that the rules set its schedule aside.
        """
        (_, _, _, incarnation, revision, anchor, next_fire_time, due_at, last_fire_time, pause, error,
         jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting,
         _) = row  # fmt: skip
        try:
            state = ScheduleState(
                incarnation=to_id(incarnation),
                revision=int(revision),
                anchor=to_instant(anchor),
                next_fire_time=to_optional_instant(next_fire_time),
                due_at=to_optional_instant(due_at),
                last_fire_time=to_optional_instant(last_fire_time),
                pauses=() if pause is None else _pauses_of(pause),
                error=error,
                jobs_made=int(jobs_made),
                skipped=skips_from_plain(from_json(skipped)) if skipped else NOTHING_SKIPPED,
                skipped_exact=bool(skipped_exact),
                failures=int(failures),
                occurrences=() if occurrences is None else occurrences_from_plain(from_json(occurrences)),
                windows=() if windows is None else self._windows_of(windows),
                windowed_until=to_optional_instant(windowed_until),
                backfills=()
                if backfills is None
                else backfills_from_plain(from_json(backfills), self._registry),
                waiting=None if waiting is None else waiting_from_plain(from_json(waiting)),
            )
        except (DeserializationError, TypeError, ValueError, AttributeError) as exc:
            state = ScheduleState(
                incarnation=new_id(EPOCH),
                revision=0,
                anchor=EPOCH,
                next_fire_time=EPOCH,
                due_at=EPOCH,
                pauses=() if pause is None else (Pause(since=EPOCH, until=EPOCH),),
                error=None if error is None else str(error),
            )
            return state, f"the stored state is damaged: {exc}"
        return state, None


def moved(old: ScheduleState, new: ScheduleState) -> tuple[Any, ...] | None:
    """Return the columns that differ when a schedule has fired and nothing else is different, None if it is.

    Few columns take the server two thirds of the time, and of most schedules nothing else is ever written.
    """
    if (
        new.incarnation is old.incarnation
        and new.anchor is old.anchor
        and new.pauses is old.pauses
        and new.error is old.error
        and new.skipped is old.skipped
        and new.skipped_exact is old.skipped_exact
        and new.failures == old.failures
        and new.occurrences is old.occurrences
        and new.windows is old.windows
        and new.windowed_until is old.windowed_until
        and new.backfills is old.backfills
        and new.waiting is old.waiting
    ):
        return (
            new.revision,
            from_optional_instant(new.next_fire_time),
            from_optional_instant(new.due_at),
            from_optional_instant(new.wake_at),
            from_optional_instant(new.last_fire_time),
            new.jobs_made,
        )
    return None


def strange_in(state: ScheduleState) -> str | None:
    """Return which trigger in a state is of a type or version that is not known here, if one is (rule S2)."""
    if state.windows or state.backfills:
        triggers = [window.trigger for window in state.windows]
        # Of one that makes no more jobs, nobody needs the trigger.
        triggers += [backfill.trigger for backfill in state.backfills if backfill.left]
        return next((one.reason for one in triggers if isinstance(one, UndecodableTrigger)), None)
    return None
