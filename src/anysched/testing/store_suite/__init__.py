"""The promises of the DataStore port, as tests that any store can be run through (rule N8).

    class TestMyStore(StoreSuite):
        pytestmark = pytest.mark.anyio

        def make_store(self, tmp_path):
            return MyStore(tmp_path / "data")

Run it with pytest and anyio's plugin. See ``StoreTests`` for the other hooks.
"""

from __future__ import annotations

from anysched.testing.store_suite.backfills import BackfillTests
from anysched.testing.store_suite.breaking import BreakingTests
from anysched.testing.store_suite.cancelled import CancellationTests
from anysched.testing.store_suite.declaring import DeclaringTests
from anysched.testing.store_suite.delays import DelayTests
from anysched.testing.store_suite.faults import FaultTests
from anysched.testing.store_suite.firing import FiringTests
from anysched.testing.store_suite.holds import HoldTests
from anysched.testing.store_suite.jobs import JobTests
from anysched.testing.store_suite.leases import LeaseTests
from anysched.testing.store_suite.ledger import LedgerTests
from anysched.testing.store_suite.occurrences import OccurrenceTests
from anysched.testing.store_suite.passes import PassTests
from anysched.testing.store_suite.pausing import PausingTests
from anysched.testing.store_suite.reading import ReadingTests
from anysched.testing.store_suite.results import ResultTests
from anysched.testing.store_suite.resuming import ResumingTests
from anysched.testing.store_suite.schedules import ScheduleTests
from anysched.testing.store_suite.taking import TakingTests
from anysched.testing.store_suite.tasks import TaskTests
from anysched.testing.store_suite.windows import WindowTests
from anysched.testing.store_suite.zones import ZoneTests


class StoreSuite(
    ScheduleTests,
    DeclaringTests,
    ReadingTests,
    PausingTests,
    ResumingTests,
    HoldTests,
    BreakingTests,
    OccurrenceTests,
    BackfillTests,
    DelayTests,
    WindowTests,
    ZoneTests,
    FiringTests,
    PassTests,
    JobTests,
    TakingTests,
    ResultTests,
    LeaseTests,
    LedgerTests,
    TaskTests,
    FaultTests,
    CancellationTests,
):
    """Every promise of the port; one topic a module."""
