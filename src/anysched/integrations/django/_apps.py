"""How Django comes to know the application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from anysched.integrations.django._scheduling import new_scheduler


class AnyschedConfig(AppConfig):
    """Has ``manage.py check``, and the commands that check first, look at the settings."""

    name = "anysched.integrations.django"
    label = "anysched"
    verbose_name = "anysched"

    def ready(self) -> None:
        checks.register(check_settings, "anysched")


def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Make a scheduler as it would be started, and report what stands in the way."""
    try:
        new_scheduler("client")
    except ImproperlyConfigured as exc:
        return [checks.Error(str(exc), id="anysched.E001")]
    return []
