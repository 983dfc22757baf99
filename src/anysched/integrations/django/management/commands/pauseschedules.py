"""Where Django looks for ``manage.py pauseschedules``."""

from typing import Any

from anysched.integrations.django._set_commands import PauseSchedules

Command: type[Any] = PauseSchedules
