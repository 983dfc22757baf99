"""The SQL store keeps every promise of the port on a file of SQLite; two stores on it stand for two nodes (rule N8)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.tampering import Tampering

from anysched.ports.store import DataStore
from anysched.stores import SQLDataStore
from anysched.testing import StoreSuite


class TestSQLiteFile(Tampering, StoreSuite):
    pytestmark = pytest.mark.anyio

    def make_store(self, tmp_path: Path) -> DataStore:
        self.path = tmp_path / "jobs.db"
        return SQLDataStore(f"sqlite:///{self.path}")

    def second_store(self, store: DataStore, tmp_path: Path) -> DataStore:
        return self.make_store(tmp_path)

    def execute(self, statement: str, parameters: dict[str, Any]) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        assert connection.execute(statement, parameters).rowcount == 1
        connection.close()
