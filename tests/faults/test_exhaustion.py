"""There are not enough connections (rules N3, J1)."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from tests.faults.trial import LEASE, LONG_LEASE, Trial, assert_exactly_once, lasting, places

#: Three nodes with a pool of their own would like more of them.
FEW = 9


@places("mariadb-asyncio")
def test_pool(trial: Trial) -> None:
    """rule J1: though the user has the only connection of a pool for longer than a lease, no lease is lost by that."""
    engine: dict[str, Any] = {"pool_size": 1, "max_overflow": 0}
    with trial.nodes("a", "b", engine=engine, busy=3.5, lease=3):
        trial.go_on(lasting(4, 12))
    assert_exactly_once(trial.verdict())


@places("postgresql-trio")
def test_max_connections(trial: Trial) -> None:
    """rule N3: nodes whom the server has no connection for wait for one; each job runs once."""
    server = trial.server
    try:
        with trial.nodes("a", "b", "c", lease=LONG_LEASE):  # a user's own call is refused while there is none
            server.stop()
            server.start(max_connections=FEW)
            until = time.monotonic() + lasting(2.5, 8)
            while time.monotonic() < until:
                trial.go_on(0.5)
                take_all_connections(trial, LEASE / 4)
    finally:
        server.stop()
        server.start()
    assert_exactly_once(trial.verdict())


def take_all_connections(trial: Trial, seconds: float) -> None:
    """Take the connections of the nodes away, and all that are free, and give them back after a while."""
    with ExitStack() as taken:
        engine = sa.create_engine(trial.server.url(trial.database), poolclass=sa.NullPool)
        trial.server.cut_connections(trial.database)
        refused = 0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                taken.enter_context(engine.connect())
            except OperationalError:
                refused += 1
                time.sleep(0.02)
        assert refused
