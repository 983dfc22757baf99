"""A process that runs one function after the other: both ends of the pipe, and what goes through it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from threading import Lock, Thread
from typing import Any, Final

from anysched.errors import SerializationError, WorkerProcessError
from anysched.executors.callables import call_sync

_SPAWN: Final = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
_READY: Final = b"ready"


class WorkerProcess:
    """This end. Making one and asking it block; ``kill`` and ``close`` do not.

    :raise WorkerProcessError: when it cannot start
    """

    def __init__(self) -> None:
        self._lock = Lock()  # a process that was waited for must not be killed: its number may be another's
        self._pipe, theirs = _SPAWN.Pipe()
        # As a daemon it is ended when the program ends without stop(). It may have children all the same.
        self._process = _SPAWN.Process(target=_serve, args=(theirs,), name="anysched-worker", daemon=True)
        with theirs:
            self._process.start()
        if self._receive() != _READY:
            raise WorkerProcessError(
                f"a worker process could not start ({self._farewell()}): its error output says why; "
                'a script needs the guard if __name__ == "__main__":'
            )

    def ask(self, request: bytes) -> bytes:
        """Return the answer to a request.

        :raise WorkerProcessError: when the process dies of it
        """
        try:
            self._pipe.send_bytes(request)
            reply = self._receive()
        except OSError:
            reply = None
        if reply is None:
            raise WorkerProcessError(f"the worker process died while it ran the job ({self._farewell()})")
        return reply

    def alive(self) -> bool:
        """Return whether the process still runs."""
        with self._lock:
            return self._process.is_alive()

    def kill(self) -> None:
        """End the process, whatever it does."""
        with self._lock:
            self._process.kill()

    def close(self) -> None:
        """Let the process end, as it does when there is nothing more to read."""
        self._pipe.close()

    def _receive(self) -> bytes | None:
        """Return the next message, or None when there will be none."""
        try:
            # Not only the pipe tells: processes that a job forked may keep it open when the worker is gone.
            while not self._pipe.poll(1):
                if not self.alive() and not self._pipe.poll():
                    return None
            return self._pipe.recv_bytes()
        except (EOFError, OSError):
            return None

    def _farewell(self) -> str:
        """See to it that the process is gone, and return how it ended."""
        self.close()
        wait([self._process.sentinel], 1)  # when it is about to end by itself, it should say how
        with self._lock:
            self._process.kill()
            self._process.join()
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"exit code {code}"
        return f"signal {-code}, {signal.strsignal(-code)}"


def pack(func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
    """Return a call as a request.

    :raise SerializationError: when the function or an argument cannot be pickled
    """
    try:
        return pickle.dumps((func, tuple(args), dict(kwargs)), pickle.HIGHEST_PROTOCOL)
    except Exception as exc:
        raise SerializationError(
            f"the job cannot be sent to a worker process ({exc}): it takes a function that can be imported "
            "by its name, and arguments that can be pickled"
        ) from exc


def unpack(reply: bytes) -> Any:
    """Return what the function returned, or raise what it raised, with the traceback as a note.

    :raise SerializationError: when it cannot be read back
    """
    succeeded, payload, text = pickle.loads(reply)
    try:
        result = pickle.loads(payload)
    except Exception as exc:
        raise SerializationError(f"what the job returned cannot be read back: {exc!r}") from exc
    if succeeded:
        return result
    result.add_note(f"In the worker process:\n{text}")
    raise result


def _serve(pipe: Connection) -> None:
    """The other end: answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the scheduler decides
    multiprocessing.current_process().daemon = False  # or jobs could not use multiprocessing
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        pipe.send_bytes(_READY)
        while True:
            pipe.send_bytes(_answer(pipe.recv_bytes()))
    except (EOFError, OSError):
        pass  # the scheduler is gone, or wants no more


def _end_with_parent() -> None:
    """End when the scheduler's process is gone: another node starts the job again."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _answer(request: bytes) -> bytes:
    try:
        value = call_sync(*pickle.loads(request))
    except BaseException as exc:
        return _failure(exc)
    try:
        return pickle.dumps((True, pickle.dumps(value, pickle.HIGHEST_PROTOCOL), ""))
    except Exception as exc:
        kind = type(value).__qualname__
        return _failure(SerializationError(f"the {kind} that the job returned cannot be pickled: {exc}"))


def _failure(exc: BaseException) -> bytes:
    payload = _pickled(exc)
    if payload is None or isinstance(exc, KeyboardInterrupt):  # which would be taken for a Ctrl-C over there
        told = "".join(traceback.format_exception_only(exc)).strip()
        payload = pickle.dumps(WorkerProcessError(f"the job raised in its process: {told}"))
    return pickle.dumps((False, payload, "".join(traceback.format_exception(exc))))


def _pickled(exc: BaseException) -> bytes | None:
    """Return an exception as a pickle, or None if it cannot be read back."""
    try:
        payload = pickle.dumps(exc, pickle.HIGHEST_PROTOCOL)
        return payload if isinstance(pickle.loads(payload), BaseException) else None
    except Exception:
        return None
