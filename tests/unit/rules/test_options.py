"""Who has the last word on a task's options."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest
from tests.unit.rules.support import Every

from anysched.model.options import EffectiveOptions
from anysched.model.policies import OnAbandon
from anysched.model.schedule import Schedule
from anysched.model.task import Task, TaskDefaults, TaskOptions
from anysched.rules.options import effective_options, merge_options

VALUES: dict[str, tuple[Any, Any, Any]] = {
    "job_executor": ("a", "b", None),
    "max_running_jobs": (1, 2, None),
    "misfire_grace_time": (timedelta(1), timedelta(2), None),
    "on_abandon": (OnAbandon.fail, OnAbandon.retry, OnAbandon.fail),
    "max_attempts": (5, 6, 7),
    "metadata": ({"a": 1}, {"b": 2}, {}),
}


@pytest.mark.parametrize("name", VALUES)
def test_field_by_field(name: str) -> None:
    """rule S7: each field is taken from the first owner that says anything: configured, declared, default."""
    one, other, none = VALUES[name]
    defaults = TaskDefaults(**{name: other})
    for configured, declared, expected in [
        ({name: one}, {name: other}, one),
        ({name: none}, {name: other}, none),
        ({}, {name: one}, one),
        ({}, {name: none}, none),
        ({}, {}, other),
    ]:
        task = Task("task", TaskOptions(**declared), TaskOptions(**configured))
        found = effective_options(None, task, defaults)
        assert expected == getattr(found, name)
        rest = {field: value for field, value in attrs.asdict(found).items() if field != name}
        plain = attrs.asdict(effective_options(None, None, TaskDefaults()))
        assert {field: value for field, value in plain.items() if field != name} == rest


@pytest.mark.parametrize("name", ["job_executor", "misfire_grace_time"])
def test_the_schedule_first(name: str) -> None:
    """rule S7: what a schedule says of its own comes before everything else; None is something to say."""
    one, other, none = VALUES[name]
    task = Task("task", TaskOptions(**{name: other}), TaskOptions(**{name: other}))
    for own, expected in [({name: one}, one), ({name: none}, none), ({}, other)]:
        schedule = Schedule("task", Every(), id="x", **own)
        assert expected == getattr(effective_options(schedule, task, TaskDefaults()), name)
        assert (expected if own else none) == getattr(effective_options(schedule, None, TaskDefaults()), name)


def test_defaults() -> None:
    """rules S7, L1 and J3: where nobody says anything: no limits, retried up to three attempts."""
    assert EffectiveOptions(
        job_executor=None,
        max_running_jobs=None,
        misfire_grace_time=None,
        on_abandon=OnAbandon.retry,
        max_attempts=3,
        metadata={},
    ) == effective_options(None, None, TaskDefaults())


def test_merge() -> None:
    """rule S7: configuring sets what is given and leaves the rest."""
    old = TaskOptions(max_attempts=5, job_executor="a", misfire_grace_time=3)
    new = TaskOptions(job_executor=None, max_running_jobs=2)
    expected = TaskOptions(max_attempts=5, job_executor=None, misfire_grace_time=3, max_running_jobs=2)
    assert expected == merge_options(old, new)
    assert old == merge_options(old, TaskOptions())
