"""A task goes by its name only when the store has what its code says about it (rule S7)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.engine.conftest import MakeScheduler
from tests.engine.support import at

from anysched import DateTrigger, StoreUnavailableError, TaskOptions, task
from anysched.ports.store import DataStore

pytestmark = pytest.mark.anyio


async def test_a_declaration_that_failed_is_made_again(
    make: MakeScheduler, store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever adds a schedule again, after the store was away, declares the options of its task before."""

    @task(id="limited", max_running_jobs=1)
    async def limited() -> None:
        pass

    async with make(store, role="client") as scheduler:
        with monkeypatch.context() as patched:

            async def away(declared: Mapping[str, TaskOptions]) -> None:
                raise StoreUnavailableError("away")

            patched.setattr(store, "declare_tasks", away)
            with pytest.raises(StoreUnavailableError):
                await scheduler.add_schedule(limited, DateTrigger(at(60)))
        await scheduler.add_schedule(limited, DateTrigger(at(60)))
        (found,) = await store.get_tasks(("limited",))
        assert 1 == found.declared.max_running_jobs
