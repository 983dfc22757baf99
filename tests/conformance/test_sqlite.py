"""The SQL store keeps every promise of the port on a file of SQLite; two stores on it stand for two nodes (rule N8)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from uuid import UUID

import pytest

from anysched.ports.store import DataStore
from anysched.stores import SQLDataStore
from anysched.testing import StoreSuite

NEW_CONFIG = """INSERT INTO anysched_configs SELECT 'tampered', replace(configuration, :old, :new), payload FROM
    anysched_configs c WHERE c.id = (SELECT config_id FROM anysched_schedules WHERE id = :id);
    UPDATE anysched_schedules SET config_id = 'tampered', kinds = replace(kinds, :old, :new) WHERE id = :id"""
NEW_PAYLOAD = "UPDATE anysched_jobs SET payload = x'ff00' WHERE id = :id"


class TestSQLiteFile(StoreSuite):
    pytestmark = pytest.mark.anyio

    def make_store(self, tmp_path: Path) -> DataStore:
        self.path = tmp_path / "jobs.db"
        return SQLDataStore(f"sqlite:///{self.path}")

    def second_store(self, store: DataStore, tmp_path: Path) -> DataStore:
        return self.make_store(tmp_path)

    def tamper(self, statements: str, **parameters: str) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        for statement in statements.split(";"):
            assert connection.execute(statement, parameters).rowcount == 1
        connection.close()

    async def damage_schedule(self, store: DataStore, schedule_id: str) -> None:
        self.tamper(NEW_CONFIG, id=schedule_id, old='"trigger":{', new='"trigger":[{')

    async def estrange_schedule(self, store: DataStore, schedule_id: str) -> None:
        self.tamper(NEW_CONFIG, id=schedule_id, old="interval@1", new="elsewhere:Interval@1")

    async def damage_job(self, store: DataStore, job_id: UUID) -> None:
        self.tamper(NEW_PAYLOAD, id=job_id.hex)
