"""A module with tasks of its own, for ``AsyncScheduler(tasks=[module])``."""

from __future__ import annotations

from tests.engine.support import elsewhere

from anysched import task

RUNS: list[str] = []


@task
async def plain() -> None:
    """A task under its own name."""
    RUNS.append("plain")


@task(id="named", max_running_jobs=2)
async def other() -> None:
    """A task under another name."""
    RUNS.append("named")


async def unmarked() -> None:
    """No task: it is not marked as one."""


class Service:
    """Something with methods."""

    @staticmethod
    async def static() -> None:
        """A function that has a lasting name."""
        RUNS.append("static")

    async def bound(self) -> None:
        """A method that belongs to an object."""
        RUNS.append("bound")


IMPORTED = elsewhere
