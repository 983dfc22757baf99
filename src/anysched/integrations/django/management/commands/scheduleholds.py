"""Where Django looks for ``manage.py scheduleholds``."""

from typing import Any

from anysched.integrations.django._set_commands import ListHolds

Command: type[Any] = ListHolds
