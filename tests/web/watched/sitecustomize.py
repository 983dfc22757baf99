"""Imported by every process of a server or program under test: lets it tell what a user would not see.

The scheduler's own log goes to stderr, and so do threads and asyncio tasks that are left at the end.
"""

from __future__ import annotations

import asyncio.runners
import atexit
import logging
import os
import sys
import threading

#: Threads that event loops keep for reuse and end by themselves.
POOLED = ("Trio thread", "AnyIO worker thread", "asyncio_")

logger = logging.getLogger("anysched")
handler = logging.StreamHandler()
handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
logger.addHandler(handler)
logger.setLevel(os.environ.get("WATCHED_LEVEL", "INFO"))
logger.propagate = False  # one line for each record, whatever a server does to the root logger

#: Private: an event loop tells nobody else what it cancels at its end.
CANCEL = "_cancel_all_tasks"
cancel_all_tasks = getattr(asyncio.runners, CANCEL)


def report_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Name the tasks of a loop that is about to end."""
    for task in asyncio.all_tasks(loop):
        print("left behind: task", task, file=sys.stderr)
    cancel_all_tasks(loop)


def report_threads() -> None:
    """Name the threads that do not end by themselves; those that should have been joined are past that here."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.name.startswith(POOLED):
            thread.join(0.5)
            if thread.is_alive():
                print("left behind: thread", thread.name, file=sys.stderr)


setattr(asyncio.runners, CANCEL, report_tasks)
atexit.register(report_threads)
