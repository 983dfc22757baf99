"""What goes wrong with a database is said in plain words, and the store goes on once it is right again (rule N3)."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.stores.sql.support import Query, read_file, write_file

from anysched.errors import StoreError, StoreUnavailableError
from anysched.stores import SQLDataStore
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, direct_job, every

pytestmark = pytest.mark.anyio


async def test_a_missing_folder(tmp_path: Path, clock: FakeClock) -> None:
    """A file in a folder that does not exist is refused with its path and what to check; later it can be opened."""
    store = SQLDataStore(f"sqlite:///{tmp_path / 'none' / 'jobs.db'}")
    with pytest.raises(
        StoreUnavailableError, match=r"none/jobs\.db: the file cannot be opened: check that its folder"
    ):
        await store.open(clock)
    (tmp_path / "none").mkdir()
    await store.open(clock)
    assert [] == await User(store).schedules()
    await store.close()


async def test_a_folder_instead_of_a_file(tmp_path: Path, clock: FakeClock) -> None:
    """A folder is not a database."""
    with pytest.raises(StoreUnavailableError, match="cannot be opened"):
        await SQLDataStore(f"sqlite:///{tmp_path}").open(clock)


@pytest.mark.parametrize("content", [b"this is not a database, and long enough to tell" * 20, b"\x00" * 5000])
async def test_not_a_database(content: bytes, path: Path, clock: FakeClock) -> None:
    """A file of another kind is refused, and left as it is."""
    write_file(path, content)
    store = SQLDataStore(f"sqlite:///{path}")
    with pytest.raises(StoreError, match=r"jobs\.db: the file is not an SQLite database") as caught:
        await store.open(clock)
    assert not isinstance(caught.value, StoreUnavailableError)
    assert content == read_file(path)


async def test_a_damaged_file(path: Path, clock: FakeClock) -> None:
    """A database whose pages are overwritten is refused, or says so when the damage is met."""
    store = SQLDataStore(f"sqlite:///{path}")
    await store.open(clock)
    await User(store).add(*(every(id=f"s{number}") for number in range(200)))
    await store.close()
    data = read_file(path)
    write_file(path, data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(StoreError, match=r"jobs\.db: the file is damaged: restore it from a backup"):
        await store.open(clock)


async def test_a_file_that_may_not_be_written(store: SQLDataStore, path: Path, clock: FakeClock) -> None:
    """A database that may only be read can be looked at; a write says what is wrong."""
    await User(store).add(every())
    reader = SQLDataStore(f"sqlite:///file:{path}?mode=ro&uri=true")
    await reader.open(clock)
    assert ["schedule"] == await User(reader).ids()
    with pytest.raises(StoreUnavailableError, match="may not be written"):
        await User(reader).pause("schedule")
    await reader.close()


async def test_a_new_file_that_may_not_be_written(path: Path, clock: FakeClock) -> None:
    """A database that cannot be set up is refused when it is opened."""
    sqlite3.connect(path).execute("CREATE TABLE other (x)").connection.close()
    with pytest.raises(StoreUnavailableError, match="may not be written"):
        await SQLDataStore(f"sqlite:///file:{path}?mode=ro&uri=true").open(clock)


async def test_a_locked_file(path: Path, clock: FakeClock, query: Query) -> None:
    """Rule N3: a write that waits too long for another program fails as a whole; the next one works."""
    store = SQLDataStore(f"sqlite:///{path}?timeout=0.05")
    await store.open(clock)
    user = User(store)
    query("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="another program has kept it locked"):
        await user.add(every())
    with pytest.raises(StoreUnavailableError, match="another program"):
        store.make_lease_keeper().renew("node a", clock.now() - clock.now())
    assert [] == await user.schedules()
    query("ROLLBACK")
    await user.add(every())
    assert ["schedule"] == await user.ids()
    await store.close()


async def test_a_full_disk(path: Path, clock: FakeClock) -> None:
    """Rule N3: what does not fit is undone as a whole; what fits is written, before and after."""
    engine = sa.create_engine(f"sqlite:///{path}")

    @sa.event.listens_for(engine, "connect")
    def limit(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA max_page_count = 100")

    store = SQLDataStore(engine)
    await store.open(clock)
    await store.add_jobs([direct_job(clock.now())])
    with pytest.raises(StoreUnavailableError, match="the disk is full"):
        await store.add_jobs([direct_job(clock.now(), args=("x" * 10_000,)) for _ in range(100)])
    with pytest.raises(StoreUnavailableError, match="the disk is full"):
        await User(store).add(*(every(id=f"s{number}", args=("x" * 10_000,)) for number in range(100)))
    await store.add_jobs([direct_job(clock.now())])
    assert (2, 0) == (len(await User(store).jobs()), len(await User(store).schedules()))
    assert 2 == len((await Node(store).work()).claims)
    await store.close()
    engine.dispose()


async def test_a_closed_connection(path: Path, clock: FakeClock) -> None:
    """Rule N3: a connection that somebody closed is said to be gone; the next call gets another."""
    engine = sa.create_engine(f"sqlite:///{path}")
    borrowing, own = SQLDataStore(engine), SQLDataStore(f"sqlite:///{path}")
    for store in (borrowing, own):
        await store.open(clock)
        with store._engine.connect() as connection:
            driver_connection = connection.connection.driver_connection
        assert driver_connection is not None
        driver_connection.close()
        with pytest.raises(StoreUnavailableError, match="its connection was closed"):
            await User(store).schedules()
    assert [] == await User(own).schedules()
    for store in (borrowing, own):
        await store.close()
    engine.dispose()


async def test_a_failing_disk(store: SQLDataStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule N3: after an error of the disk the connection is not used again; its cause may be in what it has open."""
    await User(store).add(every())
    with store._engine.connect() as connection:
        before = connection.connection.driver_connection

    def fail(*_: Any) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
        raise sa.exc.OperationalError("", (), error)

    with monkeypatch.context() as patch:
        patch.setattr(store._jobs, "insert", fail)
        with pytest.raises(StoreUnavailableError, match="the disk reports an error"):
            await store.add_jobs([])
    with store._engine.connect() as connection:
        assert before is not connection.connection.driver_connection
    assert ["schedule"] == await User(store).ids()


