"""Statements for PostgreSQL, several in one round trip: SQLAlchemy has no way for that, and the driver a slow one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import lru_cache
from secrets import token_hex
from typing import Any, Final, cast

import attrs
import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import DivisionByZero, InvalidSqlStatementName, UniqueViolation, error_from_result
from psycopg.generators import fetch_many, send
from psycopg.pq import ConnStatus, ExecStatus, Format

from anysched.stores.sql.ahead import Question, Rows
from anysched.stores.sql.dialects import Conflict
from anysched.stores.sql.silence import wait_for

#: The type of a number: as a parameter, it could otherwise stand for any.
_BIGINT: Final = 20

_CONFLICTS: Final = UniqueViolation, DivisionByZero

#: The attribute of a driver's connection that holds its pipeline.
_PIPELINE: Final = "_anysched_pipeline"

_COMMIT: Final[Question] = "COMMIT", ()
_ROLLBACK: Final[Question] = "ROLLBACK", ()


@attrs.define(eq=False)
class _Write:
    """A statement that is only to be written, at the latest with the end of the transaction.

    :ivar guarded: whether it is a conflict when the server says that what it adds is there, or that it divides by zero
    :ivar found: how many rows it has found; None while it waits
    """

    question: Question
    guarded: bool
    found: int | None = None


def pipeline_of(connection: psycopg.Connection[Any]) -> Pipeline:
    """Return the one pipeline of a driver's connection, which knows what the server has prepared for that.

    A pool of another kind may lend that connection again, where SQLAlchemy takes it for a new one.
    """
    found: Pipeline | None = getattr(connection, _PIPELINE, None)
    if found is None:
        found = Pipeline(connection)
        setattr(connection, _PIPELINE, found)
    return found


class Pipeline:
    """Puts statements to a connection of psycopg, and takes the answers, by libpq itself.

    For one statement SQLAlchemy and a cursor of psycopg take 150 us of processor time, and this 20: a schedule is added
    with a fifth of it, and the server's share is larger then. Statements are prepared when they come for the first
    time, unless the connection prepares none.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._libpq = connection.pgconn
        self._reader = Transformer(connection)
        self._encoding = connection.info.encoding
        self._prepares = connection.prepare_threshold is not None
        self._pipelines = psycopg.Pipeline.is_supported()
        self._names: dict[str, bytes] = {}
        # Behind a pooler another client's statements may be there: none has a name that this one would use. A name that
        # was given once is not given again, as what failed may be prepared nonetheless.
        self._token = token_hex(8)
        self._made = 0
        self._quick = 0  # how many statements of the next go take no time
        self._waiting: list[_Write] = []

    def begin(self, statements: Sequence[Question], questions: Sequence[Question] = ()) -> list[Rows]:
        """Begin a transaction, and put its first questions; nothing waits from an earlier one.

        :param statements: what begins it, which takes a server no time
        """
        self._waiting.clear()
        self._quick = len(statements)
        return self.ask([*statements, *questions])

    def ask(self, questions: Sequence[Question]) -> list[Rows]:
        """Return the rows that statements find, which see all that was to be written before."""
        return [self._rows(answer) for answer in self._put(questions)]

    def count(self, question: Question) -> int:
        """Return how many rows a statement finds, or writes."""
        (answer,) = self._put([question])
        return answer.command_tuples or 0

    def write(self, question: Question, *, guarded: bool = False) -> Callable[[], int]:
        """Have something written, with the next question or with the end of the transaction.

        :return: what tells how many rows it found
        """
        write = _Write(question, guarded)
        self._waiting.append(write)

        def found() -> int:
            if write.found is None:
                self.flush()
            return write.found or 0

        return found

    def flush(self) -> None:
        """Have all written that waits."""
        if self._waiting:
            self._put(())

    def commit(self) -> None:
        """End the transaction, in one round trip with what waits."""
        self._put([_COMMIT])

    @property
    def is_closed(self) -> bool:
        """Whether the connection has ended, even if the last answers arrived."""
        return bool(self._connection.closed)

    def roll_back(self) -> None:
        """End the transaction, and forget what waits."""
        self._waiting.clear()
        self._put([_ROLLBACK])

    def _put(self, questions: Sequence[Question]) -> list[Any]:
        """Write what waits, and return the answers to questions."""
        writes, self._waiting = self._waiting, []
        results = self._results([*(write.question for write in writes), *questions], writes)
        for write, result in zip(writes, results, strict=False):
            write.found = result.command_tuples or 0
        return results[len(writes) :]

    def _results(self, questions: Sequence[Question], writes: Sequence[_Write]) -> list[Any]:
        """Return the results of statements, or raise the first error; those after it were not executed then.

        :raise Conflict: as what waited says, or when the server has forgotten what was prepared
        """
        results = self._together(questions) if self._pipelines else self._one_by_one(questions)
        if results and results[-1].status == ExecStatus.FATAL_ERROR:
            error = error_from_result(results[-1], self._encoding)
            number = len(results) - 1
            if number < len(writes) and writes[number].guarded and isinstance(error, _CONFLICTS):
                raise Conflict from error
            if self._names and isinstance(error, InvalidSqlStatementName):
                self._names.clear()  # somebody else has made the server forget: all is prepared again
                raise Conflict from error
            raise error
        return results

    def _together(self, questions: Sequence[Question]) -> list[Any]:
        """Put all in one round trip, and return the results up to the first that failed."""
        slow, self._quick = len(questions) - self._quick, 0
        encoded = [(text, *_encoded(values, self._encoding)) for text, values in questions]
        libpq, sent = self._libpq, list[tuple[str, bytes] | None]()
        libpq.enter_pipeline_mode()
        try:
            for text, data, types, formats in encoded:
                if self._prepares:
                    name = self._names.get(text)
                    if name is None:
                        name = self._new_name()
                        libpq.send_prepare(name, _numbered(text), types)
                        sent.append((text, name))
                    libpq.send_query_prepared(name, data, formats, Format.BINARY)
                else:
                    libpq.send_query_params(_numbered(text), data, types, formats, Format.BINARY)
                sent.append(None)
            # A server that is asked to flush instead does not count for how long the transaction is idle then, and a
            # node that stood still there kept its locks for ever.
            libpq.pipeline_sync()
            answers = wait_for(self._connection, _answers(libpq, len(sent), synced=True), slow)
        except BaseException:
            self._connection.close()  # answers may still be on their way, and would be taken for those to others
            raise
        if libpq.status != ConnStatus.BAD:
            try:
                libpq.exit_pipeline_mode()
            except psycopg.OperationalError:  # the server has ended it, after these answers
                self._connection.close()
        return self._read(sent, answers)

    def _read(self, sent: Sequence[tuple[str, bytes] | None], answers: Sequence[Sequence[Any]]) -> list[Any]:
        """Note which statements are prepared now, and return the results of the others, or the error of one."""
        results: list[Any] = []
        for prepared, (result, *_) in zip(sent, answers, strict=False):
            failed = result.status == ExecStatus.FATAL_ERROR
            if prepared is None or failed:
                results.append(result)
            else:
                text, self._names[text] = prepared
            if failed:
                break
        return results

    def _one_by_one(self, questions: Sequence[Question]) -> list[Any]:
        """Put one after the other, as libpq before version 14 does, up to the first that fails."""
        results: list[Any] = []
        for text, values in questions:
            data, types, formats = _encoded(values, self._encoding)
            self._libpq.send_query_params(_numbered(text), data, types, formats, Format.BINARY)
            ((result, *_),) = self._connection.wait(_answers(self._libpq, 1))
            results.append(result)
            if result.status == ExecStatus.FATAL_ERROR:
                break
        return results

    def _new_name(self) -> bytes:
        """Return a name that no statement has, not even one that was prepared in vain, or by another client."""
        self._made += 1
        return f"anysched_{self._token}_{self._made}".encode()

    def _rows(self, result: Any) -> Rows:
        if not result.ntuples:
            return ()
        self._reader.set_pgresult(result)
        rows = self._reader.load_rows(0, result.ntuples, tuple)
        self._reader.set_pgresult(None)  # which may be large
        return rows


