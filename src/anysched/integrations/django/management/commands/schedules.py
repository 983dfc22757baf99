"""``manage.py schedules``."""

from __future__ import annotations

from typing import Any

from anysched import Scheduler
from anysched.integrations.django.management.operating import OperatorCommand, shown


class Command(OperatorCommand):
    """Shows all schedules, one a line."""

    help = "Lists the schedules with their status, next fire time and pause."

    def operate(self, scheduler: Scheduler, options: dict[str, Any]) -> None:
        for found in scheduler.get_schedules():
            pause = found.state.pause
            why = f"{pause.reason or ''} {f'({pause.by})' if pause.by else ''}" if pause else ""
            self.stdout.write(f"{found.id}  {found.status}  {shown(found.next_fire_time)}  {why}".rstrip())
