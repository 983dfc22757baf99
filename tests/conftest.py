"""What every test shares: both event loops, no deadline that a loaded machine could miss, and a good order."""

from __future__ import annotations

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


#: Where tests wait for other processes and real time: how long one takes, in seconds. Others compute.
WAITING = {
    "brokers": 0.2,
    "crash": 1.2,
    "examples": 0.6,
    "faults": 5.0,
    "servers": 0.5,
    "sql": 0.2,
    "web": 1.7,
}
COMPUTING = 0.03


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
    totals: defaultdict[bool, float] = defaultdict(float)
    for item in items:
        kind = item.path.parent.name in WAITING
        takes = WAITING.get(item.path.parent.name, COMPUTING)
        seconds[item.path] += takes
        totals[kind] += takes
    before: defaultdict[bool, float] = defaultdict(float)  # what has its place, of each kind
    places: dict[Path, tuple[float, bool]] = {}
    for path in sorted(seconds, key=lambda path: -seconds[path]):
        kind = path.parent.name in WAITING
        places[path] = before[kind] / totals[kind], kind
        before[kind] += seconds[path]
    order = {path: number for number, path in enumerate(sorted(places, key=lambda path: places[path]))}
    items.sort(key=lambda item: order[item.path])
