"""Where Django looks for ``manage.py scheduleaudit``."""

from typing import Any

from anysched.integrations.django._fire_time_commands import ListAudit

Command: type[Any] = ListAudit
