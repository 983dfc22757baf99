"""Tasks: names, options and their owners (rule S7)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from tests.engine import task_module
from tests.engine.conftest import MakeScheduler
from tests.engine.support import START, Runs

from anysched import (
    UNSET,
    AsyncScheduler,
    DateTrigger,
    ExecutorLookupError,
    IntervalTrigger,
    OnAbandon,
    Task,
    TaskDefaults,
    TaskLookupError,
    UnnamedCallableError,
    task,
)
from anysched.ports.store import DataStore
from anysched.testing import FakeClock

pytestmark = pytest.mark.anyio

MODULE = task_module.__name__


@pytest.fixture(autouse=True)
def _forget() -> None:
    task_module.RUNS.clear()


async def known(scheduler: AsyncScheduler, task_id: str) -> Task:
    """Return a task as the store knows it."""
    (found,) = [found for found in await scheduler.get_tasks() if found.id == task_id]
    return found


async def test_a_module_brings_its_own_tasks(make: MakeScheduler, store: DataStore, clock: FakeClock) -> None:
    """A module contributes the functions marked with @task that it defines itself, and nothing that it imports."""
    async with make(store, tasks=[task_module, task_module.Service.static]) as scheduler:
        assert ["named", f"{MODULE}:Service.static", f"{MODULE}:plain"] == [
            task.id for task in await scheduler.get_tasks()
        ]
        for name in ("named", f"{MODULE}:plain", f"{MODULE}:Service.static"):
            await scheduler.add_job(name)
        await clock.settle()
    assert ["named", "plain", "static"] == task_module.RUNS


@pytest.mark.parametrize("source", [5, "module", None])
def test_what_cannot_be_a_task(source: Any) -> None:
    """Something that is neither callable nor a module is refused."""
    with pytest.raises(TypeError, match="callables or modules"):
        AsyncScheduler(tasks=[source])


def test_the_decorator_changes_nothing() -> None:
    """@task leaves a function what it is, and touches nothing global."""

    async def function() -> int:
        """Some words."""
        return 5

    before = dict(vars(function))
    marked = task(id="a name", max_running_jobs=1)(function)
    assert (marked is function, "function", "Some words.") == (True, function.__name__, function.__doc__)
    assert 1 == len(set(vars(function)) - set(before))
    with pytest.raises(TypeError, match="goes on a callable"):
        task(id="x")(5)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id": ""}, "id must have between 1 and 500 characters"),
        ({"id": "a\0b"}, "null character"),
        ({"max_running_jobs": 0}, "max_running_jobs must be at least 1"),
        ({"max_running_jobs": 1.5}, "max_running_jobs must be a whole number"),
        ({"misfire_grace_time": 0}, "misfire_grace_time must be longer than nothing"),
        ({"misfire_grace_time": -1}, "misfire_grace_time must not be negative"),
        ({"max_attempts": 0}, "max_attempts must be at least 1"),
        ({"on_abandon": "perhaps"}, "perhaps"),
        ({"metadata": [1]}, "metadata must be a mapping"),
        ({"job_executor": 5}, "job_executor must be a string"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    """Options that cannot be meant are refused where they are written, and the error names them."""
    with pytest.raises((TypeError, ValueError), match=message):
        task(**options)


async def test_owners_are_kept_apart(make: MakeScheduler, store: DataStore, clock: FakeClock) -> None:
    """Rule S7: options are the schedule's own, else configured, else declared, else the defaults, one by one."""

    @task(id="t", max_running_jobs=3, misfire_grace_time=30, max_attempts=4)
    async def declared() -> None:
        pass

    defaults = TaskDefaults(max_running_jobs=9, misfire_grace_time=90, max_attempts=9)
    async with make(store, tasks=[declared], task_defaults=defaults) as scheduler:
        await scheduler.configure_task("t", misfire_grace_time=20)
        found = await known(scheduler, "t")
        assert (3, timedelta(seconds=30), 4) == (
            found.declared.max_running_jobs,
            found.declared.misfire_grace_time,
            found.declared.max_attempts,
        )
        assert (UNSET, timedelta(seconds=20)) == (
            found.configured.max_running_jobs,
            found.configured.misfire_grace_time,
        )
        policy = scheduler._engine.settings.policy
        await scheduler.add_schedule("t", IntervalTrigger(hours=1), id="plain")
        await scheduler.add_schedule("t", IntervalTrigger(hours=1), id="own", misfire_grace_time=10)
        for id, grace in (("plain", 20), ("own", 10)):
            options = policy.options((await scheduler.get_schedule(id)).schedule, found)
            assert (timedelta(seconds=grace), 3, 4, OnAbandon.retry) == (
                options.misfire_grace_time,
                options.max_running_jobs,
                options.max_attempts,
                options.on_abandon,
            )


