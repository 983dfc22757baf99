"""Schedules as users write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from anysched.model import convert
from anysched.model.naming import callable_name
from anysched.model.policies import MOST_CATCHUP, CoalescePolicy
from anysched.model.trigger import Trigger, require_trigger
from anysched.model.unset import UNSET, UnsetType

LATEST: Final = CoalescePolicy.latest
CATCHUP: Final = 100


def _task_reference(value: Callable[..., Any] | str) -> Callable[..., Any] | str:
    if isinstance(value, str):
        return convert.identifier(value, "the task id")
    if callable(value):
        return value
    raise TypeError(f"a task must be a callable or the id of one, not {type(value).__name__}")


def _coalesce(value: CoalescePolicy | str) -> CoalescePolicy:
    return value if isinstance(value, CoalescePolicy) else CoalescePolicy(value)


def _paused(value: bool) -> bool:
    return convert.boolean(value, "paused")


def _max_catchup(value: int) -> int:
    return convert.positive_int(value, "max_catchup", most=MOST_CATCHUP)


def _pause_after_failures(value: int | None) -> int | None:
    return None if value is None else convert.positive_int(value, "pause_after_failures")


def _probe_after(value: convert.Seconds | None) -> timedelta | None:
    return None if value is None else convert.positive_duration(value, "probe_after")


def _fixed_delay(value: bool) -> bool:
    return convert.boolean(value, "fixed_delay")


def _max_jitter(value: convert.Seconds | None) -> timedelta | None:
    return None if value is None else convert.positive_duration(value, "max_jitter")


def _expiration(value: convert.Seconds) -> timedelta:
    return convert.duration(value, "job_result_expiration_time")


#: By the name of an option what most schedules have, which needs no check, and what checks anything else.
_OPTIONS: Final[Mapping[str, tuple[object, Callable[[Any], Any]]]] = {
    "paused": (False, _paused),
    "coalesce": (LATEST, _coalesce),
    "misfire_grace_time": (UNSET, convert.misfire_grace_time),
    "max_catchup": (CATCHUP, _max_catchup),
    "max_jitter": (None, _max_jitter),
    "job_executor": (UNSET, convert.job_executor),
    "job_result_expiration_time": (convert.NO_TIME, _expiration),
    "group": (None, convert.group),
    "tags": (convert.NO_NAMES, convert.tags),
    "owner": (None, convert.owner),
    "pause_after_failures": (None, _pause_after_failures),
    "probe_after": (None, _probe_after),
    "fixed_delay": (False, _fixed_delay),
}


def _check_together(options: Mapping[str, Any]) -> None:
    if options.get("probe_after") is not None and options.get("pause_after_failures") is None:
        raise ValueError("probe_after says how long a pause lasts: give `pause_after_failures` as well")
    if options.get("fixed_delay") and options.get("coalesce") is CoalescePolicy.all:
        raise ValueError(
            "fixed_delay counts from the end of the last run, so that no two are due at a time: coalesce must be"
            " 'latest' or 'earliest'"
        )


@attrs.frozen(init=False)
class Schedule:
    """Configuration: which task, when, with what. Written by users only.

    :ivar func_or_task_id: the callable, or the id of a task
    :ivar trigger: when to run it
    :ivar id: unique; an own one is made up when none is given
    :ivar args: positional arguments
    :ivar kwargs: keyword arguments
    :ivar paused: whether it is paused when it is created; later pauses are state, not configuration (rule S1)
    :ivar coalesce: which of several late fire times get a job
    :ivar misfire_grace_time: how late a job may start; None for no limit, unset for what the task says
    :ivar max_catchup: how many late fire times get a job in one pass under ``coalesce="all"``, at most 10,000
    :ivar max_jitter: how far each fire time is delayed at most, by a hash of id and fire time (rule T8)
    :ivar job_executor: name of the job executor; unset for what the task says
    :ivar job_result_expiration_time: how long results are kept
    :ivar metadata: anything that can be serialized
    :ivar group: the group it belongs to, if any, for those who pause or read whole groups
    :ivar tags: words to select it by
    :ivar owner: the program that declares it, as ``apply_schedules`` writes it (rule S8); None for nobody, and in what
        replaces a schedule for the owner that it has
    :ivar pause_after_failures: after how many failed jobs in a row it is paused (rule B1); None for never
    :ivar probe_after: how long that pause lasts (rule B3); None for until somebody resumes it
    :ivar fixed_delay: whether its trigger counts from the end of the last run (rule S9); not with ``coalesce="all"``
    """

    func_or_task_id: Callable[..., Any] | str
    trigger: Trigger
    id: str = attrs.field(kw_only=True)
    args: tuple[Any, ...] = attrs.field(kw_only=True, default=())
    kwargs: Mapping[str, Any] = attrs.field(kw_only=True, default=convert.EMPTY_MAPPING)
    paused: bool = attrs.field(kw_only=True, default=False)
    coalesce: CoalescePolicy = attrs.field(kw_only=True, default=LATEST)
    misfire_grace_time: timedelta | UnsetType | None = attrs.field(kw_only=True, default=UNSET)
    max_catchup: int = attrs.field(kw_only=True, default=CATCHUP)
    max_jitter: timedelta | None = attrs.field(kw_only=True, default=None)
    job_executor: str | UnsetType | None = attrs.field(kw_only=True, default=UNSET)
    job_result_expiration_time: timedelta = attrs.field(kw_only=True, default=convert.NO_TIME)
    metadata: Mapping[str, Any] = attrs.field(kw_only=True, default=convert.EMPTY_MAPPING)
    group: str | None = attrs.field(kw_only=True, default=None)
    tags: frozenset[str] = attrs.field(kw_only=True, default=convert.NO_NAMES)
    owner: str | None = attrs.field(kw_only=True, default=None)
    pause_after_failures: int | None = attrs.field(kw_only=True, default=None)
    probe_after: timedelta | None = attrs.field(kw_only=True, default=None)
    fixed_delay: bool = attrs.field(kw_only=True, default=False)

    if TYPE_CHECKING:

        def __attrs_init__(
            self, func_or_task_id: Callable[..., Any] | str, trigger: Trigger, **fields: Any
        ) -> None: ...

    def __init__(
        self,
        func_or_task_id: Callable[..., Any] | str,
        trigger: Trigger,
        *,
        id: str,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = convert.EMPTY_MAPPING,
        paused: bool = False,
        coalesce: CoalescePolicy | str = LATEST,
        misfire_grace_time: convert.Seconds | UnsetType | None = UNSET,
        max_catchup: int = CATCHUP,
        max_jitter: convert.Seconds | None = None,
        job_executor: str | UnsetType | None = UNSET,
        job_result_expiration_time: convert.Seconds = convert.NO_TIME,
        metadata: Mapping[str, Any] = convert.EMPTY_MAPPING,
        group: str | None = None,
        tags: Iterable[str] = convert.NO_NAMES,
        owner: str | None = None,
        pause_after_failures: int | None = None,
        probe_after: convert.Seconds | None = None,
        fixed_delay: bool = False,
    ) -> None:
        task, trigger = _task_reference(func_or_task_id), require_trigger(trigger)
        id, args = convert.identifier(id, "id"), convert.frozen_sequence(args, "args")
        kwargs = convert.frozen_mapping(kwargs, "kwargs")
        metadata = convert.frozen_mapping(metadata, "metadata")
        if (
            paused is False
            and coalesce is LATEST
            and misfire_grace_time is UNSET
            and max_catchup is CATCHUP
            and max_jitter is None
            and job_executor is UNSET
            and job_result_expiration_time is convert.NO_TIME
            and group is None
            and tags is convert.NO_NAMES
            and owner is None
            and pause_after_failures is None
            and probe_after is None
            and fixed_delay is False
        ):  # as most are: nothing of it needs a look
            self.__attrs_init__(task, trigger, id=id, args=args, kwargs=kwargs, metadata=metadata)
        else:
            given = locals()
            options = {
                name: check(given[name])
                for name, (default, check) in _OPTIONS.items()
                if given[name] is not default
            }
            _check_together(options)
            self.__attrs_init__(task, trigger, id=id, args=args, kwargs=kwargs, metadata=metadata, **options)

    def resolved(self, task_id: str, trigger: Trigger) -> Schedule:
        """Return this with the task by name, and a trigger that is bound; no field is checked again."""
        made: Schedule = object.__new__(Schedule)
        made.__attrs_init__(
            task_id,
            trigger,
            id=self.id,
            args=self.args,
            kwargs=self.kwargs,
            paused=self.paused,
            coalesce=self.coalesce,
            misfire_grace_time=self.misfire_grace_time,
            max_catchup=self.max_catchup,
            max_jitter=self.max_jitter,
            job_executor=self.job_executor,
            job_result_expiration_time=self.job_result_expiration_time,
            metadata=self.metadata,
            group=self.group,
            tags=self.tags,
            owner=self.owner,
            pause_after_failures=self.pause_after_failures,
            probe_after=self.probe_after,
            fixed_delay=self.fixed_delay,
        )
        return made

    @property
    def task_id(self) -> str:
        """The name of the task."""
        reference = self.func_or_task_id
        return reference if isinstance(reference, str) else callable_name(reference)