async def test_an_exhausted_pool(path: Path, clock: FakeClock) -> None:
    """A pool of the caller's own that has no connection left is said to be the reason."""
    engine = sa.create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0, pool_timeout=0.01)
    store = SQLDataStore(engine)
    await store.open(clock)
    with (
        engine.connect(),
        pytest.raises(StoreUnavailableError, match="no connection has become free in time"),
    ):
        await User(store).schedules()
    assert [] == await User(store).schedules()
    await store.close()
    engine.dispose()


async def test_a_lease_and_an_exhausted_pool(path: Path, clock: FakeClock) -> None:
    """rule J1: a lease is renewed on a connection of its own, whoever has those of the pool."""
    engine = sa.create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0, pool_timeout=0.01)
    store = SQLDataStore(engine)
    await store.open(clock)
    await store.add_jobs([direct_job(clock.now())])
    (claim,) = (await Node(store, "node").advance()).claims
    keeper = store.make_lease_keeper()
    with engine.connect():
        assert keeper.renew("node", timedelta(seconds=10)).held
    keeper.close()
    assert [claim.job.id] == [job.id for job in await User(store).jobs()]
    await store.close()
    engine.dispose()


async def test_a_table_that_is_gone(store: SQLDataStore, query: Query) -> None:
    """What is no matter of waiting is not reported as one."""
    query("DROP TABLE anysched_jobs")
    with pytest.raises(StoreError, match="no such table: anysched_jobs") as caught:
        await User(store).jobs()
    assert not isinstance(caught.value, StoreUnavailableError)


async def test_an_id_that_exists(store: SQLDataStore, clock: FakeClock) -> None:
    """Jobs whose ids are taken are refused, with all that came with them."""
    job, other = direct_job(clock.now()), direct_job(clock.now())
    await store.add_jobs([job])
    with pytest.raises(StoreError, match=r"UNIQUE constraint failed: anysched_jobs\.id"):
        await store.add_jobs([other, job])
    assert [job.id] == [one.id for one in await User(store).jobs()]
