"""The service that the demo looks after: HTTP on the loopback interface, in a process of its own.

`python service.py [port]` serves until it is terminated, and prints its port once it answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Health(BaseHTTPRequestHandler):
    """Answers `GET /health`."""

    def do_GET(self) -> None:
        """Say that all is well."""
        body = json.dumps({"status": "ok"}).encode()
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the terminal belongs to the demo."""


class Service:
    """The process, as the demo sees it: taken down and brought back on the same port."""

    def __init__(self) -> None:
        self._port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where its health is asked for."""
        return f"http://127.0.0.1:{self._port}/health"

    @property
    def up(self) -> bool:
        """Whether it runs."""
        return self._process is not None

    def start(self) -> None:
        """Start it, and return once it answers."""
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__), str(self._port)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())

    def stop(self) -> None:
        """Take it down."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.communicate()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Health)
    print(server.server_port, flush=True)
    server.serve_forever()
