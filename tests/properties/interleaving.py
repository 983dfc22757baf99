"""Two nodes on one store, taking turns: who goes on is chosen at every await of every operation on the store."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from itertools import count, repeat
from typing import Any, TypeVar

import anyio
import anyio.from_thread
from anyio.lowlevel import checkpoint

from anysched.stores import MemoryDataStore, SQLDataStore
from anysched.testing import FakeClock

T = TypeVar("T")

#: So often everybody may run before the next one is chosen: enough to get from one operation to the next.
ROUNDS = 12

WHO = "an operation on the store"


_numbers = count()


class Turn:
    """An operation on the store: ``inside`` while it may go on, which the clock waits for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.number = next(_numbers)
        self.inside = False
        self.event = anyio.Event()


#: The operation that the code which runs now is part of.
current_turn: ContextVar[Turn | None] = ContextVar("current_turn", default=None)


class Conductor:
    """Lets one operation at a time go on.

    :ivar choices: which of those that wait, the first one being 0
    """

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.choices: Iterator[int] = repeat(0)
        self._home = threading.current_thread()
        self._waiting: list[Turn] = []
        self._inside = 0
        self._news = anyio.Event()

    def enter(self, turn: Turn) -> None:
        """Go on, with no time passing."""
        turn.inside = True
        self._inside += 1
        self._clock.hold(WHO)

    def leave(self, turn: Turn) -> None:
        """Let others go on."""
        if turn.inside:
            turn.inside = False
            self._inside -= 1
            self._clock.release(WHO)
            self._news.set()

    async def wait(self, turn: Turn) -> None:
        """Wait for the choice to fall on this operation."""
        turn.event = anyio.Event()
        self._waiting.append(turn)
        self._news.set()
        try:
            await turn.event.wait()
        except BaseException:
            self.leave(turn)
            if turn in self._waiting:
                self._waiting.remove(turn)
            raise

    async def give_way(self, turn: Turn, *, time_passes: bool) -> None:
        """Let others go on first, if the choice falls on them."""
        if not time_passes:
            self._clock.hold(WHO)
        try:
            self.leave(turn)
            with anyio.CancelScope(shield=True):
                await self.wait(turn)
        finally:
            if not time_passes:
                self._clock.release(WHO)

    def give_way_in_thread(self, *, time_passes: bool = True) -> None:
        """Do the same for an operation that has come to a thread."""
        turn = current_turn.get()
        if turn is not None and threading.current_thread() is not self._home:
            anyio.from_thread.run(_give_way, self, turn, time_passes)

    async def conducted(
        self, name: str, operation: Callable[[], Awaitable[T]], committed: Callable[[Any], None]
    ) -> T:
        """Carry out an operation, with a choice before it and after it; tell of its outcome in between."""
        turn = Turn(name)
        await self.wait(turn)
        token = current_turn.set(turn)
        try:
            try:
                result = await operation()
            except Exception as exc:
                committed(exc)
                raise
            committed(result)
        finally:
            current_turn.reset(token)
            self.leave(turn)
            with anyio.CancelScope(shield=True):
                await self.wait(turn)
            self.leave(turn)
        return result

    async def tick(self) -> None:
        """Let a second pass, once the choice falls on it."""
        turn = Turn("time")
        await self.wait(turn)
        self.leave(turn)
        await self._clock.advance(1)

    async def run(self) -> None:
        """Choose, for ever."""
        while True:
            self._news = anyio.Event()
            for _ in range(ROUNDS):
                await checkpoint()
            if self._news.is_set():
                continue  # not everybody is where they can be
            if self._waiting and not self._inside:
                self._waiting.sort(key=lambda turn: (turn.name, turn.number))  # threads come when they come
                turn = self._waiting.pop(next(self.choices) % len(self._waiting))
                self.enter(turn)
                turn.event.set()
            else:
                await self._news.wait()


async def _give_way(conductor: Conductor, turn: Turn, time_passes: bool) -> None:
    await conductor.give_way(turn, time_passes=time_passes)


class ConductedStore:
    """A store whose operations take turns with those of others, and are told to a witness when they are done.

    :param witness: has a method for each operation that changes something, called with the outcome and the arguments;
        its first objection is kept there
    """

    OPERATIONS = (
        "transact_schedules",
        "declare_schedules",
        "transact_holds",
        "advance",
        "add_jobs",
        "complete",
        "give_back",
        "cancel_job",
        "clean_up",
    )
    READS = (
        "get_tasks",
        "get_holds",
        "get_windows",
        "get_schedules",
        "get_jobs",
        "get_result",
        "declare_tasks",
        "configure_task",
    )

    def __init__(self, owner: str, inner: Any, conductor: Conductor, witness: Any) -> None:
        self._owner = owner
        self._inner = inner
        self._conductor = conductor
        self._witness = witness

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._inner, name)
        if name not in self.OPERATIONS and name not in self.READS:
            return function
        tell = getattr(self._witness, name, None)

        async def conducted(*args: Any, **kwargs: Any) -> Any:
            def committed(outcome: Any) -> None:
                if tell is not None and self._witness.objection is None:
                    try:
                        tell(outcome, *args, **kwargs)
                    except AssertionError as exc:  # not the fault of the node
                        self._witness.objection = exc

            title = f"{self._owner} {name}"
            return await self._conductor.conducted(title, lambda: function(*args, **kwargs), committed)

        return conducted


def conduct_transactions(store: SQLDataStore, conductor: Conductor) -> None:
    """Let others have a turn before each transaction within an operation of a store."""
    session: Any = store._session
    lock = anyio.Lock()
    in_thread, read_here, write_here = session._in_thread, session.read_here, session.write_here

    async def one_by_one(function: Any, *, writes: bool) -> Any:
        turn = current_turn.get()
        if turn is None or not writes:
            return await in_thread(function, writes=writes)
        if lock.locked():
            conductor.leave(turn)  # another operation of this store waits for its turn in a thread
        await lock.acquire()
        try:
            if not turn.inside:
                conductor.enter(turn)
            return await in_thread(function, writes=True)
        finally:
            lock.release()

    def read(*args: Any) -> Any:
        conductor.give_way_in_thread()
        return read_here(*args)

    def write(*args: Any) -> Any:
        conductor.give_way_in_thread()
        return write_here(*args)

    session._in_thread, session.read_here, session.write_here = one_by_one, read, write


def conduct_decisions(store: MemoryDataStore, conductor: Conductor, fired: Callable[[str], None]) -> None:
    """Let others have a turn before and after each decision that a store in memory makes in a thread.

    :param fired: called with the id of each schedule that a pass writes
    """
    inner: Any = store
    changes: Any = store._changes
    decide, decide_firing, write, commit = (
        changes._decide,
        inner._decide_firing,
        changes.write,
        changes._commit,
    )
    committing = False

    def decide_in_turn(*args: Any) -> Any:
        conductor.give_way_in_thread()
        found = decide(*args)
        conductor.give_way_in_thread(time_passes=False)
        return found

    def decide_firing_in_turn(*args: Any) -> Any:
        conductor.give_way_in_thread()
        found = decide_firing(*args)
        conductor.give_way_in_thread()
        return found

    def commit_and_know(*args: Any) -> Any:
        nonlocal committing
        committing = True
        try:
            return commit(*args)
        finally:
            committing = False

    def write_and_tell(change: Any, *args: Any) -> Any:
        ended = write(change, *args)
        if not committing:
            fired(change.schedule_id)
        return ended

    changes._decide, inner._decide_firing = decide_in_turn, decide_firing_in_turn
    changes._commit, changes.write = commit_and_know, write_and_tell
