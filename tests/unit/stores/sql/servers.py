"""Databases on servers, and ways into them behind the back of stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from tests.services import mariadb_database, postgresql_schema

from anysched.stores import SQLDataStore
from anysched.stores.sql.dialect_mariadb import MariaDBDialect


class Server:
    """A database on a server.

    :ivar existence: a statement that keeps nodes from being taken over, and locks nothing else
    :ivar begin: how somebody else begins a transaction
    :ivar by_key: what follows the name of a table so that no other rows get locked
    """

    existence: str
    begin: tuple[str, ...] = ("BEGIN",)
    by_key: str = ""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def store(self, **options: Any) -> SQLDataStore:
        return SQLDataStore(self.engine.url, **options)

    def query(self, statement: str) -> list[sa.Row[tuple[object, ...]]]:
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(statement)
            return list(found.fetchall()) if found.returns_rows else []

    def tables(self) -> list[str]:
        return sa.inspect(self.engine).get_table_names()

    @contextmanager
    def locked(self, statement: str) -> Iterator[None]:
        """Hold locks in a transaction of somebody else."""
        with self.engine.connect() as connection:
            for begin in self.begin:
                connection.exec_driver_sql(begin)
            connection.exec_driver_sql(statement)
            yield
            connection.exec_driver_sql("ROLLBACK")

    def cut(self) -> None:
        """End the connections of stores."""
        raise NotImplementedError

    def run(self, script: str) -> None:
        """Run a script of SQL as any driver does it, statement by statement."""
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            for statement in script.split(";\n"):
                if statement.strip():
                    cursor.execute(statement)
            cursor.close()
        finally:
            connection.detach()  # whatever the script left open ends with it
            connection.close()

    @contextmanager
    def account_without_ddl(self) -> Iterator[sa.URL]:
        """Lend an account that may read and write rows of the tables that are there, and nothing else."""
        raise NotImplementedError

    @property
    def waiting_for_meta(self) -> str:
        """A query for statements that wait for those who use the table ``anysched_meta``."""
        raise NotImplementedError


class SQLiteFile(Server):
    """No server: a file, which serves most of these tests as well."""


class PostgreSQLServer(Server):
    waiting_for_meta = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = to_regclass('anysched_meta')"
    existence = "SELECT 1 FROM anysched_nodes FOR KEY SHARE"

    def __init__(self, engine: sa.Engine, schema: str) -> None:
        super().__init__(engine)
        self.schema = schema

    def store(self, **options: Any) -> SQLDataStore:
        url = self.engine.url.update_query_dict({"application_name": self.schema})
        return SQLDataStore(url, **{"schema": self.schema, **options})

    def cut(self) -> None:
        assert self.query(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{self.schema}'"
        )

    @contextmanager
    def account_without_ddl(self) -> Iterator[sa.URL]:
        name = f"anysched_test_{uuid4().hex[:12]}"
        self.query(f"CREATE ROLE {name} LOGIN PASSWORD 'rows only'")
        try:
            self.query(f"GRANT USAGE ON SCHEMA {self.schema} TO {name}")
            self.query(
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {self.schema} TO {name}"
            )
            yield self.engine.url.set(username=name, password="rows only")
        finally:
            self.query(f"DROP OWNED BY {name}")
            self.query(f"DROP ROLE {name}")


class MariaDBServer(Server):
    waiting_for_meta = (
        "SELECT 1 FROM information_schema.processlist WHERE db = DATABASE()"
        " AND state = 'Waiting for table metadata lock'"
    )
    existence = "SELECT id FROM anysched_nodes FORCE INDEX (nodes_existence) LOCK IN SHARE MODE"
    begin = MariaDBDialect.begin_write
    by_key = MariaDBDialect.by_key

    def cut(self) -> None:
        name, me = self.engine.url.database, "CONNECTION_ID()"
        ids = self.query(f"SELECT id FROM information_schema.processlist WHERE db = '{name}' AND id <> {me}")
        assert ids
        for (number,) in ids:
            self.query(f"KILL {number}")

    @contextmanager
    def account_without_ddl(self) -> Iterator[sa.URL]:
        name = f"anysched_{uuid4().hex[:12]}"
        self.query(f"CREATE USER {name}@'%%' IDENTIFIED BY 'rows only'")
        try:
            self.query(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {self.engine.url.database}.* TO {name}@'%%'")
            yield self.engine.url.set(username=name, password="rows only")
        finally:
            self.query(f"DROP USER {name}@'%%'")


@contextmanager
def _postgresql() -> Iterator[Server]:
    with postgresql_schema() as (engine, schema):
        yield PostgreSQLServer(engine, schema)


@contextmanager
def _mariadb() -> Iterator[Server]:
    with mariadb_database() as engine:
        yield MariaDBServer(engine)


@contextmanager
def _sqlite() -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        engine = sa.create_engine(f"sqlite:///{Path(folder) / 'jobs.db'}", isolation_level="AUTOCOMMIT")
        yield SQLiteFile(engine)
        engine.dispose()


SERVERS: dict[str, Callable[[], AbstractContextManager[Server]]] = {
    "postgresql": _postgresql,
    "mariadb": _mariadb,
}

#: The same, and SQLite.
DATABASES = {"sqlite": _sqlite, **SERVERS}

#: For tests of what statements do in a thread, which is the same whichever event loop waits for it: each database
#: once, and each loop. What a store promises is tested alike on servers, and on both loops with SQLite and in memory.
PLACES = ("sqlite-asyncio", "postgresql-trio", "mariadb-asyncio")


@contextmanager
def database_at(place: str) -> Iterator[Server]:
    """Lend a database of the kind that a place names."""
    with DATABASES[place.partition("-")[0]]() as server:
        yield server
