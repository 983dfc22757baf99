"""The management commands for single fire times, and for who did what."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from anysched import AuditAction, Scheduler
from anysched.integrations.django._commands import OperatorCommand, add_author, author, instant, shown


class SkipFireTime(OperatorCommand):
    """Leaves out one fire time of a schedule."""

    help = "Leaves out one fire time of a schedule: that which is due next, or another one to come."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="id of the schedule")
        parser.add_argument("--fire-time", type=instant, help="which; by default what is due next")
        add_author(parser)

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        found = scheduler.skip_fire_time(options["id"], options["fire_time"] or "next", **author(options))
        self.stdout.write(f"{options['id']} does not run for {shown(found)}")


class MoveFireTime(OperatorCommand):
    """Runs one fire time of a schedule at another instant."""

    help = "Runs one fire time of a schedule at another instant, earlier or later."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="id of the schedule")
        parser.add_argument("to", type=instant, help="when to run it")
        parser.add_argument("--fire-time", type=instant, help="which; by default what is due next")
        add_author(parser)

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        found = scheduler.move_fire_time(
            options["id"], options["fire_time"] or "next", to=options["to"], **author(options)
        )
        (moved,) = (
            one for one in scheduler.get_schedule(options["id"]).state.occurrences if one.fire_time == found
        )
        self.stdout.write(f"{options['id']} runs for {shown(found)} at {shown(moved.moved_to)}")


class RestoreFireTime(OperatorCommand):
    """Takes back that a fire time was skipped or moved."""

    help = "Takes back that a fire time was skipped or moved."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="id of the schedule")
        parser.add_argument("fire_time", type=instant, help="the fire time, as the trigger says it")
        add_author(parser)

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        scheduler.restore_fire_time(options["id"], options["fire_time"], **author(options))
        self.stdout.write(f"{options['id']} runs again as its trigger says")


class ListAudit(OperatorCommand):
    """Shows who did what, the latest first, one a line."""

    help = "Lists who paused, resumed, changed and removed what, the latest first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--schedule", help="only what was done to the schedule of this id")
        parser.add_argument("--name", help="only what was done about the hold, window or backfill of this id")
        parser.add_argument("--action", choices=[str(action) for action in AuditAction], help="only this")
        parser.add_argument("--since", type=instant, help="only from this instant on")
        parser.add_argument("--limit", type=int, default=100, help="how many lines at most; 100")

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        for entry in scheduler.get_audit(
            schedule_id=options["schedule"],
            name=options["name"],
            action=options["action"],
            since=options["since"],
            limit=options["limit"],
        ):
            about = entry.name if entry.schedule_id is None else entry.schedule_id
            by = f"({entry.by})" if entry.by else ""
            line = f"{shown(entry.at)}  {entry.action}  {about}  {entry.reason or ''} {by}"
            self.stdout.write(line.rstrip())
