"""Where Django looks for ``manage.py unpauseschedules``."""

from typing import Any

from anysched.integrations.django._set_commands import UnpauseSchedules

Command: type[Any] = UnpauseSchedules
