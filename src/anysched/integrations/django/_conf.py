"""The setting ``ANYSCHED``: what may stand in it, and the clear words about what may not."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any, cast

import attrs
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from anysched import AnyschedError, Scheduler, SchedulerRole

#: The keys that are passed on to the scheduler as they are.
PASSED_ON = frozenset(
    {
        "backend",
        "cleanup_interval",
        "stale_pause_after",
        "event_broker",
        "job_executors",
        "lease_duration",
        "max_concurrent_jobs",
        "poll_interval",
        "retention",
        "stop_grace",
        "task_defaults",
        "timezone",
    }
)
KEYS = PASSED_ON | {"data_store", "schedules", "tasks", "web_role"}

EXAMPLE = 'ANYSCHED = {"data_store": "sqlite:////var/lib/site/schedules.sqlite3", "tasks": ["polls.tasks"]}'


@attrs.frozen
class Configuration:
    """What the setting says, with dotted paths imported.

    :ivar options: parameters for the scheduler
    :ivar tasks: the modules of tasks
    :ivar declare: what adds the schedules, if any
    :ivar web_role: what ``get_scheduler`` does besides operating
    """

    options: Mapping[str, Any]
    tasks: Sequence[ModuleType]
    declare: Callable[[Scheduler], object] | None
    web_role: SchedulerRole


def configuration() -> Configuration:
    """Read the setting.

    :raise ImproperlyConfigured: when it cannot be used, and why
    """
    given = _given()
    options = {key: value for key, value in given.items() if key in PASSED_ON}
    options.setdefault("timezone", settings.TIME_ZONE)
    with explained("ANYSCHED['data_store']", AnyschedError):
        options["data_store"] = _data_store(given["data_store"])
    return Configuration(
        options,
        _modules(given.get("tasks", ())),
        _declaration(given.get("schedules")),
        _role(given.get("web_role", SchedulerRole.client)),
    )


def _given() -> Mapping[str, Any]:
    given: Any = getattr(settings, "ANYSCHED", None)
    if not isinstance(given, dict) or "data_store" not in given:
        raise ImproperlyConfigured(f"the setting ANYSCHED must be a dict with a data_store: {EXAMPLE}")
    found = cast("Mapping[str, Any]", given)
    for key in found:
        if key not in KEYS:
            meant = get_close_matches(str(key), KEYS, n=1)
            raise ImproperlyConfigured(
                f"ANYSCHED[{key!r}] means nothing" + (f": do you mean {meant[0]!r}?" if meant else "")
            )
    return found


@contextmanager
def explained(where: str, *errors: type[Exception]) -> Generator[None]:
    """Turn errors of the kinds named into ``ImproperlyConfigured``."""
    try:
        yield
    except errors as exc:
        raise ImproperlyConfigured(f"{where}: {exc}") from exc


def _data_store(given: Any) -> Any:
    from anysched.stores import SQLDataStore  # needs SQLAlchemy

    store = SQLDataStore(given) if isinstance(given, str) else given
    if not getattr(store, "durable", False):
        raise ImproperlyConfigured(
            "ANYSCHED['data_store'] must be the URL of a database, or a data store, that all processes share: "
            f"{store!r} is none"
        )
    return store


def _modules(given: Any) -> Sequence[ModuleType]:
    if type(given) not in (list, tuple) or not all(isinstance(path, str) for path in given):
        raise ImproperlyConfigured(
            f"ANYSCHED['tasks'] must be a list of dotted paths of modules, not {given!r}"
        )
    with explained("ANYSCHED['tasks']", ImportError):
        return [import_module(path) for path in given]


def _declaration(given: Any) -> Callable[[Scheduler], object] | None:
    if given is None:
        return None
    with explained("ANYSCHED['schedules']", ImportError):
        declare = import_string(given) if isinstance(given, str) else given
    if not callable(declare):
        raise ImproperlyConfigured(
            "ANYSCHED['schedules'] must be the dotted path of a function that takes a scheduler and adds the "
            f"schedules to it, not {given!r}"
        )
    return cast("Callable[[Scheduler], object]", declare)


def _role(given: Any) -> SchedulerRole:
    try:
        return SchedulerRole(given)
    except ValueError:
        roles = ", ".join(repr(role.value) for role in SchedulerRole)
        raise ImproperlyConfigured(f"ANYSCHED['web_role'] must be one of {roles}, not {given!r}") from None
