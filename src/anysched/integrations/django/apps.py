"""Where Django looks for the application."""

from typing import Any

from anysched.integrations.django import _apps

AnyschedConfig: type[Any] = _apps.AnyschedConfig
