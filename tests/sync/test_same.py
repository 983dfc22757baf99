"""The blocking scheduler and the asynchronous one are the same to who reads their signatures."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest

from anysched import AsyncScheduler, Scheduler

#: What only one that blocks can offer.
EXTRA = {"call", "current", "start"}

#: Where the words differ because blocking is another thing.
OWN_WORDS = {"stop", "start", "subscribe", "wait_until_stopped"}


def public(cls: type) -> set[str]:
    return {name for one in cls.__mro__ for name in vars(one) if not name.startswith("_")}


SHARED = sorted(public(AsyncScheduler) - {"start"})
METHODS = [name for name in SHARED if inspect.isfunction(getattr(AsyncScheduler, name))]


def parameters(function: Any) -> list[tuple[str, Any, str, Any]]:
    """Return what a caller must know of each parameter; objects that are made anew are known by their text."""
    return [
        (one.name, one.kind, repr(one.default).partition(" object at ")[0], one.annotation)
        for one in inspect.signature(function).parameters.values()
    ]


def test_every_name_is_there() -> None:
    """The blocking class has every public name of the asynchronous one, and a short list of its own."""
    assert set(SHARED) | EXTRA == public(Scheduler)


@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str) -> None:
    """Parameters, defaults and annotations are the same; what had to be awaited is returned."""
    theirs, ours = getattr(AsyncScheduler, name), getattr(Scheduler, name)

    assert parameters(theirs) == parameters(ours)
    assert inspect.signature(theirs).return_annotation == inspect.signature(ours).return_annotation
    assert not inspect.iscoroutinefunction(ours)
    assert f"Scheduler.{name}" == ours.__qualname__


@pytest.mark.parametrize("name", sorted(set(SHARED) - OWN_WORDS))
def test_docstrings(name: str) -> None:
    """What is said about a method holds for both, so it is said in the same words."""
    assert getattr(AsyncScheduler, name).__doc__ == getattr(Scheduler, name).__doc__


@pytest.mark.parametrize("name", sorted(EXTRA | OWN_WORDS))
def test_own_words(name: str) -> None:
    """What differs is described."""
    assert getattr(Scheduler, name).__doc__


def test_one_name() -> None:
    """Whichever topic a function comes from, what it is wrapped in included, it bears the name that users know."""
    for name in SHARED:
        function = inspect.getattr_static(AsyncScheduler, name)
        if isinstance(function, property):
            function = function.fget
        while function is not None:
            assert f"AsyncScheduler.{name}" == function.__qualname__
            function = getattr(function, "__wrapped__", None)


@pytest.mark.parametrize("name", METHODS)
def test_pickles(name: str) -> None:
    """A method can be sent to another process, as by a job executor, and is found there."""
    method = getattr(AsyncScheduler, name)

    assert method is pickle.loads(pickle.dumps(method))


def test_constructors() -> None:
    """The constructor has one parameter more."""
    *ours, last = parameters(Scheduler.__init__)

    assert parameters(AsyncScheduler.__init__) == ours
    assert "backend" == last[0]
    assert "'asyncio'" == last[2]
