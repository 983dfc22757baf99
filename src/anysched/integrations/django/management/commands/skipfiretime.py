"""Where Django looks for ``manage.py skipfiretime``."""

from typing import Any

from anysched.integrations.django._fire_time_commands import SkipFireTime

Command: type[Any] = SkipFireTime
