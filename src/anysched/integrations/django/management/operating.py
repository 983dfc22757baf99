"""What the commands for operators have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import localtime

from anysched import AnyschedError, Scheduler
from anysched.integrations.django.scheduling import new_scheduler


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


def shown(instant: datetime | None) -> str:
    """Return an instant as people read it, in Django's time zone."""
    return "-" if instant is None else localtime(instant).isoformat(" ", "seconds")
