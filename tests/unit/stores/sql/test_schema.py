"""The tables: their names, their versions, their indexes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stores.sql.support import Query

from anysched.errors import SchemaVersionError, StoreError
from anysched.stores import SQLDataStore
from anysched.stores.sql.schema import checked_prefix
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, every

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "name", ['x"; drop table y;--', "x y", "1x", "x-y", "ä", "x\n", "x.y", "x'", "", "x" * 64, "x\0"]
)
def test_names_that_are_not_identifiers(name: str) -> None:
    """Rule N7: only a plain identifier becomes part of a statement."""
    with pytest.raises(ValueError, match="schema"):
        SQLDataStore("sqlite://", schema=name)
    if name:
        with pytest.raises(ValueError, match="table_prefix"):
            SQLDataStore("sqlite://", table_prefix=name)


@pytest.mark.parametrize("name", [7, b"x", True])
def test_names_that_are_no_strings(name: Any) -> None:
    """A name of another type is refused."""
    with pytest.raises(TypeError, match="table_prefix must be a string"):
        SQLDataStore("sqlite://", table_prefix=name)


@given(st.text(max_size=40))
def test_prefixes(prefix: str) -> None:
    """Rule N7: whatever is accepted as a prefix is made of letters, digits and underscores."""
    try:
        accepted = checked_prefix(prefix)
    except ValueError:
        return
    assert accepted == "" or accepted.replace("_", "a").isalnum()
    assert accepted.isascii()


@pytest.mark.parametrize("prefix", ["", "select_", "Order", "_", "x" * 32])
async def test_prefixes_are_quoted(prefix: str, path: Path, clock: FakeClock) -> None:
    """Rule N7: stores with different prefixes share a file and nothing else; a reserved word is a name like another."""
    stores = [SQLDataStore(f"sqlite:///{path}", table_prefix=name) for name in (prefix, "other_")]
    for store in stores:
        await store.open(clock)
    await User(stores[0]).add(every())
    assert 1 == len((await Node(stores[0]).work()).claims)
    assert [] == await User(stores[1]).schedules()
    for store in stores:
        await store.close()


async def test_a_schema(path: Path, tmp_path: Path, clock: FakeClock) -> None:
    """The tables can live in a schema, which is an attached database for SQLite."""
    engine = sa.create_engine(f"sqlite:///{path}")

    @sa.event.listens_for(engine, "connect")
    def attach(connection: Any, _: Any) -> None:
        connection.execute('ATTACH ? AS "select"', (str(tmp_path / "attached.db"),))

    for _ in range(2):
        store = SQLDataStore(engine, schema="select")
        await store.open(clock)
        await User(store).add(every())
        await store.close()
    assert [] == sa.inspect(engine).get_table_names()
    assert "anysched_schedules" in sa.inspect(engine).get_table_names(schema="select")
    engine.dispose()


async def test_a_newer_version_is_refused(
    store: SQLDataStore, path: Path, clock: FakeClock, query: Query
) -> None:
    """Tables of a newer version are refused, with both versions, and left alone."""
    query("UPDATE anysched_meta SET number = 7 WHERE name = 'schema_version'")
    other = SQLDataStore(f"sqlite:///{path}")
    with pytest.raises(SchemaVersionError, match="upgrade anysched") as caught:
        await other.open(clock)
    assert (7, 1) == (caught.value.found, caught.value.supported)
    assert [(7,)] == query("SELECT number FROM anysched_meta WHERE name = 'schema_version'")


async def test_tables_without_a_version(path: Path, clock: FakeClock, query: Query) -> None:
    """Tables of these names that somebody else made are not touched."""
    query("CREATE TABLE anysched_jobs (mine)")
    store = SQLDataStore(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="already exists"):
        await store.open(clock)
    assert [("anysched_jobs",)] == query("SELECT name FROM sqlite_master")


async def test_no_statement_reads_a_whole_table(store: SQLDataStore, query: Query) -> None:
    """Every statement finds its rows through an index: what it costs depends on what it returns."""
    # "CONSTANT ROW" is no table, but a SELECT of what subqueries find.
    small = tuple(
        f"SCAN {name}"
        for name in ("json_each", "anysched_nodes", "anysched_tasks", "anysched_holds", "anysched_zones")
    )
    small += ("SCAN CONSTANT ROW", "SCAN (subquery", "SCAN SUBQUERY")  # the rows that are to be written
    counts = {  # in an index that holds what is wanted; the last two now and then, and nobody waits for them
        "count_ready": ["SCAN anysched_jobs USING COVERING INDEX anysched_jobs_ready"],
        "long_history": ["SCAN anysched_history USING COVERING INDEX anysched_history_times"],
        "waiting_schedules": ["SCAN anysched_schedules USING INDEX anysched_schedules_waiting"],
    }
    # These sort what they return, and no more.
    sorts = {
        "ready",
        "lock_ready",
        "jobs_of_node",
        "unlocked_jobs_of_node",
        "waiting",
        "waiting_regular",
        "waiting_backfill",
        "waiting_held",
    }
    for name, statement in vars(store._sql).items():
        text = getattr(statement, "text", statement)
        plan = [row[3] for row in query(f"EXPLAIN QUERY PLAN {text}", *["[]"] * text.count("?"))]
        scans = [step for step in plan if step.startswith("SCAN") and not step.startswith(small)]
        assert counts.get(name, []) == scans, name
        assert name in sorts or not any("TEMP B-TREE" in step for step in plan), (name, plan)
        assert not any("claimed_by=?" in step for step in plan) or name in {
            "jobs_of_node",
            "unlocked_jobs_of_node",
            "count_of_node",
            "cancels",
            "nodes",
        }, name
