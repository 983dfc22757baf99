"""Real processes, real signals, real time, on files."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from tests.crash.processes import Processes

if sys.platform == "win32":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """What starts child processes that can be killed."""
    with Processes("tests.crash.nodes") as processes:
        yield processes
