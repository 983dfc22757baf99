"""Databases that end and come back while nodes fire (rules N3, S3, J1)."""

from __future__ import annotations

import time

from tests.faults.trial import Trial, assert_exactly_once, lasting


def test_restarts(trial: Trial) -> None:
    """rule N3: over crashes of the database every few seconds each fire time has one job, which runs once."""
    with trial.nodes("a", "b", "c"):
        until = time.monotonic() + lasting(5, 60)
        while time.monotonic() < until:
            trial.go_on(lasting(1.5, 3))
            trial.server.crash()
            trial.go_on(0.3)
            trial.server.start()
    assert_exactly_once(trial.verdict())
