"""The engine is tested through the public API, on a clock that tests move, on both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.engine.support import START, Heard, Runs

from anysched import AsyncScheduler
from anysched.ports.store import DataStore
from anysched.stores import MemoryDataStore, SQLDataStore
from anysched.testing import FakeClock


class MakeScheduler(Protocol):
    """Makes schedulers on the clock of a test."""

    def __call__(self, store: DataStore | None = None, **options: Any) -> AsyncScheduler: ...


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """The time of everything in a test; when the test is over nobody may still hold a token."""
    clock = FakeClock(START)
    yield clock
    assert {} == dict(clock._held), "activity tokens are left behind"


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, make_store: Callable[[str], DataStore]) -> DataStore:
    """A data store that holds nothing: in memory, then in a file."""
    return make_store(str(request.param))


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[[str], DataStore]:
    """Makes stores; those in a file are all on the same one, as nodes of their own would have them."""

    def make(kind: str) -> DataStore:
        return MemoryDataStore() if kind == "memory" else SQLDataStore(f"sqlite:///{tmp_path}/jobs.db")

    return make


@pytest.fixture
def make(clock: FakeClock) -> MakeScheduler:
    """Makes schedulers on the clock, in UTC, with data stores of their own if they are given none."""

    def make_scheduler(store: DataStore | None = None, **options: Any) -> AsyncScheduler:
        return AsyncScheduler(store, **{"clock": clock, "timezone": UTC, **options})

    return make_scheduler


@pytest.fixture
async def scheduler(make: MakeScheduler, store: DataStore) -> AsyncIterator[AsyncScheduler]:
    """A scheduler that runs, on each store in turn."""
    async with make(store) as scheduler:
        yield scheduler


@pytest.fixture
async def heard(scheduler: AsyncScheduler) -> Heard:
    """What the scheduler tells from now on."""
    heard = Heard()
    scheduler.subscribe(heard)
    return heard


@pytest.fixture
def runs(clock: FakeClock) -> Runs:
    """What the tasks of a test have noted."""
    return Runs(clock)
