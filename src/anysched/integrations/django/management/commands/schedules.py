"""Where Django looks for ``manage.py schedules``."""

from typing import Any

from anysched.integrations.django._commands import ListSchedules

Command: type[Any] = ListSchedules
