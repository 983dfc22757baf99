"""Where Django looks for ``manage.py explainschedule``."""

from typing import Any

from anysched.integrations.django._commands import ExplainSchedule

Command: type[Any] = ExplainSchedule
