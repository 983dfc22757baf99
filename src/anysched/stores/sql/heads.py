"""What a pass finds at the head of the queue."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa

from anysched.stores.sql.ahead import Question, ask_together, forget_answers
from anysched.stores.sql.columns import FIRST
from anysched.stores.sql.jobs import Jobs


class Heads:
    """When the first queued job of each task may start, asked once in a pass, and again where the pass changed it.

    What has left the queue stays in its index for as long as any transaction may see it, and who looks for the first
    job passes over all of it. A pass does so once, and begins where it found that job from then on. What others put
    before it meanwhile they tell of, like what they put there after the pass.
    """

    def __init__(self, jobs: Jobs, connection: sa.Connection, tasks: Collection[str]) -> None:
        self._jobs = jobs
        self._connection = connection
        self._tasks = tasks
        self._unread = tasks
        self._since = FIRST
        self._heads: dict[str, int] = {}

    def read(self, *others: Question) -> list[tuple[str, int]]:
        """Return which tasks have queued jobs, and when the first of each may start.

        :param others: what is asked next
        """
        mine = [self._jobs.queued(self._unread, self._since)] if self._unread else []
        if others:
            ask_together(self._connection, [*mine, *others])
        if mine:
            self._heads |= self._jobs.queued_tasks(self._connection, self._unread, self._since)
            self._unread = ()
        return [*self._heads.items()]

    def first(self, tasks: Iterable[str]) -> int:
        """Return when the first job of these tasks may start, which have some."""
        return min(self._heads[task] for task in tasks)

    def took(self, tasks: Collection[str]) -> None:
        """Note that the pass has taken jobs of these tasks, if any."""
        if not tasks:
            return
        self._since = self.first(tasks)
        self._unread = tasks
        for task in tasks:
            del self._heads[task]

    def changed(self) -> None:
        """Note that the pass may have put jobs into the queue."""
        forget_answers(self._connection)
        self._unread, self._since = self._tasks, FIRST
        self._heads.clear()
