"""What to say where a framework is not installed."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import contextmanager


@contextmanager
def needs(extra: str, packages: Collection[str]) -> Generator[None]:
    """Name the extra to install when the block imports one of its packages in vain.

    :raise ModuleNotFoundError: for the package
    """
    try:
        yield
    except ModuleNotFoundError as exc:
        package = (exc.name or "").partition(".")[0]
        if package not in packages:
            raise
        raise ModuleNotFoundError(
            f"anysched.integrations.{extra} needs {package}: pip install 'anysched[{extra}]'", name=exc.name
        ) from exc
