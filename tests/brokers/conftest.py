"""The servers, and names that no other test has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.brokers.redis_server import REDIS, RedisServer, command
from tests.services import postgresql_schema, unavailable

if TYPE_CHECKING:
    from tests.brokers.ways import PostgreSQLWay, Way


@pytest.fixture(scope="session")
def redis_url() -> str:
    """A server that others may use as well."""
    pytest.importorskip("coredis")
    try:
        command(REDIS, "PING")
    except OSError as exc:
        unavailable("Redis", exc)
    return REDIS


@pytest.fixture
def postgresql() -> Iterator[PostgreSQLWay]:
    """A schema of the test's own on a server."""
    from tests.brokers.ways import PostgreSQLWay

    with postgresql_schema() as (engine, schema):
        yield PostgreSQLWay(engine, schema)


@pytest.fixture(params=["redis", "postgresql"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    """What nodes hear of each other by."""
    pytest.importorskip("coredis")
    pytest.importorskip("psycopg")
    from tests.brokers.ways import RedisWay

    if request.param == "redis":
        return RedisWay(tmp_path, request.getfixturevalue("redis_url"), request.getfixturevalue("prefix"))
    way: Way = request.getfixturevalue("postgresql")
    return way


@pytest.fixture
def prefix() -> str:
    """What the channel of one test begins with."""
    return f"anysched-test-{uuid4().hex[:12]}"


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own."""
    pytest.importorskip("coredis")
    if shutil.which("redis-server") is None:
        unavailable("Redis", "redis-server is not installed")
    server = RedisServer()
    server.start()
    yield server
    server.stop()