async def test_adding_never_writes_options(
    make: MakeScheduler, store: DataStore, clock: FakeClock, runs: Runs
) -> None:
    """Rule S7: neither a schedule nor a job that is added resets what was configured, nor does a restart."""
    async with make(store) as scheduler:
        await scheduler.configure_task(runs.task(), max_running_jobs=7, metadata={"owner": "ana"})
        before = await known(scheduler, "tick")
        await scheduler.add_schedule(runs.task(), IntervalTrigger(hours=1), id="s")
        await scheduler.add_job(runs.task())
        await scheduler.add_job("tick")
        assert before == await known(scheduler, "tick")
    async with make(store, tasks=[runs.task()]) as scheduler:
        await scheduler.add_schedule(runs.task(), IntervalTrigger(hours=1), id="s", conflict_policy="replace")
        assert 7 == (await known(scheduler, "tick")).configured.max_running_jobs


async def test_the_last_declaration_wins(make: MakeScheduler, store: DataStore) -> None:
    """Rule S7: what code declares is written by each node that starts; what was configured stays above it."""

    @task(id="t", max_running_jobs=1)
    async def old() -> None:
        pass

    @task(id="t", max_running_jobs=2)
    async def new() -> None:
        pass

    async with make(store, tasks=[old]) as scheduler:
        await scheduler.configure_task("t", max_attempts=8)
    async with make(store, tasks=[new]) as scheduler:
        found = await known(scheduler, "t")
        assert (2, 8) == (found.declared.max_running_jobs, found.configured.max_attempts)
        await scheduler.add_job(old)
        assert 1 == (await known(scheduler, "t")).declared.max_running_jobs


async def test_configuring_a_function_leaves_it_alone(make: MakeScheduler, store: DataStore) -> None:
    """Rule S7: configuring one task with a function does not change what @task attached to it, for others."""

    @task(id="original", max_running_jobs=1)
    async def function() -> None:
        pass

    async with make(store) as one, make() as two:
        configured = await one.configure_task("another", func=function, max_running_jobs=5)
        assert ("another", 5) == (configured.id, configured.configured.max_running_jobs)
        await two.add_schedule(function, IntervalTrigger(hours=1), id="s")
        assert ("original", 1) == (
            (await two.get_schedule("s")).task_id,
            (await known(two, "original")).declared.max_running_jobs,
        )


async def test_a_known_function_that_changes_its_name(make: MakeScheduler) -> None:
    """Rule S7: a function is known by the name that @task gives it now, though it was known by another one before."""

    async def function() -> None:
        pass

    async def other() -> None:
        pass

    async with make() as scheduler:

        async def name_now() -> str:
            every = IntervalTrigger(hours=1)
            await scheduler.add_schedule(function, every, id="s", conflict_policy="replace")
            return (await scheduler.get_schedule("s")).task_id

        assert "named" not in (await name_now(), await name_now())
        task(id="named")(function)
        assert ("named", "named") == (await name_now(), await name_now())
        await scheduler.configure_task("named", func=other)
        assert "named" == await name_now()
        assert function is scheduler._engine.settings.tasks["named"].func


async def test_options_that_are_not_given_stay(scheduler: AsyncScheduler, runs: Runs) -> None:
    """Rule S7: configuring again changes only what is given; None is a value of its own."""
    await scheduler.configure_task(runs.task(), max_running_jobs=3, misfire_grace_time=5)
    await scheduler.configure_task("tick", misfire_grace_time=None)
    configured = (await known(scheduler, "tick")).configured
    assert (3, None, UNSET) == (
        configured.max_running_jobs,
        configured.misfire_grace_time,
        configured.max_attempts,
    )


def nameless() -> dict[str, Callable[..., Any]]:
    """Return callables that have no name that lasts."""

    async def nested() -> None:
        task_module.RUNS.append("nested")

    class Callable_:
        async def __call__(self) -> None:
            task_module.RUNS.append("instance")

    return {
        "lambda": lambda: task_module.RUNS.append("lambda"),
        "nested": nested,
        "bound": task_module.Service().bound,
        "partial": partial(task_module.RUNS.append, "partial"),
        "instance": Callable_(),
    }


