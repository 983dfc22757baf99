"""Pausing and resuming in all its forms, on a clock that the program moves: exact, and over in no time.

A backup runs every minute from 12:00 on, and prints the minute it runs for. Each act begins anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio

from anysched import (
    AsyncScheduler,
    IntervalTrigger,
    SchedulePaused,
    ScheduleUnpaused,
    UnpauseResult,
    current_job,
)
from anysched.testing import FakeClock

NOON = datetime(2025, 6, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

ran: list[str] = []


async def back_up() -> None:
    """Note the minute that this run is for."""
    fire_time = current_job.get().scheduled_fire_time
    ran.append("by hand" if fire_time is None else f"{fire_time:%H:%M:%S}")


def told(result: UnpauseResult) -> str:
    """What a resume says it did."""
    following = "none" if result.next_fire_time is None else f"{result.next_fire_time:%H:%M:%S}"
    return f"{len(result.jobs)} made, {result.skipped} skipped, next {following}"


async def from_where_it_stopped(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """By default the frozen fire time is where it goes on: what passed is late, and late ones are coalesced."""
    await scheduler.pause_schedule("backup", reason="disk swap", by="ana")
    await clock.advance(10 * MINUTE)
    pause = (await scheduler.get_schedule("backup")).state.pause
    assert pause is not None
    print(f"  paused by {pause.by}: {pause.reason}")
    print(" ", told(await scheduler.unpause_schedule("backup")))


async def from_now(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """As if it were added now: nothing is made up for, and the interval counts from this instant."""
    await scheduler.pause_schedule("backup")
    await clock.advance(10 * MINUTE)
    print(" ", told(await scheduler.unpause_schedule("backup", resume_from="now")))


async def from_an_instant_in_the_past(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """What lies before the instant is skipped; what lies after it is late, by the schedule's own rules."""
    await scheduler.pause_schedule("backup")
    await clock.advance(10 * MINUTE)
    print(" ", told(await scheduler.unpause_schedule("backup", resume_from=NOON + 9 * MINUTE)))


async def from_an_instant_in_the_future(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Nothing fires before it; the instant itself is the first fire time."""
    await scheduler.pause_schedule("backup")
    await clock.advance(10 * MINUTE)
    print(" ", told(await scheduler.unpause_schedule("backup", resume_from=NOON + 20 * MINUTE)))
    await clock.advance(10 * MINUTE)


async def one_run_for_all_that_was_missed(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """`missed=` overrides the schedule's rules for this one resume."""
    await scheduler.pause_schedule("backup")
    await clock.advance(10 * MINUTE)
    print(" ", told(await scheduler.unpause_schedule("backup", resume_from="now", missed="run_once")))


async def every_run_that_was_missed(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """One job for each, up to the schedule's max_catchup."""
    await scheduler.pause_schedule("backup")
    await clock.advance(4 * MINUTE)
    print(" ", told(await scheduler.unpause_schedule("backup", missed="run_all")))


async def until_an_instant(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """A pause with an end needs nobody to come back, and says now how to go on then."""
    await scheduler.pause_schedule("backup", until=NOON + 6 * MINUTE, resume_from="now")
    await clock.advance(8 * MINUTE)


async def run_by_hand_while_paused(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """A paused schedule can still be run, edited, finished and removed. Its fire times do not move."""
    await scheduler.pause_schedule("backup")
    await scheduler.run_schedule("backup")
    await clock.advance(10 * MINUTE)
    snapshot = await scheduler.get_schedule("backup")
    print(f"  {snapshot.status}, frozen at {snapshot.next_fire_time:%H:%M:%S}")


async def paused_from_the_start(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """A schedule can be created paused; somebody else decides when it begins."""
    await scheduler.add_schedule(back_up, IntervalTrigger(minutes=1), id="new", paused=True)
    await scheduler.remove_schedule("backup")
    await clock.advance(10 * MINUTE)
    print(" ", told(await scheduler.unpause_schedule("new", resume_from="now")))


async def told_by_events(scheduler: AsyncScheduler, clock: FakeClock) -> None:
    """Whoever listens learns who paused what and why, and what the resume did."""
    scheduler.subscribe(lambda event: print(f"  event: paused by {event.by}"), SchedulePaused)
    scheduler.subscribe(lambda event: print(f"  event: {event.skipped} skipped"), ScheduleUnpaused)
    await scheduler.pause_schedule("backup", by="ana")
    await clock.advance(5 * MINUTE)
    await scheduler.unpause_schedule("backup", missed="skip")
    await clock.settle()


ACTS: list[Callable[[AsyncScheduler, FakeClock], Awaitable[None]]] = [
    from_where_it_stopped,
    from_now,
    from_an_instant_in_the_past,
    from_an_instant_in_the_future,
    one_run_for_all_that_was_missed,
    every_run_that_was_missed,
    until_an_instant,
    run_by_hand_while_paused,
    paused_from_the_start,
    told_by_events,
]


async def main() -> None:
    """Play each act on a scheduler of its own, then let two more minutes pass."""
    for act in ACTS:
        print(act.__name__.replace("_", " "))
        ran.clear()
        clock = FakeClock(NOON)
        async with AsyncScheduler(clock=clock) as scheduler:
            await scheduler.add_schedule(back_up, IntervalTrigger(minutes=1), id="backup")
            await clock.advance(2.5 * MINUTE)
            await act(scheduler, clock)
            await clock.advance(2 * MINUTE)
        print("  ran:", ", ".join(ran))


if __name__ == "__main__":
    anyio.run(main)
