"""What a user's call has committed is told to everybody."""

from __future__ import annotations

from anysched.engine.lifecycle import Engine
from anysched.engine.telling import events_of
from anysched.model.events import Event
from anysched.ports.store import Committed


def published(engine: Engine, committed: Committed) -> Committed:
    """Publish what was committed, have this node look again, and return it."""
    events: list[Event] = [] if committed.hold is None else [*committed.hold.events]
    events += events_of(committed.changes, committed.ended)
    if events:
        engine.changed(events)
    return committed
