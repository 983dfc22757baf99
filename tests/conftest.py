"""What every test shares: both event loops, no deadline that a loaded machine could miss, and a good order."""

from __future__ import annotations

import gc
import signal
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("anysched", deadline=None)
settings.load_profile("anysched")


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The event loop that the asynchronous tests of a module run on, one after the other."""
    return str(request.param)


#: About how many seconds a test takes, by its folder or, where that has very different ones, by its module.
SECONDS = {
    "brokers": 0.2, "crash": 2.5, "examples": 1.5, "faults": 6.0, "properties": 1.5, "servers": 0.7, "sql": 0.2,
    "test_asgi_examples": 0.5, "test_benchmarks": 5.0, "test_demo_checks": 0.03, "test_disk": 0.2, "test_docs": 0.1,
    "test_forks": 0.5, "test_leases": 0.3, "test_process_executor": 0.3, "test_programs": 0.9, "test_released": 0.9,
    "test_siblings": 0.5, "test_signals": 0.5, "test_store_time": 0.7, "web": 2.0,
}  # fmt: skip
OTHERWISE = 0.03

#: Tests in those of them that wait, for other processes and real time, more than they compute.
WAITING = SECONDS.keys() - {"properties"}


def pytest_configure(config: pytest.Config) -> None:
    """Have xdist keep the order of the modules; its own puts the few long tests that wait together, at the end.

    Ctrl-C is for the programs under test, too, though the tests run in the background, where shells ignore it.
    """
    config.option.loadscopereorder = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix modules that wait evenly with those that compute: what one worker leaves of the processors, others use.

    Of each kind the longest come first, so that no worker is left with a long one at the end.
    """
    seconds: defaultdict[Path, float] = defaultdict(float)
    for item in items:
        seconds[item.path] += SECONDS.get(item.path.stem, SECONDS.get(item.path.parent.name, OTHERWISE))
    waiting = {path: bool(WAITING & {path.stem, path.parent.name}) for path in seconds}
    before: defaultdict[bool, float] = defaultdict(float)  # what has its place, of each kind
    places: dict[Path, tuple[float, bool]] = {}
    for path in sorted(seconds, key=lambda path: -seconds[path]):
        kind = waiting[path]
        total = sum(seconds[other] for other in seconds if waiting[other] is kind)
        places[path] = before[kind] / total, kind
        before[kind] += seconds[path]
    order = {path: number for number, path in enumerate(sorted(places, key=lambda path: places[path]))}
    items.sort(key=lambda item: order[item.path])


def pytest_collection_finish() -> None:
    """Keep the garbage collector from all that was collected here: looking through it each time takes 0.2 s."""
    gc.freeze()
