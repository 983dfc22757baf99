"""Time zone files, made by a test: what RFC 8536 says of their bytes, as far as ``zoneinfo`` reads them."""

from __future__ import annotations

import struct
import zoneinfo
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

#: Nobody has a zone of this name.
LAND = "Test/Land"

_HEADER = struct.Struct(">4sc15x6l")


def tzif(offset: int, changes: Sequence[tuple[datetime, int]] = (), footer: str = "") -> bytes:
    """Return the bytes of a zone.

    :param offset: how many seconds its clocks are ahead of UTC at first
    :param changes: when they are set, and how far they are ahead from then on
    :param footer: what comes after the last of these, such as "EET-2EEST,M3.5.0/3,M10.5.0/4"
    """
    kinds = [offset, *(after for _, after in changes)]  # the first is the one before all changes
    body = b"".join(struct.pack(">q", int(at.timestamp())) for at, _ in changes)
    body += bytes(range(1, len(kinds)))
    body += b"".join(struct.pack(">lbb", kind, 0, 0) for kind in kinds)
    empty = _HEADER.pack(b"TZif", b"2", 0, 0, 0, 0, 0, 0)
    header = _HEADER.pack(b"TZif", b"2", 0, 0, 0, len(changes), len(kinds), 4)
    return empty + header + body + b"LAN\0" + f"\n{footer}\n".encode()


class Database:
    """A time zone database in a folder, of which a process reads again what has changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, version: str | None, data: bytes, name: str = LAND) -> None:
        """Have a zone say something else from now on, as if the process had been started anew."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        told = self.folder / "tzdata.zi"
        if version is None:
            told.unlink(missing_ok=True)
        else:
            told.write_text(f"# version {version}\n# This zic input file is in the public domain.\n")
        zoneinfo.ZoneInfo.clear_cache(only_keys=[name])


@contextmanager
def database(folder: Path) -> Generator[Database]:
    """Have this process find time zones in a folder first."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[str(folder), *before])
    try:
        yield Database(folder)
    finally:
        zoneinfo.reset_tzpath(to=before)
        zoneinfo.ZoneInfo.clear_cache(only_keys=[LAND])


def utc(*fields: int) -> datetime:
    """Return an instant."""
    return datetime(*fields, tzinfo=UTC)  # type: ignore[arg-type,misc]
