"""Where Django looks for ``manage.py runscheduler``."""

from typing import Any

from anysched.integrations.django._commands import RunScheduler

Command: type[Any] = RunScheduler
