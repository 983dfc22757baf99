"""Real servers in processes of their own: started, asked over HTTP, stopped, and held to a clean end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import httpx2

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "web"
HERE = Path(__file__).parent
APPS = HERE / "apps"

#: Seconds within which a server answers after its start, and has ended after its signal, on a busy machine.
START_LIMIT = 30.0
STOP_LIMIT = 20.0

#: Seconds after the end of a server within which the processes that it has started have ended, too.
GROUP_LIMIT = 3.0

#: Seconds that a scheduler gives running jobs by default: one without any stops sooner.
STOP_GRACE = 10.0

#: What no log of a server may say.
ALARMING = re.compile(
    r"Traceback|Warning|never awaited|was destroyed|never retrieved|Exception ignored|left behind|"
    r"^(ERROR|CRITICAL)|\[(ERROR|CRITICAL)\]|^WARNING anysched",
    re.MULTILINE,
)


@attrs.frozen
class Command:
    """How to start a server; ``{port}`` in it becomes a free port."""

    args: list[str]
    #: Whether it ends itself by SIGTERM after SIGTERM, so that nobody can look at what it leaves behind.
    ends_by_signal: bool = False
    #: How many workers gunicorn forks.
    forked: int = 0


def uvicorn(app: str, *options: str) -> Command:
    """uvicorn, on asyncio."""
    return Command(["-m", "uvicorn", app, "--port", "{port}", *options], ends_by_signal=True)


def hypercorn(app: str, backend: str, *options: str) -> Command:
    """Hypercorn on asyncio or trio; its one worker is a process of its own."""
    return Command(["-m", "hypercorn", "-k", backend, "--bind", "127.0.0.1:{port}", *options, app])


def gunicorn(app: str, *options: str) -> Command:
    """gunicorn, for WSGI; its workers are forked. It leaves the home directory alone."""
    args = ["-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--no-control-socket", *options, app]
    return Command(args, forked=int(options[options.index("-w") + 1]) if "-w" in options else 1)


def program(path: Path, *options: str) -> Command:
    """A program that serves by itself, on the port that the variable PORT names."""
    return Command([str(path), *options])


class Server:
    """A server that runs, the leader of a process group of its own, with ``folder`` as working directory."""

    def __init__(self, command: Command, folder: Path, environment: Mapping[str, str]) -> None:
        port = free_port()
        self._ends_by_signal = command.ends_by_signal
        self._forked = command.forked
        self.log_file = folder / f"server-{port}.log"
        self.port = port
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=START_LIMIT)
        self.has_ended = False
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *(arg.replace("{port}", str(port)) for arg in command.args)],
                cwd=folder,
                env=_environment(port, environment),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """All that the server and its workers have said up to now."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request, with the options of httpx, and return the response, whatever its status."""
        return self.client.request(method, path, **options)

    def get(self, path: str) -> Any:
        """Return the JSON that a GET is answered with, which must be a success."""
        return self._json("GET", path)

    def post(self, path: str, **options: Any) -> Any:
        """Return the JSON that a POST is answered with, which must be a success."""
        return self._json("POST", path, **options)

    def _json(self, method: str, path: str, **options: Any) -> Any:
        response = self.request(method, path, **options)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def wait_ready(self, path: str) -> None:
        """Return when the server answers, whatever it answers, and all its workers would hear a signal."""

        def answers() -> bool:
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}"
            try:
                self.request("GET", path)
            except httpx2.TransportError:
                return False
            return True

        wait_until(answers, START_LIMIT)
        wait_until(self._workers_hear_signals, START_LIMIT)

    def send_signal(self, number: int) -> None:
        """Send a signal to the process that was started, or SIGINT to all of the group, as Ctrl-C does."""
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def join(self) -> int:
        """Wait for the end of the server and of all processes it has started; return its exit code."""
        self.client.close()
        code = self.process.wait(STOP_LIMIT)
        wait_until(self._group_is_gone, GROUP_LIMIT)
        self.has_ended = True
        return code

    def stop(self, *, quiet: bool = True) -> float:
        """Stop the server in the way that lets it be looked at, and return how many seconds that took.

        It must end in time, with exit code 0, and leave no process; with ``quiet`` its log must have nothing
        alarming in it.
        """
        began = time.monotonic()
        self.send_signal(signal.SIGINT if self._ends_by_signal else signal.SIGTERM)
        code = self.join()
        assert code == 0, f"exit code {code}\n{self.log}"
        if quiet:
            self.assert_quiet()
        return time.monotonic() - began

    def assert_quiet(self) -> None:
        """Fail if something alarming is in the log: a traceback, a warning, something left behind."""
        # Servers with several workers leave their listening socket to the end of the process, and Python says so,
        # in pieces between which other processes may say something.
        listening = rf"<socket[^\n]* laddr=\('127.0.0.1', {self.port}\)>\n?"
        rest, left = re.subn(rf"\S*ResourceWarning: unclosed {listening}", "", self.log)
        rest = re.sub(listening, "", rest)
        assert not ALARMING.search(rest.replace("Exception ignored in: ", "", left)), self.log

    def kill(self) -> None:
        """End the server and its workers at once, unless they have ended."""
        if self.has_ended:
            return
        self.client.close()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_LIMIT)

    def _workers_hear_signals(self) -> bool:
        """A worker of gunicorn loses what it is sent before it handles signals, SIGABRT last, and is killed late."""
        if not self._forked or not Path("/proc/self/status").exists():
            return True
        listening = [pid for pid, _ in _members(self.process.pid) if _catches(pid, signal.SIGABRT)]
        return len(listening) >= self._forked

    def _group_is_gone(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return _only_zombies(self.process.pid)


@contextmanager
def serving(
    command: Command,
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    ready: str | None = "/schedules",
    quiet: bool = True,
) -> Generator[Server]:
    """Start a server, wait until it answers ``ready`` if given, and stop it at the end unless the block did.

    After a failure the server is killed, and its log is shown.
    """
    server = Server(command, folder, environment or {})
    try:
        if ready is not None:
            server.wait_ready(ready)
        yield server
        if not server.has_ended:
            server.stop(quiet=quiet)
    except BaseException:
        print(server.log)
        raise
    finally:
        server.kill()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def wait_until(condition: Callable[[], object], limit: float = 10.0) -> None:
    """Return when a condition holds; fail after ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _only_zombies(group: int) -> bool:
    """Return whether what is left of a process group has ended, and waits for an init that takes its time."""
    return {state for _, state in _members(group)} == {"Z"}


def _members(group: int) -> list[tuple[int, str]]:
    """Return the processes of a group, each with its state."""
    found: list[tuple[int, str]] = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = file.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group:
                found.append((int(file.parent.name), state))
    return found


def _catches(pid: int, number: int) -> bool:
    """Return whether a process handles a signal."""
    with suppress(OSError):
        caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)
    return False


def _environment(port: int, own: Mapping[str, str]) -> dict[str, str]:
    """The applications can be imported, warnings are errors, and the end of each process is watched."""
    inherited = os.environ.get("PYTHONPATH")
    path = [str(HERE / "watched"), str(EXAMPLES), str(APPS), *([inherited] if inherited else [])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONWARNINGS": "error",
        "PYTHONUNBUFFERED": "1",
        "PORT": str(port),
        **own,
    }
