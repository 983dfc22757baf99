"""The servers, and names that no other test has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from uuid import uuid4

import pytest
from tests.brokers.redis_server import REDIS, RedisServer, command
from tests.services import unavailable


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
