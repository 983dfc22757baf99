"""Scheduler and workers apart: all that the processes share is a database, here PostgreSQL.

    export DATABASE_URL=postgresql://postgres@127.0.0.1/test
    python apart.py scheduler     makes jobs from schedules, and runs none
    python apart.py worker        runs them; start as many as you like, on as many machines
    python apart.py show          what there is, and what each worker has
    python apart.py pause ana     nobody sends a report any more, from the moment this returns
    python apart.py resume

Kill any of them at any moment: each report is made once, and one whose worker died is made again by another.
"""

from __future__ import annotations

import os
import sys

import anyio

from anysched import AsyncScheduler, IntervalTrigger, current_job, current_scheduler, task

DATABASE = os.environ.get("DATABASE_URL", "postgresql://postgres@127.0.0.1/test")


@task(id="report")
async def report(region: str) -> None:
    """Stand for something that takes a while."""
    fire_time = current_job.get().scheduled_fire_time
    await anyio.sleep(0.1)
    print(f"{region} {fire_time:%H:%M:%S} by {current_scheduler.get().identity}", flush=True)


async def serve(role: str) -> None:
    """Be one node until Ctrl-C or SIGTERM."""
    async with AsyncScheduler(DATABASE, role=role, tasks=[report], lease_duration=5) as scheduler:
        if role == "scheduler":
            for region in ("north", "south"):
                await scheduler.add_schedule(
                    report,
                    IntervalTrigger(seconds=1),
                    id=f"report {region}",
                    args=[region],
                    conflict_policy="replace",
                )
        await scheduler.run_until_stopped()


async def operate(deed: str, by: str | None) -> None:
    """Be a client for a moment."""
    async with AsyncScheduler(DATABASE, role="client") as scheduler:
        for schedule in await scheduler.get_schedules(task_id="report"):
            if deed == "pause":
                await scheduler.pause_schedule(schedule.id, by=by, reason="stocktaking")
            elif deed == "resume":
                result = await scheduler.unpause_schedule(schedule.id, missed="run_once")
                print(f"{schedule.id}: {result.skipped} left out")
            else:
                pause = schedule.state.pause
                print(f"{schedule.id}: {schedule.status}", "" if pause is None else f"by {pause.by}")
        health = await scheduler.check_health()
        if deed == "show" and health.store is not None:
            print(f"queued {health.store.queued_jobs}, running {dict(health.store.running_jobs)}")


def main() -> None:
    """Do what the command line says."""
    match sys.argv[1:]:
        case ["scheduler" | "worker" as role]:
            anyio.run(serve, role)
        case ["show" | "pause" | "resume" as deed, *rest] if len(rest) < 2:
            anyio.run(operate, deed, rest[0] if rest else None)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
