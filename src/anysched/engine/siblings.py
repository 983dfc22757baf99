"""Noticing that every process of a web server runs a scheduler of its own, and so every job several times.

A data store in memory belongs to one process. Each process of a program takes a place in the program's row, and the
second one warns. A place is a lock on one byte of a file, which the operating system takes back when the process
ends, however it ends. Nothing comes of it where such locks or a folder for temporary files are missing, as on
Windows, nor between servers that were started apart.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import sys
import tempfile
from pathlib import Path

from anysched._clock import Clock

if sys.platform != "win32":
    import fcntl

logger: logging.Logger = logging.getLogger(__name__)

#: Modules of which one is loaded where a process serves the web.
SERVERS = frozenset(
    {
        "bjoern", "cheroot", "daphne", "granian", "gunicorn", "hypercorn", "mod_wsgi", "sanic", "uvicorn", "uwsgi",
        "waitress", "werkzeug.serving",
    }
)  # fmt: skip

#: Seconds for which a process may still be there whose successor has started.
OVERLAP = 2.0


class Row:
    """The places of this program's processes, and the one that this process has."""

    who = "siblings"

    def __init__(self) -> None:
        self._file: tuple[int, int] | None = None  # process, and file: closing it would give up the place
        self._warned = 0  # by which process

    async def watch(self, clock: Clock) -> None:
        """Warn, once for all processes, if another process of this server does the same as this one."""
        if sys.platform == "win32" or not is_server():
            return
        try:
            if self._take(0):
                return
            await clock.sleep(OVERLAP)
            if self._take(0) or not self._take(1) or self._warned == os.getpid():
                return
        except OSError as exc:
            logger.debug("whether other processes run the same jobs cannot be found out: %s", exc)
            return
        self._warned = os.getpid()
        logger.warning(
            "another process of this server runs a scheduler whose data store is in memory, as this one does: every "
            'process runs every job. Give all of them one durable data store, such as "sqlite:///jobs.db", or run '
            "the server with one process"
        )

    def _take(self, place: int) -> bool:
        """Take a place; return whether this process has it now."""
        try:
            fcntl.lockf(self._open(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _row_of_this_program() + place)
        except (BlockingIOError, PermissionError):  # which of the two, is left to the system
            return False
        return True

    def _open(self) -> int:
        process = os.getpid()
        if self._file is None or self._file[0] != process:
            self._file = process, _open_own_file()
        return self._file[1]


row: Row = Row()


def is_server() -> bool:
    """Return whether this process serves the web. Tests that run side by side are meant to be apart."""
    serves = not SERVERS.isdisjoint(sys.modules) or sys.argv[1:2] == ["runserver"]
    return serves and "pytest" not in sys.modules


def _row_of_this_program() -> int:
    """Return where the places of this program begin: a number that all its processes agree on, and no others."""
    program = repr((os.getpgrp(), Path.cwd(), sys.argv, sys.path)).encode(errors="replace")
    return int.from_bytes(hashlib.blake2b(program, digest_size=7).digest(), "big") * 2


def _open_own_file() -> int:
    """Open the file that all programs of a user share. :raise OSError: when it cannot be used, or is another's"""
    user = os.geteuid()
    path = os.path.join(tempfile.gettempdir(), f"anysched-{user}.lock")
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != user:
        os.close(file)
        raise OSError(f"{path} belongs to somebody else")
    return file
