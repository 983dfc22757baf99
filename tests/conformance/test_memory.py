"""The memory store keeps every promise of the port (rule N8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from anysched.ports.store import DataStore
from anysched.stores.memory import MemoryDataStore
from anysched.testing import StoreSuite


class TestMemoryDataStore(StoreSuite):
    """Several schedulers of one event loop share one object (rule N1)."""

    pytestmark = pytest.mark.anyio

    def make_store(self, tmp_path: Path) -> DataStore:
        return MemoryDataStore()
