"""Rule N9: tables of every version are brought up to date, by nodes and by hand, while other nodes are at work."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest
import sqlalchemy as sa
from tests.crash.processes import PATIENCE
from tests.unit.stores.sql.releasing import kind
from tests.unit.stores.sql.servers import PLACES, PostgreSQLServer, Server, database_at
from tests.unit.stores.sql.steps import ADDITIVE, BREAKING, COLOURED, RENAMING, store_of

from anysched.errors import SchemaVersionError, StoreError, StoreUnavailableError
from anysched.model.task import TaskOptions
from anysched.stores import Migration, SQLDataStore, migrate, migration_sql
from anysched.stores.sql import administration, migrations
from anysched.stores.sql.schema import make_tables
from anysched.stores.sql.steps import Change, Step, execute
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import LEASE, POLICY, Node, User, direct_job, every

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    """A kind of database, and an event loop."""
    return str(request.param)


def on(*kinds: str) -> pytest.MarkDecorator:
    """Have a test take place on databases of these kinds only."""
    places = [place for place in PLACES if place.partition("-")[0] in kinds]
    return pytest.mark.parametrize("place", places, indirect=True)


@pytest.fixture(scope="module")
def anyio_backend(place: str) -> str:
    """The event loop."""
    return place.partition("-")[2]


@pytest.fixture(scope="module")
def database(place: str) -> Iterator[Server]:
    """A database of these tests' own, of each kind."""
    with database_at(place) as server:
        yield server


@pytest.fixture
def server(database: Server) -> Iterator[Server]:
    """The same, with no tables in it afterwards."""
    yield database
    drop_tables(database)


def drop_tables(server: Server) -> None:
    """Leave no tables."""
    for name in server.tables():
        server.query(f"DROP TABLE {name}")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@asynccontextmanager
async def opened(store: SQLDataStore, clock: FakeClock) -> AsyncIterator[SQLDataStore]:
    """Open a store for a while."""
    await store.open(clock)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def old(server: Server, clock: FakeClock) -> AsyncIterator[SQLDataStore]:
    """A store of version 1, at work."""
    async with opened(store_of(server), clock) as store:
        yield store


def versions(server: Server) -> dict[Any, Any]:
    """Return the rows about versions."""
    rows = server.query(
        "SELECT name, number FROM anysched_meta WHERE name IN ('oldest_node', 'schema_version')"
    )
    return {row[0]: row[1] for row in rows}


def shape(server: Server) -> dict[str, tuple[list[str], list[tuple[str, Any]]]]:
    """Return what the tables are like: columns with their types, and indexes."""
    inspector = sa.inspect(server.engine)
    return {
        name: (
            [
                f"{column['name']} {column['type']!r} {column['nullable']}"
                for column in inspector.get_columns(name)
            ],
            sorted((str(index["name"]), index["column_names"]) for index in inspector.get_indexes(name)),
        )
        for name in inspector.get_table_names()
    }