@pytest.mark.parametrize("kind", nameless())
async def test_callables_without_a_lasting_name(
    make: MakeScheduler, make_store: Callable[[str], DataStore], clock: FakeClock, kind: str
) -> None:
    """Rule N5: a durable store keeps names, so it refuses what has none that lasts, until it is given one."""
    func = nameless()[kind]
    async with make(make_store("sqlite")) as scheduler:
        for call in (
            scheduler.add_job(func),
            scheduler.add_schedule(func, DateTrigger(START)),
            scheduler.run_job(func),
            scheduler.configure_task(func),
        ):
            with pytest.raises(UnnamedCallableError, match="configure_task"):
                await call
        assert [] == await scheduler.get_jobs() == await scheduler.get_schedules()
        await scheduler.configure_task("a name", func=func)
        await scheduler.add_job("a name")
        await clock.settle()
    assert [kind] == task_module.RUNS
    with pytest.raises(UnnamedCallableError):
        AsyncScheduler(make_store("sqlite"), tasks=[func])


@pytest.mark.parametrize("kind", nameless())
async def test_callables_without_a_name_in_memory(make: MakeScheduler, clock: FakeClock, kind: str) -> None:
    """Where nothing outlives the process any callable will do; two that look alike are kept apart."""
    one, two = nameless()[kind], nameless()[kind]
    async with make() as scheduler:
        await scheduler.add_schedule(one, DateTrigger(START), id="one")
        await scheduler.add_schedule(two, DateTrigger(START), id="two")
        await scheduler.add_job(one)
        await clock.settle()
    assert [kind] * 3 == task_module.RUNS


@pytest.mark.parametrize("thing", [5, None, Task("t"), b"t"])
async def test_what_cannot_be_called(scheduler: AsyncScheduler, thing: Any) -> None:
    """Something that is neither a callable nor a name is refused wherever a task is asked for."""
    for call in (
        scheduler.add_job(thing),
        scheduler.add_schedule(thing, DateTrigger(START)),
        scheduler.run_job(thing),
        scheduler.configure_task(thing),
        scheduler.configure_task("name", func=thing),
    ):
        with pytest.raises(TypeError, match="callable"):
            await call
    assert [] == await scheduler.get_tasks()


async def test_unknown_names(scheduler: AsyncScheduler) -> None:
    """A task that nobody knows is refused by name, and the error says how to make it known."""
    for call in (
        scheduler.add_job("nobody"),
        scheduler.add_schedule("nobody", DateTrigger(START)),
        scheduler.run_job("nobody"),
        scheduler.configure_task("nobody", max_running_jobs=1),
    ):
        with pytest.raises(TaskLookupError, match=r"'nobody'.*tasks=\["):
            await call
    assert [] == await scheduler.get_tasks()


async def test_unknown_executors(scheduler: AsyncScheduler, runs: Runs) -> None:
    """A job executor that this node does not have is refused, and the error names those that it has."""
    for call in (
        scheduler.add_job(runs.task(), job_executor="gpu"),
        scheduler.add_schedule(runs.task(), DateTrigger(START), job_executor="gpu"),
        scheduler.configure_task(runs.task(), job_executor="gpu"),
    ):
        with pytest.raises(ExecutorLookupError, match="'gpu'; this node has: async, thread, process"):
            await call


async def test_executors_that_do_not_fit(scheduler: AsyncScheduler, runs: Runs) -> None:
    """A coroutine function in a thread, or in a process, is refused when it is added."""
    for executor in ("thread", "process"):
        with pytest.raises(ValueError, match="cannot run task 'tick'"):
            await scheduler.add_job(runs.task(), job_executor=executor)


async def test_choosing_executors(make: MakeScheduler, store: DataStore, clock: FakeClock) -> None:
    """The executor is the schedule's, else the task's, else by the kind of function; None chooses by kind again."""
    seen: list[str] = []

    @task(id="t", job_executor="async")
    def where() -> None:
        seen.append("loop" if threading.current_thread() is threading.main_thread() else "thread")

    async with make(store) as scheduler:
        await scheduler.add_job(where)
        await clock.settle()
        await scheduler.add_job(where, job_executor="thread")
        await clock.settle()
        await scheduler.add_job(where, job_executor=None)
        await clock.settle()
        await scheduler.add_schedule(where, DateTrigger(START), job_executor="thread")
        await clock.settle()
        await scheduler.configure_task("t", job_executor="thread")
        await scheduler.add_job(where)
        await clock.settle()
    assert ["loop", "thread", "thread", "thread", "thread"] == seen
