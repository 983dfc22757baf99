"""Configurations as plain data, and back: what is said of a schedule, and which options a task has."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, cast

from anysched.model import convert
from anysched.model.schedule import Schedule
from anysched.model.task import TaskOptions
from anysched.model.trigger import Trigger
from anysched.wire.records import built, fields_of, fields_to_record, names_of, to_record
from anysched.wire.registry import DEFAULT_REGISTRY, TypeRegistry
from anysched.wire.values import to_plain

#: The configuration that has columns of its own, or goes through the serializer of the store.
_APART: Final = frozenset({"func_or_task_id", "id", "args", "kwargs", "metadata"})

_SCHEDULE_FIELDS: Final = tuple(
    name for name in names_of(Schedule) if name not in _APART and name != "trigger"
)
_OPTION_FIELDS: Final = tuple(name for name in names_of(TaskOptions) if name not in _APART)

#: The settings of a schedule, by themselves: many schedules have the same.
settings_of: Final[Callable[[Schedule], tuple[Any, ...]]] = attrgetter(*_SCHEDULE_FIELDS)


def schedule_to_plain(schedule: Schedule, registry: TypeRegistry = DEFAULT_REGISTRY) -> dict[str, Any]:
    """Return the configuration of a schedule, without id, task, arguments and metadata.

    :raise SerializationError: when its trigger is of a type that is not registered
    """
    return {
        **settings_to_plain(settings_of(schedule)),
        "trigger": trigger_to_plain(schedule.trigger, registry),
    }


def settings_to_plain(settings: tuple[Any, ...]) -> dict[str, Any]:
    """Return what ``settings_of`` a schedule tells, which is all of its configuration but the trigger."""
    return fields_to_record("schedule", zip(_SCHEDULE_FIELDS, settings, strict=True))


def trigger_to_plain(
    trigger: Trigger, registry: TypeRegistry = DEFAULT_REGISTRY, *, named: set[str] | None = None
) -> Any:
    """Return the trigger of a schedule.

    :param named: gets every "name@version" of the types that it consists of
    :raise SerializationError: when it is of a type that is not registered
    """
    return to_plain(trigger, registry, where="the trigger", named=named)


def schedule_from_plain(
    plain: object,
    schedule_id: str,
    task_id: str,
    registry: TypeRegistry = DEFAULT_REGISTRY,
    *,
    trigger: Trigger | None = None,
) -> Schedule:
    """Return the schedule of a configuration, without arguments and metadata.

    :param trigger: stands for the one that was written, which is not looked at then
    :raise UnknownTypeError: when it, or its trigger, is of a version or type that is not known here
    :raise DeserializationError: when it is damaged
    """
    if trigger is not None and isinstance(plain, dict):
        plain = {name: value for name, value in cast("dict[str, Any]", plain).items() if name != "trigger"}
    fields = fields_of("schedule", plain, (*_SCHEDULE_FIELDS, "trigger"), registry)
    written: Trigger = fields.pop("trigger", None)
    return built("schedule", lambda: Schedule(task_id, trigger or written, id=schedule_id, **fields))


def owner_in(plain: object) -> str | None:
    """Return the owner that a configuration names, also one that cannot be read here otherwise (rule S8)."""
    owner: object = cast("dict[str, Any]", plain).get("owner") if isinstance(plain, dict) else None
    try:
        return convert.owner(cast("str | None", owner))
    except (TypeError, ValueError):
        return None


def options_to_plain(options: TaskOptions) -> dict[str, Any]:
    """Return the options of a task that are set, without metadata."""
    return to_record("task options", options, _OPTION_FIELDS)


def options_from_plain(plain: object) -> TaskOptions:
    """Return options of a task, without metadata. :raise DeserializationError: when they are damaged"""
    fields = fields_of("task options", plain, _OPTION_FIELDS)
    return built("task options", lambda: TaskOptions(**fields))
