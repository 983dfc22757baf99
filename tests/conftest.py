"""What every test shares: both event loops, and no deadline that a loaded machine could miss."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("anysched", deadline=None)
settings.load_profile("anysched")


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The event loop that the asynchronous tests of a module run on, one after the other."""
    return str(request.param)
