"""What a user's call has committed is told to everybody."""

from __future__ import annotations

from typing import Final

from anysched.engine.lifecycle import Engine
from anysched.engine.telling import events_of
from anysched.model.events import Event, SchedulePaused, ScheduleUnpaused
from anysched.ports.store import Committed

#: Of more schedules at once, events that nobody wants are not published.
MOST_TOLD: Final = 1000


def published(engine: Engine, committed: Committed) -> Committed:
    """Publish what was committed, have this node look again, and return it.

    A hold can be about very many schedules: what happened to each of them is then told only if somebody listens.
    """
    wants, changes = engine.settings.broker.wants, committed.changes
    events: list[Event] = [] if committed.hold is None else [*committed.hold.events]
    events += events_of(changes, committed.ended)
    if len(changes) > MOST_TOLD:
        unwanted = {kind for kind in (SchedulePaused, ScheduleUnpaused) if not wants(kind)}
        events = [event for event in events if type(event) not in unwanted]
    if events:
        engine.changed(events)
    return committed
