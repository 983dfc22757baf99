"""MariaDB servers of the tests' own, from what is installed."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tests.servers.own import ServerProcess, lent, unprivileged

#: Each commit is on the disk; small, and on the loopback only.
SETTINGS: dict[str, object] = {
    "bind-address": "127.0.0.1",
    "innodb-flush-log-at-trx-commit": 1,
    "innodb-log-file-size": "16M",
    "innodb-buffer-pool-size": "32M",
    "innodb-fast-shutdown": 1,
    "skip-name-resolve": 1,
    "skip-ssl": 1,
}

#: Who the nodes are: not the administrator, for whom a connection is reserved.
USER = "node"

#: As the server runs neither all of it by a path of ``which``, nor in the path of everybody.
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def installed() -> Path | None:
    """Return the program of the server, if what makes its folder is there, too."""
    program = shutil.which("mariadbd", path=PLACES)
    return Path(program) if program and shutil.which("mariadb-install-db", path=PLACES) else None


class MariaDBServer(ServerProcess):
    """A server on a port of its own, not started yet."""

    def __init__(self, program: Path) -> None:
        super().__init__(unprivileged("mysql", "nobody"))
        self._program = program
        # Not the folder of other servers: one that starts deletes all temporary tables there.
        temporary = self.folder / "temporary"
        temporary.mkdir()
        temporary.chmod(0o777)
        self._base = ["--no-defaults", f"--datadir={self.folder / 'data'}", f"--tmpdir={temporary}"]
        maker = shutil.which("mariadb-install-db", path=PLACES)
        options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=16M"]
        self.make([str(maker), *self._base, *options])
        self._new = True

    def start(self, **settings: object) -> None:
        """Start it with these settings besides ``SETTINGS``; return when it answers."""
        chosen = {**SETTINGS, "port": self.port, "socket": self.folder / "socket", **settings}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
        self.begin([self._program, *self._base, *options], self._answers)
        if self._new:
            self.execute(f"CREATE USER {USER}@127.0.0.1")
            self._new = False

    def _answers(self) -> bool:
        import pymysql

        try:
            self.execute("SELECT 1")
        except pymysql.err.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop it in order."""
        self.end(signal.SIGTERM)

    def crash(self) -> None:
        """Kill it: connections break, and it has to recover."""
        self.end(signal.SIGKILL)

    def database(self) -> AbstractContextManager[str]:
        """Lend the name of a new database."""
        return lent(self._create, lambda name: self.execute(f"DROP DATABASE {name}"))

    def _create(self, name: str) -> None:
        self.execute(f"CREATE DATABASE {name}")
        self.execute(f"GRANT ALL ON {name}.* TO {USER}@127.0.0.1")

    def url(self, database: str, *, port: int | None = None, **query: str) -> str:
        """Return the address of a database for a node; ``port`` may be that of a proxy."""
        url = sa.URL.create(
            "mysql+pymysql",
            USER,
            None,
            "127.0.0.1",
            port or self.port,
            database,
            query={"ssl_disabled": "true", **query},
        )
        return url.render_as_string(hide_password=False)

    def execute(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Have the administrator do something, on a connection of its own; return the rows."""
        import pymysql

        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            database=database,
            connect_timeout=3,
            autocommit=True,
            ssl_disabled=True,
        )
        with closing(connection), connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def cut_connections(self, database: str) -> int:
        """End every connection to a database; return how many there were."""
        ids = self.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{database}'")
        for (number,) in ids:
            self._kill(number)
        return len(ids)

    def _kill(self, number: int) -> None:
        import pymysql

        try:
            self.execute(f"KILL CONNECTION {number}")
        except pymysql.err.OperationalError as exc:
            if exc.args[0] != 1094:  # it has ended by itself
                raise
