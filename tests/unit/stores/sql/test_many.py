"""Statements for many rows: what is written is what is given, and who has found what is counted (rules N7, N8, S4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.services import postgresql_schema
from tests.unit.stores.sql.servers import SERVERS

from anysched.model.change import Change
from anysched.stores import SQLDataStore
from anysched.stores.sql import ahead
from anysched.stores.sql.arrays import ARRAYS, array_of
from anysched.stores.sql.dialects import Conflict
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import User, every

pytestmark = pytest.mark.anyio

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.sampled_from(
    ["NULL", "null", "", "{}", '"', "\\", '\\"', "a,b", " a ", "\n", "%s", "'"]
)
ARRAYS_OF_ONE_TYPE = st.one_of(
    st.tuples(st.just(int), st.lists(st.none() | st.integers(-(1 << 63), (1 << 63) - 1))),
    st.tuples(st.just(str), st.lists(st.none() | TEXT)),
    st.tuples(st.just(bytes), st.lists(st.none() | st.binary())),
)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[sa.Connection]:
    with postgresql_schema() as (engine, _), engine.connect() as connection:
        yield connection


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(ARRAYS_OF_ONE_TYPE)
def test_arrays_arrive_as_they_are(postgresql: sa.Connection, array: tuple[type, Sequence[Any]]) -> None:
    """Rule N7: whatever is in an array of PostgreSQL is data."""
    kind, values = array
    rows = postgresql.exec_driver_sql(
        f"SELECT * FROM unnest(CAST(%s AS {ARRAYS[kind]}))", (array_of(kind, values),)
    )
    assert values == list(rows.scalars())


@pytest.fixture(params=["sqlite", *SERVERS])
async def store(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncIterator[SQLDataStore]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            store = SQLDataStore(f"sqlite:///{tmp_path / 'many.db'}")
        else:
            store = stack.enter_context(SERVERS[request.param]()).store()
        await store.open(FakeClock())
        yield store
        await store.close()


async def test_rows_that_are_found_are_counted(store: SQLDataStore) -> None:
    """Rule S4: a row that stands as it was read is found, though what is written says the same; others are missed."""
    ids = ['"', "%s", "\\", "ß 😀", "a,b"]
    await User(store).add(*(every(id=name) for name in ids))
    schedules = store._schedules
    outcomes: list[str] = []

    def write(connection: sa.Connection) -> None:
        stored = list(schedules.by_ids(connection, ids).values())
        states = [Change(schedule_id=one.snapshot.id, state=one.snapshot.state) for one in stored]
        removals = [Change(schedule_id=one.snapshot.id, removed=True) for one in stored]
        stale = [attrs.evolve(stored[0], revision=stored[0].revision + 1), *stored[1:]]
        for found, changes in ((stored, states), (stale, states), (stale, removals)):
            ahead.write(connection, "SAVEPOINT here")
            try:
                schedules.write(connection, [(*pair, None) for pair in zip(found, changes, strict=True)])
                schedules.by_ids(connection, ())  # the transaction goes on
                outcomes.append("written")
            except Conflict:
                outcomes.append("conflict")
                ahead.write(connection, "ROLLBACK TO here")

    store._session.write_here(write)
    assert ["written", "conflict", "conflict"] == outcomes
    assert sorted(ids) == await User(store).ids()
