"""Several processes of a web server, each with a scheduler of its own in memory: one of them warns."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.crash.processes import Child, Processes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks here")

#: Seconds after which something hangs.
DEADLINE = 20.0

Serve = Callable[..., "Worker"]


class Worker:
    """A process of a web server."""

    def __init__(self, child: Child, folder: Path) -> None:
        self._child = child
        self._lives = True
        self._told = folder / f"{child.pid}.json"

    def warnings(self) -> list[str]:
        """Return what it has warned of, once it has looked."""
        until = time.monotonic() + DEADLINE
        while not self._told.exists():
            assert time.monotonic() < until
            assert self._child.lives_for(0.005)
        warnings: list[str] = json.loads(self._told.read_text())
        return warnings

    def kill(self) -> None:
        """End it, if that has not been done."""
        if self._lives:
            self._child.kill()
            self._lives = False


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Forks processes that import nothing any more."""
    with Processes("tests.engine.forked_programs") as processes:
        yield processes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where processes tell of themselves, with a folder for temporary files."""
    (tmp_path / "tmp").mkdir()
    return tmp_path


@pytest.fixture
def serve(processes: Processes, folder: Path) -> Iterator[Serve]:
    """Starts processes of one server."""
    started: list[Worker] = []

    def serve(**options: Any) -> Worker:
        arguments = {"store": None, "role": "both", "count": 1, "modules": ["uvicorn"], "overlap": 0.05}
        started.append(
            Worker(processes.start("serve", folder=str(folder), **{**arguments, **options}), folder)
        )
        return started[-1]

    yield serve
    for worker in started:
        worker.kill()


def lock_file(folder: Path) -> Path:
    return folder / "tmp" / f"anysched-{os.geteuid()}.lock"


@pytest.mark.parametrize("store", [None, "sqlite://"])
def test_one_of_them_warns(serve: Serve, folder: Path, store: str | None) -> None:
    """Of all processes of a server one warns, once, however many schedulers it has, and names the remedy."""
    workers = [serve(store=store, count=2) for _ in range(3)]
    (warning,) = [warning for worker in workers for warning in worker.warnings()]
    assert "every process runs every job" in warning
    assert "sqlite:///jobs.db" in warning
    (file,) = (folder / "tmp").iterdir()
    assert (file, 0o600, 0) == (lock_file(folder), stat.S_IMODE(file.stat().st_mode), file.stat().st_size)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"store": "sqlite:///{folder}/jobs.db"}, id="a durable store"),
        pytest.param({"role": "client"}, id="nothing runs there"),
        pytest.param({"modules": []}, id="no server"),
        pytest.param({"modules": ["uvicorn", "pytest"]}, id="tests side by side"),
    ],
)
def test_nobody_warns(serve: Serve, folder: Path, options: dict[str, Any]) -> None:
    """Nobody warns where jobs are not run twice, or where no server is."""
    if "store" in options:
        options = {"store": options["store"].format(folder=folder)}
    workers = [serve(**options) for _ in range(2)]
    assert [[], []] == [worker.warnings() for worker in workers]


def test_one_process(serve: Serve) -> None:
    """Several schedulers in one process are no several processes."""
    assert [] == serve(count=3).warnings()


def test_a_process_that_replaces_another(serve: Serve) -> None:
    """A process that starts while its predecessor ends, or after that, has nobody beside it."""
    first = serve()
    assert [] == first.warnings()
    second = serve(overlap=0.5)
    time.sleep(0.1)  # it looks, and finds the first
    first.kill()
    assert [] == second.warnings()


def test_a_process_that_died_leaves_its_place(serve: Serve) -> None:
    """What a process that died had taken is free for others, who still find each other."""
    first = serve()
    assert [] == first.warnings()
    first.kill()
    second = serve()
    assert [] == second.warnings()
    assert 1 == len(serve().warnings())


@pytest.mark.parametrize("obstacle", ["no folder", "read-only", "link", "folder", "pipe"])
def test_what_is_in_the_way(serve: Serve, folder: Path, obstacle: str) -> None:
    """Where the file cannot be used nobody warns, nothing fails, and what is there stays as it is."""
    path, elsewhere = lock_file(folder), folder / "elsewhere"
    if obstacle == "no folder":
        path.parent.rmdir()
    elif obstacle == "read-only":
        if os.geteuid() == 0:
            pytest.skip("nothing is forbidden to this user")
        path.parent.chmod(0o500)
    elif obstacle == "link":
        path.symlink_to(elsewhere)
    elif obstacle == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    workers = [serve() for _ in range(2)]
    assert [[], []] == [worker.warnings() for worker in workers]
    assert not elsewhere.exists()
