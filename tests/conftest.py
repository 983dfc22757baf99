"""What every test shares: both event loops, no deadline that a loaded machine could miss, and a good order."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("anysched", deadline=None)
settings.load_profile("anysched")


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The event loop that the asynchronous tests of a module run on, one after the other."""
    return str(request.param)


#: Where tests wait, for other processes and real time, more than they compute.
WAITING = ("crash", "faults", "web")


def pytest_configure(config: pytest.Config) -> None:
    """Have xdist keep the order of the modules; its own puts the few long tests that wait together, at the end."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix modules that wait evenly with those that compute: what one worker leaves of the processors, others use.

    Of each kind the largest come first, so that no worker is left with a long one at the end.
    """
    sizes = Counter(item.path for item in items)
    waiting = {path: path.parent.name in WAITING for path in sizes}
    totals = Counter(waiting[item.path] for item in items)
    before: Counter[bool] = Counter()  # tests of each kind that have their place
    places: dict[Path, tuple[float, bool]] = {}
    for path in sorted(sizes, key=lambda path: -sizes[path]):
        kind = waiting[path]
        places[path] = before[kind] / totals[kind], kind
        before[kind] += sizes[path]
    order = {path: number for number, path in enumerate(sorted(places, key=lambda path: places[path]))}
    items.sort(key=lambda item: order[item.path])
