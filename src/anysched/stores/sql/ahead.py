"""Questions that are asked together with the beginning of a transaction, where that saves round trips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

#: A statement that depends on no other one of its transaction, and its parameters.
Question = tuple[str, tuple[Any, ...]]

Rows = Sequence[Sequence[Any]]

_ANSWERS: Final = "anysched answers"


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
    return connection.exec_driver_sql(*question).fetchall()
