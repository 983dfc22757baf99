"""The scheduler of this process: made from the settings, started when it is first asked for."""

from __future__ import annotations

import os
import threading
from typing import Any

from django.core.signals import setting_changed
from django.dispatch import receiver

from anysched import AnyschedError, RunState, Scheduler, SchedulerRole, SchedulerStateError
from anysched.integrations.django._conf import configuration, explained
from anysched.integrations.django._executors import DjangoProcessJobExecutor, DjangoThreadJobExecutor


def get_scheduler() -> Scheduler:
    """Return the scheduler of this process, which runs; the first call starts it.

    In the process of ``runscheduler`` that is the one that runs the jobs. In any other it has the role that
    ``ANYSCHED["web_role"]`` names, by default "client": it operates, and runs nothing. A forked process gets
    one of its own. It is stopped in order when the interpreter ends.

    :raise ImproperlyConfigured: when the setting ``ANYSCHED`` cannot be used, and why
    :raise StoreUnavailableError: when the data store cannot be opened now; the next call tries again
    """
    return process.scheduler()


def new_scheduler(role: SchedulerRole | str, **options: Any) -> Scheduler:
    """Make a scheduler from the settings; nothing is started.

    :param options: more parameters of ``Scheduler``, which win over the settings
    :raise ImproperlyConfigured: when the settings cannot be used, and why
    """
    found = configuration()
    executors = {"thread": DjangoThreadJobExecutor(), "process": DjangoProcessJobExecutor()}
    arguments = {**found.options, **options}
    with explained("ANYSCHED", AnyschedError, TypeError, ValueError):
        arguments["job_executors"] = {**executors, **arguments.get("job_executors", {})}
        return Scheduler(role=role, tasks=found.tasks, **arguments)


def declare_schedules() -> None:
    """Call the function of ``ANYSCHED["schedules"]``, with a scheduler that runs no jobs.

    Whoever is about to run jobs does so first: if it fails, or the process is told to end, nothing was begun.
    """
    declare = configuration().declare
    if declare is not None:
        with new_scheduler(SchedulerRole.client) as scheduler:
            declare(scheduler)


class ProcessScheduler:
    """Holds the one scheduler of a process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._scheduler: Scheduler | None = None
        self._declaring = False

    def scheduler(self) -> Scheduler:
        """Return the scheduler that runs, and start one if there is none."""
        with self._lock:
            if self._scheduler is None or self._scheduler.state is RunState.stopped:
                self._scheduler = self._started()
            return self._scheduler

    def adopt(self, scheduler: Scheduler) -> None:
        """Take a scheduler that is about to be started as the one of this process."""
        with self._lock:
            self._scheduler = scheduler

    def stop(self) -> None:
        """Stop the scheduler, if there is one; the next call for it starts another."""
        with self._lock:
            scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.stop()

    def forget(self) -> None:
        """Begin anew in a child: the parent's scheduler runs in the parent, and so may the holder of the lock."""
        self._lock = threading.RLock()
        self._scheduler = None
        self._declaring = False

    def _started(self) -> Scheduler:
        role = configuration().web_role
        if role is not SchedulerRole.client:
            self._declare()
        scheduler = new_scheduler(role)
        scheduler.start()
        return scheduler

    def _declare(self) -> None:
        if self._declaring:
            raise SchedulerStateError(
                "get_scheduler() was called by the function that declares the schedules: use the scheduler that "
                "it is given"
            )
        self._declaring = True
        try:
            declare_schedules()
        finally:
            self._declaring = False


process: ProcessScheduler = ProcessScheduler()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=process.forget)


@receiver(setting_changed)
def follow_settings(*, setting: str, **_: Any) -> None:
    """Let tests override the setting."""
    if setting == "ANYSCHED":
        process.stop()
