"""What declaring schedules did (rule S8)."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from anysched._text import printable


@attrs.frozen(kw_only=True)
class ScheduleDiff:
    """How a stored schedule differs from what is declared.

    :ivar schedule_id: the schedule
    :ivar fields: by the name of a field of ``Schedule``, what is stored and what is declared, as short text. "error" is
        why it was set aside, and "fault" why what is stored cannot be read on this node; both end with the change
    """

    schedule_id: str
    fields: Mapping[str, tuple[str, str]]


@attrs.frozen(kw_only=True)
class ApplyResult:
    """What ``apply_schedules`` did, or would do. Everything is ordered by id.

    ``str()`` tells it in lines for people: ``+`` is added, ``~`` changed, ``-`` retired.

    :ivar owner: for whom
    :ivar added: ids that did not exist
    :ivar changed: schedules that were stored with something else
    :ivar unchanged: ids of schedules that were stored as they are declared
    :ivar retired: ids of schedules of this owner that are not declared any more, and were removed
    :ivar dry_run: whether nothing was written
    """

    owner: str
    added: tuple[str, ...] = ()
    changed: tuple[ScheduleDiff, ...] = ()
    unchanged: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    dry_run: bool = False

    @property
    def empty(self) -> bool:
        """Whether everything was stored as it is declared."""
        return not (self.added or self.changed or self.retired)

    def __str__(self) -> str:
        numbers = ", ".join(
            f"{len(getattr(self, what))} {what}" for what in ("added", "changed", "retired", "unchanged")
        )
        lines = [f"schedules of {printable(self.owner)}{' (dry run)' if self.dry_run else ''}: {numbers}"]
        lines += [f"+ {printable(schedule_id)}" for schedule_id in self.added]
        for diff in self.changed:
            lines.append(f"~ {printable(diff.schedule_id)}")
            lines += [f"    {name}: {old} -> {new}" for name, (old, new) in diff.fields.items()]
        lines += [f"- {printable(schedule_id)}" for schedule_id in self.retired]
        return "\n".join(lines)
