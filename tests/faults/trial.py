"""Nodes that share a database and fire, a fault meanwhile, and the verdict."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.crash.checker import Run, Verdict
from tests.crash.processes import PATIENCE, Child, Processes
from tests.crash.site import Site, Starter
from tests.faults.figures import PROPERTY, figures
from tests.servers.own import DatabaseServer
from tests.servers.proxy import Proxy

#: Whether figures are wanted, and not only whether it works.
LONG = os.environ.get("ANYSCHED_FAULTS") == "long"

#: Seconds of a node's lease, and between two looks of it if it hears nothing.
LEASE = 2.0

#: A lease that outlasts every fault which ends by itself, on the slowest machine, too: nothing is to run again.
LONG_LEASE = 6.0
POLL = 0.5

#: Each schedule fires so often, in seconds.
EVERY = 0.5
SCHEDULES = 100 if LONG else 20


#: Each event loop on a server of each kind.
PLACES = ("postgresql-asyncio", "postgresql-trio", "mariadb-asyncio")


def places(*short: str) -> pytest.MarkDecorator:
    """Have a test take place on some of ``PLACES``, and on all of them if figures are wanted."""
    return pytest.mark.parametrize("place", PLACES if LONG else short, indirect=True)


def lasting(short: float, long: float) -> float:
    """Return for how many seconds a fault is to last."""
    return long if LONG else short


class Trial:
    """A database on a server, nodes that use it, and what can be found when they are gone."""

    def __init__(
        self,
        processes: Processes,
        server: DatabaseServer,
        database: str,
        backend: str,
        folder: Path,
        record: Callable[[str, object], None],
    ) -> None:
        self.server = server
        self.database = database
        self.backend = backend
        self.log = folder / "log"
        self.folder = folder
        self._record = record
        self._nodes: dict[str, Child] = {}
        self.site = Site(
            processes,
            backend,
            folder,
            number=SCHEDULES,
            every=EVERY,
            lease=LEASE,
            url=server.url(database),
        )

    def start(self, *names: str, by: Mapping[str, Starter] | None = None, **others: object) -> list[Child]:
        """Start nodes; return them when all of them work. Arguments are those of ``begin``."""
        for name in names:
            self.begin(name, by=None if by is None else by.get(name), **others)
        for name in names:
            self.wait_for((self.folder / f"{name} is ready").exists, name)
        return [self._nodes[name] for name in names]

    def begin(
        self, name: str, *, behind: Proxy | None = None, by: Starter | None = None, **others: object
    ) -> None:
        """Start a node, and do not wait.

        :param behind: what stands between it and the server
        :param by: what starts it, if it is not to be forked
        :param others: arguments of ``nodes.serve``
        """
        address = self.server.url(self.database, port=None if behind is None else behind.port)
        ready = str(self.folder / f"{name} is ready")
        options = {"poll": POLL, "url": address, **others}
        self._nodes[name] = self.site.start("serve", by=by, name=name, ready=ready, **options)

    def wait_for(self, condition: Callable[[], bool], what: str = "") -> None:
        """Let time pass until something is so; no node may end meanwhile."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"it does not come about: {what}"
            self.go_on(0.02)

    def go_on(self, seconds: float) -> None:
        """Let time pass; no node may end meanwhile."""
        time.sleep(seconds)
        for name, node in self._nodes.items():
            assert node.lives_for(0), f"{name} has ended"

    @contextmanager
    def nodes(self, *names: str, behind: Proxy | None = None, **others: object) -> Generator[None]:
        """Have nodes run meanwhile, and stop in order."""
        self.start(*names, behind=behind, **others)
        yield
        self.stop()

    def stop(self, *names: str) -> None:
        """Stop nodes in order; without names all."""
        names = names or tuple(self._nodes)
        for name in names:
            self.wait_for((self.folder / f"{name} is ready").exists, name)
        nodes = [self._nodes.pop(name) for name in names]
        for node in nodes:
            node.signal(signal.SIGTERM)
        for node in nodes:
            node.join()

    def signal(self, name: str, number: int) -> float:
        """Send a signal to a node; return when, in seconds since the epoch."""
        at = time.time()
        self._nodes[name].signal(number)
        return at

    def kill(self, name: str) -> float:
        """End a node at once; return when, in seconds since the epoch."""
        at = time.time()
        self._nodes.pop(name).kill()
        return at

    def close(self) -> None:
        """End the nodes that a test which failed has left."""
        for name in list(self._nodes):
            if self._nodes[name].end(0) is None:
                self.kill(name)

    def ended(self) -> dict[str, int]:
        """Forget the nodes that have ended; return their exit codes, a negative one for a signal."""
        codes = {name: code for name, node in self._nodes.items() if (code := node.end(0)) is not None}
        for name in codes:
            del self._nodes[name]
        return codes

    def runs(self) -> list[Run]:
        """Return what has run until now."""
        return self.site.runs()

    def verdict(self, gone: Mapping[str, float] | None = None) -> Verdict:
        """Return what came of all fire times; its figures go with the report of the test."""
        verdict = self.site.outcome(gone)
        wrong = {*verdict.doubled, *verdict.unforced, *verdict.early}
        for run in self.runs():
            if run.due in wrong:
                print(run)  # a test that fails shows it
        self._record(PROPERTY, figures(verdict, LEASE + POLL))
        return verdict


def assert_exactly_once(verdict: Verdict) -> None:
    """Check that each due time had one job, which started once and not early."""
    wrong = (verdict.lost, verdict.doubled, verdict.repeated, verdict.early, verdict.overlapping)
    assert ([], [], [], [], []) == wrong
    assert verdict.fire_times > 0


def assert_forced(verdict: Verdict) -> None:
    """Check that each due time had one job, not early, which started again only where its node was gone."""
    assert ([], [], [], []) == (verdict.lost, verdict.doubled, verdict.unforced, verdict.early)
    assert verdict.fire_times > 0
