"""Rows of time zones: by which rules fire times were computed (rule T12)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from anysched._text import printable
from anysched.errors import DeserializationError, UnknownTypeError
from anysched.model.zone import ZoneRecord
from anysched.ports.store import DecideZones
from anysched.stores.sql.columns import from_json, to_json
from anysched.stores.sql.dialects import Dialect
from anysched.stores.sql.statements import Statements
from anysched.stores.sql.tasks import Tasks
from anysched.wire.zones import zone_from_plain, zone_to_plain

logger: logging.Logger = logging.getLogger(__name__)


class Zones:
    """Reads and writes time zones, on the connection of a transaction."""

    def __init__(self, statements: Statements, dialect: Dialect, tasks: Tasks) -> None:
        self._sql = statements
        self._tasks = tasks
        self._dialect = dialect

    def all(self, connection: sa.Connection) -> Mapping[str, ZoneRecord]:
        """Return what is kept, by name; what cannot be read is left out."""
        return self._read(connection)[0]

    def _read(self, connection: sa.Connection) -> tuple[dict[str, ZoneRecord], set[str]]:
        """Return what is kept, and the names of what a later version has written, which stays as it is.

        What is damaged is written anew by whoever finds it missing.
        """
        found, later = dict[str, ZoneRecord](), set[str]()
        for name, record in connection.exec_driver_sql(self._sql.zones).fetchall():
            try:
                found[name] = zone_from_plain(name, from_json(record))
            except UnknownTypeError:
                later.add(name)
            except DeserializationError as exc:
                logger.warning("the time zone %s cannot be read: %s", printable(name), printable(exc))
        return found, later

    def transact(
        self, connection: sa.Connection, decide: DecideZones, present: datetime
    ) -> Mapping[str, ZoneRecord]:
        """Decide what is kept, while others are kept from it; return what is kept then.

        :raise SchemaVersionError: when the tables have become too new for this node
        """
        self._tasks.check_node(connection)
        connection.exec_driver_sql(self._sql.touch_zones)
        stored, later = self._read(connection)
        decided = {record.data.name: record for record in decide(stored, present)}
        written = {name: record for name, record in decided.items() if name not in later}
        if written:
            run = self._dialect.run_many
            run(connection, self._sql.delete_zone, [(name,) for name in sorted(written)])
            rows = [(name, to_json(zone_to_plain(written[name]))) for name in sorted(written)]
            run(connection, self._sql.insert_zone, rows)
        return {**stored, **written}
