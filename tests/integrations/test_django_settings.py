"""The setting ``ANYSCHED`` of Django sites."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings
from tests.integrations import django_site

from anysched import Scheduler, SchedulerRole
from anysched.integrations.django._conf import PASSED_ON, configuration
from anysched.integrations.django._scheduling import new_scheduler
from anysched.stores import MemoryDataStore, SQLDataStore

FILE = "sqlite:///never-opened.db"

WRONG: dict[str, tuple[Any, str]] = {
    "nothing": (None, "the setting ANYSCHED must be a dict with a data_store: ANYSCHED = {"),
    "no dict": (FILE, "the setting ANYSCHED must be a dict"),
    "no store": ({"tasks": []}, "the setting ANYSCHED must be a dict with a data_store"),
    "unknown key": ({"data_store": FILE, "task": []}, "ANYSCHED['task'] means nothing: do you mean 'tasks'?"),
    "strange key": ({"data_store": FILE, 5: 6}, "ANYSCHED[5] means nothing"),
    "no URL": (
        {"data_store": "jobs.db"},
        "ANYSCHED['data_store']: the address of the data store is not a URL",
    ),
    "memory": ({"data_store": MemoryDataStore()}, "that all processes share: <MemoryDataStore"),
    "SQLite in memory": ({"data_store": "sqlite://"}, "that all processes share: "),
    "no store at all": ({"data_store": 5}, "that all processes share: 5 is none"),
    "tasks as text": (
        {"data_store": FILE, "tasks": "polls.tasks"},
        "ANYSCHED['tasks'] must be a list of dotted",
    ),
    "tasks as number": ({"data_store": FILE, "tasks": 5}, "ANYSCHED['tasks'] must be a list of dotted"),
    "callable tasks": ({"data_store": FILE, "tasks": [print]}, "ANYSCHED['tasks'] must be a list of dotted"),
    "no such tasks": (
        {"data_store": FILE, "tasks": ["polls.tasks"]},
        "ANYSCHED['tasks']: No module named 'polls'",
    ),
    "no such function": (
        {"data_store": FILE, "schedules": "tests.integrations.django_site.declarations"},
        "ANYSCHED['schedules']: Module",
    ),
    "no function": (
        {"data_store": FILE, "schedules": "tests.integrations.django_site.found"},
        "ANYSCHED['schedules'] must be the dotted path of a function",
    ),
    "no such role": ({"data_store": FILE, "web_role": "web"}, "ANYSCHED['web_role'] must be one of 'both'"),
    "no such zone": ({"data_store": FILE, "timezone": "Mars"}, "ANYSCHED: "),
    "bad number": ({"data_store": FILE, "lease_duration": -1}, "ANYSCHED: lease_duration"),
    "bad type": ({"data_store": FILE, "stop_grace": "long"}, "ANYSCHED: stop_grace"),
    "bad executors": (
        {"data_store": FILE, "job_executors": {"": None}},
        "ANYSCHED: the name of a job executor",
    ),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_used(given: object, said: str) -> None:
    """A setting that cannot be used is refused with a sentence that says where and why."""
    with override_settings(ANYSCHED=given), pytest.raises(ImproperlyConfigured, match=re.escape(said)):
        new_scheduler("client")


def test_manage_check() -> None:
    """What is wrong is told by ``manage.py check``, and so by the commands that check first."""
    wrong = override_settings(ANYSCHED={"data_store": FILE, "web_role": "web"})
    with wrong, pytest.raises(SystemCheckError, match=r"anysched.E001.*web_role"):
        call_command("check")
    with override_settings(ANYSCHED={"data_store": FILE}):
        call_command("check")


def test_every_parameter_can_be_set() -> None:
    """What ``Scheduler`` takes can be set, but for what differs from process to process."""
    parameters = set(inspect.signature(Scheduler).parameters)
    assert PASSED_ON == parameters - {"data_store", "tasks", "role", "identity", "clock"}


def test_defaults() -> None:
    """Web processes only operate, and naive datetimes are meant in Django's time zone."""
    with override_settings(ANYSCHED={"data_store": FILE}):
        assert SchedulerRole.client is configuration().web_role
        assert "Europe/Helsinki" == str(new_scheduler("client").timezone)


def test_what_is_passed_on() -> None:
    """A data store may be given as an object, parameters reach the scheduler, tasks and functions are imported."""
    store = SQLDataStore(FILE)
    given = {
        "data_store": store,
        "schedules": "tests.integrations.django_site.declare",
        "tasks": ["tests.integrations.django_site"],
        "timezone": "Asia/Tokyo",
        "web_role": "worker",
    }
    with override_settings(ANYSCHED=given):
        found = configuration()
        assert store is found.options["data_store"]
        assert [django_site.__name__] == [module.__name__ for module in found.tasks]
        assert found.declare is not None
        assert "declare" == found.declare.__name__  # type: ignore[attr-defined]
        assert SchedulerRole.worker is found.web_role
        scheduler = new_scheduler("both", identity="node-1")
    assert ("node-1", "both", "Asia/Tokyo") == (
        scheduler.identity,
        str(scheduler.role),
        str(scheduler.timezone),
    )


def test_nothing_is_opened(tmp_path: Path) -> None:
    """Looking at the settings opens no data store."""
    file = tmp_path / "jobs.db"
    with override_settings(ANYSCHED={"data_store": f"sqlite:///{file}"}):
        call_command("check")
    assert not file.exists()
