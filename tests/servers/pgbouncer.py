"""A pooler of a test's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from tests.services import unavailable

#: Seconds for it to answer.
PATIENCE = 20.0


@contextmanager
def pgbouncer(server: sa.URL, mode: str, directory: Path) -> Iterator[sa.URL]:
    """Run PgBouncer before a server, and return where it answers."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        unavailable("PgBouncer", "it is not installed")
        raise AssertionError
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    target = {
        "host": server.host, "port": server.port or 5432, "user": server.username, "password": server.password
    }  # fmt: skip
    settings = directory / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = {' '.join(f'{key}={value}' for key, value in target.items() if value)}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\n"
    )
    as_whom = ["-u", "nobody"] if os.geteuid() == 0 else []  # it does not run as root
    process = subprocess.Popen(
        [program, "-q", *as_whom, str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                assert process.poll() is None, "PgBouncer does not start"
                assert time.monotonic() < deadline, "PgBouncer does not answer"
                time.sleep(0.01)
            else:
                break
        yield server.set(host="127.0.0.1", port=port, password=None)
    finally:
        process.terminate()
        process.wait(PATIENCE)
