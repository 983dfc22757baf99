"""A Litestar application whose hooks start and stop the scheduler, each in a task of its own."""

from __future__ import annotations

from litestar import Litestar
from working import make_scheduler, note, tick

from anysched import IntervalTrigger

scheduler = make_scheduler()


async def start() -> None:
    """Start the scheduler, and declare a schedule."""
    await scheduler.start()
    await scheduler.add_schedule(tick, IntervalTrigger(seconds=0.1), id="tick")


async def stop() -> None:
    """Stop the scheduler. A function of one's own: Litestar passes the application to what takes a parameter."""
    await scheduler.stop()
    note("stopped")


app = Litestar(on_startup=[start], on_shutdown=[stop])
