"""Counting what a store holds."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from anysched.model.figures import StoreFigures
from anysched.stores.sql.columns import from_instant, to_instant, to_optional_instant
from anysched.stores.sql.leases import Leases
from anysched.stores.sql.statements import Statements


def figures(connection: sa.Connection, sql: Statements, leases: Leases, present: datetime) -> StoreFigures:
    """Return what is due, queued and running, by the conditions that select work (rule S5)."""
    now = from_instant(present)
    due, due_since = connection.exec_driver_sql(sql.count_due, (now,)).one()
    queued, queued_since = connection.exec_driver_sql(sql.count_ready, (now,)).one()
    running = {row[0]: row[1] for row in connection.exec_driver_sql(sql.count_claimed)}
    return StoreFigures(
        now=present,
        due_schedules=due,
        due_since=to_optional_instant(due_since),
        queued_jobs=queued,
        queued_since=to_optional_instant(queued_since),
        running_jobs=running,
        leases={node.id: to_instant(node.lease_until) for node in leases.nodes(connection) if node.has_jobs},
    )
