"""Who holds jobs, and until when: one row for each node (rules J1 and J2)."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import attrs
import sqlalchemy as sa

from anysched.ports.store import Renewal
from anysched.stores.sql.ahead import Question, ask, count, write
from anysched.stores.sql.columns import from_duration, from_instant
from anysched.stores.sql.dialects import Dialect
from anysched.stores.sql.session import Session
from anysched.stores.sql.statements import Statements


@attrs.frozen
class Node:
    """A node that has, or had, jobs.

    :ivar has_jobs: whether it has some; not of the node that asks
    """

    id: str
    lease_until: int
    has_jobs: bool


class Leases:
    """Reads and writes leases, on the connection of a transaction; remembers what the nodes of this process hold."""

    def __init__(self, statements: Statements, dialect: Dialect) -> None:
        self._sql = statements
        self._many_writers = dialect.many_writers
        self._lock = threading.Lock()
        self._held: dict[str, set[UUID]] = {}
        self._keepers = 0

    def nodes(self, connection: sa.Connection, me: str = "") -> list[Node]:
        """Return every node that has a row.

        :param me: a node that does not ask whether it has jobs itself
        """
        rows = ask(connection, self.question(me))
        return [Node(node, until, bool(has_jobs)) for node, until, has_jobs in rows]

    def question(self, me: str) -> Question:
        """Return the question of ``nodes``, which can be asked ahead."""
        return self._sql.nodes, (me,)

    def extend(self, connection: sa.Connection, node: str, until: int) -> bool:
        """Move the lease of a node; return whether it has one."""
        return count(connection, self._sql.renew, until, node) == 1

    def grant(self, connection: sa.Connection, node: str, until: int) -> None:
        """Give a lease to a node that takes jobs, or move the one that it has: whatever has become of it meanwhile."""
        write(connection, self._sql.grant, until, node)

    def keep(self, connection: sa.Connection, node: str) -> None:
        """Keep others from taking the jobs of a node over until the transaction ends; its lease can be renewed."""
        if self._many_writers:
            ask(connection, self.lock(node))

    def lock(self, node: str) -> Question:
        """Return the question of ``keep``, which can be asked ahead."""
        return self._sql.lock_node, (node,)

    def take_over(self, connection: sa.Connection, node: str, now: int) -> bool:
        """Lock a node whose lease has run out; False if it has renewed it, or somebody else is at it."""
        return bool(connection.exec_driver_sql(self._sql.lock_expired_node, (node, now)).fetchall())

    def drop(self, connection: sa.Connection, node: str) -> None:
        """Forget a node that is gone."""
        connection.exec_driver_sql(self._sql.delete_node, (node,))

    def idle(self, connection: sa.Connection, now: int) -> list[str]:
        """Return nodes whose lease ran out while they had no job."""
        return [node.id for node in self.nodes(connection) if node.lease_until <= now and not node.has_jobs]

    def drop_idle(self, connection: sa.Connection, now: int) -> None:
        """Forget nodes whose lease ran out while they had no job."""
        locked = {node for node in self.idle(connection, now) if self.take_over(connection, node, now)}
        for node in locked.intersection(self.idle(connection, now)):  # it may have taken a job until then
            self.drop(connection, node)

    # A node whose jobs were taken over, as after a long sleep of the machine, takes none before it has noticed:
    # a new lease must not hide from its keeper that the old one was lost.

    def has_to_notice(self, node: str, nodes: Iterable[Node]) -> bool:
        """Return whether a node of this process has lost its lease, and its keeper has not told yet."""
        with self._lock:
            return bool(self._keepers and self._held.get(node)) and node not in {known.id for known in nodes}

    def took(self, node: str, ids: Iterable[UUID]) -> None:
        """Remember that a node has taken jobs."""
        with self._lock:
            self._held.setdefault(node, set()).update(ids)

    def held(self, node: str) -> frozenset[UUID]:
        """Return the jobs that a node of this process has, as far as it was told."""
        with self._lock:
            return frozenset(self._held.get(node, ()))

    def let_go(self, node: str, ids: Iterable[UUID]) -> None:
        """Remember that a node has these jobs no more."""
        with self._lock:
            held = self._held.get(node, set())
            held.difference_update(ids)
            if not held:
                self._held.pop(node, None)

    def noticed(self, node: str) -> None:
        """Remember that a node knows that it has lost its jobs."""
        with self._lock:
            self._held.pop(node, None)

    def count_keepers(self, change: int) -> None:
        """One keeper more, or less."""
        with self._lock:
            self._keepers += change


class SQLLeaseKeeper:
    """Renews leases on a connection of its own, from any thread: whoever uses up a pool keeps no lease from it."""

    def __init__(self, session: Session, statements: Statements, leases: Leases) -> None:
        self._session = session.apart()
        self._sql = statements
        self._leases = leases
        self._open = True
        leases.count_keepers(1)

    def renew(self, node: str, lease: timedelta) -> Renewal:
        """Move the lease of a node to now + ``lease``, unless it was taken over.

        :raise StoreUnavailableError: when the database cannot be reached or written
        """
        renewal = self._session.write_here(lambda connection: self._renew(connection, node, lease))
        if not renewal.held:
            self._leases.noticed(node)
        return renewal

    def _renew(self, connection: sa.Connection, node: str, lease: timedelta) -> Renewal:
        until = from_instant(self._session.present()) + from_duration(lease)
        if not self._leases.extend(connection, node, until):
            return Renewal(held=False)
        found = connection.exec_driver_sql(self._sql.cancels, (node,)).scalars()
        return Renewal(held=True, cancel=frozenset(UUID(job_id) for job_id in found))

    def close(self) -> None:
        """Close the connection; closing again changes nothing."""
        if self._open:
            self._open = False
            self._session.close_apart()
            self._leases.count_keepers(-1)
