"""Deleting what is not kept any more, in small transactions between which others get their turn."""

from __future__ import annotations

from typing import Final

from anysched.model.history import Retention
from anysched.stores.sql.columns import from_instant
from anysched.stores.sql.holds import Holds
from anysched.stores.sql.leases import Leases
from anysched.stores.sql.ledger import Delete, Find, Ledger
from anysched.stores.sql.results import Results
from anysched.stores.sql.session import Session
from anysched.stores.sql.tasks import Tasks
from anysched.stores.sql.waits import Waits

#: How many rows go in one transaction, so that nobody waits long.
AT_ONCE: Final = 1000


class Cleaning:
    """Carries out what ``clean_up`` of a store says."""

    def __init__(
        self,
        session: Session,
        tasks: Tasks,
        results: Results,
        leases: Leases,
        holds: Holds,
        ledger: Ledger,
        waits: Waits,
    ) -> None:
        self._session = session
        self._tasks = tasks
        self._results = results
        self._leases = leases
        self._holds = holds
        self._ledger = ledger
        self._waits = waits

    async def __call__(self, retention: Retention) -> int:
        """Delete results that have expired, holds that are over, nodes that are gone, and history beyond its time.

        Schedules that wait for jobs which are gone go on (rule S9).

        Return how many results went.
        """
        read, write = self._session.read, self._session.write
        present = self._session.present()
        now = from_instant(present)
        await read(self._tasks.check_node)
        deleted = await self._delete(
            lambda connection: self._results.expired(connection, now, AT_ONCE), self._results.delete
        )
        if await read(lambda connection: self._holds.are_past(connection, now)):
            await write(lambda connection: self._holds.drop_past(connection, now))
        if await read(lambda connection: self._leases.idle(connection, now)):
            await write(lambda connection: self._leases.drop_idle(connection, now))
        if lost := await read(self._waits.lost):
            await write(lambda connection: self._waits.end(connection, lost, present))
        for find, delete in self._ledger.outdated(retention, now, AT_ONCE):
            await self._delete(find, delete)
        for find in await read(lambda connection: self._ledger.too_long(connection, retention, AT_ONCE)):
            await self._delete(find, self._ledger.delete_history)
        return deleted

    async def _delete(self, find: Find, delete: Delete) -> int:
        deleted = 0
        while keys := await self._session.read(find):
            found = keys
            await self._session.write(lambda connection: delete(connection, found))  # noqa: B023
            deleted += len(keys)
        return deleted
