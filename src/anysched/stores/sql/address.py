"""From a URL or an engine to a database that a store can use, without ever showing a password (rule N7)."""

from __future__ import annotations

import warnings
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy import exc as sql_errors
from sqlalchemy.engine import make_url

from anysched.errors import StoreError
from anysched.stores.sql.dialect_mariadb import MariaDBDialect
from anysched.stores.sql.dialect_postgresql import PostgreSQLDialect
from anysched.stores.sql.dialect_sqlite import SQLiteDialect
from anysched.stores.sql.dialects import Dialect

#: By the name that SQLAlchemy has for the database, and its driver; the first of a database is its default.
DIALECTS: dict[tuple[str, str], type[Dialect]] = {
    ("sqlite", "pysqlite"): SQLiteDialect,
    ("postgresql", "psycopg"): PostgreSQLDialect,
    ("mysql", "pymysql"): MariaDBDialect,
    ("mariadb", "pymysql"): MariaDBDialect,
}

#: What to install for a driver.
EXTRAS: dict[str, str] = {"psycopg": "postgresql", "pymysql": "mysql"}

_USE = (
    'use a URL such as "sqlite:///jobs.db", or "sqlite:////var/lib/app/jobs.db" for an absolute path,'
    ' "postgresql://user:password@host/database", or "mysql://user:password@host/database"'
)


def connect(address: str | sa.URL | sa.Engine, *, patient: bool = False) -> tuple[sa.Engine, Dialect, bool]:
    """Return an engine in autocommit mode, what is special about its database, and whether it is the caller's own.

    Nothing is opened yet.

    :param patient: whether there is time, for an administrator's script
    :raise TypeError: for something other than a URL or a synchronous engine
    :raise StoreError: for a URL that cannot be used, and why
    """
    if isinstance(address, sa.Engine):
        dialect = _dialect(address.url)
        dialect.patient = patient
        return address.execution_options(isolation_level="AUTOCOMMIT"), dialect, True
    if not isinstance(address, (str, sa.URL)):
        hint = ": pass a synchronous one" if type(address).__name__ == "AsyncEngine" else ""
        raise TypeError(
            f"a data store is made from a URL or an SQLAlchemy engine, not {type(address).__name__}{hint}"
        )
    url = _with_driver(_url(address))
    dialect = _dialect(url)
    dialect.patient = patient
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", sql_errors.SAWarning)  # parameters that the driver does not have
            engine = sa.create_engine(
                url, isolation_level="AUTOCOMMIT", hide_parameters=True, **dialect.connect_options(url)
            )
    except ModuleNotFoundError as exc:
        extra = EXTRAS.get(url.get_driver_name())
        if extra is None:
            raise
        raise StoreError(f"{dialect.name} needs a driver: pip install 'anysched[{extra}]'") from exc
    except (sql_errors.SQLAlchemyError, sql_errors.SAWarning, TypeError, ValueError) as exc:
        raise StoreError(f"{shown(url)} cannot be used: {exc}") from None

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        dialect.set_up_connection(connection)

    return engine, dialect, False


def shown(url: sa.URL) -> str:
    """Return a URL as it may be shown: no password, and no parameters, which may hold one."""
    return url.set(query={}).render_as_string(hide_password=True)


def _url(address: str | sa.URL) -> sa.URL:
    try:
        return make_url(address)
    except (sql_errors.ArgumentError, ValueError):
        # The address itself is not shown: where a URL has a typo, nobody can tell what is a password.
        raise StoreError(f"the address of the data store is not a URL: {_USE}") from None


def _with_driver(url: sa.URL) -> sa.URL:
    """Return a URL that names the driver which serves here, where it names none."""
    for backend, driver in DIALECTS:
        if url.drivername == backend and url.get_driver_name() != driver:
            return url.set(drivername=f"{backend}+{driver}")
    return url


def _dialect(url: sa.URL) -> Dialect:
    backend = url.get_backend_name()
    try:
        driver = url.get_driver_name()
    except sql_errors.ArgumentError:
        raise StoreError(f"no database is known as {url.drivername!r}: {_USE}") from None
    found = DIALECTS.get((backend, driver))
    if found is not None:
        return found()
    if backend in {name for name, _ in DIALECTS}:
        raise StoreError(f"the driver {driver!r} does not serve here: leave it out, as in {backend}://...")
    known = ", ".join(sorted({kind().name for kind in DIALECTS.values()}))
    raise StoreError(f"SQLDataStore supports {known}, and not {backend!r}: {_USE}")
