"""A store on a file of SQLite, and another way into that file."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.unit.stores.sql.support import Query

from anysched.stores import SQLDataStore
from anysched.testing import FakeClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "jobs.db"


@pytest.fixture
def clock() -> FakeClock:
    """The time of everything in a test."""
    return FakeClock()


@pytest.fixture
async def store(path: Path, clock: FakeClock) -> AsyncIterator[SQLDataStore]:
    """A store, open."""
    store = SQLDataStore(f"sqlite:///{path}")
    await store.open(clock)
    yield store
    await store.close()


@pytest.fixture
def query(path: Path) -> Iterator[Query]:
    """A function that executes a statement behind the back of the store, and returns rows."""
    connection = sqlite3.connect(path, isolation_level=None)
    yield lambda statement, *parameters: connection.execute(statement, parameters).fetchall()
    connection.close()
