"""Places to measure on: a new one for each run, dropped afterwards."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from anysched.stores import MemoryDataStore, SQLDataStore

#: What stands for the URL of a store in memory.
MEMORY = "memory://"

Store = MemoryDataStore | SQLDataStore

#: Servers on this machine, unless the environment names others.
SERVERS = {
    "postgresql": os.environ.get(
        "ANYSCHED_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
    ),
    "mariadb": os.environ.get(
        "ANYSCHED_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1:3306/test?ssl_disabled=true"
    ),
}


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Lend the URL of an empty place: "postgresql", "mariadb", "sqlite" or "memory"."""
    if kind == "memory":
        yield MEMORY
        return
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'benchmark.db'}"
        return
    url, name = sa.make_url(SERVERS[kind]), f"anysched_benchmark_{uuid4().hex[:12]}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            # What has failed may have left connections, which would keep the database.
            force = " WITH (FORCE)" if kind == "postgresql" else ""
            connection.exec_driver_sql(f"DROP DATABASE {name}{force}")
        engine.dispose()


def store_of(url: str) -> Store:
    """Return a store of its own on a place."""
    return MemoryDataStore() if url == MEMORY else SQLDataStore(url)
