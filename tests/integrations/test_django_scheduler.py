"""``get_scheduler`` and the jobs of Django sites."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from tests.integrations import django_site
from tests.integrations.django_site import site

from anysched import RunState, ScheduleLookupError, SchedulerRole, SchedulerStateError, StoreError
from anysched.executors import ThreadJobExecutor
from anysched.integrations.django import get_scheduler


def test_one_for_the_process(tmp_path: Path) -> None:
    """All threads get the same scheduler, which operates, and declares and runs nothing."""
    with site(tmp_path), ThreadPoolExecutor(4) as threads:
        first, *others = [future.result() for future in [threads.submit(get_scheduler) for _ in range(4)]]
        assert {first} == set(others)
        assert (SchedulerRole.client, RunState.started) == (first.role, first.state)
        assert [] == first.get_schedules()
    assert RunState.stopped is first.state


def test_a_stopped_one_is_replaced(tmp_path: Path) -> None:
    """When the scheduler has stopped, the next call starts another."""
    with site(tmp_path):
        first = get_scheduler()
        first.stop()
        second = get_scheduler()
        assert first is not second
        assert [] == second.get_schedules()


def test_store_that_comes_later(tmp_path: Path) -> None:
    """A data store that cannot be opened fails the call; the next call tries again."""
    with site(tmp_path / "later"):
        with pytest.raises(StoreError):
            get_scheduler()
        (tmp_path / "later").mkdir()
        assert [] == get_scheduler().get_schedules()


def test_web_processes_that_run_jobs(tmp_path: Path) -> None:
    """With another ``web_role`` the process declares the schedules and runs jobs, which find its scheduler."""
    with site(tmp_path, web_role="both"):
        assert ["hourly"] == [schedule.id for schedule in get_scheduler().get_schedules()]
        assert "hourly" == get_scheduler().run_job("operate")


def test_declaring_leaves_pauses_alone(tmp_path: Path) -> None:
    """Rule S1: a schedule that is declared anew stays paused."""
    with site(tmp_path, web_role="both"):
        get_scheduler().pause_schedule("hourly", reason="disk swap")
        get_scheduler().stop()
        pause = get_scheduler().get_schedule("hourly").state.pause
        assert pause is not None
        assert "disk swap" == pause.reason


def test_declaring_fails(tmp_path: Path) -> None:
    """When the schedules cannot be declared, nothing was started, and the error is the caller's."""
    failing = "tests.integrations.django_site.fail"
    with site(tmp_path, web_role="both", schedules=failing), pytest.raises(ScheduleLookupError):
        get_scheduler()


def test_declaring_through_the_wrong_scheduler(tmp_path: Path) -> None:
    """A declaration that asks for the scheduler which waits for it is refused, and told what to use."""
    entangled = "tests.integrations.django_site.entangled"
    with site(tmp_path, web_role="both", schedules=entangled):
        for _ in range(2):
            with pytest.raises(SchedulerStateError, match="use the scheduler that it is given"):
                get_scheduler()


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings of a database in a file; those in memory are never closed."""
    settings: dict[str, Any] = connections.settings["default"]
    monkeypatch.setitem(settings, "NAME", str(tmp_path / "site.db"))
    monkeypatch.setitem(settings, "CONN_MAX_AGE", settings["CONN_MAX_AGE"])
    return settings


def test_connections_are_closed(tmp_path: Path, database: dict[str, Any]) -> None:
    """A job in a thread leaves no database connection behind."""
    with site(tmp_path, web_role="both"):
        assert [1, 1] == [get_scheduler().run_job("query") for _ in range(2)]
        assert [False, False] == [was_open for was_open, _ in django_site.found]
        assert {None} == {used.connection for _, used in django_site.found}


def test_connections_that_are_kept(tmp_path: Path, database: dict[str, Any]) -> None:
    """``CONN_MAX_AGE`` is respected, and what has outlived it is closed before the next job."""
    database["CONN_MAX_AGE"] = 60
    with site(tmp_path, web_role="both", schedules=None):  # no other job, so that there is one thread
        for _ in range(2):
            get_scheduler().run_job("query")
        used = django_site.found[0][1]
        assert [(False, used), (True, used)] == django_site.found
        used.close_at = 0
        get_scheduler().run_job("query")
        assert (False, used) == django_site.found[-1]
    used.inc_thread_sharing()  # its thread has ended
    used.close()


def test_own_executors(tmp_path: Path) -> None:
    """Job executors from the settings come besides those for Django, or in their place."""
    executors = {"thread": ThreadJobExecutor(max_workers=1), "own": ThreadJobExecutor(max_workers=1)}
    with site(tmp_path, web_role="both", job_executors=executors):
        for name in ("thread", "own"):
            assert 1 == get_scheduler().run_job("query", job_executor=name)
