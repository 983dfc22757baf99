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
from anysched.ports.queries import HistoryQuery
from anysched.stores import SQLDataStore
from anysched.stores.sql import ahead, dialect_sqlite
from anysched.stores.sql.arrays import ARRAYS, array_of
from anysched.stores.sql.dialect_sqlite import SQLiteDialect
from anysched.stores.sql.dialects import Conflict, RowByRow
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, every

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


@pytest.fixture(params=["sqlite", "old sqlite", *SERVERS])
async def store(
    request: pytest.FixtureRequest, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SQLDataStore]:
    if request.param == "old sqlite":  # which does not know UPDATE ... FROM
        monkeypatch.setattr(dialect_sqlite, "_HAS_UPDATE_FROM", False)
        monkeypatch.setattr(SQLiteDialect, "value", RowByRow.value)
    with ExitStack() as stack:
        if request.param in {"sqlite", "old sqlite"}:
            store = SQLDataStore(f"sqlite:///{tmp_path / 'many.db'}")
        else:
            store = stack.enter_context(SERVERS[request.param]()).store()
        await store.open(FakeClock())
        yield store
        await store.close()


async def test_rows_that_are_found_are_counted(store: SQLDataStore) -> None:
    """Rule S4: a row that stands as it was read is found, though what is written says the same; others are missed."""
    ids = ['"', "%s", "\\", "ß 😀", "a,b", *(f"id {number}" for number in range(150))]
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


async def test_many_rows_are_what_each_would_be(store: SQLDataStore) -> None:
    """Rule N8: however many schedules fire and jobs end at once, each has its job and its record, and none is left."""
    user, node = User(store), Node(store)
    schedules = [every(id=f"{number}", args=(number,)) for number in range(150)]
    await user.add(*schedules)
    claims = (await node.work()).claims
    assert sorted((f"{number}", (number,)) for number in range(150)) == sorted(
        (str(claim.job.schedule_id), claim.job.args) for claim in claims
    )
    assert [True] * 150 == await node.complete(*claims)
    assert [] == await user.jobs()
    for one in await user.schedules():
        assert 1 == len(await store.get_history(HistoryQuery(incarnation=one.state.incarnation)))
    await user.remove(*(schedule.id for schedule in schedules))
    assert [] == await user.ids()
