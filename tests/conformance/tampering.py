"""How stored data gets damaged behind the back of an SQL store, in words that every database knows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from anysched.ports.store import DataStore
from anysched.stores import SQLDataStore

NEW_CONFIG = """INSERT INTO anysched_configs SELECT 'tampered', replace(configuration, :old, :new), payload FROM
    anysched_configs c WHERE c.id = (SELECT config_id FROM anysched_schedules WHERE id = :id);
    UPDATE anysched_schedules SET config_id = 'tampered', kinds = replace(kinds, :old, :new) WHERE id = :id"""
NEW_PAYLOAD = "UPDATE anysched_jobs SET payload = :payload WHERE id = :id"


class Tampering:
    """The hooks of the suite; ``execute`` changes one row."""

    def execute(self, statement: str, parameters: dict[str, Any]) -> None:
        raise NotImplementedError

    def connections_in_use(self, store: DataStore) -> int:
        assert isinstance(store, SQLDataStore)
        pool = store._engine.pool
        assert isinstance(pool, sa.QueuePool)
        return pool.checkedout()

    def _tamper(self, statements: str, **parameters: Any) -> None:
        for statement in statements.split(";"):
            self.execute(statement, {k: v for k, v in parameters.items() if f":{k}" in statement})

    async def damage_schedule(self, store: DataStore, schedule_id: str) -> None:
        self._tamper(NEW_CONFIG, id=schedule_id, old='"trigger":{', new='"trigger":[{')

    async def estrange_schedule(self, store: DataStore, schedule_id: str) -> None:
        self._tamper(NEW_CONFIG, id=schedule_id, old="interval@1", new="elsewhere:Interval@1")

    async def damage_job(self, store: DataStore, job_id: UUID) -> None:
        self._tamper(NEW_PAYLOAD, id=job_id.hex, payload=b"\xff\0")
