"""The options of tasks have owners, kept apart, as rule S7 says."""

from __future__ import annotations

from datetime import timedelta

from anysched.model.policies import OnAbandon
from anysched.model.task import Task, TaskOptions
from anysched.ports.store import DataStore
from anysched.testing.clock import FakeClock
from anysched.testing.store_suite.actors import Node, User, every, seconds
from anysched.testing.store_suite.base import StoreTests
from anysched.testing.store_suite.values import HARD_IDS

ALL_OPTIONS = TaskOptions(
    job_executor="thread",
    max_running_jobs=3,
    misfire_grace_time=timedelta(days=2, microseconds=7),
    on_abandon=OnAbandon.fail,
    max_attempts=5,
    metadata={"team": "ops"},
)


class TaskTests(StoreTests):
    """Declared and configured options of tasks."""

    async def test_every_option_is_kept(self, store: DataStore) -> None:
        """Rule S7: each option comes back as it was said, None is not the same as unset, and owners are apart."""
        nothing = TaskOptions(job_executor=None, max_running_jobs=None, misfire_grace_time=None, metadata={})
        await store.declare_tasks({"all": ALL_OPTIONS, "none": nothing, "unset": TaskOptions()})
        await store.configure_task("all", nothing)
        await store.configure_task("configured", ALL_OPTIONS)
        expected = [
            Task("all", ALL_OPTIONS, nothing),
            Task("configured", TaskOptions(), ALL_OPTIONS),
            Task("none", nothing),
            Task("unset"),
        ]
        assert expected == await store.get_tasks()

    async def test_the_last_declaration_wins(self, store: DataStore) -> None:
        """Rule S7: a declaration replaces the declaration before it as a whole; others' tasks stay."""
        await store.declare_tasks({"a": TaskOptions(max_attempts=2, max_running_jobs=1), "b": ALL_OPTIONS})
        await store.declare_tasks({"a": TaskOptions(max_attempts=9)})
        assert [Task("a", TaskOptions(max_attempts=9)), Task("b", ALL_OPTIONS)] == await store.get_tasks()
        await store.declare_tasks({})
        assert 2 == len(await store.get_tasks())

    async def test_configured_options_survive_declarations(self, store: DataStore) -> None:
        """Rule S7: what was configured is touched by ``configure_task`` only, and field by field."""
        await store.configure_task("a", TaskOptions(max_running_jobs=4, max_attempts=2))
        await store.declare_tasks({"a": ALL_OPTIONS})
        task = await store.configure_task("a", TaskOptions(max_attempts=7, misfire_grace_time=None))
        configured = TaskOptions(max_running_jobs=4, max_attempts=7, misfire_grace_time=None)
        assert Task("a", ALL_OPTIONS, configured) == task
        assert [task] == await store.get_tasks()
        assert task == await store.configure_task("a", TaskOptions())

    async def test_task_queries(self, store: DataStore) -> None:
        """Tasks are found by their ids exactly, ordered by them; an empty set matches nothing (rule N7)."""
        await store.declare_tasks({id: TaskOptions(metadata={"id": id}) for id in HARD_IDS})
        assert sorted(HARD_IDS) == [task.id for task in await store.get_tasks()]
        for id in HARD_IDS:
            assert [Task(id, TaskOptions(metadata={"id": id}))] == await store.get_tasks({id})
        assert [] == await store.get_tasks(set())
        assert [] == await store.get_tasks({"none such"})
        assert ["A", "a"] == [task.id for task in await store.get_tasks(["a", "none such", "A", "a"])]

    async def test_adding_a_schedule_leaves_options_alone(self, store: DataStore) -> None:
        """Rule S7: a schedule's own options are its own; adding or replacing one never writes a task's."""
        user = User(store)
        await store.declare_tasks({"task": ALL_OPTIONS})
        await store.configure_task("task", TaskOptions(max_attempts=9))
        before = await store.get_tasks({"task"})
        await user.add(every(misfire_grace_time=1, job_executor="process"))
        await user.replace(every(20, misfire_grace_time=None, job_executor=None))
        assert before == await store.get_tasks({"task"})

    async def test_effective_options(self, store: DataStore, clock: FakeClock) -> None:
        """Rule S7: the schedule's own option, else configured, else declared, else the default."""
        await store.declare_tasks(
            {name: TaskOptions(misfire_grace_time=100, job_executor="declared") for name in ("b", "c", "d")}
        )
        for name in ("c", "d"):
            await store.configure_task(name, TaskOptions(misfire_grace_time=50))
        user, node = User(store), Node(store, tasks=["a", "b", "c", "d"])
        await user.add(
            *(every(id=name, task=name) for name in "abc"), every(id="d", task="d", misfire_grace_time=20)
        )
        made = {job.task_id: job for job in (await node.work()).made}
        now = clock.now()
        expected = {"a": None, "b": now + seconds(100), "c": now + seconds(50), "d": now + seconds(20)}
        assert expected == {name: job.start_deadline for name, job in made.items()}
        executors = {"a": None, "b": "declared", "c": "declared", "d": "declared"}
        assert executors == {name: job.job_executor for name, job in made.items()}

    async def test_a_thousand_tasks(self, store: DataStore) -> None:
        """A node may declare as many tasks as it has."""
        declared = {f"{number:04}": TaskOptions(max_attempts=number + 1) for number in range(1000)}
        await store.declare_tasks(declared)
        assert [Task(id, options) for id, options in declared.items()] == await store.get_tasks()
        assert 999 == len(await store.get_tasks(list(declared)[1:]))
