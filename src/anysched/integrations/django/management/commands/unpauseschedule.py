"""``manage.py unpauseschedule``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from anysched import Scheduler
from anysched.integrations.django.management.operating import OperatorCommand, shown


class Command(OperatorCommand):
    """Resumes schedules by id."""

    help = "Resumes paused schedules."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="+", help="ids of schedules")
        parser.add_argument("--from-now", action="store_true", help="begin anew, as if they were added now")
        parser.add_argument(
            "--missed",
            choices=["policy", "skip", "run_once", "run_all"],
            default="policy",
            help="what to do about the fire times that passed",
        )

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        resume_from = "now" if options["from_now"] else None
        for id in options["id"]:
            done = scheduler.unpause_schedule(id, resume_from=resume_from, missed=options["missed"])
            self.stdout.write(
                f"{id} is {done.status}, {len(done.jobs)} jobs made, next {shown(done.next_fire_time)}"
            )
