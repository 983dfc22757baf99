"""What the proxy of the fault tests does to connections."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.servers.proxy import Proxy

#: Seconds in which nothing must arrive.
SILENCE = 0.2


class Echo(socketserver.BaseRequestHandler):
    """Answers each message with the same one; remembers what it got, and how each connection ended."""

    def handle(self) -> None:
        try:
            while data := self.request.recv(1000):
                self.server.got.append(data)  # type: ignore[attr-defined]
                self.request.sendall(data)
            self.server.ended.append("closed")  # type: ignore[attr-defined]
        except OSError:
            self.server.ended.append("reset")  # type: ignore[attr-defined]


class Server(socketserver.ThreadingTCPServer):
    """A server to be spoken to through the proxy."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.got: list[bytes] = []
        self.ended: list[str] = []

    def until_ended(self, number: int) -> list[str]:
        """Return how connections have ended, once there are so many."""
        deadline = time.monotonic() + 20
        while len(self.ended) < number:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return self.ended


@pytest.fixture
def server() -> Iterator[Server]:
    """What stands behind the proxy."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A proxy that passes everything on."""
    with Proxy(server.server_address[1]) as proxy:
        yield proxy


def connect(proxy: Proxy) -> closing[socket.socket]:
    """Connect through the proxy."""
    return closing(socket.create_connection(("127.0.0.1", proxy.port), timeout=20))


def ask(client: socket.socket, message: bytes) -> bytes:
    """Send a message and return what comes back first."""
    client.sendall(message)
    return client.recv(1000)


def is_silent(client: socket.socket) -> bool:
    """Tell whether neither bytes nor an end arrive for a while."""
    client.settimeout(SILENCE)
    try:
        client.recv(1000)
    except TimeoutError:
        return True
    finally:
        client.settimeout(20)
    return False


def test_pass(proxy: Proxy, server: Server) -> None:
    """Everything is passed on, ends of either side included; a connection that is gone is not counted."""
    with connect(proxy) as client, connect(proxy) as other:
        assert b"hello" == ask(client, b"hello")
        assert b"you" == ask(other, b"you")
        assert (2, 2) == (proxy.connections, proxy.accepted)
        client.shutdown(socket.SHUT_WR)
        assert b"" == client.recv(1000)
        assert ["closed"] == server.until_ended(1)
        assert b"still" == ask(other, b"still")


def test_much(proxy: Proxy, server: Server) -> None:
    """What is larger than every buffer arrives whole and in order."""
    sent = bytes(range(256)) * 20_000
    with connect(proxy) as client:
        threading.Thread(target=client.sendall, args=(sent,)).start()
        got = b""
        while len(got) < len(sent):
            got += client.recv(100_000)
    assert sent == got


def test_delay(proxy: Proxy) -> None:
    """A delay is one for each way."""
    with connect(proxy) as client:
        ask(client, b"before")
        proxy.delay(0.15)
        began = time.monotonic()
        assert b"hello" == ask(client, b"hello")
        assert time.monotonic() - began >= 0.3
        proxy.heal()
        assert b"again" == ask(client, b"again")


def test_hold(proxy: Proxy, server: Server) -> None:
    """In a black hole connections are accepted, and nothing is heard, ends neither; healed, all of it arrives."""
    with connect(proxy) as client, connect(proxy) as leaving:
        ask(client, b"before")
        ask(leaving, b"leaving")
        proxy.hold()
        leaving.close()
        client.sendall(b"held")
        with connect(proxy) as newcomer:
            newcomer.sendall(b"new")
            assert is_silent(client)
            assert is_silent(newcomer)
            assert ([b"before", b"leaving"], []) == (server.got, server.ended)
            proxy.heal()
            assert b"held" == client.recv(1000)
            assert b"new" == newcomer.recv(1000)
            assert ["closed"] == server.until_ended(1)


def test_hold_and_a_reset(proxy: Proxy, server: Server) -> None:
    """The server does not hear either of a client that has gone with a reset while nothing was passed on."""
    with connect(proxy) as client:
        ask(client, b"before")
        proxy.hold()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        time.sleep(SILENCE)
        assert [] == server.ended
        proxy.heal()
        server.until_ended(1)


