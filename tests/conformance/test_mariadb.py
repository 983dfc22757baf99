"""The SQL store keeps every promise of the port on MariaDB; two stores stand for two nodes (rule N8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.conformance.tampering import Tampering
from tests.services import empty_tables, mariadb_database

from anysched.ports.store import DataStore
from anysched.stores import SQLDataStore
from anysched.testing import StoreSuite


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop: what it has to do with the store's threads is tested on both with a file of SQLite."""
    return "asyncio"


class TestMariaDB(Tampering, StoreSuite):
    pytestmark = pytest.mark.anyio

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def server(cls) -> Iterator[None]:
        with mariadb_database() as cls.engine:
            yield

    def make_store(self, tmp_path: Path) -> DataStore:
        empty_tables(self.engine)
        return SQLDataStore(self.engine.url)

    def second_store(self, store: DataStore, tmp_path: Path) -> DataStore:
        return SQLDataStore(self.engine.url)

    def execute(self, statement: str, parameters: dict[str, Any]) -> None:
        with self.engine.connect() as connection:
            assert connection.execute(sa.text(statement), parameters).rowcount == 1
