"""Commits that succeed, and nobody is told: the connection breaks instead (rules S3, J1, N3, P1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import anyio
import pytest
from tests.crash.nodes import on_the_loop
from tests.faults.trial import EVERY, LONG, LONG_LEASE, POLL, Trial, assert_exactly_once, lasting, places
from tests.servers.proxy import Proxy

from anysched import AsyncScheduler, IntervalTrigger, StoreUnavailableError

T = TypeVar("T")

#: How many schedules a user adds, pauses and resumes.
ASKED = 50 if LONG else 8


@pytest.fixture
def proxy(trial: Trial) -> Iterator[Proxy]:
    """What swallows answers."""
    with Proxy(trial.server.port) as proxy:
        yield proxy


def drop_commits(trial: Trial, proxy: Proxy, every: int) -> None:
    """Swallow the answer of each so-manieth commit."""
    if "psycopg" in trial.site.url:  # a statement that is often used is sent by a name; its answer is not
        proxy.drop_answers(that_say=b"COMMIT\0", every=every)
    else:
        proxy.drop_answers(to=b"\x03COMMIT", every=every)


@places("postgresql-trio", "mariadb-asyncio")
def test_nodes(trial: Trial, proxy: Proxy) -> None:
    """rules S3 and J1: nodes that do not learn of what they have committed make no job twice, and run none twice."""
    with trial.nodes("a", "b", "c", behind=proxy, lease=LONG_LEASE):
        drop_commits(trial, proxy, every=5)
        trial.go_on(lasting(2.5, 8))
        proxy.heal()
        trial.go_on(2 * POLL)  # the next pass of each node tells it what it has taken
    assert proxy.dropped_answers >= 5
    assert_exactly_once(trial.verdict())


@places("postgresql-asyncio", "mariadb-asyncio")
def test_users(trial: Trial, proxy: Proxy) -> None:
    """rules S1 and P1: what is asked for again, as its answer was lost, is done once; a pause holds once answered."""
    with trial.nodes("a", "b", lease=LONG_LEASE):
        url = trial.server.url(trial.database, port=proxy.port)
        fault = partial(drop_commits, trial, proxy, every=3)
        anyio.run(partial(ask, url, str(trial.log), fault), backend=trial.backend)
    assert proxy.dropped_answers >= ASKED
    assert_exactly_once(trial.verdict())


async def ask(url: str, log: str, fault: Callable[[], None]) -> None:
    """Add schedules, pause them, find them paused, resume them, again and again until there is an answer."""
    names = [f"asked {number}" for number in range(ASKED)]
    async with AsyncScheduler(url, role="client", timezone="UTC") as client:
        fault()
        trigger = IntervalTrigger(seconds=EVERY, start_time=datetime.now(UTC))
        add = partial(
            client.add_schedule, on_the_loop, trigger, args=[log], coalesce="all", max_catchup=10_000
        )
        for name in names:
            assert name == await until_answered(partial(add, id=name))
        for name in names:
            await until_answered(partial(client.pause_schedule, name))
        paused = {name: (await until_answered(partial(client.get_schedule, name))).state for name in names}
        await anyio.sleep(2 * EVERY)
        for name in names:
            state = (await until_answered(partial(client.get_schedule, name))).state
            assert state == paused[name]
            assert state.paused
        for name in names:
            await until_answered(partial(client.unpause_schedule, name))


async def until_answered(call: Callable[[], Awaitable[T]]) -> T:
    """Ask again, as users do, until the store answers."""
    while True:
        try:
            return await call()
        except StoreUnavailableError:
            await anyio.lowlevel.checkpoint()
