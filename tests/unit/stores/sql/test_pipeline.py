"""Statements for PostgreSQL that travel together: what arrives, what is told of errors, what order holds (rule S4)."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from tests.servers.proxy import Proxy
from tests.services import empty_tables
from tests.unit.stores.sql.reading import round_trips
from tests.unit.stores.sql.servers import SERVERS, Server

from anysched.errors import SchemaVersionError, StoreError, StoreUnavailableError
from anysched.model.change import Change
from anysched.stores import SQLDataStore
from anysched.stores.sql import silence
from anysched.stores.sql.changes import Decided
from anysched.stores.sql.dialect_postgresql import _ALL_FOUND, PostgreSQLDialect
from anysched.stores.sql.dialects import Conflict
from anysched.stores.sql.pipeline import Pipeline, pipeline_of
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, direct_job, every

WAYS = ("prepared", "behind a pooler", "by an old libpq")


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    """A database of these tests' own."""
    with SERVERS["postgresql"]() as server:
        yield server


@pytest.fixture
def server(database: Server) -> Server:
    """The same, with nothing in the tables."""
    empty_tables(database.engine)
    return database


def open_pipeline(driver: psycopg.Connection[Any], way: str, patch: pytest.MonkeyPatch) -> Pipeline:
    if way == "behind a pooler":
        driver.prepare_threshold = None
    if way == "by an old libpq":
        patch.setattr(psycopg.Pipeline, "is_supported", lambda: False)
    return Pipeline(driver)


