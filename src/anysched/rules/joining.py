"""Two decisions about one schedule in one transaction."""

from __future__ import annotations

from anysched.model.change import Change


def joined(first: Change, second: Change) -> Change:
    """Return what two changes come to, of which the second was decided on the outcome of the first."""
    return Change(
        schedule_id=first.schedule_id,
        schedule=second.schedule or first.schedule,
        state=second.state or first.state,
        jobs=(*first.jobs, *second.jobs),
        queued=(*first.queued, *second.queued),
        dropped=second.dropped or first.dropped,
        removed=first.removed or second.removed,
        events=(*first.events, *second.events),
        skips=(*first.skips, *second.skips),
        audit=(*first.audit, *second.audit),
        unpaused=second.unpaused or first.unpaused,
    )
