"""Nodes in processes, on servers that are broken while they work; and what came of it, as a table.

ANYSCHED_FAULTS=long makes each fault last for a minute or so instead of seconds; `nox -s faults` does that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.crash.processes import Processes
from tests.faults.figures import table
from tests.faults.trial import LONG, PLACES, Trial
from tests.servers.lending import own_mariadb, own_postgresql
from tests.servers.own import DatabaseServer

if sys.platform == "win32":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """What starts nodes."""
    with Processes("tests.faults.nodes") as processes:
        yield processes


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[DatabaseServer]:
    """A PostgreSQL to be broken; each test leaves it running with its usual settings."""
    with own_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    """A MariaDB to be broken."""
    with own_mariadb() as server:
        yield server


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> tuple[DatabaseServer, str]:
    """A server, and an event loop."""
    kind, backend = request.param.split("-")
    return request.getfixturevalue(f"{kind}_server"), backend


@pytest.fixture
def trial(
    place: tuple[DatabaseServer, str],
    processes: Processes,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> Iterator[Trial]:
    """Where a fault takes place: nodes on one event loop and a database of their own."""
    server, backend = place
    with server.database() as database:
        trial = Trial(processes, server, database, backend, tmp_path, record_property)
        yield trial
        trial.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures of the long form."""
    if LONG:
        reports = [report for reports in terminalreporter.stats.values() for report in reports]
        for line in table(reports):
            terminalreporter.write_line(line)
