"""What is special about MariaDB: tables outside of transactions, limits of the server, its errors (rules N3, S3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from tests.services import empty_tables, mariadb_database

from anysched import SystemClock
from anysched.errors import StoreError, StoreUnavailableError
from anysched.stores import SQLDataStore
from anysched.stores.sql.dialect_mariadb import MariaDBDialect
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, direct_job, every

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    """A database of these tests' own."""
    with mariadb_database() as engine:
        yield engine


@pytest.fixture
def clock() -> FakeClock:
    """The time of everything in a test."""
    return FakeClock()


@pytest.fixture
async def store(engine: sa.Engine, clock: FakeClock) -> AsyncIterator[SQLDataStore]:
    """A store, open, that holds nothing."""
    empty_tables(engine)
    store = SQLDataStore(engine.url)
    await store.open(clock)
    yield store
    await store.close()


async def test_tables_made_while_a_node_looks(
    store: SQLDataStore, engine: sa.Engine, clock: FakeClock
) -> None:
    """A node that looks at the tables while another one makes them looks again, and is not told of it."""
    late = SQLDataStore(engine.url)
    made = 0

    @sa.event.listens_for(late._engine, "before_cursor_execute")
    def make(connection: object, cursor: object, statement: str, *_: object) -> None:
        nonlocal made
        if not made and statement.startswith("DESCRIBE"):
            made += 1
            with engine.connect() as other:
                other.exec_driver_sql("ALTER TABLE anysched_meta FORCE")

    await late.open(clock)
    await late.close()
    assert 1 == made


@pytest.mark.parametrize("broken", [1, 4, 12])
async def test_tables_that_were_half_made(
    store: SQLDataStore, engine: sa.Engine, clock: FakeClock, broken: int
) -> None:
    """What a node leaves that is cut off while it makes the tables, the next one finishes, indexes too."""
    cut_off = SQLDataStore(engine.url, table_prefix="cut_")
    left = broken

    @sa.event.listens_for(cut_off._engine, "before_cursor_execute")
    def cut(connection: object, cursor: object, statement: str, *_: object) -> None:
        nonlocal left
        left -= statement.lstrip().startswith("CREATE")
        if not left:
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        await cut_off.open(clock)
    whole = SQLDataStore(engine.url, table_prefix="cut_")
    await whole.open(clock)
    await User(whole).add(every())
    assert 1 == len((await Node(whole).work()).claims)
    await whole.close()
    assert _indexes(engine, "anysched_") == _indexes(engine, "cut_")
    for name in _names(engine, "cut_"):
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP TABLE {name}")


def _names(engine: sa.Engine, prefix: str) -> list[str]:
    return [name for name in sa.inspect(engine).get_table_names() if name.startswith(prefix)]


def _indexes(engine: sa.Engine, prefix: str) -> dict[str, set[str]]:
    inspector = sa.inspect(engine)
    return {
        name.removeprefix(prefix): {
            str(index["name"]).removeprefix(prefix) for index in inspector.get_indexes(name)
        }
        for name in _names(engine, prefix)
    }


async def test_tables_of_somebody_else(engine: sa.Engine, clock: FakeClock) -> None:
    """Tables of these names that somebody else made are not touched, at no attempt."""
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS theirs_jobs (mine INT)")
    for _ in range(2):
        with pytest.raises(StoreError, match="theirs_jobs already exists"):
            await SQLDataStore(engine.url, table_prefix="theirs_").open(clock)
    assert ["theirs_jobs"] == _names(engine, "theirs_")


@pytest.mark.parametrize(
    ("number", "state", "tries"), [(1213, "40001", 10), (1020, "HY000", 10), (1205, "HY000", 1)]
)
def test_what_is_done_again(engine: sa.Engine, number: int, state: str, tries: int) -> None:
    """Rule S4: a transaction that the server has undone is done again as a whole; one that waited in vain is told."""
    store = SQLDataStore(engine.url)
    store._session.begin(SystemClock())
    calls: list[int] = []

    def work(connection: sa.Connection) -> None:
        calls.append(1)
        connection.exec_driver_sql(f"SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO = {number}")

    with pytest.raises(StoreUnavailableError, match=r"others keep changing|kept rows locked"):
        store._session.write_here(work)
    assert tries == len(calls)
    store._engine.dispose()


