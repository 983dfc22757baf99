"""Configurations of schedules: written as records, read once, then remembered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter, is_
from typing import Any, Final, Generic, TypeVar

import attrs

from anysched.errors import DeserializationError, UnknownTypeError
from anysched.model import convert
from anysched.model.ids import new_id
from anysched.model.passing import passing
from anysched.model.schedule import Schedule
from anysched.model.trigger import Trigger, UndecodableTrigger, refuses_changes
from anysched.stores.sql.columns import EPOCH, from_json, to_json
from anysched.stores.sql.payloads import NOTHING, Payloads
from anysched.wire.configs import (
    owner_in,
    schedule_from_plain,
    settings_of,
    settings_to_plain,
    trigger_to_plain,
)
from anysched.wire.registry import TypeRegistry

V = TypeVar("V")

#: How many configurations are remembered at least, and half of at most.
REMEMBERED: Final = 20_000

#: The same, of texts of configurations, of which many schedules may have the same.
REMEMBERED_TEXTS: Final = 1000

#: The same, of configurations of schedules that are due when they are written.
EXPECTED: Final = 100

#: Stands for the id of a task that cannot be read.
DAMAGED: Final = "(damaged)"

_FIELDS: Final = tuple(field.name for field in attrs.fields(Schedule))
_KEEP: Final = tuple(vars(Schedule)[name].__set__ for name in _FIELDS)
_values_of: Final = attrgetter(*_FIELDS)


@attrs.frozen
class Config:
    """A configuration as it was read.

    :ivar schedule: with placeholders for what cannot be read
    :ivar payload: arguments and metadata as they are stored, for the jobs
    :ivar shared: whether jobs can have arguments and metadata as they were read here: nobody can change them
    :ivar fault: why something cannot be read
    :ivar unknown: the type or version that is not known here, if that is why (rule S2)
    """

    schedule: Schedule
    payload: bytes | None
    shared: bool
    fault: str | None = None
    unknown: str | None = None


@passing
class StoredConfig:
    """A configuration ready to be written."""

    id: str
    task_id: str
    kinds: str
    group: str | None
    tags: str | None
    text: str
    payload: bytes | None

    @property
    def columns(self) -> tuple[str | None, ...]:
        """What the row of the schedule says of it."""
        return self.task_id, self.id, self.kinds, self.group, self.tags


class Configs:
    """Writes and reads configurations. A row is never changed, so what was read once stays true.

    A pass remembers what it reads for the second time: many schedules fire once, and the more objects stay, the sooner
    Python goes through all objects that there are, for which the event loop stands still.
    """

    def __init__(self, payloads: Payloads, registry: TypeRegistry) -> None:
        self._payloads = payloads
        self._registry = registry
        self._last_settings: tuple[tuple[Any, ...], str] = (), ""
        self._last_trigger: tuple[Trigger | None, tuple[str, str]] = None, ("", "")
        self._remembered = Remembered[Config](REMEMBERED)
        self._expected = Remembered[Config](EXPECTED)
        self._met = Remembered[bool](REMEMBERED)
        self._texts = Remembered[Schedule](REMEMBERED_TEXTS)

    @property
    def registry(self) -> TypeRegistry:
        """The types that may be written and read here."""
        return self._registry

    @property
    def known(self) -> frozenset[str]:
        """The types that can be read here."""
        return self._registry.known

    def knows(self, kinds: str) -> bool:
        """Return whether all types that a trigger consists of can be read here."""
        return set(kinds.splitlines()) <= self.known

    def find(self, config_id: str) -> Config | None:
        """Return a configuration that was read before."""
        return self._remembered.get(config_id) or self._expected.get(config_id)

    def encode(self, schedule: Schedule) -> StoredConfig:
        """Return a configuration as it is stored, under an id of its own. :raise SerializationError: if it cannot be"""
        kinds, trigger = self._encode_trigger(schedule.trigger)
        text = f'{self._encode_settings(settings_of(schedule))[:-1]},"trigger":{trigger}}}'
        payload = None
        if schedule.args or schedule.kwargs or schedule.metadata:
            payload = self._payloads.dump(
                schedule.args, schedule.kwargs, schedule.metadata, f"schedule {schedule.id!r}"
            )
        tags = "\n{}\n".format("\n".join(sorted(schedule.tags))) if schedule.tags else None
        return StoredConfig(new_id.text(EPOCH), schedule.task_id, kinds, schedule.group, tags, text, payload)

    def expect(self, written: StoredConfig, schedule_id: str) -> None:
        """Remember a configuration that is written now and needed at once, as it would be read."""
        row = (written.id, written.text, written.payload)
        config = self.decode(row, schedule_id, written.task_id, fires=True)
        if config.fault is None:
            self._expected.put(written.id, config)

    def _encode_settings(self, settings: tuple[Any, ...]) -> str:
        """Return the text of settings; of the very ones before that is known, without looking at what they are."""
        last, encoded = self._last_settings
        if len(last) != len(settings) or not all(map(is_, settings, last)):
            encoded = _encode_settings(*settings)
            self._last_settings = settings, encoded
        return encoded

    def _encode_trigger(self, trigger: Trigger) -> tuple[str, str]:
        """Return the types that a trigger consists of, and its text; of the very one before that is known.

        Of an equal one it is not: it may be in another time zone; nor of one that may be another by now.
        """
        last, encoded = self._last_trigger
        if trigger is not last or not refuses_changes(trigger):
            kinds: set[str] = set()
            text = to_json(trigger_to_plain(trigger, self._registry, named=kinds))
            encoded = "\n".join(sorted(kinds)), text
            self._last_trigger = trigger, encoded
        return encoded

    def decode(self, row: Sequence[Any], schedule_id: str, task_id: str, *, fires: bool) -> Config:
        """Return the configuration of a row: its id, text, payload.

        :param fires: whether a pass reads it, and nobody else
        """
        config_id, text, payload = row
        unknown: str | None = None
        task_id, fault = _checked_task(task_id)
        plain: object = None
        try:
            if text is None:
                raise DeserializationError("the stored configuration is missing")
            known = self._texts.get(text)
            if known is None:
                plain = from_json(text)
                schedule = schedule_from_plain(plain, schedule_id, task_id, self._registry)
                self._texts.put(text, schedule)
            else:
                schedule = _alike(known, id=schedule_id, func_or_task_id=task_id)
        except DeserializationError as exc:
            fault, unknown = fault or str(exc), _unknown(exc)
            schedule = _without_trigger(plain, schedule_id, task_id, UndecodableTrigger(fault))
        loaded, shared = NOTHING, payload is None
        try:
            if payload is not None:
                loaded = self._payloads.load(payload)
                shared = loaded.is_fixed
        except DeserializationError as exc:
            fault, unknown = fault or str(exc), unknown or _unknown(exc)
        if loaded is not NOTHING:
            schedule = _alike(schedule, args=loaded.args, kwargs=loaded.kwargs, metadata=loaded.metadata)
        config = Config(schedule, payload, shared, fault, unknown)
        if fault is None:  # a type may become known later
            if fires and not self._met.get(config_id):
                self._met.put(config_id, True)
            else:
                self._remembered.put(config_id, config)
        return config


def _alike(schedule: Schedule, **different: Any) -> Schedule:
    """Return a schedule with some fields replaced by values that are checked already.

    ``attrs.evolve`` checks all of them again, which takes six times as long.
    """
    made: Schedule = object.__new__(Schedule)
    for keep, value in zip(_KEEP, _values_of(schedule), strict=True):
        keep(made, value)
    for name, value in different.items():
        object.__setattr__(made, name, value)
    return made


@lru_cache(maxsize=256, typed=True)
def _encode_settings(*settings: Any) -> str:
    """Return the text of settings: many schedules have the same, and to write it takes half the time of an addition."""
    return to_json(settings_to_plain(settings))


@lru_cache(maxsize=256, typed=True)
def _checked_task(stored: str) -> tuple[str, str | None]:
    """Return the task of a row, or what stands for one that is damaged, and what is wrong with it."""
    try:
        return convert.identifier(stored, "the task id"), None
    except (TypeError, ValueError) as exc:
        return DAMAGED, f"the stored task id is damaged: {exc}"


def _without_trigger(plain: object, schedule_id: str, task_id: str, trigger: UndecodableTrigger) -> Schedule:
    """Return what a configuration says besides its trigger: who cannot fire a schedule can pause it (rule B1)."""
    try:
        return schedule_from_plain(plain, schedule_id, task_id, trigger=trigger)
    except DeserializationError:
        return Schedule(task_id, trigger, id=schedule_id, owner=owner_in(plain))


def _unknown(exc: DeserializationError) -> str | None:
    if not isinstance(exc, UnknownTypeError):
        return None
    version = "" if exc.version is None else f" in version {exc.version}"
    return f"type {exc.type_name!r}{version}"


class Remembered(Generic[V]):
    """A mapping that forgets what has not been asked for; safe among threads without a lock."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[str, V] = {}
        self._old: dict[str, V] = {}

    def get(self, key: str) -> V | None:
        """Return what is remembered."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key) if self._old else None
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: str, value: V) -> None:
        """Remember something; once there is too much, what was not asked for since the last time goes."""
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
        self._young[key] = value
