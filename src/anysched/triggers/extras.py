"""Packages that not everybody has: what needs one is there for stored data where it is installed, and only there."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeVar

from anysched.wire.registry import register_type

T = TypeVar("T", bound=type)


def is_installed(package: str) -> bool:
    """Return whether a package can be imported; it is not imported for that."""
    try:
        return find_spec(package) is not None
    except ValueError:  # it was made unavailable in sys.modules
        return False


def register_with(package: str, name: str, *, version: int) -> Callable[[T], T]:
    """Register a class where a package is installed. Other nodes do not know it, and leave it to those (rule S2)."""
    if is_installed(package):
        return register_type(name, version=version)
    return lambda cls: cls


def require_package(package: str, what: str, extra: str) -> None:
    """Refuse to go on without a package. :raise ImportError: naming the extra that installs it"""
    if not is_installed(package):
        raise ImportError(f"{what} needs {package}: pip install 'anysched[{extra}]'", name=package)
