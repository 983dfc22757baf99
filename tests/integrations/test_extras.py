"""What is said where a framework is not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest


def said_without(package: str, extra: str) -> str:
    """Return the last line of a program that imports a bridge where a package cannot be imported."""
    program = f"import sys; sys.modules[{package!r}] = None; import anysched.integrations.{extra}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("extra", "package"),
    [("fastapi", "fastapi"), ("starlette", "starlette"), ("starlette", "pydantic"), ("django", "django")],
)
def test_the_extra_is_named(extra: str, package: str) -> None:
    """Importing a bridge without its framework names the package that is missing, and what installs it."""
    remedy = f"anysched.integrations.{extra} needs {package}: pip install 'anysched[{extra}]'"
    assert f"ModuleNotFoundError: {remedy}" == said_without(package, extra)


def test_what_no_extra_installs() -> None:
    """A module that no extra installs is told by its own name only."""
    said = said_without("anyio.to_thread", "starlette")
    assert "anyio.to_thread" in said
    assert "pip install" not in said
