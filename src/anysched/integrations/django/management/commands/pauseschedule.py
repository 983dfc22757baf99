"""``manage.py pauseschedule``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from anysched import Scheduler
from anysched.integrations.django.management.operating import OperatorCommand


class Command(OperatorCommand):
    """Pauses schedules by id."""

    help = "Pauses schedules: no job is made from them until they are resumed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="+", help="ids of schedules")
        parser.add_argument("--reason", help="shown with the pause")
        parser.add_argument("--by", help="who pauses")
        parser.add_argument("--until", type=datetime.fromisoformat, help="when they go on by themselves")

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        for id in options["id"]:
            scheduler.pause_schedule(id, until=options["until"], reason=options["reason"], by=options["by"])
            self.stdout.write(f"{id} is paused")
