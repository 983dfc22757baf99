"""For tests: of programs that use anysched, and of stores and triggers made for it."""

from __future__ import annotations

import sys
from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from anysched.testing.clock import ClockStuckError as ClockStuckError
from anysched.testing.clock import FakeClock as FakeClock
from anysched.testing.manual import ManualScheduler as ManualScheduler
from anysched.testing.manual import Run as Run

if TYPE_CHECKING:
    from anysched.testing.store_suite import StoreSuite as StoreSuite
    from anysched.testing.trigger_suite import TriggerSuite as TriggerSuite

_SUITES = {"StoreSuite": "store_suite", "TriggerSuite": "trigger_suite"}


def __getattr__(name: str) -> Any:
    """Import what needs pytest when it is asked for."""
    if name not in _SUITES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"{__name__}.{_SUITES[name]}"
    if module not in sys.modules:  # so that a failing assert says what it compared
        _import_module("pytest").register_assert_rewrite(module)
    return getattr(_import_module(module), name)
