"""What all topics share: the hooks that a store's own tests fill in, and the fixtures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock


class StoreTests:
    """The store under test, opened on a FakeClock; the hooks that say how to make it."""

    def make_store(self, tmp_path: Path) -> DataStore:
        """Return a new store that holds nothing; ``tmp_path`` is a directory of this test's own."""
        raise NotImplementedError("say in make_store() how the store is made")

    def second_store(self, store: DataStore, tmp_path: Path) -> DataStore:
        """Return a store, for another node, with the same data as ``store``: by default the very same object."""
        return store

    async def damage_schedule(self, store: DataStore, schedule_id: str) -> None:
        """Make what is stored of a schedule's trigger unreadable. For stores that are durable."""
        raise NotImplementedError("a durable store says in damage_schedule() how stored data gets damaged")

    async def estrange_schedule(self, store: DataStore, schedule_id: str) -> None:
        """Make the stored trigger of a schedule one of a type that no node knows. For stores that are durable."""
        raise NotImplementedError("a durable store says in estrange_schedule() where the type is stored")

    async def damage_job(self, store: DataStore, job_id: UUID) -> None:
        """Make the stored arguments of a job unreadable. For stores that are durable."""
        raise NotImplementedError("a durable store says in damage_job() how stored data gets damaged")

    def connections_in_use(self, store: DataStore) -> int:
        """Return how many connections of the store are in use. For stores that have any to lose."""
        return 0

    @pytest.fixture
    def clock(self) -> FakeClock:
        """The time of everything in a test."""
        return FakeClock()

    @pytest.fixture
    async def store(self, tmp_path: Path, clock: FakeClock) -> AsyncIterator[DataStore]:
        """The store under test, open."""
        store = self.make_store(tmp_path)
        await store.open(clock)
        yield store
        await store.close()

    @pytest.fixture
    async def other(self, store: DataStore, tmp_path: Path, clock: FakeClock) -> AsyncIterator[DataStore]:
        """The same data as another node sees it."""
        other = self.second_store(store, tmp_path)
        await other.open(clock)
        yield other
        await other.close()


def only_durable(store: DataStore) -> None:
    """Skip a test about what is written down where nothing is."""
    if not store.durable:
        pytest.skip("nothing is written down in this store")
