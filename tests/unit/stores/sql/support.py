"""What these tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Executes a statement and returns rows.
Query = Callable[..., list[tuple[Any, ...]]]


def write_file(path: Path, content: bytes) -> None:
    """Replace a file."""
    path.write_bytes(content)


def read_file(path: Path) -> bytes:
    """Return what is in a file."""
    return path.read_bytes()