def _answers(libpq: Any, count: int, *, synced: bool = False) -> Generator[Any, Any, list[Sequence[Any]]]:
    """Send what is to be sent, and return so many answers; fewer when the server has ended the connection, and why.

    :param synced: whether one more follows, which tells nothing: what was answered before is so without it, above all
        that a transaction is kept
    """
    yield from send(libpq)
    answers: list[Sequence[Any]] = []
    for _ in range(count):
        try:
            answers.append((yield from fetch_many(libpq)))
        except psycopg.DatabaseError:
            if not any(answer[0].status == ExecStatus.FATAL_ERROR for answer in answers):
                raise
            return answers
    if synced:
        with suppress(psycopg.DatabaseError):
            yield from fetch_many(libpq)
    return answers


def _encoded(
    values: Sequence[Any], encoding: str
) -> tuple[list[bytes | None], list[int], list[Format] | None]:
    """Return values as libpq takes them, their types, 0 where the statement tells, and their formats."""
    data: list[bytes | None] = []
    types: list[int] = []
    formats: list[Format] | None = None
    for number, value in enumerate(values):
        kind = 0
        if value is None:
            data.append(None)
        elif isinstance(value, str):
            if "\0" in value:
                raise psycopg.DataError("PostgreSQL has no text with a zero character")
            data.append(value.encode(encoding))
        elif isinstance(value, (bytes, bytearray, memoryview)):
            formats = formats or [Format.TEXT] * len(values)
            formats[number] = Format.BINARY
            data.append(bytes(cast("bytes", value)))
        elif isinstance(value, int):
            kind = _BIGINT
            data.append(b"%d" % value)
        else:
            raise psycopg.ProgrammingError(f"no value of type {type(value).__name__} is kept here")
        types.append(kind)
    return data, types, formats


@lru_cache(maxsize=1024)
def _numbered(text: str) -> bytes:
    """Return a statement with its parameters as the server wants them: ``%s`` is ``$1`` and so on, ``%%`` is ``%``."""
    first, *others = (part.replace("%%", "%") for part in text.split("%s"))
    return (first + "".join(f"${number}{part}" for number, part in enumerate(others, 1))).encode()
