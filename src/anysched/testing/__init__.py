"""For tests: of programs that use anysched, and of stores and triggers written for it.

``StoreSuite`` needs pytest, and is imported when it is asked for.
"""

from __future__ import annotations

from anysched.testing.clock import ClockStuckError as ClockStuckError
from anysched.testing.clock import FakeClock as FakeClock
