"""A transaction that stays open for long keeps the rows of every job that has passed since (rule S5)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio
import pytest
import sqlalchemy as sa
from tests.faults.figures import NOTE
from tests.faults.trial import LONG, places
from tests.servers.own import DatabaseServer
from tests.unit.stores.sql.reading import measured

from anysched._clock import SystemClock
from anysched.stores import SQLDataStore
from anysched.stores.sql.columns import FIRST
from anysched.testing.store_suite.actors import Node, direct_job

#: How many jobs pass, in batches.
JOBS = 20_000 if LONG else 2_000
BATCH = 250

#: How many times a claim is timed.
TIMES = 20

#: A claim takes so many times as long at most, and once more for each 1,000 jobs whose rows are kept.
MOST = 20

#: Dead entries of an index for each page that is read to pass over them, at least: it is an index that is read.
DENSE = 10


@pytest.fixture
def database(place: tuple[DatabaseServer, str]) -> Iterator[str]:
    """A database of its own."""
    with place[0].database() as name:
        yield name


@places("postgresql-asyncio", "mariadb-asyncio")
def test_a_claim(
    place: tuple[DatabaseServer, str], database: str, record_property: Callable[[str, object], None]
) -> None:
    """rule S5: among thousands of dead rows a claim works by index, passes over them once, and takes little longer."""
    server, backend = place
    anyio.run(partial(_pass_jobs, server, database, record_property), backend=backend)


async def _pass_jobs(server: DatabaseServer, database: str, record: Callable[[str, object], None]) -> None:
    store = SQLDataStore(server.url(database))
    await store.open(SystemClock())
    node = Node(store)
    before = await _time_of_a_claim(store, node)
    with _snapshot(server.url(database)) as held:
        passed = 0
        while passed < JOBS:
            await store.add_jobs([direct_job(await store.now()) for _ in range(BATCH)])
            claims = (await node.advance(claim_limit=BATCH)).claims
            await node.complete(*claims)
            passed += len(claims)
        after = await _time_of_a_claim(store, node)
        pages, walks = {}, []
        if held.dialect.name == "postgresql":
            pages, walks = _pages(held.engine, store), await _walks_of_a_claim(store, node)
    record(
        NOTE,
        f"{held.dialect.name}: {JOBS} jobs passed under a snapshot; a claim took {before * 1000:.1f} ms before and"
        f" {after * 1000:.1f} ms after, {after / before:.1f} times as long; pages read: {pages}",
    )
    await store.close()
    assert after / before < MOST + JOBS / 1000
    assert all(number < JOBS / DENSE + 50 for number in pages.values()), pages
    assert not pages or ["MIN(ready_at)" in statement for statement in walks] == [True], walks


async def _time_of_a_claim(store: SQLDataStore, node: Node) -> float:
    """Return how long a pass takes in which a node takes one job, in seconds."""
    times = []
    for _ in range(TIMES):
        await store.add_jobs([direct_job(await store.now())])
        began = time.perf_counter()
        advanced = await node.advance(claim_limit=1)
        times.append(time.perf_counter() - began)
        assert 1 == len(advanced.claims)
        await node.complete(*advanced.claims)
    return statistics.median(times)


async def _walks_of_a_claim(store: SQLDataStore, node: Node) -> list[str]:
    """Return which statements of a pass, in which a node takes one job, pass over what others have left."""
    await store.add_jobs([direct_job(await store.now())])
    with measured(store) as read:
        (claim,) = (await node.advance(claim_limit=1)).claims
    await node.complete(claim)
    return [statement for pages, statement in read if statement.startswith("SELECT") and pages > JOBS / 50]


@contextmanager
def _snapshot(url: str) -> Iterator[sa.Connection]:
    """Keep a transaction open that sees what there is now."""
    engine = sa.create_engine(url, isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        (number,) = connection.exec_driver_sql("SELECT COUNT(*) FROM anysched_jobs").one()
        yield connection
        assert (number,) == connection.exec_driver_sql("SELECT COUNT(*) FROM anysched_jobs").one()
    engine.dispose()


def _pages(engine: sa.Engine, store: SQLDataStore) -> dict[str, int]:
    """Return how many pages the statements of a pass read that meet dead rows."""
    statements: dict[str, tuple[Any, ...]] = {
        "queued_tasks": (FIRST, '["task"]'),
        "nodes": ("node b",),
        "running_tasks": (),
        "cancels": ("node a",),
    }
    found = {}
    with engine.connect() as connection:
        connection.exec_driver_sql(store._dialect.begin_read[-1])
        for name, parameters in statements.items():
            (plan,) = connection.exec_driver_sql(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {getattr(store._sql, name)}", parameters
            ).scalar_one()
            found[name] = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
    return found
