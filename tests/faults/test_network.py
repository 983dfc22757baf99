"""What lies between nodes and the database fails (rules N3, S3, J1, J2)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from tests.crash.checker import SECOND
from tests.faults.trial import (
    LEASE,
    LONG,
    LONG_LEASE,
    POLL,
    SCHEDULES,
    Trial,
    assert_exactly_once,
    lasting,
    places,
)
from tests.servers.proxy import Proxy

from anysched.stores.sql import dialect_mariadb, dialect_postgresql

#: Of a transaction on either server, in seconds; the long form waits for the real one.
IDLE_TIMEOUT = max(dialect_mariadb.IDLE_TIMEOUT, dialect_postgresql.IDLE_TIMEOUT) if LONG else 4


@pytest.fixture
def proxy(trial: Trial) -> Iterator[Proxy]:
    """What stands between some nodes and the server."""
    with Proxy(trial.server.port) as proxy:
        yield proxy


@places("postgresql-trio")
def test_refused(trial: Trial, proxy: Proxy) -> None:
    """rule N3: while the server refuses connections nothing fires; then all of it does, once."""
    with trial.nodes("a", "b", "c", behind=proxy, lease=LONG_LEASE):
        for _ in range(round(lasting(1, 4))):
            trial.go_on(lasting(0.7, 1))
            proxy.refuse()
            trial.go_on(lasting(1, 1.5))
            proxy.heal()
        trial.go_on(1)
    assert_exactly_once(trial.verdict())


@places("mariadb-asyncio")
def test_half_open(trial: Trial, proxy: Proxy) -> None:
    """rule N3: connections whose other end has forgotten them are found out and replaced; each job runs once."""
    with trial.nodes("a", "b", "c", behind=proxy, lease=LONG_LEASE):
        until = time.monotonic() + lasting(2.5, 8)
        while time.monotonic() < until:
            trial.go_on(0.7)
            proxy.half_open(probed_after=0.5)
    assert_exactly_once(trial.verdict())


@places("postgresql-asyncio")
def test_cut_in_the_middle(trial: Trial, proxy: Proxy) -> None:
    """rule S3: connections that break after any number of bytes leave nothing half done; each job runs once."""
    with trial.nodes("a", "b", "c", behind=proxy, lease=LONG_LEASE):
        until = time.monotonic() + lasting(2.5, 8)
        size = 0
        while time.monotonic() < until:
            size = (size + 7919) % 40_000
            proxy.cut_after(size)
            trial.go_on(0.4)
            proxy.heal()
    assert_exactly_once(trial.verdict())


@places("postgresql-trio")
def test_latency(trial: Trial, proxy: Proxy) -> None:
    """rule J1: with 300 ms for each question no lease is lost, and each job runs once."""
    with trial.nodes("a", "b", "c", behind=proxy, lease=LONG_LEASE):
        proxy.delay(0.15)
        trial.go_on(lasting(4, 15))
        proxy.heal()
    assert_exactly_once(trial.verdict())


@places("postgresql-asyncio", "mariadb-asyncio")
def test_black_hole(trial: Trial, proxy: Proxy) -> None:
    """rule J2: of two nodes one is in a black hole; the other goes on, and takes over its jobs; it comes back."""
    trial.start("lost", behind=proxy)
    trial.start("there")
    trial.go_on(lasting(0.5, 4))
    proxy.hold()
    began = time.time()
    trial.go_on(LEASE + lasting(0, 8))
    before = len(trial.runs())
    trial.wait_for(lambda: len(trial.runs()) > before + SCHEDULES, "the other node goes on")
    assert {"there"} == {run.node for run in trial.runs()[before:]}
    proxy.heal()
    trial.wait_for(lambda: trial.runs()[-1].node == "lost", "the lost one comes back")
    trial.stop()
    verdict = trial.verdict({"lost": began})
    assert ([], [], []) == (verdict.lost, verdict.doubled, verdict.early)


@pytest.mark.parametrize("answered", [b"DELETE ", b"SKIP LOCKED"] if LONG else [b"DELETE "])
@places("postgresql-trio")
def test_black_hole_in_a_transaction(trial: Trial, proxy: Proxy, answered: bytes) -> None:
    """rule N3: a node that is cut off while it has rows locked keeps them no longer than a transaction may be idle."""
    # Statements are to be sent as text each time, so that the proxy knows them.
    text = {"pool_pre_ping": True, "connect_args": {"prepare_threshold": None}}
    engine = text if "psycopg" in trial.site.url else None
    trial.start("lost", behind=proxy, engine=engine, idle_timeout=None if LONG else IDLE_TIMEOUT)
    trial.start("there")
    trial.go_on(1)
    proxy.hold_answer(to=answered)
    trial.wait_for(lambda: proxy.holds)
    began = time.time()
    trial.go_on(IDLE_TIMEOUT + POLL + 2)
    free = [run for run in trial.runs() if run.node == "there" and run.started > began * SECOND]
    waits = [after.started - before.started for before, after in pairwise(free)]
    proxy.heal()
    trial.stop()
    verdict = trial.verdict({"lost": began})
    assert ([], [], []) == (verdict.lost, verdict.doubled, verdict.early)
    assert verdict.lateness[-1] < IDLE_TIMEOUT + POLL + 5
    assert max(waits) < IDLE_TIMEOUT * SECOND / 2, "the other node stood still"
