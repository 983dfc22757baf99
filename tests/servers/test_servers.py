"""Servers of the tests' own can be broken and come back; services are found where they are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests import services
from tests.servers import mariadb, postgresql
from tests.servers.lending import own_mariadb, own_postgresql
from tests.servers.own import PATIENCE, DatabaseServer, free_port

SERVERS: dict[str, Callable[[], AbstractContextManager[DatabaseServer]]] = {
    "postgresql": own_postgresql,
    "mariadb": own_mariadb,
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """Each kind of server."""
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture
def database(server: DatabaseServer) -> Iterator[str]:
    """A database on it."""
    with server.database() as name:
        yield name


def test_crash_and_return(server: DatabaseServer, database: str) -> None:
    """A server that crashed keeps what was committed, and closes what was connected."""
    engine = sa.create_engine(server.url(database))
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE kept (number INTEGER)"))
        connection.execute(sa.text("INSERT INTO kept VALUES (1)"))
        connection.commit()
        connection.execute(sa.text("INSERT INTO kept VALUES (2)"))
        server.crash()
        with pytest.raises(sa.exc.DBAPIError):
            connection.execute(sa.text("INSERT INTO kept VALUES (3)"))
        connection.invalidate()
    server.start()
    with engine.connect() as connection:
        assert [1] == connection.execute(sa.text("SELECT number FROM kept")).scalars().all()
    engine.dispose()
    server.stop()
    server.start()
    assert [(1,)] == [*map(tuple, server.execute("SELECT number FROM kept", database))]


def test_cut_connections(server: DatabaseServer, database: str) -> None:
    """Every connection to a database can be ended, and no other."""
    engines = [sa.create_engine(server.url(database)) for _ in range(2)]
    connections = [engine.connect() for engine in engines]
    for connection in connections:
        connection.execute(sa.text("SELECT 1"))
    with server.database() as other:
        assert 0 == server.cut_connections(other)
        assert 2 == server.cut_connections(database)
    for connection, engine in zip(connections, engines, strict=True):
        with pytest.raises(sa.exc.DBAPIError):
            connection.execute(sa.text("SELECT 1"))
        connection.invalidate()
        connection.close()
        engine.dispose()


def test_few_connections(server: DatabaseServer, database: str) -> None:
    """With a low limit nodes are refused, and the administrator is not."""
    server.stop()
    server.start(max_connections=10)
    engine = sa.create_engine(server.url(database), poolclass=sa.NullPool)
    connections: list[sa.Connection] = []
    with pytest.raises(sa.exc.OperationalError):
        connections.extend(engine.connect() for _ in range(11))
    assert answer(server)
    for connection in connections:
        connection.close()
    server.stop()
    server.start()


def answer(server: DatabaseServer) -> object:
    """Return what the administrator is answered, once the server has noticed that an earlier connection is closed."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return server.execute("SELECT 1")
        except Exception:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def test_no_trace(tmp_path: Path) -> None:
    """A server that is closed has left neither a process nor a folder."""
    with own_postgresql() as server:
        assert isinstance(server, postgresql.PostgreSQLServer)
        assert server.folder.exists()
    assert not server.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no PostgreSQL is named or answers, one is started, from a wheel if there is one."""
    if postgresql.from_wheel() is None:
        pytest.skip("there is no wheel with PostgreSQL for this Python here")
    monkeypatch.delenv("ANYSCHED_TEST_POSTGRESQL", raising=False)
    dead = f"postgresql+psycopg://postgres@127.0.0.1:{free_port()}/test"
    monkeypatch.setattr(services, "POSTGRESQL", dead)
    with services.postgresql_schema() as (engine, schema), engine.connect() as connection:
        assert dead != services.postgresql_url()
        assert schema == connection.exec_driver_sql("SELECT current_schema()").scalar()
        folder = connection.exec_driver_sql("SHOW data_directory").scalar_one()
        assert "anysched-server-" in folder
    monkeypatch.setenv("ANYSCHED_TEST_POSTGRESQL", "postgresql://named")
    assert "postgresql://named" == services.postgresql_url()


def test_a_mariadb_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no MariaDB is named or answers, one is started from what is installed."""
    if mariadb.installed() is None:
        pytest.skip("MariaDB is not installed")
    monkeypatch.delenv("ANYSCHED_TEST_MARIADB", raising=False)
    dead = f"mysql+pymysql://root@127.0.0.1:{free_port()}/test?ssl_disabled=true"
    monkeypatch.setattr(services, "MARIADB", dead)
    with services.mariadb_database() as engine, engine.connect() as connection:
        assert dead != services.mariadb_url()
        assert "anysched-server-" in connection.exec_driver_sql("SELECT @@datadir").scalar_one()
    monkeypatch.setenv("ANYSCHED_TEST_MARIADB", "mysql+pymysql://named")
    assert "mysql+pymysql://named" == services.mariadb_url()


def test_programs_that_only_root_reaches(tmp_path: Path) -> None:
    """Programs in a folder that is not for everybody are copied to where a server without privileges runs them."""
    programs = postgresql.from_wheel()
    if programs is None or os.geteuid() != 0:
        pytest.skip("there is no wheel with PostgreSQL for this Python here, or everybody is the same user")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    package = programs.parents[1]
    for source in package.parent.glob(f"{package.name}*"):
        (private / source.name).symlink_to(source)
    with postgresql.PostgreSQLServer(private / programs.relative_to(package.parent)) as server:
        server.start()
        assert [(1,)] == server.execute("SELECT 1")
