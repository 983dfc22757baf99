"""Where Django looks for ``manage.py pauseschedule``."""

from typing import Any

from anysched.integrations.django._commands import PauseSchedule

Command: type[Any] = PauseSchedule
