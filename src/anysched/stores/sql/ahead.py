"""Questions, and those that are asked together with the beginning of a transaction, where that saves round trips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import sqlalchemy as sa

#: A statement, and its parameters. What is asked ahead depends on no other statement of its transaction.
Question = tuple[str, tuple[Any, ...]]

Rows = Sequence[Sequence[Any]]

_ANSWERS: Final = "anysched answers"
_LINE: Final = "anysched line"


class Line(Protocol):
    """A way to a server that is shorter than SQLAlchemy's."""

    def ask(self, questions: Sequence[Question]) -> Sequence[Rows]:
        """Return the rows that statements find."""
        ...

    def count(self, question: Question) -> int:
        """Return how many rows a statement finds, or writes."""
        ...

    def write(self, question: Question) -> Callable[[], int]:
        """Have something written, at the latest before anything else is asked.

        :return: what tells how many rows it found
        """
        ...


def keep_answers(connection: sa.Connection, answers: Sequence[tuple[Question, Rows]]) -> None:
    """Keep what was answered already for who asks in this transaction; answers of an earlier one are forgotten."""
    connection.info[_ANSWERS] = list(answers)


def forget_answers(connection: sa.Connection) -> None:
    """Forget what was answered already: this transaction has written since."""
    connection.info.pop(_ANSWERS, None)


def ask(connection: sa.Connection, question: Question) -> Rows:
    """Return what a statement finds: each answer that is here already is good for one time."""
    answers: list[tuple[Question, Rows]] = connection.info.get(_ANSWERS, [])
    for number, (asked, _) in enumerate(answers):
        if asked == question:
            return answers.pop(number)[1]
    line = line_of(connection)
    if line is None:
        return connection.exec_driver_sql(*question).fetchall()
    return line.ask([question])[0]


def ask_together(connection: sa.Connection, questions: Sequence[Question]) -> None:
    """Have questions answered in one round trip, where there is a line: who asks them next finds the answers."""
    line = line_of(connection)
    if line is None:
        return
    answers: list[tuple[Question, Rows]] = connection.info.setdefault(_ANSWERS, [])
    answered = [question for question, _ in answers]
    new = [question for question in questions if question not in answered]
    if new:
        answers += zip(new, line.ask(new), strict=True)


def count(connection: sa.Connection, statement: str, *parameters: object) -> int:
    """Return how many rows a statement finds, or writes."""
    line = line_of(connection)
    if line is None:
        return connection.exec_driver_sql(statement, parameters).rowcount
    return line.count((statement, parameters))


def write(connection: sa.Connection, statement: str, *parameters: object) -> None:
    """Have something written, at the latest before anything else is asked."""
    line = line_of(connection)
    if line is None:
        connection.exec_driver_sql(statement, parameters)
    else:
        line.write((statement, parameters))


def line_of(connection: sa.Connection) -> Line | None:
    """Return the line that a connection has, if any."""
    line: Line | None = connection.info.get(_LINE)
    return line


def keep_line(connection: sa.Connection, line: Line) -> None:
    """Let a connection of the driver have a line for as long as it lasts."""
    connection.info[_LINE] = line
