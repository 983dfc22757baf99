"""Rows of holds and windows, and the lock that keeps those who add schedules and who place these apart (rule H4)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from anysched._text import printable
from anysched.errors import DeserializationError
from anysched.model.change import HoldChange
from anysched.model.hold import Placed, PlacedWindow
from anysched.model.trigger import UndecodableTrigger
from anysched.stores.sql.ahead import Question, ask
from anysched.stores.sql.columns import from_json, from_optional_instant, to_json
from anysched.stores.sql.dialects import Dialect
from anysched.stores.sql.statements import Statements
from anysched.wire.registry import TypeRegistry
from anysched.wire.states import placed_from_plain, placed_to_plain

logger: logging.Logger = logging.getLogger(__name__)

NO_HOLDS: Mapping[str, Placed] = {}


class Holds:
    """Reads and writes holds and windows, on the connection of a transaction.

    Who adds schedules needs them each time, so they are remembered together with the revision that each write raises.
    """

    def __init__(self, statements: Statements, dialect: Dialect, registry: TypeRegistry) -> None:
        self._registry = registry
        self._sql = statements
        self._dialect = dialect
        self._remembered: tuple[int, Mapping[str, Placed]] = (-1, NO_HOLDS)
        self._known: frozenset[str] | None = None  # the types, if one was missing

    def all(self, connection: sa.Connection) -> Mapping[str, Placed]:
        """Return all of them by id, those that are over included."""
        rows = connection.exec_driver_sql(self._sql.holds).fetchall()
        return {row[0]: hold for row in rows if (hold := self._read(*row)) is not None}

    def shared(self, connection: sa.Connection) -> Mapping[str, Placed]:
        """Return all of them, and keep others from writing any until the transaction ends."""
        ((revision,),) = ask(connection, self.question)
        if self._remembered[0] != revision or self._known not in (None, self._registry.known):
            self._remembered = (revision, self.all(connection))
            strange = any(_is_strange(one) for one in self._remembered[1].values())
            self._known = self._registry.known if strange else None
        return self._remembered[1]

    @property
    def question(self) -> Question:
        """The question of ``shared``, which can be asked ahead."""
        return self._sql.share_holds, ()

    def locked(self, connection: sa.Connection) -> Mapping[str, Placed]:
        """Return all of them, and keep others from adding schedules; not remembered, as this may be undone."""
        connection.exec_driver_sql(self._sql.touch_holds)
        return self.all(connection)

    def forget(self) -> None:
        """Read again when asked next."""
        self._remembered = (-1, NO_HOLDS)

    def write(self, connection: sa.Connection, change: HoldChange) -> None:
        """Write a hold or window, or remove it."""
        self._dialect.run_many(connection, self._sql.delete_hold, [(change.hold_id,)])
        if change.hold is not None:
            row = (
                change.hold_id,
                from_optional_instant(change.hold.until),
                to_json(placed_to_plain(change.hold, self._registry)),
            )
            self._dialect.run_many(connection, self._sql.insert_hold, [row])

    def are_past(self, connection: sa.Connection, now: int) -> bool:
        """Return whether some are over."""
        return connection.exec_driver_sql(self._sql.past_hold, (now,)).scalar() is not None

    def drop_past(self, connection: sa.Connection, now: int) -> None:
        """Delete what is over; what a hold has paused says by itself how it goes on."""
        connection.exec_driver_sql(self._sql.delete_past_holds, (now,))

    def _read(self, hold_id: str, record: Any) -> Placed | None:
        """Return what a row says; one that is damaged, or of a later version, is about nothing that is added."""
        try:
            return placed_from_plain(from_json(record), self._registry)
        except DeserializationError as exc:
            logger.warning("hold or window %s cannot be read: %s", printable(hold_id), exc)
            return None


def _is_strange(placed: Placed) -> bool:
    return isinstance(placed, PlacedWindow) and isinstance(placed.window.trigger, UndecodableTrigger)
