"""The harness itself: a server that ends badly is found out."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.web import serving as serving_module
from tests.web.serving import gunicorn, program, serving

SERVER = """
import asyncio, http.server, os, signal, subprocess, sys, threading, time, warnings

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler)
try:
    server.serve_forever()
finally:
    server.server_close()
    {flaw}
"""

FLAWS = {
    "nothing": "pass",
    "a traceback": "1 / 0",
    "a warning": "warnings.simplefilter('default'); warnings.warn('old')",
    "an exit code": "os._exit(3)",
    "a thread": "threading.Thread(target=time.sleep, args=[30], daemon=True).start()",
    "a task": "asyncio.run(main())",
    "a process": "subprocess.Popen(['sleep', '30']); os._exit(0)",
}


def serve(flaw: str, folder: Path) -> None:
    """Start and stop a server with this flaw."""
    path = folder / "server.py"
    main = "async def main():\n    asyncio.create_task(asyncio.sleep(30)); await asyncio.sleep(0)\n"
    path.write_text(main + SERVER.format(flaw=FLAWS[flaw]), encoding="utf-8")
    with serving(program(path), folder, ready="/"):
        pass


def test_a_clean_end(tmp_path: Path) -> None:
    """A server that leaves nothing passes."""
    serve("nothing", tmp_path)


@pytest.mark.parametrize("flaw", [flaw for flaw in FLAWS if flaw != "nothing"])
def test_flaws(flaw: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback, a warning, another exit code, or a thread, task or process that is left fails the test."""
    if flaw == "a process":
        monkeypatch.setattr(serving_module, "GROUP_LIMIT", 0.3)  # what is left is left for long
    with pytest.raises(AssertionError):
        serve(flaw, tmp_path)


def test_a_worker_that_is_slow_to_begin(tmp_path: Path) -> None:
    """gunicorn is not stopped before each of its workers would hear of it: one that does not is waited for in vain."""
    (tmp_path / "app.py").write_text("def app(_, start):\n    start('200 OK', [])\n    return [b'']\n")
    conf = tmp_path / "conf.py"
    conf.write_text("import time\ndef post_fork(_, worker):\n    worker.age == 2 and time.sleep(1)\n")
    with serving(gunicorn("app:app", "-w", "2", "-c", str(conf)), tmp_path, ready="/"):
        pass