@pytest.fixture(params=WAYS)
def pipeline(
    request: pytest.FixtureRequest, database: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """A pipeline of each kind, in a transaction, with a table that goes with it."""
    connection: Any = database.engine.raw_connection()
    driver = connection.driver_connection
    driver.autocommit = True
    pipeline = open_pipeline(driver, request.param, monkeypatch)
    pipeline.begin([("BEGIN", ()), ("CREATE TEMPORARY TABLE things (id bigint PRIMARY KEY, name text)", ())])
    yield pipeline
    pipeline.roll_back()
    connection.invalidate()


INSERT = "INSERT INTO things (id, name) VALUES (%s, %s)"
UPDATE = "UPDATE things SET name = %s WHERE id = %s"
SELECT = "SELECT name FROM things ORDER BY id"


def test_values_arrive_as_they_are(pipeline: Pipeline) -> None:
    """Rule N7: whatever is in a value is data; numbers, texts and bytes are read as what they were."""
    texts = ["", "NULL", "'\"\\", "%s", "$1", "ß 😀", "\n"]
    question = "SELECT %s, CAST(%s AS text), CAST(%s AS bytea), CAST(%s AS text), '100%%'"
    for _ in range(2):
        for text in texts:
            row = (-(1 << 63), text, b"\0\xff", None, "100%")
            for kind in bytes, bytearray, memoryview:
                assert [[row]] == pipeline.ask([(question, (*row[:2], kind(row[2]), None))])
    with pytest.raises(psycopg.DataError, match="zero character"):
        pipeline.ask([("SELECT CAST(%s AS text)", ("a\0b",))])
    with pytest.raises(psycopg.ProgrammingError, match="type float"):
        pipeline.ask([("SELECT CAST(%s AS bigint)", (1.5,))])
    assert [[(1,)]] == pipeline.ask([("SELECT 1", ())])


def test_large_values_both_ways(pipeline: Pipeline) -> None:
    """More than networks take in at once is sent while as much is received."""
    large = "x" * 3_000_000
    answers = pipeline.ask([("SELECT CAST(%s AS text)", (large,))] * 3)
    assert [[(large,)]] * 3 == answers


def test_what_is_written_comes_first(pipeline: Pipeline) -> None:
    """What is asked sees what was to be written before; it is counted alike."""
    pipeline.write((INSERT, (1, "a")))
    pipeline.write((INSERT, (2, "b")))
    assert [[("a",), ("b",)], ()] == pipeline.ask([(SELECT, ()), ("DELETE FROM things WHERE id = 7", ())])
    pipeline.write((UPDATE, ("c", 2)))
    assert 2 == pipeline.count(("UPDATE things SET id = id", ()))
    pipeline.flush()
    assert [[("a",), ("c",)]] == pipeline.ask([(SELECT, ())])


def test_conflicts(pipeline: Pipeline) -> None:
    """Rule S4: what is not there any more, or there already, is told before the transaction ends."""
    pipeline.ask([("SAVEPOINT here", ())])
    for statement, parameters in ((INSERT, (1, "again")), (_ALL_FOUND.format(UPDATE), ("b", 2, 1))):
        pipeline.write((INSERT, (1, "a")))
        pipeline.write((statement, parameters), guarded=True)
        with pytest.raises(Conflict):
            pipeline.commit()
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            pipeline.ask([(SELECT, ())])
        pipeline.ask([("ROLLBACK TO here", ())])
    pipeline.write((INSERT, (1, "a")))
    pipeline.write((_ALL_FOUND.format(UPDATE), ("b", 1, 1)), guarded=True)
    assert [[("b",)]] == pipeline.ask([(SELECT, ())])


def test_errors_are_those_of_the_first_statement(pipeline: Pipeline) -> None:
    """What fails is told as the server says it, what follows is not done, and the connection serves on."""
    pipeline.ask([("SAVEPOINT here", ())])
    pipeline.write((INSERT, (1, "a")))
    pipeline.write((INSERT, (1, "again")))
    with pytest.raises(psycopg.errors.UniqueViolation, match="already exists"):
        pipeline.ask([("SELECT 1 / 0", ()), (SELECT, ())])
    pipeline.ask([("ROLLBACK TO here", ())])
    with pytest.raises(psycopg.errors.UndefinedTable):
        pipeline.ask([(SELECT, ()), ("SELECT * FROM nowhere", ()), ("SELECT 1 / 0", ())])
    pipeline.ask([("ROLLBACK TO here", ())])
    assert [()] == pipeline.ask([(SELECT, ())])


@pytest.mark.parametrize("way", WAYS)
def test_what_is_prepared(database: Server, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement is prepared once, and none where another connection of the server may come next."""
    connection: Any = database.engine.raw_connection()
    try:
        pipeline = open_pipeline(connection.driver_connection, way, monkeypatch)
        for _ in range(3):
            assert [[(1,)], [(2,)]] == pipeline.ask([("SELECT 1", ()), ("SELECT 2", ())])
        ((prepared,),) = pipeline.ask([("SELECT count(*) FROM pg_prepared_statements", ())])[0]
        assert (3 if way == "prepared" else 0) == prepared
    finally:
        connection.invalidate()


def test_answers_that_nobody_has_taken(database: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule N3: what breaks off while answers are on their way closes the connection: nobody else gets them."""
    connection: Any = database.engine.raw_connection()
    driver = connection.driver_connection

    def break_off(_: object) -> None:
        raise RuntimeError("broken off")

    try:
        pipeline = Pipeline(driver)
        monkeypatch.setattr(driver, "wait", break_off)
        with pytest.raises(RuntimeError, match="broken off"):
            pipeline.ask([("SELECT 1", ())])
        assert driver.closed
    finally:
        connection.invalidate()


def test_how_long_a_server_may_take(database: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule N3: statements that travel together may take as long as they might one after the other."""
    deadlines: list[float] = []
    until = silence._until

    def note(deadline: float, *others: Any) -> Any:
        deadlines.append(deadline)
        return until(deadline, *others)

    monkeypatch.setattr(silence, "_until", note)
    monkeypatch.setattr(silence, "time", SimpleNamespace(monotonic=lambda: 1000))
    connection: Any = database.engine.raw_connection()
    try:
        silence.limit_silence(connection.driver_connection, 45, 30)
        pipeline = Pipeline(connection.driver_connection)
        pipeline.begin([("BEGIN", ()), ("SELECT 1", ())], [("SELECT 2", ()), ("SELECT 3", ())])
        pipeline.ask([("SELECT 4", ())])
        for _ in range(3):
            pipeline.write(("SELECT 5", ()))
        pipeline.commit()
    finally:
        connection.invalidate()
    assert [1045 + 30, 1045, 1045 + 3 * 30] == deadlines


@pytest.fixture
async def store(server: Server) -> Any:
    store = server.store()
    await store.open(FakeClock())
    yield store
    await store.close()


@pytest.mark.anyio
async def test_a_server_that_forgets_what_was_prepared(store: SQLDataStore) -> None:
    """Rule N3: what somebody else on the same connection has made the server forget is prepared again, unnoticed."""
    user, node = User(store), Node(store)
    for name in "abc":
        await user.add(every(id=name))
        await store._session.write(lambda connection: connection.exec_driver_sql("DEALLOCATE ALL"))
        assert [name] == [job.schedule_id for job in (await node.work()).made]


@pytest.mark.anyio
async def test_a_server_that_forgets_what_the_driver_has_prepared(store: SQLDataStore) -> None:
    """Rule N3: who has lost what the driver prepared gets a new connection; one that has as well fails as an outage."""
    tries: list[object] = []

    def forget(connection: sa.Connection) -> None:
        driver: Any = connection.connection.driver_connection
        tries.append(driver)
        driver.execute("SELECT 'prepared'", prepare=True)
        if len(tries) in lost:
            driver.pgconn.exec_(b"DEALLOCATE ALL")  # which the driver does not notice
        connection.exec_driver_sql("SELECT 'prepared'").close()

    lost = {1}
    await store._session.write(forget)
    assert 2 == len({*tries}) == len(tries)
    lost = {3, 4}
    with pytest.raises(StoreUnavailableError, match="has lost what it had prepared"):
        await store._session.write(forget)
    assert 4 == len(tries)
    await store._session.write(forget)


@pytest.mark.anyio
async def test_tables_that_have_become_too_new_meanwhile(server: Server, store: SQLDataStore) -> None:
    """Rule N1: a node that is too old says so, whatever it was told by an earlier transaction."""
    await store._session.write(lambda _: None, [store._tasks.question])
    server.query("ALTER TABLE anysched_nodes RENAME TO anysched_elsewhere")
    server.query(
        "UPDATE anysched_meta SET number = number + 90 WHERE name IN ('oldest_node', 'schema_version')"
    )
    try:
        with pytest.raises(SchemaVersionError):
            await Node(store).advance()
    finally:
        server.query("ALTER TABLE anysched_elsewhere RENAME TO anysched_nodes")
        server.query(
            "UPDATE anysched_meta SET number = number - 90 WHERE name IN ('oldest_node', 'schema_version')"
        )


def test_connections_of_another_pool(database: Server) -> None:
    """Rule N3: a pool of another kind may lend the same connection of the driver again, with what is prepared there."""

    class Lent(psycopg.Connection[Any]):
        def close(self) -> None:  # as such a pool takes it back
            pass

    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    driver = Lent.connect(url)
    engine = sa.create_engine(
        database.engine.url, creator=lambda: driver, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
    )
    dialect = PostgreSQLDialect()
    try:
        for _ in range(3):
            with engine.connect() as connection:
                dialect.begin_at(connection, dialect.begin_read, [])
                dialect.commit(connection)
                names = {
                    name for (name,) in driver.execute("SELECT name FROM pg_prepared_statements").fetchall()
                }
        assert 3 == len(names)
    finally:
        psycopg.Connection.close(driver)


def test_names_of_other_clients(database: Server) -> None:
    """Rule N7: what another client has prepared on the same connection of the server is never taken for one's own."""
    connections: list[Any] = [database.engine.raw_connection() for _ in range(2)]
    question = "SELECT name FROM pg_prepared_statements WHERE statement LIKE '%%of two clients%%'"
    names: list[Any] = []
    for connection in connections:
        names += pipeline_of(connection.driver_connection).ask([(question, ())])[0]
        connection.invalidate()
    assert 2 == len({*names}) == len(names)


@pytest.mark.anyio
async def test_round_trips_of_users(store: SQLDataStore) -> None:
    """Rule P4: what users write takes few round trips: the beginning with what is asked, and what is written, with
    the end.
    """
    user = User(store)
    await user.add(every(id="first"))
    await user.pause("first")  # tasks are read once
    for expected, call in (
        (2, lambda: user.add(every(id="second"))),
        (2, lambda: user.add(*(every(id=f"{number}") for number in range(9)))),
        (2, lambda: store.add_jobs([direct_job(store.present())])),
        (2, lambda: user.pause("second")),
        (3, lambda: user.unpause("second")),  # whose job is not made twice
    ):
        with round_trips(store) as made:
            await call()
        assert expected == len(made)


@pytest.mark.anyio
async def test_errors_at_the_end(server: Server, store: SQLDataStore) -> None:
    """Rule S4: what the server refuses together with the end is told as ever, and nothing of it is left."""
    await User(store).add(every(id="there"))
    change = Change(
        schedule_id="there", schedule=every(id="there"), state=(await User(store).get("there")).state
    )
    assert change.schedule is not None
    config = store._schedules.configs.encode(change.schedule)

    def add(connection: sa.Connection) -> None:
        store._changes.write(connection, [Decided(None, change, config)], store.present())

    with pytest.raises(StoreUnavailableError, match="others keep changing") as caught:
        await store._session.write(add)
    assert isinstance(caught.value.__cause__, Conflict)
    server.query("ALTER TABLE anysched_audit RENAME TO anysched_elsewhere")
    try:
        with pytest.raises(StoreError, match="anysched_audit"):
            await store._session.write(
                lambda connection: store._dialect.write(
                    connection, store._sql.insert_audit, [("a", 1, None, None, "x", "{}")]
                )
            )
    finally:
        server.query("ALTER TABLE anysched_elsewhere RENAME TO anysched_audit")
    assert [("there",)] == server.query("SELECT id FROM anysched_schedules")


#: A transaction is kept, and the server is ready again; or else it says why it ends the connection.
_KEPT = b"C\0\0\0\x0bCOMMIT\0"
_READY = b"Z\0\0\0\x05I"
_FATAL = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
_ENDED = b"E" + (len(_FATAL) + 4).to_bytes(4, "big") + _FATAL


class Ending(Proxy):
    """A proxy behind which a server ends each connection right after a commit, or instead of one.

    :param answer: what comes instead of the answer to a commit
    :param closes: whether the end of the connection arrives at once
    """

    def __init__(self, to: int, answer: bytes, *, closes: bool) -> None:
        super().__init__(to)
        self.ends = False
        self._says = answer
        self._closes = closes

    async def _pass_on(self, link: Any, data: bytes, target: Any) -> bool:
        if not (self.ends and target is link.client and _KEPT + _READY in data):
            return await super()._pass_on(link, data, target)
        await super()._pass_on(link, data.replace(_KEPT + _READY, self._says), target)
        if self._closes:
            target.end()
        return not self._closes


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "closes"),
    [(_KEPT + _ENDED, False), (_KEPT + _ENDED, True), (_KEPT, True)],
    ids=["told", "told and closed", "closed"],
)
async def test_connections_that_end_with_a_commit(server: Server, answer: bytes, closes: bool) -> None:
    """Rule N3: a commit that the server has confirmed is one, whatever becomes of the connection after that."""
    with Ending(server.engine.url.port or 0, answer, closes=closes) as proxy:
        store = SQLDataStore(through(server, proxy), schema=schema_of(server))
        await store.open(FakeClock())
        try:
            user = User(store)
            await user.add(every(id="a"))
            proxy.ends = True
            await user.add(every(id="b"))
            await store._session.write(lambda connection: connection.exec_driver_sql("SELECT 1").close())
            proxy.ends = False
            await user.add(every(id="c"))
            assert ["a", "b", "c"] == await user.ids()
        finally:
            await store.close()


@pytest.mark.anyio
async def test_connections_that_end_before_a_commit(server: Server) -> None:
    """Rule N3: where a commit was not confirmed, the server's own reason is told."""
    with Ending(server.engine.url.port or 0, _ENDED, closes=True) as proxy:
        store = SQLDataStore(through(server, proxy), schema=schema_of(server))
        await store.open(FakeClock())
        try:
            proxy.ends = True
            with pytest.raises(StoreUnavailableError, match="administrator command"):
                await User(store).add(every(id="a"))
            proxy.ends = False
            await User(store).add(every(id="b"))
        finally:
            await store.close()


def through(server: Server, proxy: Proxy) -> sa.URL:
    """Return what leads to a server through a proxy that can read along."""
    return server.store()._engine.url.set(port=proxy.port).update_query_dict({"sslmode": "disable"})


def schema_of(server: Server) -> Any:
    return getattr(server, "schema", None)
