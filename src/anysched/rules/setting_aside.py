"""Setting aside a schedule that does not work, so that it harms no other (rule S2)."""

from __future__ import annotations

import attrs

from anysched._text import printable
from anysched.model.change import Change
from anysched.model.events import ScheduleFailed
from anysched.model.snapshot import ScheduleSnapshot


def failed(snapshot: ScheduleSnapshot, error: str) -> Change:
    """Return the change that sets a schedule aside (rule S2)."""
    text = printable(error)
    return Change(
        schedule_id=snapshot.id,
        state=attrs.evolve(snapshot.state, error=text, revision=snapshot.state.revision + 1),
        events=(ScheduleFailed(snapshot.id, snapshot.task_id, text),),
    )
