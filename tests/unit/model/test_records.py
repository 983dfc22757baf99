"""What records refuse, and how they keep what they are given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs
import pytest
from tests.unit.rules.support import T0, Every, added, at, once

from anysched.errors import UnnamedCallableError
from anysched.model import convert
from anysched.model.backfill import Backfill
from anysched.model.naming import callable_name, is_lasting_name
from anysched.model.occurrence import Occurrence
from anysched.model.pause import Pause
from anysched.model.policies import (
    MOST_CATCHUP,
    CatchUp,
    CoalescePolicy,
    OnAbandon,
    ScheduleStatus,
    SkipReason,
)
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.state import ScheduleState
from anysched.model.task import TaskDefaults, TaskOptions
from anysched.model.trigger import is_due_when_past
from anysched.model.unset import UNSET
from anysched.model.waiting import Waiting
from anysched.model.window import Window


def schedule(**settings: Any) -> Schedule:
    return Schedule("task", settings.pop("trigger", Every()), **{"id": "x", **settings})


class TestCatchUp:
    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            (
                {"coalesce": "run_all"},
                ValueError,
                "CoalescePolicy must be one of 'latest', 'earliest', 'all', not 'run_all'",
            ),
            ({"max_jobs": 0}, ValueError, "max_jobs must be at least 1: 0"),
            ({"max_jobs": MOST_CATCHUP + 1}, ValueError, "max_jobs must be at most 10000: 10001"),
            ({"max_jobs": 2.0}, TypeError, "max_jobs must be a whole number, not float"),
            ({"max_age": 0}, ValueError, "max_age must be longer than nothing"),
            ({"max_age": "1h"}, TypeError, "max_age must be a timedelta or a number of seconds, not str"),
            ({"spacing": -1}, ValueError, "spacing must not be negative: -1"),
            ({"spacing": timedelta(0)}, ValueError, "spacing must be longer than nothing"),
            ({"spacing": math.inf}, ValueError, "spacing is out of range: inf"),
            (
                {"coalesce": "latest", "spacing": 1},
                ValueError,
                "spacing is for coalesce='all': 'latest' makes one job",
            ),
            (
                {"coalesce": "earliest", "max_jobs": 1},
                ValueError,
                "max_jobs is for coalesce='all': 'earliest' makes one job",
            ),
        ],
        ids=str,
    )
    def test_what_is_refused(self, given: dict[str, Any], error: type[Exception], message: str) -> None:
        """rule P5: what makes no sense of a backlog is refused, and the message names the argument."""
        with pytest.raises(error) as caught:
            CatchUp(**given)
        assert message in str(caught.value)

    def test_what_is_kept(self) -> None:
        """rule P5: everything has a default, and seconds are durations."""
        assert (CoalescePolicy.all, None, None, None) == attrs.astuple(CatchUp())
        made = CatchUp("all", max_jobs=MOST_CATCHUP, max_age=1.5, spacing=timedelta(minutes=1))
        assert (CoalescePolicy.all, 10_000, timedelta(seconds=1.5), timedelta(minutes=1)) == attrs.astuple(
            made
        )


class TestSchedule:
    @pytest.mark.parametrize(
        ("settings", "error", "message"),
        [
            ({"id": ""}, ValueError, "id must have between 1 and 500 characters"),
            ({"id": "x" * 501}, ValueError, "id must have between 1 and 500 characters, not 501"),
            ({"id": "a\0"}, ValueError, "id must not contain a null character"),
            ({"id": "\udc00"}, ValueError, "id must be valid Unicode"),
            ({"id": 7}, TypeError, "id must be a string, not int"),
            ({"trigger": None}, TypeError, "trigger must have a method next_fire_time"),
            ({"trigger": Every}, TypeError, "trigger must have a method next_fire_time"),
            ({"args": "abc"}, TypeError, "args must be a sequence of values, not str"),
            ({"args": 5}, TypeError, "args must be a sequence of values, not int"),
            ({"kwargs": [1]}, TypeError, "kwargs must be a mapping, not list"),
            ({"kwargs": {1: 2}}, TypeError, "kwargs must have strings as keys, not 1"),
            ({"kwargs": MappingProxyType({1: 2})}, TypeError, "kwargs must have strings as keys, not 1"),
            ({"paused": 1}, TypeError, "paused must be True or False, not 1"),
            (
                {"coalesce": "newest"},
                ValueError,
                "CoalescePolicy must be one of 'latest', 'earliest', 'all', not 'newest'",
            ),
            ({"misfire_grace_time": 0}, ValueError, "misfire_grace_time must be longer than nothing"),
            ({"misfire_grace_time": -1}, ValueError, "misfire_grace_time must not be negative: -1"),
            ({"misfire_grace_time": math.nan}, ValueError, "misfire_grace_time is out of range: nan"),
            ({"misfire_grace_time": math.inf}, ValueError, "misfire_grace_time is out of range: inf"),
            ({"misfire_grace_time": True}, TypeError, "misfire_grace_time must be a timedelta or a number"),
            ({"max_catchup": 0}, ValueError, "max_catchup must be at least 1: 0"),
            ({"max_catchup": MOST_CATCHUP + 1}, ValueError, "max_catchup must be at most 10000: 10001"),
            ({"max_catchup": 2.0}, TypeError, "max_catchup must be a whole number, not float"),
            ({"max_catchup": True}, TypeError, "max_catchup must be a whole number, not bool"),
            ({"max_jitter": 0}, ValueError, "max_jitter must be longer than nothing"),
            ({"job_executor": ""}, ValueError, "job_executor must have between 1 and 500 characters"),
            (
                {"job_result_expiration_time": "1"},
                TypeError,
                "job_result_expiration_time must be a timedelta",
            ),
            ({"metadata": None}, TypeError, "metadata must be a mapping, not NoneType"),
        ],
        ids=str,
    )
    def test_what_is_refused(self, settings: dict[str, Any], error: type[Exception], message: str) -> None:
        """rule T1: a value that makes no sense is refused, and the message names the argument."""
        with pytest.raises(error) as caught:
            schedule(**settings)
        assert message in str(caught.value)

    def test_what_is_kept(self) -> None:
        """rule S3: configuration is immutable: a copy is kept of what was given."""
        kwargs, args = {"a": 1}, [1]
        made = schedule(args=args, kwargs=MappingProxyType(kwargs), coalesce="all", misfire_grace_time=1.5)
        kwargs["a"] = 2
        args.append(2)
        assert ((1,), {"a": 1}) == (made.args, made.kwargs)
        assert (CoalescePolicy.all, timedelta(seconds=1.5)) == (made.coalesce, made.misfire_grace_time)
        with pytest.raises(TypeError):
            made.kwargs["a"] = 3  # type: ignore[index]
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            made.id = "y"  # type: ignore[misc]
        assert made == attrs.evolve(made)
        assert (UNSET, UNSET) == (schedule().misfire_grace_time, schedule().job_executor)

    def test_task(self) -> None:
        """rule S1: a task is a callable, or the name of one."""
        assert "task" == schedule().task_id
        assert f"{__name__}:schedule" == Schedule(schedule, Every(), id="x").task_id
        for wrong in (None, 5, ["task"]):
            with pytest.raises(TypeError, match="a task must be a callable or the id of one"):
                Schedule(wrong, Every(), id="x")  # type: ignore[arg-type]

    def test_resolving(self) -> None:
        """rule S1: a name for the task and a bound trigger change nothing else of a schedule."""
        given = Schedule(
            schedule, Every(), id="x", args=(1,), kwargs={"a": 1}, paused=True, coalesce="earliest",
            misfire_grace_time=5, max_catchup=7, max_jitter=3, job_executor="e", job_result_expiration_time=60,
            metadata={"b": 2}, group="g", tags={"t"}, owner="o", pause_after_failures=2, probe_after=9,
            fixed_delay=True,
        )  # fmt: skip
        fields = attrs.fields(Schedule)
        assert [] == [field.name for field in fields if getattr(given, field.name) == field.default]
        trigger = Every(timedelta(seconds=7))
        assert attrs.evolve(given, func_or_task_id="t", trigger=trigger) == given.resolved("t", trigger)


class TestTask:
    @pytest.mark.parametrize("record", [TaskOptions, TaskDefaults])
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"max_running_jobs": 0}, "max_running_jobs must be at least 1: 0"),
            ({"max_attempts": 0}, "max_attempts must be at least 1: 0"),
            ({"misfire_grace_time": -1}, "misfire_grace_time must not be negative: -1"),
            ({"on_abandon": "ignore"}, "OnAbandon must be one of 'retry', 'fail', not 'ignore'"),
            ({"job_executor": "a\0"}, "job_executor must not contain a null character"),
        ],
        ids=str,
    )
    def test_what_is_refused(self, record: Any, settings: dict[str, Any], message: str) -> None:
        """rule S7: options that make no sense are refused wherever they are given."""
        with pytest.raises(ValueError, match=message):
            record(**settings)

    def test_what_is_unset(self) -> None:
        """rule S7: what an owner does not say is not None but unset."""
        for field in attrs.fields(TaskOptions):
            assert getattr(TaskOptions(), field.name) is UNSET
        assert TaskOptions(on_abandon="fail").on_abandon is OnAbandon.fail
        assert TaskOptions(misfire_grace_time=None).misfire_grace_time is None
        assert not UNSET


class TestState:
    def test_other_pauses(self) -> None:
        """rule P1: what pauses a schedule changes nothing else of its state, whatever that consists of."""
        times = dict.fromkeys(("anchor", "next_fire_time", "due_at", "last_fire_time"), T0)
        state = ScheduleState(
            incarnation=UUID(int=1), revision=7, error="e", jobs_made=3, skipped={SkipReason.grace: 2},
            skipped_exact=False, failures=4, occurrences=(Occurrence(fire_time=T0),),
            windows=(Window(id="w", mode="skip", dates=((T0, T0 + timedelta(days=1)),), since=T0),), windowed_until=T0,
            backfills=(
                Backfill(id=UUID(int=2), schedule_id="x", start=T0, end=T0, trigger=Every(), anchor=T0, since=T0),
            ), waiting=Waiting(jobs=(UUID(int=3),)), **times,
        )  # fmt: skip
        defaults = {field.name: field.default for field in attrs.fields(ScheduleState)}
        assert [] == [
            name for name, default in defaults.items() if name != "pauses" and getattr(state, name) == default
        ]
        pauses = (Pause(T0),)
        assert attrs.evolve(state, pauses=pauses, revision=8) == state.with_pauses(pauses)

    @pytest.mark.parametrize("error", [None, "broken"])
    @pytest.mark.parametrize("cursor", [None, at(10)])
    @pytest.mark.parametrize("pause", [None, Pause(T0), Pause(T0, at(5))])
    def test_status(self, error: str | None, cursor: datetime | None, pause: Pause | None) -> None:
        """rules S2 and S5: the status is the first that holds, and one property tells when there is work."""
        state: ScheduleState = attrs.evolve(
            added(Every()).state,
            error=error,
            next_fire_time=cursor,
            due_at=cursor,
            pauses=() if pause is None else (pause,),
        )
        snapshot = ScheduleSnapshot(schedule(), state)
        wake_at = None
        if error:
            expected = ScheduleStatus.error
        elif cursor is None:
            expected = ScheduleStatus.finished
        elif pause:
            expected, wake_at = ScheduleStatus.paused, pause.until
        else:
            expected, wake_at = ScheduleStatus.active, cursor
        assert (expected, expected) == (state.status, snapshot.status)
        assert wake_at == state.wake_at
        assert ((pause is not None),) * 2 == (state.paused, snapshot.paused)
        assert (cursor, None) == (snapshot.next_fire_time, snapshot.last_fire_time)

    def test_counts_are_kept(self) -> None:
        """rule S4: a snapshot is never a live object."""
        counts: dict[Any, int] = {}
        state = attrs.evolve(added(Every()).state, skipped=counts)
        counts["grace"] = 1
        assert {} == state.skipped
        assert isinstance(state.skipped, Mapping)


def test_what_is_empty_is_shared() -> None:
    """rule T4: of a hundred thousand schedules, those without arguments, tags and the like keep no objects for that."""
    first = schedule()
    other = schedule(args=[], kwargs={}, metadata={}, tags=set(), job_result_expiration_time=0)
    for name in ("args", "kwargs", "metadata", "tags", "job_result_expiration_time"):
        assert getattr(first, name) is getattr(other, name)


class TestInstants:
    def test_utc(self) -> None:
        """rule T1: inside, every datetime is aware and in UTC; ``fold`` is honoured."""
        helsinki = timezone(timedelta(hours=2))
        found = convert.utc(datetime(2026, 1, 1, 2, tzinfo=helsinki), "until")
        assert (T0, UTC) == (found, found.tzinfo)
        assert convert.utc(T0, "until") is T0

    @pytest.mark.parametrize(
        ("value", "error", "message"),
        [
            (datetime(2026, 1, 1), ValueError, r"until must be aware"),
            ("now", TypeError, "until must be a datetime, not str"),
            (T0.date(), TypeError, "until must be a datetime, not date"),
            (datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))), ValueError, "until is out of range"),
        ],
        ids=str,
    )
    def test_what_is_refused(self, value: Any, error: type[Exception], message: str) -> None:
        """rule T1: what is no instant is refused, and the message names the argument."""
        with pytest.raises(error, match=message):
            convert.utc(value, "until")


def test_due_when_past() -> None:
    """rule S6: a single date, alone of all triggers, is due at once when it is past."""
    assert is_due_when_past(once(T0))
    assert not is_due_when_past(Every())


def test_names() -> None:
    """rule N5: a callable is known by a name, if it has one that lasts."""
    assert f"{__name__}:test_names" == callable_name(test_names)
    assert is_lasting_name(callable_name(test_names))
    assert not is_lasting_name(callable_name(lambda: None))
    with pytest.raises(UnnamedCallableError, match="has no name of its own"):
        callable_name(Every())  # type: ignore[arg-type]
