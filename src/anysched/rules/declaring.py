"""What a program declares against what is stored (rule S8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, cast

import attrs

from anysched.errors import ScheduleOwnerError
from anysched.model.change import Change
from anysched.model.declared import ApplyResult, ScheduleDiff
from anysched.model.hold import Placed
from anysched.model.policies import ConflictPolicy
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.rules.adding import SameTrigger, add, edits, remove


@attrs.frozen
class Outcome:
    """What was decided about one schedule.

    :ivar kind: what it is in the report; None for nothing, as it is somebody else's, or gone
    :ivar diff: how it differed, if it was changed
    """

    change: Change
    kind: Literal["added", "changed", "unchanged", "retired"] | None = None
    diff: ScheduleDiff | None = None


@attrs.frozen(kw_only=True)
class Declaration:
    """All that one program declares.

    :ivar owner: the program
    :ivar schedules: by id; all have this owner
    :ivar take_over: whether it takes schedules that exist and are not its own
    """

    owner: str
    schedules: Mapping[str, Schedule]
    take_over: bool

    def decide(
        self,
        schedule_id: str,
        stored: ScheduleSnapshot | None,
        placed: Sequence[Placed],
        now: datetime,
        same_trigger: SameTrigger,
    ) -> Outcome:
        """Decide about a schedule that is declared, or was stored as the owner's own.

        :param placed: all holds and windows, for a schedule that is new or is to belong to other sets (rule H4)
        :raise ScheduleOwnerError: when it is declared, and stored as not the owner's
        :raise ValueError, TriggerError: when it is new and its trigger is of no use (rule S6)
        """
        declared = self.schedules.get(schedule_id)
        if declared is not None:
            return self._write(declared, stored, placed, now, same_trigger)
        if stored is None or stored.schedule.owner != self.owner:  # somebody was faster
            return Outcome(Change(schedule_id=schedule_id))
        return Outcome(remove(schedule_id, stored), "retired")

    def _write(
        self,
        declared: Schedule,
        stored: ScheduleSnapshot | None,
        placed: Sequence[Placed],
        now: datetime,
        same_trigger: SameTrigger,
    ) -> Outcome:
        if stored is not None and stored.schedule.owner != self.owner and not self.take_over:
            raise ScheduleOwnerError(
                declared.id, stored.schedule.owner, self.owner, readable=stored.fault is None
            )
        change = add(declared, stored, now, ConflictPolicy.replace, same_trigger, placed)
        if stored is None:
            return Outcome(change, "added")
        if change.schedule is None:
            return Outcome(change, "unchanged")
        fields = edits(declared, stored, same_trigger)
        return Outcome(change, "changed", ScheduleDiff(schedule_id=declared.id, fields=fields))


def report(owner: str, outcomes: Mapping[str, Outcome], *, dry_run: bool) -> ApplyResult:
    """Return what was decided, as users are told it.

    :param outcomes: by the id of the schedule
    """
    by_id = sorted(outcomes.items())

    def ids(kind: str) -> tuple[str, ...]:
        return tuple(schedule_id for schedule_id, outcome in by_id if outcome.kind == kind)

    return ApplyResult(
        owner=owner,
        added=ids("added"),
        changed=tuple(outcome.diff for _, outcome in by_id if outcome.diff is not None),
        unchanged=ids("unchanged"),
        retired=ids("retired"),
        dry_run=dry_run,
    )


def checked(
    declarations: Iterable[Schedule], owner: str, *, retire: bool, allow_empty: bool
) -> list[Schedule]:
    """Return what is declared, with its owner.

    :raise TypeError: for something that is no schedule
    :raise ValueError: for an id that is given twice, a schedule of another owner, or a list that would retire all
    """
    schedules: dict[str, Schedule] = {}
    for schedule in _listed(declarations):
        if not isinstance(schedule, Schedule):
            raise TypeError(f"schedules must be Schedule objects, not {type(schedule).__name__}")
        if schedule.id in schedules:
            raise ValueError(f"the id {schedule.id!r} is given twice")
        if schedule.owner not in (None, owner):
            raise ValueError(
                f"schedule {schedule.id!r} names the owner {schedule.owner!r}, and is declared for {owner!r}"
            )
        schedules[schedule.id] = attrs.evolve(schedule, owner=owner)
    if retire and not schedules and not allow_empty:
        raise ValueError(
            f"no schedule is declared, so that retire=True would remove all that {owner!r} has: "
            "if that is meant, pass allow_empty=True"
        )
    return list(schedules.values())


def _listed(declarations: object) -> Iterable[object]:
    if isinstance(declarations, (str, Mapping)) or not isinstance(declarations, Iterable):
        raise TypeError(f"schedules must be a list of Schedule objects, not {type(declarations).__name__}")  # pyright: ignore[reportUnknownArgumentType]
    return cast("Iterable[object]", declarations)
