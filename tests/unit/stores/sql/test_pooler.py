"""Stores behind a pooler that lends each transaction another connection of the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
import sqlalchemy as sa
from tests.servers.pgbouncer import pgbouncer
from tests.services import postgresql_schema

from anysched import StoreError
from anysched.stores import SQLDataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, every

pytestmark = pytest.mark.anyio

ROUNDS = 20


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[sa.Engine, str]]:
    """A schema of these tests' own, and what leads to it without a pooler."""
    with postgresql_schema() as place:
        yield place


async def use(store: SQLDataStore, name: str) -> int:
    """Do with a store what users and nodes do, often enough for statements to be worth preparing."""
    node, made = Node(store, name), 0
    for number in range(ROUNDS):
        await User(store).add(every(id=f"{name} {number}"))
        work = await node.work()
        made += len(work.made)
        for claim in work.claims:
            await node.complete(claim)
    return made


@pytest.mark.parametrize("mode", ["transaction", "session"])
async def test_nodes_behind_a_pooler(
    place: tuple[sa.Engine, str], mode: str, tmp_path: Path, anyio_backend_name: str
) -> None:
    """Nodes that share the connections of a pooler do what they do without it, in either of its modes."""
    engine, schema = place
    clock = FakeClock()
    made: list[int] = []

    async def one(name: str) -> None:
        store = SQLDataStore(url, schema=schema, table_prefix=f"{mode}_{anyio_backend_name}_")
        await store.open(clock)
        try:
            made.append(await use(store, name))
        finally:
            await store.close()

    with pgbouncer(engine.url, mode, tmp_path) as url:
        await one("first")
        async with anyio.create_task_group() as tg:
            for number in range(3):
                tg.start_soon(one, f"node {number}")
        await one("last")
    assert 5 * ROUNDS == sum(made)


def test_what_belongs_to_an_engine() -> None:
    """What a URL cannot say is refused with where it can be said."""
    with pytest.raises(StoreError, match="prepare_threshold is set for an engine of your own"):
        SQLDataStore("postgresql://user@host/database?prepare_threshold=0")
