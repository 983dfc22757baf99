"""The management commands."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import localtime

from anysched import AnyschedError, Scheduler
from anysched.integrations.django._scheduling import declare_schedules, new_scheduler, process


class RunScheduler(BaseCommand):
    """Runs a node until a signal comes; any number of them may run."""

    help = "Declares the schedules and runs their jobs until SIGINT or SIGTERM, then stops in order."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--role",
            choices=["both", "scheduler", "worker"],
            default="both",
            help="make jobs from schedules, run jobs, or both (the default)",
        )
        parser.add_argument("--identity", help="name of this node, unique; made up by default")
        parser.add_argument("--max-concurrent-jobs", type=int, help="how many jobs run at once")
        parser.add_argument("--stop-grace", type=float, help="seconds that running jobs have to end")

    def handle(self, *_: Any, role: str, **options: Any) -> None:
        names = ("identity", "max_concurrent_jobs", "stop_grace")
        given = {name: options[name] for name in names if options[name] is not None}
        try:
            declare_schedules()
            scheduler = new_scheduler(role, **given)
            process.adopt(scheduler)
            if options["verbosity"]:
                self.stdout.write(f"{scheduler.identity} starts ({role}); Ctrl-C or SIGTERM stops it")
            scheduler.run_until_stopped()
        except (AnyschedError, ImproperlyConfigured) as exc:
            raise CommandError(str(exc)) from exc


class OperatorCommand(BaseCommand):
    """Does one thing through a scheduler that runs no jobs."""

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            with new_scheduler("client") as scheduler:
                self.operate(scheduler, options)
        except (AnyschedError, ImproperlyConfigured, ValueError) as exc:
            raise CommandError(str(exc)) from exc

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        """Do what the command is for."""
        raise NotImplementedError


class ListSchedules(OperatorCommand):
    """Shows all schedules, one a line."""

    help = "Lists the schedules with their status, next fire time and pause."

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        for found in scheduler.get_schedules():
            pause = found.state.pause
            by = f"({pause.by})" if pause and pause.by else ""
            reason = pause.reason if pause and pause.reason else ""
            self.stdout.write(
                f"{found.id}  {found.status}  {shown(found.next_fire_time)}  {reason} {by}".rstrip()
            )


class PauseSchedule(OperatorCommand):
    """Pauses schedules by id."""

    help = "Pauses schedules: no job is made from them until they are resumed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="+", help="ids of schedules")
        parser.add_argument("--until", type=instant, help="when they go on by themselves")
        add_author(parser)

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        for id in options["id"]:
            scheduler.pause_schedule(id, until=options["until"], reason=options["reason"], by=options["by"])
            self.stdout.write(f"{id} is paused")


class UnpauseSchedule(OperatorCommand):
    """Resumes schedules by id."""

    help = "Resumes paused schedules."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="+", help="ids of schedules")
        add_resume(parser)
        add_author(parser)

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        for id in options["id"]:
            done = scheduler.unpause_schedule(id, **resume(options), **author(options))
            self.stdout.write(
                f"{id} is {done.status}, {len(done.jobs)} jobs made, next {shown(done.next_fire_time)}"
            )


def add_author(parser: CommandParser) -> None:
    """Let it be said who asks, and why."""
    parser.add_argument("--reason", help="why, in free text")
    parser.add_argument("--by", help="who asks")


def author(options: dict[str, Any]) -> dict[str, Any]:
    """Return who asks, and why, as methods of a scheduler take it."""
    return {"reason": options["reason"], "by": options["by"]}


def add_resume(parser: CommandParser) -> None:
    """Let it be said how to go on."""
    parser.add_argument("--from-now", action="store_true", help="begin anew, as if they were added now")
    parser.add_argument(
        "--missed",
        choices=["policy", "skip", "run_once", "run_all"],
        default="policy",
        help="what to do about the fire times that passed",
    )


def resume(options: dict[str, Any]) -> dict[str, Any]:
    """Return how to go on, as methods of a scheduler take it."""
    return {"resume_from": "now" if options["from_now"] else None, "missed": options["missed"]}


class ExplainSchedule(OperatorCommand):
    """Tells why a schedule did or did not run."""

    help = "Tells why a schedule did or did not run at an instant, or what it does next."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="id of the schedule")
        parser.add_argument("--at", type=instant, help="a fire time; what is due next by default")

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        at = options["at"]
        self.stdout.write(scheduler.explain(options["id"], "next" if at is None else at))


def instant(text: str) -> datetime:
    """Return the instant that somebody has written."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"write it as 2026-03-01 or '2026-03-01 09:00', not {text!r}") from None


def shown(found: datetime | None) -> str:
    """Return an instant as people read it, in Django's time zone."""
    return "-" if found is None else localtime(found).isoformat(" ", "seconds")
