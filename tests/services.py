"""Servers that tests use: named by URL in the environment, else looked for on this machine.

Where no PostgreSQL answers on this machine, one is started, from a wheel or from what is installed; and if its URL is
"embedded", no other is looked for. The same holds for MariaDB, from what is installed. Where nothing answers, tests
skip with the reason; with ANYSCHED_REQUIRE_SERVICES=1 they fail instead.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from tests.servers import mariadb, postgresql

POSTGRESQL = "postgresql+psycopg://postgres@127.0.0.1:5432/test"
EMBEDDED = "embedded"
# Without TLS, whose certificates would be read for each connection.
MARIADB = "mysql+pymysql://root@127.0.0.1:3306/test?ssl_disabled=true"


def unavailable(name: str, reason: object) -> None:
    """Skip a test whose server does not answer, or fail it where all servers must be there."""
    said = f"{name} does not answer: {reason}"
    if os.environ.get("ANYSCHED_REQUIRE_SERVICES") == "1":
        pytest.fail(said)
    pytest.skip(said)


def postgresql_url() -> str:
    """Return where PostgreSQL is, or would be."""
    return _found(os.environ.get("ANYSCHED_TEST_POSTGRESQL"), POSTGRESQL, _own_postgresql)


def mariadb_url() -> str:
    """Return where MariaDB is, or would be."""
    return _found(os.environ.get("ANYSCHED_TEST_MARIADB"), MARIADB, _own_mariadb)


@cache
def _found(named: str | None, local: str, own: Callable[[], str | None]) -> str:
    if named not in (None, EMBEDDED):
        return str(named)
    if named is None and _answers(local):
        return local
    return own() or local


def _own_postgresql() -> str | None:
    programs = postgresql.from_wheel() or postgresql.installed()
    if programs is None:
        return None
    port = _started(postgresql.PostgreSQLServer(programs))
    return f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"


def _own_mariadb() -> str | None:
    program = mariadb.installed()
    if program is None:
        return None
    port = _started(mariadb.MariaDBServer(program))
    return f"mysql+pymysql://root@127.0.0.1:{port}/mysql?ssl_disabled=true"


def _started(server: postgresql.PostgreSQLServer | mariadb.MariaDBServer) -> int:
    """Start a server that lives as long as the tests; return its port."""
    atexit.register(server.close)
    server.start()
    return server.port


def _answers(url: str) -> bool:
    engine = sa.create_engine(url, connect_args={"connect_timeout": 3})
    try:
        engine.connect().close()
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()
    return True


@contextmanager
def postgresql_schema() -> Iterator[tuple[sa.Engine, str]]:
    """Lend an engine that works in a new schema, and the name of that, which is dropped afterwards."""
    pytest.importorskip("psycopg")
    url = postgresql_url()
    schema = f"anysched_test_{uuid4().hex[:12]}"
    engine = sa.create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 3, "options": f"-csearch_path={schema}"},
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    except SQLAlchemyError as exc:
        engine.dispose()
        unavailable("PostgreSQL", exc)
    try:
        yield engine, schema
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
        engine.dispose()


@contextmanager
def postgresql_database() -> Iterator[sa.Engine]:
    """Lend an engine that works in a new database: nobody's snapshot but its own users' keeps dead rows in it."""
    with postgresql_schema() as (server, name):
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine = sa.create_engine(server.url.set(database=name), isolation_level="AUTOCOMMIT")
        try:
            yield engine
        finally:
            engine.dispose()
            with server.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE {name}")


@contextmanager
def mariadb_database() -> Iterator[sa.Engine]:
    """Lend an engine that works in a new database, which is dropped afterwards."""
    pytest.importorskip("pymysql")
    url = sa.make_url(mariadb_url())
    name = f"anysched_test_{uuid4().hex[:12]}"
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except SQLAlchemyError as exc:
        server.dispose()
        unavailable("MariaDB", exc)
    engine = sa.create_engine(url.set(database=name), isolation_level="AUTOCOMMIT")
    try:
        yield engine
    finally:
        engine.dispose()
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}")
        server.dispose()


def empty_tables(engine: sa.Engine) -> None:
    """Leave no rows in the tables of a store, in one transaction; making them takes far longer."""
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        connection.exec_driver_sql("START TRANSACTION")
        for name in names:
            if not name.endswith("_meta"):
                connection.execute(sa.delete(sa.table(name)))
        connection.exec_driver_sql("COMMIT")