async def test_a_row_that_is_too_large(store: SQLDataStore, engine: sa.Engine, clock: FakeClock) -> None:
    """What the server can never take is no matter of waiting: its limit is named, and the store works on."""
    with engine.connect() as connection:
        limit = connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one()
    if limit > 64 << 20:
        pytest.skip("this server takes rows of any size")
    with pytest.raises(StoreError, match="raise its max_allowed_packet") as caught:
        await store.add_jobs([direct_job(clock.now(), args=("x" * (limit // 2 + 1000),))])
    assert not isinstance(caught.value, StoreUnavailableError)
    await store.add_jobs([direct_job(clock.now(), args=("x" * (limit // 4),))])
    assert 1 == len((await Node(store).work()).claims)


async def test_fire_times_that_have_a_job(store: SQLDataStore, engine: sa.Engine, clock: FakeClock) -> None:
    """Rule S3: a fire time that has a job is passed over, though the server counts its row as inserted."""
    user, node = User(store), Node(store)
    await user.add(every(id="a"), every(id="b"))
    await node.work(claim_limit=0)
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "UPDATE anysched_schedules SET wake_at = due_at - 10000000, next_fire_time = due_at - 10000000,"
            " due_at = due_at - 10000000 WHERE id = 'a'"
        )
    work = await node.work(claim_limit=0)
    assert ([], ["a"]) == (work.made, [change.schedule_id for change in work.changes])
    assert 2 == len(await user.jobs())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"query": {"charset": "latin1"}}, "charset=utf8mb4, not latin1"),
        ({"database": "anysched_nowhere"}, "Unknown database 'anysched_nowhere'"),
        ({"username": "nobody", "password": "hunter2"}, "Access denied for user 'nobody'"),
    ],
)
async def test_what_will_not_do(
    engine: sa.Engine, clock: FakeClock, options: dict[str, Any], said: str
) -> None:
    """What waiting does not mend is said at once, without the password."""
    with pytest.raises(StoreError, match=said) as caught:
        await SQLDataStore(engine.url.set(**options)).open(clock)
    assert not isinstance(caught.value, StoreUnavailableError)
    assert "hunter2" not in str(caught.value)


async def test_engines_of_the_callers_own(engine: sa.Engine, clock: FakeClock) -> None:
    """An engine of the caller's serves, and stays as it is; one that counts changed rows only is refused."""
    for flags, refused in ((None, False), (0, True)):
        own = sa.create_engine(engine.url, connect_args={} if flags is None else {"client_flag": flags})
        store = SQLDataStore(own)
        if refused:  # a lease that is renewed for the same instant would look lost
            with pytest.raises(StoreError, match="client flag FOUND_ROWS"):
                await store.open(clock)
        else:
            await store.open(clock)
            await User(store).replace(every(id="again"))
            await store.close()
        with own.connect() as connection:
            assert connection.exec_driver_sql("SELECT @@autocommit").scalar() == 0
        own.dispose()


@pytest.mark.parametrize(
    ("mariadb", "version", "said"),
    [
        (True, (10, 5, 28), "MariaDB 10.6 or newer is needed, the server has 10.5.28"),
        (False, (8, 0, 16), "MySQL 8.0.17 or newer is needed, the server has 8.0.16"),
        (False, (5, 7, 44), "MySQL 8.0.17 or newer"),
    ],
)
async def test_old_servers(
    engine: sa.Engine,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    mariadb: bool,
    version: tuple[int, ...],
    said: str,
) -> None:
    """A server that is too old is refused with its version and the one that is needed."""
    store = SQLDataStore(engine.url)
    with store._engine.connect() as connection:
        connection.commit()
    monkeypatch.setattr(store._engine.dialect, "is_mariadb", mariadb)
    monkeypatch.setattr(store._engine.dialect, "server_version_info", version)
    with pytest.raises(StoreError, match=said):
        await store.open(clock)


def test_both_kinds_of_servers(engine: sa.Engine) -> None:
    """Rule N7: text is compared exactly on both kinds of servers, which call it differently."""
    store = SQLDataStore(engine.url)
    for mariadb, collation in ((True, "utf8mb4_nopad_bin"), (False, "utf8mb4_0900_bin")):
        dialect = type(store._engine.dialect)()
        dialect.is_mariadb = mariadb
        text = str(sa.schema.CreateTable(store._tables.schedules).compile(dialect=dialect))
        assert f"id VARCHAR(500) CHARACTER SET utf8mb4 COLLATE {collation}" in text
        assert text.count("CHARACTER SET") == text.count(collation)


def test_errors_are_explained() -> None:
    """Rule N3: what waiting may mend is told from what it cannot."""
    explain = MariaDBDialect().explain
    for number in (0, 1040, 1205, 1213, 1290, 1927, 1969, 2003, 2006, 2013, 2055, 3024):
        assert StoreUnavailableError is explain(Exception(number, "said"))[0], number
    for number in (1045, 1049, 1062, 1064, 1146, 1406):
        assert (StoreError, "said") == explain(Exception(number, "said")), number
    assert (StoreError, "said") == explain(Exception("said"))
