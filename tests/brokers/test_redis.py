"""Where Redis is, and what may be said about it."""

from __future__ import annotations

import pytest

pytest.importorskip("coredis")

from anysched.brokers import RedisEventBroker


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost", "redis://localhost:6379"),
        ("redis://u:s3cret@[::1]:7000/2", "redis://[::1]:7000"),
        ("rediss://:s3cret@redis.example.org", "rediss://redis.example.org:6379"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock"),
    ],
)
def test_how_it_is_shown(url: str, shown: str) -> None:
    """Rule N7: a password is never shown."""
    assert f"<RedisEventBroker: {shown}, channel 'anysched:events'>" == repr(RedisEventBroker(url))


@pytest.mark.parametrize(
    "url",
    [
        "", "localhost:6379", "http://u:s3cret@localhost", "redis://", "redis://:s3cret@", "redis://h:s3cret",
        "redis://h:99999", "redis://h/s3cret", "redis://h?password=s3cret", "unix://", "redis://[s3cret",
    ],
)  # fmt: skip
def test_addresses_that_cannot_be_used(url: str) -> None:
    """Rule N7: a wrong URL is refused at once, without being shown, and with what a right one looks like."""
    with pytest.raises(ValueError, match="redis://localhost:6379") as caught:
        RedisEventBroker(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_arguments() -> None:
    """What cannot be a URL, a prefix or an interval is refused."""
    with pytest.raises(TypeError, match="the address of Redis must be a string"):
        RedisEventBroker(7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="prefix"):
        RedisEventBroker("redis://localhost", prefix="")
    with pytest.raises(ValueError, match="heartbeat_interval"):
        RedisEventBroker("redis://localhost", heartbeat_interval=0)
