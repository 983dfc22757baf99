"""Where Django looks for ``manage.py restorefiretime``."""

from typing import Any

from anysched.integrations.django._fire_time_commands import RestoreFireTime

Command: type[Any] = RestoreFireTime
