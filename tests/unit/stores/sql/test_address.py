"""What a store is made from: URLs and engines, good and bad."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from anysched.errors import StoreError
from anysched.stores import SQLDataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, every

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:/jobs.db", "not a URL"),
        ("jobs.db", "not a URL"),
        ("", "not a URL"),
        ("sqlit:///jobs.db", "'sqlit'"),
        ("sqlite+aiosqlite:///jobs.db", "'aiosqlite'.*leave it out"),
        ("sqlite+nonsense:///jobs.db", "'nonsense'|'sqlite\\+nonsense'"),
        (
            "oracle+oracledb://user:hunter2@host/jobs",
            "supports MariaDB or MySQL, PostgreSQL, SQLite, and not 'oracle'",
        ),
        ("postgresql+asyncpg://user:hunter2@host/jobs", "'asyncpg'.*leave it out"),
        ("mysql+mysqldb://user:hunter2@host/jobs", "'mysqldb'.*leave it out"),
        ("mariadb://host/jobs?timeot=3", "mariadb.*://host/jobs cannot be used: .* no parameter 'timeot'"),
        ("sqlite:///jobs.db?timeot=3", "'timeot' are not accepted"),
        ("sqlite:///jobs.db?timeout=soon", "sqlite:///jobs.db cannot be used: .*'soon'"),
    ],
)
def test_urls_that_cannot_be_used(url: str, said: str) -> None:
    """A URL with a typo, an unknown database or an unknown driver is refused with what to write instead."""
    with pytest.raises(StoreError, match=said):
        SQLDataStore(url)


@pytest.mark.parametrize(
    "url",
    ["oracle+oracledb://user:hunter2@host/jobs", "postgresql:/user:hunter2@host", "postgresql//user:hunter2@host",
     "sqlite:///jobs.db?password=hunter2&timeout=x", "nosuch://user:hunter2@host/x?password=hunter2"],
)  # fmt: skip
def test_passwords_are_never_shown(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Rule N7: what goes wrong with a URL is told without its password, in the whole traceback too."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StoreError) as caught:
        SQLDataStore(url)
    assert "hunter2" not in str(caught.value)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=False)
    told = "".join(line for line in frames.format() if "hunter2" in line and "SQLDataStore(url)" not in line)
    assert told == ""
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("driver", "name", "backend", "extra"),
    [
        ("psycopg", "PostgreSQL", "postgresql", "postgresql"),
        ("pymysql", "MariaDB or MySQL", "mysql", "mysql"),
        ("pymysql", "MariaDB or MySQL", "mariadb", "mysql"),
    ],
)
def test_a_driver_that_is_missing(
    driver: str, name: str, backend: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has to be installed for a database is named."""
    for module in [driver, *(name for name in sys.modules if name.startswith(f"{driver}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(StoreError, match=rf"{name} needs a driver: pip install 'anysched\[{extra}\]'"):
        SQLDataStore(f"{backend}://host/jobs")


def test_repr(path: Path) -> None:
    """Rule N7: a store shows where it is, without parameters, which may hold a password."""
    store = SQLDataStore(f"sqlite:///{path}?mode=rwc&uri=true")
    assert f"<SQLDataStore: sqlite:///{path}>" == repr(store)


@pytest.mark.parametrize("address", [None, 7, object(), Path("jobs.db")])
def test_what_is_neither_url_nor_engine(address: Any) -> None:
    """Anything but a URL or an engine is refused, with what it is."""
    with pytest.raises(TypeError, match=type(address).__name__):
        SQLDataStore(address)


def test_engines_of_other_kinds(path: Path) -> None:
    """An asynchronous engine is refused with a hint, an engine for another database with its name."""
    engine = sa.create_mock_engine("postgresql://", lambda *_: None)
    with pytest.raises(TypeError, match="MockConnection"):
        SQLDataStore(engine)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="AsyncEngine: pass a synchronous one"):
        SQLDataStore(type("AsyncEngine", (), {})())  # type: ignore[arg-type]


def test_an_engine_in_memory_must_be_of_one_piece() -> None:
    """An engine whose every thread would see a database of its own is refused."""
    with pytest.raises(StoreError, match="StaticPool"):
        SQLDataStore(sa.create_engine("sqlite://"))


async def test_an_engine_stays_its_owners(path: Path, clock: FakeClock) -> None:
    """An engine that was passed in serves the store, and is neither changed nor closed by it."""
    engine = sa.create_engine(f"sqlite:///{path}")
    store = SQLDataStore(engine)
    await store.open(clock)
    await User(store).add(every())
    await store.close()
    assert engine.pool.checkedin() > 0  # type: ignore[attr-defined]
    with engine.begin() as connection:
        assert "AUTOCOMMIT" != connection.get_isolation_level()
        connection.execute(sa.text("DELETE FROM anysched_schedules"))
        connection.rollback()
    with engine.connect() as connection:
        assert 1 == connection.execute(sa.text("SELECT COUNT(*) FROM anysched_schedules")).scalar()
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
async def test_in_memory(url: str, clock: FakeClock) -> None:
    """A database in memory works like another, is told from a durable one, and ends with ``close``."""
    store = SQLDataStore(url)
    assert not store.durable
    await store.open(clock)
    await User(store).add(every())
    assert 1 == len((await Node(store).work()).claims)
    await store.close()
    await store.open(clock)
    assert [] == await User(store).schedules()
    await store.close()


def test_without_sqlalchemy() -> None:
    """The package can be imported without SQLAlchemy; asking for the SQL store then says what to install."""
    program = """
import sys
sys.modules["sqlalchemy"] = None
import anysched.stores
try:
    anysched.stores.SQLDataStore
except Exception as exc:
    print(type(exc).__name__, exc)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "SQLAlchemy: pip install 'anysched[sql]'" in done.stdout
