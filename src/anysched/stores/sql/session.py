"""Transactions: each is one call in a worker thread, so that a cancelled caller never leaves half of one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from copy import copy
from datetime import datetime
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import sqlalchemy as sa
from sqlalchemy import exc as sql_errors

from anysched._clock import Clock, SystemClock
from anysched.errors import StoreError, StoreUnavailableError
from anysched.stores.sql.ahead import Question, forget_answers, keep_answers
from anysched.stores.sql.dialects import Conflict, Dialect
from anysched.stores.sql.present import ServerTime

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

#: How many reads of one store run at once.
READERS = 2

#: How often a transaction is tried that others undo: they changed its rows (rule S4), or each waited for the other.
ATTEMPTS = 10

#: For how many seconds who was undone lets the other one go on: it has not got yet what it waited for.
REST = 0.01


class _Cut(StoreUnavailableError):
    """A connection was cut while nobody used it, or has lost its statements: nothing is done, another one may do."""


class Session:
    """Runs transactions on an engine, in threads.

    Where a database has a single writer, writes of one process wait for each other here, in order, instead of in the
    database, where waiting is a gamble. The lock is one of threads: a lease is renewed without an event loop, and
    asyncio can let go of a call whose thread is still at work. Where many write, calls of one store still go one after
    the other, and the renewal of a lease waits for none of them.
    """

    def __init__(self, engine: sa.Engine, dialect: Dialect, shown: str) -> None:
        self.engine = engine
        self.dialect = dialect
        self.shown = shown
        dialect.keep_order(engine)
        self._private = dialect.is_private(engine)
        self._write_lock: AbstractContextManager[object] = (
            nullcontext() if dialect.many_writers else threading.Lock()
        )
        self._read_lock = self._write_lock if self._private else nullcontext()
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self.on_refusal: Work[object] | None = None
        """Called when the database has refused a statement; it may know why, and raise that."""
        self._owner = self  # the one that is open or not, for itself and for those apart
        self._limiters: tuple[anyio.CapacityLimiter, anyio.CapacityLimiter] | None = None
        self._clock: Clock = SystemClock()
        self._server_time: ServerTime | None = None

    def apart(self) -> Session:
        """Return one with connections of its own, for who must not wait until others give one back.

        Writers still wait for each other where the database has a single one.
        """
        apart = copy(self)
        if not self._private:
            apart.engine = sa.create_engine(
                self.engine.url,
                pool=self.engine.pool.recreate(),
                isolation_level="AUTOCOMMIT",
                hide_parameters=True,
            )
            self.dialect.keep_order(apart.engine)
        return apart

    def close_apart(self) -> None:
        """Close connections that are only its own."""
        if not self._private:
            self.engine.dispose()

    def begin(self, clock: Clock) -> None:
        """Get ready to serve the event loop that calls; a clock for tests takes the place of a server's time."""
        self._clock = clock
        self._server_time = (
            ServerTime(clock) if self.dialect.has_time and isinstance(clock, SystemClock) else None
        )
        self._limiters = anyio.CapacityLimiter(READERS), anyio.CapacityLimiter(1)

    @property
    def keeps_time(self) -> bool:
        """Whether the present is that of a server, and not of the clock."""
        return self._server_time is not None

    def present(self) -> datetime:
        """Return the store's present (rule N6); a server tells it whenever a transaction begins."""
        return self._clock.now() if self._server_time is None else self._server_time.now()

    async def end(self, *, close: bool) -> None:
        """Serve nobody any more, once those who still read or write have ended.

        :param close: whether to close the connections: a pool does not close one that is out when it is disposed of
        """
        reading, _ = self._open_limiters()
        places = [object() for _ in range(READERS)]
        for place in places:
            await reading.acquire_on_behalf_of(place)
        try:
            if close:
                await self.call(self._close_connections)
        finally:
            self._limiters = None
            for place in places:
                reading.release_on_behalf_of(place)

    def _close_connections(self) -> None:
        with self._write_lock:
            self.engine.dispose()

    async def read(self, work: Work[T]) -> T:
        """Return what ``work`` returns, from one state of the database."""
        return await self._in_thread(lambda: self.read_here(work), writes=False)

    async def write(self, work: Work[T], ahead: Sequence[Question] = ()) -> T:
        """Return what ``work`` returns, and keep what it wrote, unless it raised.

        :param ahead: what it asks first, if anything
        """
        return await self._in_thread(lambda: self.write_here(work, ahead), writes=True)

    async def call(self, function: Callable[[], T]) -> T:
        """Return what a function returns that makes its own transactions."""
        return await self._in_thread(function, writes=True)

    async def _in_thread(self, function: Callable[[], T], *, writes: bool) -> T:
        return await anyio.to_thread.run_sync(function, limiter=self._open_limiters()[writes])

    def _open_limiters(self) -> tuple[anyio.CapacityLimiter, anyio.CapacityLimiter]:
        if self._owner._limiters is None:
            raise StoreError(f"{self.shown} is not open: use it within its scheduler, or call open() first")
        return self._owner._limiters

    def read_here(self, work: Work[T], ahead: Sequence[Question] = ()) -> T:
        """Do the same as ``read``, in this thread."""
        with self._read_lock:
            return self._run(self.dialect.begin_read, ahead, work)

    def write_here(self, work: Work[T], ahead: Sequence[Question] = ()) -> T:
        """Do the same as ``write``, in this thread."""
        with self._write_lock:
            return self._run(self.dialect.begin_write, ahead, work)

    def _run(self, begin: Sequence[str], ahead: Sequence[Question], work: Work[T]) -> T:
        """Do a transaction; that a connection is still good is not asked before, which would be one question more."""
        with suppress(_Cut), self.connected() as connection:
            return self._persist(connection, begin, ahead, work)
        with self.connected() as connection:
            return self._persist(connection, begin, ahead, work)

    def _persist(
        self, connection: sa.Connection, begin: Sequence[str], ahead: Sequence[Question], work: Work[T]
    ) -> T:
        """Do a transaction, as often as others undo it."""
        undone: Exception | None = None
        for _ in range(ATTEMPTS):
            try:
                return self._transact(connection, begin, ahead, work)
            except Conflict as exc:
                undone = exc
            except (sql_errors.DBAPIError, self._driver_error) as exc:
                undone, error = exc, getattr(exc, "orig", None) or exc
                if self.dialect.has_forgotten(error):
                    raise self._cut(connection, error) from exc
                if not self.dialect.is_undone(error):
                    raise
                threading.Event().wait(REST)
        raise StoreUnavailableError(f"{self.shown}: others keep changing the same schedules") from undone

    def _transact(
        self, connection: sa.Connection, begin: Sequence[str], ahead: Sequence[Question], work: Work[T]
    ) -> T:
        try:
            self._begin(connection, begin, ahead)
            result = work(connection)
            self.dialect.commit(connection)
        except _Cut:
            raise
        except BaseException:
            self._roll_back(connection)
            raise
        return result

    def _begin(self, connection: sa.Connection, statements: Sequence[str], ahead: Sequence[Question]) -> None:
        try:
            self._begin_at(connection, statements, ahead)
        except (sql_errors.DBAPIError, self._driver_error) as exc:
            if not (self.dialect.has_time and self._is_cut(connection, exc)):  # only servers cut connections
                raise
            raise self._cut(connection, getattr(exc, "orig", None) or exc) from exc

    def _cut(self, connection: sa.Connection, error: Any) -> _Cut:
        """Give a connection up that is of no use any more."""
        connection.invalidate()
        _, reason = self.dialect.explain(error)
        return _Cut(f"{self.shown}: {reason}")

    def _is_cut(self, connection: sa.Connection, error: Any) -> bool:
        if isinstance(error, sql_errors.DBAPIError):
            return error.connection_invalidated
        return connection.dialect.is_disconnect(error, connection.connection.dbapi_connection, None)

    def _begin_at(
        self, connection: sa.Connection, statements: Sequence[str], ahead: Sequence[Question]
    ) -> None:
        forget_answers(connection)
        asked_at = self._clock.monotonic()
        number, answers = self.dialect.begin_at(connection, statements, ahead)
        if self._server_time is not None and number is not None:
            self._server_time.told(number, asked_at, self._clock.monotonic())
        keep_answers(connection, [*zip(ahead, answers, strict=False)])

    def _roll_back(self, connection: sa.Connection) -> None:
        """Undo everything. A full disk ends the transaction by itself; a connection that fails here is of no use."""
        try:
            if getattr(connection.connection.dbapi_connection, "in_transaction", True):
                self.dialect.roll_back(connection)
        except (sql_errors.SQLAlchemyError, self._driver_error, Conflict):
            connection.invalidate()

    def _refused(self, connection: sa.Connection) -> None:
        if self.on_refusal is not None:
            with suppress(sql_errors.SQLAlchemyError, self._driver_error, Conflict):
                forget_answers(connection)  # what was answered before is what may have changed
                self.on_refusal(connection)

    @contextmanager
    def connected(self) -> Generator[sa.Connection]:
        """Lend a connection; what goes wrong with it is said in plain words.

        :raise StoreUnavailableError: when the database cannot be reached or written
        :raise StoreError: when it refuses for another reason
        """
        self._open_limiters()
        try:
            with self.engine.connect() as connection:
                try:
                    yield connection
                except (sql_errors.DBAPIError, self._driver_error) as exc:
                    error, reason = self.dialect.explain(getattr(exc, "orig", None) or exc)
                    if error is StoreUnavailableError and not self._private:
                        connection.invalidate()  # the next call gets a new one, which may see what is there by then
                    elif error is StoreError:
                        self._refused(connection)
                    raise error(f"{self.shown}: {reason}") from exc
        except (sql_errors.DBAPIError, self._driver_error) as exc:  # of connecting itself
            error, reason = self.dialect.explain(getattr(exc, "orig", None) or exc)
            raise error(f"{self.shown}: {reason}") from exc
        except sql_errors.TimeoutError as exc:
            raise StoreUnavailableError(f"{self.shown}: no connection has become free in time") from exc
        except sql_errors.SQLAlchemyError as exc:
            raise StoreError(f"{self.shown}: {exc}") from exc
