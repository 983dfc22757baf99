"""Where Django looks for ``manage.py unpauseschedule``."""

from typing import Any

from anysched.integrations.django._commands import UnpauseSchedule

Command: type[Any] = UnpauseSchedule
