"""What is special about PostgreSQL: transactions whose beginning travels with what is asked first (rule N3)."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa
from tests.unit.stores.sql.servers import SERVERS

from anysched import SystemClock
from anysched.errors import StoreUnavailableError
from anysched.stores.sql import dialect_postgresql

pytestmark = pytest.mark.anyio


async def test_a_node_that_stands_still_after_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule N3: who asks something as a transaction begins, and then nothing more, is cut off as anybody is."""
    idle = {"idle_in_transaction_session_timeout": "100ms"}
    monkeypatch.setattr(dialect_postgresql, "_SETTINGS", dialect_postgresql._set(idle))
    with SERVERS["postgresql"]() as server:
        store = server.store()
        await store.open(SystemClock())

        def stand_still(connection: sa.Connection) -> None:
            number = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
            deadline = time.monotonic() + 10
            while server.query(f"SELECT 1 FROM pg_stat_activity WHERE pid = {number}"):
                assert time.monotonic() < deadline, "it may stand still for as long as it likes"

        try:
            with pytest.raises(StoreUnavailableError, match="idle for too long"):
                await store._session.write(stand_still, [store._tasks.question])
        finally:
            await store.close()
