"""Schedulers and fork: made in one process, started in another."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.crash.processes import Processes

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Forks processes from one that has made two schedulers."""
    with Processes("tests.engine.forked_programs") as processes:
        yield processes


def started_in_children(processes: Processes, folder: Path, name: str, backend: str) -> list[Any]:
    """Start one and the same scheduler in two processes; return what they tell."""
    children = [
        processes.start("start_here", folder=str(folder), name=name, backend=backend) for _ in range(2)
    ]
    for child in children:
        child.join()
    return [json.loads((folder / f"{child.pid}.json").read_text()) for child in children]


def test_a_made_up_identity(processes: Processes, tmp_path: Path, anyio_backend: str) -> None:
    """A scheduler that is made before a fork takes a name of its own in each process; its subscribers hear it."""
    one, other = started_in_children(processes, tmp_path, "made_up", anyio_backend)
    assert one["before"] == other["before"]
    assert 3 == len({one["before"], one["now"], other["now"]})
    assert [[one["now"]], [other["now"]]] == [one["heard"], other["heard"]]
    assert not set(one["ids"]) & set(other["ids"])


def test_an_identity_that_is_given(processes: Processes, tmp_path: Path, anyio_backend: str) -> None:
    """A name that was given stays, whatever becomes of it."""
    told = started_in_children(processes, tmp_path, "named", anyio_backend)
    assert ["me"] * 6 == [name for each in told for name in (each["before"], each["now"], *each["heard"])]


def test_a_fork_while_it_runs(processes: Processes, tmp_path: Path) -> None:
    """In a process that is forked while a scheduler runs each call is refused; where it was started it goes on."""
    processes.start("fork_while_it_runs", folder=str(tmp_path)).join()
    (path,) = tmp_path.glob("*.json")
    first, *others = json.loads(path.read_text())
    assert "runs once" in first
    for told in others:
        assert "start it after the fork" in told
