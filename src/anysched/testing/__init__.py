"""For tests: of programs that use anysched, and of stores and triggers made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anysched.testing.clock import ClockStuckError as ClockStuckError
from anysched.testing.clock import FakeClock as FakeClock
from anysched.testing.manual import ManualScheduler as ManualScheduler
from anysched.testing.manual import Run as Run

if TYPE_CHECKING:
    from anysched.testing.store_suite import StoreSuite as StoreSuite


def __getattr__(name: str) -> Any:
    """Import what needs pytest when it is asked for."""
    if name != "StoreSuite":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest

    # Without this a failing assert of the suite would not say what it compared.
    pytest.register_assert_rewrite(f"{__name__}.store_suite")
    from anysched.testing.store_suite import StoreSuite

    return StoreSuite
