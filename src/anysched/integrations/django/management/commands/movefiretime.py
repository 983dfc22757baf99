"""Where Django looks for ``manage.py movefiretime``."""

from typing import Any

from anysched.integrations.django._fire_time_commands import MoveFireTime

Command: type[Any] = MoveFireTime
