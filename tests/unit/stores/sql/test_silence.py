"""Servers that keep a connection open and never answer (rule N3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from tests.servers.proxy import Proxy
from tests.unit.stores.sql.servers import PLACES, Server, database_at

from anysched.errors import StoreUnavailableError
from anysched.stores import SQLDataStore
from anysched.stores.sql import dialect_mariadb, dialect_postgresql
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=[place for place in PLACES if "sqlite" not in place])
def place(request: pytest.FixtureRequest) -> str:
    """A kind of server, and an event loop."""
    return str(request.param)


@pytest.fixture(scope="module")
def anyio_backend(place: str) -> str:
    """The event loop."""
    return place.partition("-")[2]


@pytest.fixture(scope="module")
def server(place: str) -> Iterator[Server]:
    """A database of these tests' own, on each kind of server."""
    with database_at(place) as server:
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """What stands between stores and the server."""
    with Proxy(server.engine.url.port or 0) as proxy:
        yield proxy


async def test_a_server_that_is_silent(server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule N3: what a server does not answer in time fails as an outage, and goes well when it answers again."""
    for dialect in (dialect_mariadb, dialect_postgresql):
        monkeypatch.setattr(dialect, "READ_TIMEOUT", 1)
        monkeypatch.setattr(dialect, "STATEMENT_TIMEOUT", 1)
        monkeypatch.setattr(dialect, "CONNECT_TIMEOUT", 2)
    store = SQLDataStore(server.store()._engine.url.set(port=proxy.port), schema=schema_of(server))
    await store.open(FakeClock())
    try:
        assert [] == await store.get_tasks()
        proxy.hold()
        with anyio.fail_after(30), pytest.raises(StoreUnavailableError):
            await store.get_tasks()
        proxy.heal()
        with anyio.fail_after(30):
            assert [] == await store.get_tasks()
    finally:
        proxy.heal()
        await store.close()


def schema_of(server: Server) -> Any:
    """Return where the tables are."""
    return getattr(server, "schema", None)
