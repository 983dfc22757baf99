"""The SQL store keeps every promise of the port that it can in a database in memory (rule N8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from anysched.ports.store import DataStore
from anysched.stores import SQLDataStore
from anysched.testing import StoreSuite


class TestSQLiteMemory(StoreSuite):
    """Several schedulers of one event loop share one object (rule N1)."""

    pytestmark = pytest.mark.anyio

    def make_store(self, tmp_path: Path) -> DataStore:
        return SQLDataStore("sqlite://")
