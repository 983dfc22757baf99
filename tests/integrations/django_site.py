"""Django configured for the tests of this process, and tasks for its schedules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.test import override_settings

from anysched import IntervalTrigger, Scheduler, task
from anysched.integrations.django import get_scheduler

if not settings.configured:
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["anysched.integrations.django"],
        TIME_ZONE="Europe/Helsinki",
        USE_TZ=True,
    )
    django.setup()

#: Database connections as the jobs found them, with the thread's own object for them.
found: list[tuple[bool, Any]] = []


@task(id="query")
def query() -> int:
    """Use the database in a thread."""
    found.append((connection.connection is not None, connection._connections[connection._alias]))
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return int(cursor.fetchone()[0])


@task(id="operate")
def operate() -> str:
    """Use the scheduler of this process in a job."""
    return get_scheduler().get_schedule("hourly").id


def declare(scheduler: Scheduler) -> None:
    """Declare schedules as at each start of a program."""
    scheduler.add_schedule("operate", IntervalTrigger(hours=1), id="hourly", conflict_policy="replace")


def entangled(scheduler: Scheduler) -> None:
    """Declare schedules through the scheduler that is about to be started."""
    declare(get_scheduler())


def fail(scheduler: Scheduler) -> None:
    """Fail to declare schedules."""
    scheduler.pause_schedule("nothing")


@contextmanager
def site(folder: Path, **settings: Any) -> Iterator[None]:
    """A site with its schedules in a folder. Leaving it stops the scheduler of this process."""
    given = {
        "data_store": f"sqlite:///{folder / 'jobs.db'}",
        "tasks": ["tests.integrations.django_site"],
        "schedules": "tests.integrations.django_site.declare",
    }
    found.clear()
    with override_settings(ANYSCHED={**given, **settings}):
        yield