def wait_until(holds: Callable[[], object]) -> None:
    """Wait for a condition."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


async def test_steps(server: Server, old: SQLDataStore, clock: FakeClock) -> None:
    """Tables of an older version are brought up to date step by step, with what is in them, and then left alone."""
    await User(old).add(every())
    await Node(old).work(claim_limit=0)
    for _ in range(2):
        async with opened(store_of(server, ADDITIVE, BREAKING), clock) as new:
            assert ["schedule"] == await User(new).ids()
        assert {"schema_version": 3, "oldest_node": 3} == versions(server)
    assert [("schedule", COLOURED)] == server.query("SELECT id, colour FROM anysched_schedules")
    assert [(7,)] == server.query("SELECT size FROM anysched_jobs")
    assert [] == server.query("SELECT id FROM anysched_palette")
    assert "anysched_schedules_colour" in dict(shape(server)["anysched_schedules"][1])


async def test_a_newer_version_is_refused(server: Server, old: SQLDataStore, clock: FakeClock) -> None:
    """Whoever is older does not open the tables, though it might go on if it had them open."""
    async with opened(store_of(server, ADDITIVE), clock):
        pass
    for may_migrate in (True, False):
        with pytest.raises(SchemaVersionError, match="upgrade anysched on this node") as caught:
            await store_of(server, migrate=may_migrate).open(clock)
        assert (2, 1) == (caught.value.found, caught.value.supported)
    assert {"schema_version": 2, "oldest_node": 1} == versions(server)


async def test_older_nodes_go_on(server: Server, old: SQLDataStore, clock: FakeClock) -> None:
    """Where a step is such that they may, nodes of both versions make and take jobs side by side."""
    await User(old).add(every(id="a"))
    before = Node(old, "before")
    claim = await before.claim_one()
    for _ in range(8):  # until drivers prepare what they repeat
        await before.advance()
    async with opened(store_of(server, ADDITIVE), clock) as new:
        after = Node(new, "after")
        await before.advance()
        assert [True] == await before.complete(claim)
        await User(old).add(every(id="b"))
        await User(new).add(every(id="c"))
        await clock.advance(10)
        work = await before.advance(claim_limit=1)
        made = {job.schedule_id for change in work.changes for job in change.jobs}
        assert ({"a", "b", "c"}, 1) == (made, len(work.claims))
        rest = await after.work()
        assert all(await after.complete(*rest.claims))
        assert all(await before.complete(*work.claims))
        assert [] == await User(new).jobs()


async def test_older_nodes_stop(server: Server, old: SQLDataStore, clock: FakeClock) -> None:
    """Where a step is not, they neither make nor take jobs nor change schedules; what they have begun can end."""
    user, node = User(old), Node(old, "before")
    await user.add(every(id="a"), every(id="b"))
    keeper = old.make_lease_keeper()
    first, second = (await node.work()).claims
    async with opened(store_of(server, BREAKING), clock) as new:
        for refused in (
            node.advance,
            lambda: user.add(every(id="c")),
            lambda: user.pause("a"),
            lambda: old.add_jobs([direct_job(clock.now())]),
            lambda: old.cancel_job(first.job.id, POLICY),
            lambda: old.configure_task("task", TaskOptions(max_running_jobs=1)),
            lambda: old.declare_tasks({"other": TaskOptions()}),
            old.clean_up,
        ):
            with pytest.raises(SchemaVersionError, match="upgrade anysched on this node") as caught:
                await refused()
            assert (2, 1) == (caught.value.found, caught.value.supported)
        assert keeper.renew("before", LEASE).held
        assert [True] == await node.complete(first)
        await old.give_back("before", [second])
        await clock.advance(10)
        with pytest.raises(SchemaVersionError):
            await node.advance()
        rest = await Node(new, "after").work()
        assert ["a", "b", "b"] == sorted(str(claim.job.schedule_id) for claim in rest.claims)
    keeper.close()


async def test_statements_that_fail_are_explained(
    server: Server, old: SQLDataStore, clock: FakeClock
) -> None:
    """An older node whose report the new tables refuse is told why."""
    node = Node(old)
    await User(old).add(every(job_result_expiration_time=60))
    claim = await node.claim_one()
    async with opened(store_of(server, RENAMING), clock):
        for _ in range(2):
            with pytest.raises(SchemaVersionError, match="upgrade anysched on this node"):
                await node.complete(claim)


async def test_nodes_that_migrate_at_once(server: Server, old: SQLDataStore, clock: FakeClock) -> None:
    """Of nodes that find older tables at once one changes them, and the others wait and go on."""
    await User(old).add(every())
    counted: list[Change] = []

    def count(change: Change) -> Change:
        def statement(*args: Any) -> sa.Executable:
            counted.append(change)
            return change.statement(*args)

        return Change(statement)  # not restartable: made twice, it would fail

    steps = [
        attrs.evolve(step, changes=[count(change) for change in step.changes])
        for step in (ADDITIVE, BREAKING)
    ]
    stores = [store_of(server, *steps) for _ in range(4)]
    async with anyio.create_task_group() as tg:
        for store in stores:
            tg.start_soon(store.open, clock)
    assert len(ADDITIVE.changes) + len(BREAKING.changes) == len(counted)
    assert [1, 0, 0, 0] == [len((await Node(store).work()).claims) for store in stores]
    for store in stores:
        await store.close()


async def test_a_migration_that_dies(server: Server, clock: FakeClock) -> None:
    """Whatever a step has come to when it is cut off, the next node finishes it; older ones keep out until then."""
    for prefix in ("whole_", "cut_"):
        async with opened(store_of(server, table_prefix=prefix), clock) as store:
            await User(store).add(every())
    async with opened(store_of(server, BREAKING, ADDITIVE, table_prefix="whole_"), clock):
        pass
    seen: set[str] = set()
    while True:
        dying = store_of(server, BREAKING, ADDITIVE, table_prefix="cut_")
        cut_off(dying, seen)
        try:
            await dying.open(clock)
        except RuntimeError:
            continue
        break
    await dying.close()
    assert len(seen) >= 9
    found = shape(server)
    for name in [name for name in found if name.startswith("whole_")]:
        columns, indexes = found[name.replace("whole_", "cut_")]
        assert found[name] == (
            columns,
            [(index.replace("cut_", "whole_"), names) for index, names in indexes],
        )
    assert [(COLOURED,)] == server.query("SELECT colour FROM cut_schedules")


@on("sqlite", "postgresql")
async def test_a_migration_that_fails(server: Server, old: SQLDataStore, clock: FakeClock) -> None:
    """Where a transaction holds what changes tables, a migration happens whole or not at all."""
    before = shape(server)
    broken = Step(older_go_on=True, changes=[execute("NONSENSE")])
    with pytest.raises(StoreError, match="NONSENSE"):
        await store_of(server, BREAKING, ADDITIVE, broken).open(clock)
    assert (before, {"schema_version": 1, "oldest_node": 1}) == (shape(server), versions(server))
    await Node(old).advance()


def cut_off(store: SQLDataStore, seen: set[str]) -> None:
    """Have a store die before each statement that changes something, when it is seen for the first time."""

    @sa.event.listens_for(store._engine, "before_cursor_execute")
    def cut(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        changes = statement.lstrip().startswith(("CREATE", "ALTER", "UPDATE", "INSERT", "LOCK TABLE"))
        key = f"{statement} {parameters}"
        if changes and key not in seen:
            seen.add(key)
            raise RuntimeError("cut off")


@on("mariadb")
async def test_older_nodes_keep_out_of_what_is_half_done(
    server: Server, old: SQLDataStore, clock: FakeClock
) -> None:
    """Where a step that they cannot live with was cut off, older nodes neither open the tables nor work on them."""
    seen: set[str] = set()
    while not any("size" in statement for statement in seen):
        dying = store_of(server, BREAKING)
        cut_off(dying, seen)
        with pytest.raises(RuntimeError, match="cut off"):
            await dying.open(clock)
    assert {"schema_version": 1, "oldest_node": 2} == versions(server)
    with pytest.raises(SchemaVersionError):
        await store_of(server).open(clock)
    with pytest.raises(SchemaVersionError):
        await Node(old).advance()
    async with opened(store_of(server, BREAKING), clock) as new:
        assert [] == await User(new).schedules()


@on("postgresql", "mariadb")
async def test_passes_under_way_end_first(server: Server, old: SQLDataStore, clock: FakeClock) -> None:
    """A step that older nodes cannot live with waits for their transactions before it changes a table."""
    new = store_of(server, BREAKING)

    def columns() -> list[str]:
        return [column["name"] for column in sa.inspect(server.engine).get_columns("anysched_jobs")]

    async with anyio.create_task_group() as tg:
        with server.locked("SELECT number FROM anysched_meta"):
            tg.start_soon(new.open, clock)
            await anyio.to_thread.run_sync(wait_until, lambda: server.query(server.waiting_for_meta))
            assert "size" not in columns()
    assert "size" in columns()
    await new.close()


async def test_a_store_that_must_not_migrate(server: Server, clock: FakeClock) -> None:
    """With ``migrate=False``, tables that are missing or old are refused with the remedy, and not touched."""
    with pytest.raises(
        SchemaVersionError, match=r"tables are missing.*anysched\.stores\.migrate\(\)"
    ) as caught:
        await store_of(server, migrate=False).open(clock)
    assert (0, 1) == (caught.value.found, caught.value.supported)
    assert [] == server.tables()
    async with opened(store_of(server), clock):
        pass
    with pytest.raises(SchemaVersionError, match=r"schema version 1, .* needs 2: call anysched") as caught:
        await store_of(server, ADDITIVE, migrate=False).open(clock)
    assert (1, 2) == (caught.value.found, caught.value.supported)
    assert {"schema_version": 1, "oldest_node": 1} == versions(server)
    async with opened(store_of(server, migrate=False), clock) as store:
        await User(store).add(every())
        assert 1 == len((await Node(store).work()).claims)


@pytest.mark.parametrize("value", ["no", 0, None])
def test_whether_a_store_may_migrate(value: Any) -> None:
    """It is said by a bool: "no" would mean yes."""
    with pytest.raises(TypeError, match="migrate must be a bool"):
        SQLDataStore("sqlite://", migrate=value)


@on("postgresql", "mariadb")
async def test_a_step_takes_its_time(server: Server, old: SQLDataStore, clock: FakeClock) -> None:
    """Statements of a step are not cut off after a while; those that follow are, as before."""
    limits = {
        "postgresql": "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')",
        "mariadb": "SELECT CAST(@@max_statement_time AS INT), CAST(@@lock_wait_timeout AS INT)",
    }[kind(server)]
    new = store_of(server, ADDITIVE)
    found: dict[str, tuple[Any, ...]] = {}

    @sa.event.listens_for(new._engine, "before_cursor_execute")
    def look(connection: sa.Connection, _: object, statement: str, *__: object) -> None:
        if "ADD COLUMN" in statement:
            found["step"] = tuple(connection.exec_driver_sql(limits).one())

    async with opened(new, clock):
        found["later"] = tuple(
            new._session.write_here(lambda connection: connection.exec_driver_sql(limits).one())
        )
    if kind(server) == "postgresql":
        assert {"step": ("0", "10s"), "later": ("30s", "10s")} == found
    else:
        assert {"step": (0, 10), "later": (30, found["later"][1])} == found
        assert found["later"][1] > 10


@on("postgresql", "mariadb")
async def test_an_account_without_ddl(server: Server, old: SQLDataStore, clock: FakeClock) -> None:
    """An account that may only read and write rows serves where the tables are up to date, and is told else."""
    with server.account_without_ddl() as url:
        options = {"schema": server.schema} if isinstance(server, PostgreSQLServer) else {}
        limited = Server(sa.create_engine(url, isolation_level="AUTOCOMMIT"))
        for may_migrate in (True, False):
            async with opened(store_of(limited, migrate=may_migrate, **options), clock) as store:
                await store.configure_task("task", TaskOptions(max_running_jobs=1))
                await User(store).replace(every(job_result_expiration_time=1))
                node, keeper = Node(store), store.make_lease_keeper()
                claim = (await node.work()).claims[0]
                assert keeper.renew(node.name, LEASE).held
                assert [True] == await node.complete(claim)
                await clock.advance(60)
                await store.clean_up()
                await User(store).remove("schedule")
                keeper.close()
        for refused in (
            store_of(limited, ADDITIVE, **options),
            store_of(limited, BREAKING, **options),
            store_of(limited, table_prefix="new_", **options),
        ):
            with pytest.raises(StoreError, match=r"denied|must be owner") as caught:
                await refused.open(clock)
            assert "call anysched.stores.migrate() with an account" in str(caught.value)
            assert not isinstance(caught.value, StoreUnavailableError)
        assert 1 == versions(server)["schema_version"]
        limited.engine.dispose()


def test_the_function(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """``migrate`` needs neither a scheduler nor an event loop, and says what it did."""
    options: dict[str, Any] = {"schema": server.schema} if isinstance(server, PostgreSQLServer) else {}
    done = migrate(server.engine.url, **options)
    assert (Migration(0, 1), "made the tables, with schema version 1") == (done, str(done))
    monkeypatch.setattr(migrations, "STEPS", (ADDITIVE, BREAKING))
    done = migrate(server.engine, **options)
    assert (Migration(1, 3), "brought the tables from schema version 1 to 3") == (done, str(done))
    done = migrate(server.engine.url.render_as_string(hide_password=False), **options)
    assert (Migration(3, 3), "the tables have schema version 3 already") == (done, str(done))
    monkeypatch.setattr(migrations, "STEPS", (ADDITIVE,))
    with pytest.raises(SchemaVersionError):
        migrate(server.engine.url, **options)
    assert {"schema_version": 3, "oldest_node": 3} == versions(server)


def test_the_function_waits(server: Server) -> None:
    """It waits for another that changes the tables, and finds its work done."""
    options: dict[str, Any] = {"schema": server.schema} if isinstance(server, PostgreSQLServer) else {}
    slow, asked = threading.Event(), threading.Event()

    def statement(*_: object) -> sa.Executable:
        slow.set()
        assert asked.wait(PATIENCE)
        return sa.text("SELECT 1")

    steps = (Step(older_go_on=True, changes=[Change(statement)]),)
    with ThreadPoolExecutor() as threads, pytest.MonkeyPatch.context() as patch:
        migrate(server.engine.url, **options)
        patch.setattr(migrations, "STEPS", steps)
        first = threads.submit(migrate, server.engine.url, **options)
        assert slow.wait(PATIENCE)
        second = threads.submit(migrate, server.engine.url, **options)
        with pytest.raises(TimeoutError):
            second.result(0.2)
        asked.set()
        assert [Migration(1, 2), Migration(2, 2)] == [first.result(PATIENCE), second.result(PATIENCE)]


# by hand


async def test_a_script(server: Server, clock: FakeClock) -> None:
    """What a script makes from nothing is what a store makes, and a store opens it that must not."""
    script = migration_sql(kind(server))
    server.run(script)
    by_hand = shape(server)
    assert {"schema_version": 1, "oldest_node": 1} == versions(server)
    async with opened(store_of(server, migrate=False), clock) as store:
        await User(store).add(every())
        assert 1 == len((await Node(store).work()).claims)
    drop_tables(server)
    async with opened(store_of(server), clock):
        assert by_hand == shape(server)
    assert script == migration_sql(kind(server))


async def test_a_script_of_steps(server: Server, old: SQLDataStore, clock: FakeClock) -> None:
    """A script changes tables as a node would, says so to older nodes, and is refused by tables of another version."""
    await User(old).add(every())
    tables = make_tables(None, "anysched_")
    server.run(administration.script(kind(server), tables, 1, (ADDITIVE, BREAKING)))
    assert {"schema_version": 3, "oldest_node": 3} == versions(server)
    assert [(COLOURED,)] == server.query("SELECT colour FROM anysched_schedules")
    with pytest.raises(SchemaVersionError):
        await Node(old).advance()
    before = shape(server)
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        server.run(administration.script(kind(server), tables, 1, (BREAKING,)))
    assert (before, {"schema_version": 3, "oldest_node": 3}) == (shape(server), versions(server))
    async with opened(store_of(server, ADDITIVE, BREAKING, migrate=False), clock) as new:
        assert 1 == len((await Node(new).work()).claims)


@on("mariadb")
async def test_a_script_that_dies(server: Server, clock: FakeClock) -> None:
    """What a script leaves half made, a node finishes."""
    statements = migration_sql(kind(server)).split(";\n")
    server.run(";\n".join(statements[:7]))
    assert 0 == versions(server)["schema_version"]
    with pytest.raises(SchemaVersionError, match="tables are missing"):
        await store_of(server, migrate=False).open(clock)
    async with opened(store_of(server), clock) as store:
        await User(store).add(every())
        assert 1 == len((await Node(store).work()).claims)


def test_scripts_of_both_kinds_of_servers() -> None:
    """MariaDB and MySQL call exact text differently, and a script is for one of them."""
    for name, collation in (("mariadb", "utf8mb4_nopad_bin"), ("mysql", "utf8mb4_0900_bin")):
        script = migration_sql(name)
        assert script.count("COLLATE") == script.count(collation) > 20


def test_a_script_of_nothing() -> None:
    """From the latest version there is nothing to do; in a schema every table is named with it."""
    assert "-- anysched: schema version 1 is the latest.\n" == migration_sql("sqlite", from_version=1)
    script = migration_sql("postgresql", schema="jobs", table_prefix="our_")
    assert script.count('jobs"."our_') + script.count("jobs.") >= 14
    assert "anysched_" not in script


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"database": "oracle"}, ValueError, "one of sqlite, postgresql, mariadb, mysql, not 'oracle'"),
        ({"database": "sqlite:///jobs.db"}, ValueError, "database must be one of"),
        ({"from_version": 2}, ValueError, "from 0 to 1"),
        ({"from_version": -1}, ValueError, "from 0 to 1"),
        ({"from_version": True}, TypeError, "from_version must be an int, not bool"),
        ({"from_version": "1"}, TypeError, "from_version must be an int, not str"),
        ({"schema": "x y"}, ValueError, "schema must consist"),
        ({"table_prefix": "x-"}, ValueError, "table_prefix must consist"),
    ],
)
def test_scripts_that_there_are_not(options: dict[str, Any], error: type[Exception], said: str) -> None:
    """What no script can be made for is refused by name."""
    with pytest.raises(error, match=said):
        migration_sql(**{"database": "sqlite", **options})
