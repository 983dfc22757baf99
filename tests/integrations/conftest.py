"""The ready-made router, in an application of each framework, on both event loops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.integrations.support import Api, serving


@pytest.fixture(params=["starlette", "fastapi"])
def framework(request: pytest.FixtureRequest) -> str:
    """The framework of the application."""
    return str(request.param)


@pytest.fixture
def api(framework: str, anyio_backend: str) -> Iterator[Api]:
    """A running application that lets anybody do anything."""
    with serving(framework, backend=anyio_backend) as api:
        yield api