def test_refuse(proxy: Proxy, server: Server) -> None:
    """A server that refuses has no connections and takes none; healed, it does on the same port."""
    with connect(proxy) as client:
        ask(client, b"before")
        port = proxy.port
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            client.recv(1000)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        assert 1 == len(server.until_ended(1))
    proxy.heal()
    assert port == proxy.port
    with connect(proxy) as client:
        assert b"after" == ask(client, b"after")


def test_reset(proxy: Proxy, server: Server) -> None:
    """A reset is one for both sides; new connections are served."""
    with connect(proxy) as client:
        ask(client, b"before")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1000)
        assert 1 == len(server.until_ended(1))
    with connect(proxy) as client:
        assert b"after" == ask(client, b"after")


def test_half_open(proxy: Proxy, server: Server) -> None:
    """Of a connection whose other end is forgotten a client hears only when it speaks, and the server at once."""
    with connect(proxy) as client:
        ask(client, b"before")
        proxy.half_open()
        assert ["closed"] == server.until_ended(1)
        assert is_silent(client)
        client.sendall(b"hello?")
        with pytest.raises(ConnectionResetError):
            client.recv(1000)
    assert [b"before"] == server.got
    with connect(proxy) as client:
        assert b"after" == ask(client, b"after")


def test_half_open_and_probes(proxy: Proxy, server: Server) -> None:
    """A client that only waits finds out by the probes of its own system, if there are any."""
    with connect(proxy) as client:
        ask(client, b"before")
        proxy.half_open(probed_after=SILENCE)
        began = time.monotonic()
        with pytest.raises(ConnectionResetError):
            client.recv(1000)
        assert time.monotonic() - began > SILENCE / 2


def test_cut_after(proxy: Proxy, server: Server) -> None:
    """A connection is cut in the middle of a message."""
    with connect(proxy) as client:
        proxy.cut_after(10)
        assert b"1234" == ask(client, b"1234")
        client.sendall(b"5678")
        server.until_ended(1)
        with pytest.raises(ConnectionResetError):
            client.recv(1000)
    assert b"1234" == server.got[0]
    assert server.got[1:] in ([], [b"56"])  # a reset may overtake what came before it


def test_drop_answers_to_a_request(proxy: Proxy, server: Server) -> None:
    """Each so-manieth of certain requests arrives, its answer does not, and the connection is reset instead."""
    proxy.drop_answers(to=b"COMMIT", every=2)
    with connect(proxy) as client:
        assert b"COMMIT 1" == ask(client, b"COMMIT 1")
        assert b"BEGIN" == ask(client, b"BEGIN")
        with pytest.raises(ConnectionResetError):
            ask(client, b"COMMIT 2")
    assert [b"COMMIT 1", b"BEGIN", b"COMMIT 2"] == server.got
    assert 1 == proxy.dropped_answers
    with connect(proxy) as client:
        assert b"COMMIT 3" == ask(client, b"COMMIT 3")
        proxy.heal()
        assert b"COMMIT 4" == ask(client, b"COMMIT 4")


def test_drop_certain_answers(proxy: Proxy, server: Server) -> None:
    """The same by what the answers say."""
    proxy.drop_answers(that_say=b"done")
    with connect(proxy) as client, connect(proxy) as other:
        assert b"hello" == ask(client, b"hello")
        with pytest.raises(ConnectionResetError):
            ask(client, b"done")
        assert b"other" == ask(other, b"other")
    assert (1, [b"hello", b"done", b"other"]) == (proxy.dropped_answers, server.got)


def test_hold_an_answer(proxy: Proxy, server: Server) -> None:
    """In a black hole that begins with an answer, the server has had the request; healed, the answer arrives."""
    proxy.hold_answer(to=b"LOCK")
    with connect(proxy) as client, connect(proxy) as other:
        assert b"hello" == ask(client, b"hello")
        assert not proxy.holds
        client.sendall(b"LOCK")
        assert is_silent(client)
        other.sendall(b"other")
        assert is_silent(other)
        assert proxy.holds
        assert [b"hello", b"LOCK"] == server.got
        proxy.heal()
        assert (b"LOCK", b"other") == (client.recv(1000), other.recv(1000))
        assert b"LOCK" == ask(client, b"LOCK")


def test_no_server(proxy: Proxy, server: Server) -> None:
    """Where nobody listens behind the proxy, clients are reset."""
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionResetError), connect(proxy) as client:
        ask(client, b"hello")
