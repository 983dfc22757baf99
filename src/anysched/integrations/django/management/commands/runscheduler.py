"""``manage.py runscheduler``."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from anysched import AnyschedError
from anysched.integrations.django.scheduling import declare_schedules, new_scheduler, process


class Command(BaseCommand):
    """Runs a node until a signal comes; any number of them may run."""

    help = "Declares the schedules and runs their jobs until SIGINT or SIGTERM, then stops in order."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--role",
            choices=["both", "scheduler", "worker"],
            default="both",
            help="make jobs from schedules, run jobs, or both",
        )
        parser.add_argument("--identity", help="name of this node, unique; made up by default")
        parser.add_argument("--max-concurrent-jobs", type=int, help="how many jobs run at once")
        parser.add_argument("--stop-grace", type=float, help="seconds that running jobs have to end")

    def handle(self, *_: Any, role: str, **options: Any) -> None:
        given = {
            name: options[name]
            for name in ("identity", "max_concurrent_jobs", "stop_grace")
            if options[name] is not None
        }
        try:
            declare_schedules()
            scheduler = new_scheduler(role, **given)
            process.adopt(scheduler)
            if options["verbosity"]:
                self.stdout.write(f"{scheduler.identity} starts ({role}); Ctrl-C or SIGTERM stops it")
            scheduler.run_until_stopped()
        except (AnyschedError, ImproperlyConfigured) as exc:
            raise CommandError(str(exc)) from exc
