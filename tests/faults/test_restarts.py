"""Databases that end and come back, or end their connections, while nodes fire (rules N3, S3, J1)."""

from __future__ import annotations

import time

from tests.faults.trial import Trial, assert_exactly_once, lasting, places


def test_restarts(trial: Trial) -> None:
    """rule N3: over crashes of the database every few seconds each fire time has one job, which runs once."""
    with trial.nodes("a", "b", "c"):
        until = time.monotonic() + lasting(5, 60)
        while time.monotonic() < until:
            trial.go_on(lasting(1.2, 3))
            trial.server.crash()
            trial.go_on(0.3)
            trial.server.start()
    assert_exactly_once(trial.verdict())


@places("postgresql-asyncio", "mariadb-asyncio")
def test_terminated_backends(trial: Trial) -> None:
    """rule N3: though the server ends all their connections twice a second, nodes run each job once."""
    cut = 0
    with trial.nodes("a", "b", "c"):
        until = time.monotonic() + lasting(4, 60)
        while time.monotonic() < until:
            trial.go_on(0.5)
            cut += trial.server.cut_connections(trial.database)
    assert cut >= 10
    assert_exactly_once(trial.verdict())
