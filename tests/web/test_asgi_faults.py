"""Clients, subscribers and stores that do not do what they should, in real servers."""

from __future__ import annotations

import re
import socket
import sqlite3
from pathlib import Path

import pytest
from tests.web.serving import Command, hypercorn, serving, uvicorn, wait_until
from tests.web.work_log import WorkLog

SERVERS = {"uvicorn": uvicorn("working:app"), "hypercorn-trio": hypercorn("working:app", "trio")}


@pytest.mark.parametrize("command", list(SERVERS.values()), ids=list(SERVERS))
def test_slow_clients(command: Command, tmp_path: Path) -> None:
    """Neither a client that dribbles its request nor one that never reads its answer holds up jobs or others."""
    log = WorkLog(tmp_path)
    with (
        serving(command, tmp_path, ready="/ready") as server,
        socket.create_connection(("127.0.0.1", server.port)) as dribbler,
        socket.create_connection(("127.0.0.1", server.port)) as idler,
    ):
        dribbler.sendall(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        idler.sendall(b"GET /many-bytes HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(5):
            dribbler.sendall(b"x")
            log.wait_for_ticks(2)
            assert 3 == server.post("/echo", content=b"abc")
        dribbler.sendall(b"x" * 95)
        assert b"200" in dribbler.recv(100)
        idler.shutdown(socket.SHUT_RDWR)


def test_subscriber_that_fails(tmp_path: Path) -> None:
    """What a subscriber raises is logged, and stops neither the schedules nor the application."""
    log = WorkLog(tmp_path)
    environment = {"FAILING_SUBSCRIBER": "yes"}
    with serving(SERVERS["uvicorn"], tmp_path, environment=environment, ready="/ready") as server:
        log.wait_for_ticks(3)
        assert 3 == server.post("/echo", content=b"abc")
        server.stop(quiet=False)
    assert 1 == server.log.count("Traceback") == server.log.count("LookupError: no subscriber for tick")
    assert "left behind" not in server.log


def test_store_that_is_locked(tmp_path: Path) -> None:
    """Rule N3: while another program keeps the file locked, changes are answered with 503; then all goes on."""
    environment = {"DATABASE_URL": "sqlite:///jobs.db?timeout=0.5"}
    with serving(uvicorn("fastapi_app:app"), tmp_path, environment=environment, quiet=False) as server:
        server.client.headers["Authorization"] = "Bearer change me"
        with sqlite3.connect(tmp_path / "jobs.db", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            response = server.request("POST", "/schedule/pause?id=heart")
            assert 503 == response.status_code
            assert int(response.headers["Retry-After"]) > 0
            wait_until(lambda: "the data store does not answer, trying again" in server.log)
            other.execute("ROLLBACK")
        other.close()
        assert "paused" == server.post("/schedule/pause?id=heart")["status"]
        server.post("/schedule/unpause?id=heart")
        wait_until(lambda: "the data store answers again" in server.log)
        beats = server.log.count("beat\n")
        wait_until(lambda: server.log.count("beat\n") > beats)
    assert ["ERROR", "WARNING"] == re.findall(r"^(ERROR|WARNING)", server.log, re.MULTILINE)[:2]
