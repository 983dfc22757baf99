"""Processes that share one MariaDB, one of them killed (rules S3, J1 to J3, N1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crash.processes import Processes
from tests.crash.site import Site
from tests.services import mariadb_database

pytest.importorskip("pymysql")


@pytest.fixture
def url() -> Iterator[str]:
    """Where the nodes find a database of their own."""
    with mariadb_database() as engine:
        yield engine.url.render_as_string(hide_password=False)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_three_nodes_and_a_kill(processes: Processes, backend: str, url: str, tmp_path: Path) -> None:
    """rules S3 and J2: of three nodes one is killed; each fire time has one job, and the others do what it left."""
    site = Site(processes, backend, tmp_path, number=20, every=0.25, lease=1, url=url)
    nodes = [site.start(seconds=3) for _ in range(2)]
    victim = site.start(seconds=3600)
    site.wait_for_runners(3, victim)
    victim.kill()
    for node in nodes:
        node.join()
    found = site.outcome()
    assert ([], []) == (found.lost, found.doubled)
    assert 6 * 20 <= found.fire_times
