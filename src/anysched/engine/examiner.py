"""Asking the store how it is, in a time that somebody is ready to wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from anysched._text import printable
from anysched.model.figures import StoreFigures
from anysched.ports.store import DataStore


class Examiner:
    """Asks one question at a time, for however many who want the answer: a store that is away gets no queue of them.

    :param start: starts a task under a name
    """

    who = "examiner"

    def __init__(
        self, store: DataStore, start: Callable[[str, Callable[[], Awaitable[None]]], object]
    ) -> None:
        self._store = store
        self._start = start
        self._answered: anyio.Event | None = None
        self._answer: StoreFigures | str = ""

    async def ask(self, seconds: float) -> StoreFigures | str:
        """Return what the store holds, or why it does not say so."""
        answered = self._answered
        if answered is None:
            answered = self._answered = anyio.Event()
            self._start(self.who, self._examine)
        with anyio.move_on_after(seconds):
            await answered.wait()
            return self._answer
        return f"it has not answered for {seconds:g} s"

    async def _examine(self) -> None:
        answered, self._answer = self._answered, "the scheduler has stopped"
        try:
            self._answer = await self._store.measure()
        except Exception as exc:  # whoever only asks must not end the scheduler
            self._answer = printable(exc) or type(exc).__name__
        finally:
            self._answered = None
            if answered is not None:
                answered.set()
