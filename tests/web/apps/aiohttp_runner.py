"""An aiohttp application that is set up in one task and cleaned up in another."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator

from aiohttp import web
from working import make_scheduler, note, tick

from anysched import IntervalTrigger


async def run_scheduler(app: web.Application) -> AsyncGenerator[None]:
    """Run the scheduler while the application serves."""
    scheduler = make_scheduler()
    await scheduler.start()
    await scheduler.add_schedule(tick, IntervalTrigger(seconds=0.1), id="tick")
    yield
    await scheduler.stop()
    note("stopped")


async def main() -> None:
    """Serve until SIGTERM."""
    app = web.Application()
    app.cleanup_ctx.append(run_scheduler)
    runner = web.AppRunner(app)
    await asyncio.create_task(runner.setup())
    await web.TCPSite(runner, "127.0.0.1", int(os.environ["PORT"])).start()
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    await asked.wait()
    await asyncio.create_task(runner.cleanup())


asyncio.run(main())
