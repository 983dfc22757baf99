"""Making tables and bringing them up to date: by a store that opens, by a script, or by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine.mock import MockConnection

from anysched._clock import SystemClock
from anysched.errors import SchemaVersionError, StoreError
from anysched.stores.sql import address, migrations
from anysched.stores.sql.dialect_mariadb import MariaDBDialect
from anysched.stores.sql.dialect_postgresql import PostgreSQLDialect
from anysched.stores.sql.dialect_sqlite import SQLiteDialect
from anysched.stores.sql.dialects import Dialect
from anysched.stores.sql.migrations import NOTHING, SCHEMA_VERSION, Migration
from anysched.stores.sql.schema import Tables, checked_prefix, checked_schema, make_tables
from anysched.stores.sql.session import Session
from anysched.stores.sql.steps import Step

Database = Literal["sqlite", "postgresql", "mariadb", "mysql"]

#: Databases as SQLAlchemy has them where there is no connection, and what is special about each.
_OFFLINE: Final[dict[str, tuple[Any, dict[str, bool], Dialect]]] = {
    "sqlite": (sqlite.dialect, {}, SQLiteDialect()),
    "postgresql": (postgresql.dialect, {}, PostgreSQLDialect()),
    "mariadb": (mysql.dialect, {"is_mariadb": True}, MariaDBDialect()),
    "mysql": (mysql.dialect, {"is_mariadb": False}, MariaDBDialect()),
}


def migrate(
    url_or_engine: str | sa.URL | sa.Engine, *, schema: str | None = None, table_prefix: str = "anysched_"
) -> Migration:
    """Make the tables, or bring them up to date, and return what was done, which can be printed.

    For scripts that deploy; no scheduler is needed, and nodes may be at work. It waits for others who do the same,
    and takes the time that it needs. What was cut off is taken up by calling it again.

    :param url_or_engine: as for ``SQLDataStore``; the account must be one that may make and change tables
    :param schema: the schema that holds the tables; it must exist
    :param table_prefix: what the names of the tables begin with
    :raise SchemaVersionError: when the tables were made by a newer version of anysched
    :raise StoreUnavailableError: when the database cannot be reached or written, or others keep tables locked
    :raise StoreError: when the database refuses, and why
    """
    tables = make_tables(checked_schema(schema), checked_prefix(table_prefix))
    engine, dialect, borrowed = address.connect(url_or_engine, patient=True)
    session = Session(engine, dialect, address.shown(engine.url))
    session.begin(SystemClock())
    try:
        return bring_up_to_date(session, tables, migrations.STEPS)
    finally:
        if not borrowed:
            engine.dispose()


def bring_up_to_date(
    session: Session, tables: Tables, steps: Sequence[Step], *, may_migrate: bool = True
) -> Migration:
    """Make sure that the tables are as this version has them, in this thread.

    :param may_migrate: whether to change them if they are not
    :raise SchemaVersionError: when they are of a newer version, or of an older one and must not be changed
    :raise StoreError: when they cannot be changed, and what to do about it
    """
    latest = migrations.latest(steps)
    with session.connected() as connection:
        session.dialect.set_up_database(connection)
    found = session.read_here(lambda connection: migrations.version_of(connection, tables, steps))
    if found == latest:
        return Migration(latest, latest)
    if not may_migrate:
        raise SchemaVersionError(found or NOTHING, latest)

    def work(connection: sa.Connection) -> Migration:
        with session.dialect.locked_tables(connection):
            return migrations.migrate(connection, tables, session.dialect, steps)

    try:
        return session.write_here(work)
    except StoreError as exc:
        error = getattr(exc.__cause__, "orig", None) or exc.__cause__
        if error is not None and session.dialect.is_forbidden(error):
            raise StoreError(f"{exc} ({SchemaVersionError(found or NOTHING, latest)})") from exc
        raise


def migration_sql(
    database: Database, *, from_version: int = 0, schema: str | None = None, table_prefix: str = "anysched_"
) -> str:
    """Return a script that does what ``migrate`` does, for who executes SQL by hand; nothing is connected to.

    Each statement ends with a semicolon and the end of its line. Where a transaction does not hold what changes tables,
    which is in MariaDB and MySQL, ``migrate`` finishes what a script has left half done.

    :param database: "sqlite", "postgresql", "mariadb" or "mysql"
    :param from_version: the schema version that the tables have; 0 where there are none
    :param schema: the schema that holds the tables; it must exist
    :param table_prefix: what the names of the tables begin with
    :raise TypeError, ValueError: for another database, a version that there is not, or something that is not an SQL
        identifier
    """
    if database not in get_args(Database):
        raise ValueError(f"database must be one of {', '.join(get_args(Database))}, not {database!r}")
    tables = make_tables(checked_schema(schema), checked_prefix(table_prefix))
    return script(database, tables, _checked_version(from_version, migrations.STEPS), migrations.STEPS)


def _checked_version(version: int, steps: Sequence[Step]) -> int:
    if not isinstance(version, int) or isinstance(version, bool):
        raise TypeError(f"from_version must be an int, not {type(version).__name__}")
    if not NOTHING <= version <= migrations.latest(steps):
        raise ValueError(
            f"from_version must be from 0 to {migrations.latest(steps)}, the version that this anysched has, "
            f"not {version}"
        )
    return version


def script(database: Database, tables: Tables, from_version: int, steps: Sequence[Step]) -> str:
    """Return the text of a script that leads from one version of the tables to the latest."""
    kind, options, special = _OFFLINE[database]
    sa_dialect: sa.Dialect = kind(paramstyle="named", **options)
    latest = migrations.latest(steps)
    if from_version == latest:
        return f"-- anysched: schema version {latest} is the latest.\n"
    statements: list[str] = []

    def write(statement: Any, *_: object) -> None:
        text = statement.compile(dialect=sa_dialect, compile_kwargs={"literal_binds": True})
        statements.append(str(text).strip())

    writing = MockConnection(sa_dialect, write)
    if from_version == NOTHING:
        migrations.begin(writing, tables, steps)
        migrations.finish(writing, tables, steps)
    else:
        write(_check(tables, from_version))
    for version, step in enumerate(steps[from_version - 1 :] if from_version else (), from_version + 1):
        if not step.older_go_on:
            migrations.shut_out(writing, tables, special, version)
        for change in step.changes:
            write(change.statement(tables, sa_dialect))
        write(migrations.setting(tables, SCHEMA_VERSION, version))
    begin, end = special.script
    title = f"-- anysched: from schema version {from_version} to {latest}, for {database}.\n"
    return title + "".join(f"{statement};\n" for statement in (*begin, *statements, *end))


def _check(tables: Tables, version: int) -> sa.Executable:
    """Return a statement that fails unless the tables have this version: no two rows have one name."""
    name, number = tables.meta.c.name, tables.meta.c.number
    other = sa.select(name, number).where(name == SCHEMA_VERSION, number != version)
    return tables.meta.insert().from_select(["name", "number"], other)
