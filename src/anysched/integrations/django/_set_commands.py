"""The management commands for sets of schedules."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from anysched import Scheduler
from anysched.integrations.django._commands import (
    OperatorCommand,
    add_author,
    add_resume,
    author,
    instant,
    resume,
    shown,
)


class PauseSchedules(OperatorCommand):
    """Pauses sets of schedules by a hold."""

    help = "Pauses all schedules that meet every condition, those included that are added later, by a hold."

    def add_arguments(self, parser: CommandParser) -> None:
        _add_conditions(parser, "an id for the hold; by default made from the conditions")
        parser.add_argument("--until", type=instant, help="when they go on by themselves")
        add_author(parser)

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        hold = scheduler.pause_schedules(**_conditions(options), until=options["until"], **author(options))
        meant = hold.selector
        found = scheduler.get_schedules(group=meant.group, tags=meant.tags, task_id=meant.task_id)
        self.stdout.write(f"{hold.id} pauses {len(found)} schedules")


class UnpauseSchedules(OperatorCommand):
    """Lifts a hold."""

    help = "Lifts a hold, named by its id or by the conditions that it was placed with."

    def add_arguments(self, parser: CommandParser) -> None:
        _add_conditions(parser, "the id of the hold, instead of conditions")
        add_resume(parser)
        parser.add_argument(
            "--preview", action="store_true", help="tell what would happen, and change nothing"
        )
        add_author(parser)

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        asked = {**_conditions(options), **resume(options)}
        if options["preview"]:
            for told in scheduler.preview_unpause_schedules(**asked):
                self.stdout.write(
                    f"{told.schedule_id} would be {told.status}, {len(told.fire_times)} jobs made,"
                    f" next {shown(told.next_fire_time)}"
                )
            return
        for done in scheduler.unpause_schedules(**asked, **author(options)):
            self.stdout.write(
                f"{done.schedule_id} is {done.status}, {len(done.jobs)} jobs made,"
                f" next {shown(done.next_fire_time)}"
            )


class ListHolds(OperatorCommand):
    """Shows what pauses schedules, one a line."""

    help = "Lists what pauses schedules: holds on sets of them by id, then pauses of single ones."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--longer-than", type=float, help="only what was placed so many seconds ago")

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        for hold in scheduler.get_holds(longer_than=options["longer_than"]):
            by = f"({hold.by})" if hold.by else ""
            until = f"until {shown(hold.until)}" if hold.until else "open end"
            line = (
                f"{hold.id or '-'}  {hold.selector}  {shown(hold.since)}  {until}  {hold.reason or ''} {by}"
            )
            self.stdout.write(line.rstrip())


def _add_conditions(parser: CommandParser, about_hold: str) -> None:
    parser.add_argument("--group", help="schedules of this group")
    parser.add_argument("--tag", action="append", help="schedules that carry this tag, and each other given")
    parser.add_argument("--task", help="schedules of this task")
    parser.add_argument("--everything", action="store_true", help="all schedules")
    parser.add_argument("--hold", help=about_hold)


def _conditions(options: dict[str, Any]) -> dict[str, Any]:
    """Return which schedules are meant, as methods of a scheduler take it."""
    return {
        "group": options["group"],
        "tags": options["tag"],
        "task": options["task"],
        "everything": options["everything"],
        "hold": options["hold"],
    }
