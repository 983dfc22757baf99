"""Runs a server, and kills it when whoever asked for it is gone: closed its end of the standard input, or was killed.

Called with the name of a user to run it as ("" for the same one) and its command; tells its number in one line.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import threading


def run(user: str, command: list[str]) -> int:
    """Return the exit code of the server."""
    found = pwd.getpwnam(user) if user else None
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        cwd="/",
        user=None if found is None else found.pw_uid,
        group=None if found is None else found.pw_gid,
        extra_groups=None if found is None else [],
    )
    os.write(1, b"%d\n" % server.pid)

    def watch() -> None:
        os.read(0, 1)
        server.kill()

    threading.Thread(target=watch, daemon=True).start()
    return server.wait()


if __name__ == "__main__":
    os._exit(run(sys.argv[1], sys.argv[2:]) & 0xFF)  # though the thread still reads
