"""Database servers of the tests' own, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.servers import mariadb, postgresql
from tests.servers.own import DatabaseServer
from tests.services import unavailable


@contextmanager
def own_postgresql(**settings: object) -> Iterator[DatabaseServer]:
    """Lend a PostgreSQL that can be broken, started with these settings."""
    pytest.importorskip("psycopg")
    programs = postgresql.installed() or postgresql.from_wheel()
    if programs is None:
        unavailable("a PostgreSQL of the tests' own", "neither installed nor there as a wheel")
        return
    with postgresql.PostgreSQLServer(programs) as server:
        server.start(**settings)
        yield server


@contextmanager
def own_mariadb(**settings: object) -> Iterator[DatabaseServer]:
    """Lend a MariaDB that can be broken, started with these settings."""
    pytest.importorskip("pymysql")
    program = mariadb.installed()
    if program is None:
        unavailable("a MariaDB of the tests' own", "not installed")
        return
    with mariadb.MariaDBServer(program) as server:
        server.start(**settings)
        yield server
