"""anysched in a program that knows no `async`: a block, calls that wait, and jobs and subscribers in threads."""

from __future__ import annotations

import time

from anysched import IntervalTrigger, JobReleased, Scheduler, task


@task(id="measure")
def measure(place: str) -> str:
    """An ordinary function runs in a thread: it may block."""
    time.sleep(0.01)
    return f"{place}: 21 °C"


@task(id="review")
def review() -> None:
    """A job finds its scheduler, and its calls wait there too."""
    scheduler = Scheduler.current()
    scheduler.pause_schedule("cellar", by="review", reason="warm enough")


def main() -> None:
    """Measure for a little while, then have it paused."""
    outcomes: list[str] = []
    with Scheduler() as scheduler:
        scheduler.subscribe(lambda event: outcomes.append(str(event.outcome)), JobReleased)
        scheduler.add_schedule(measure, IntervalTrigger(seconds=0.2), id="cellar", args=["the cellar"])
        print(scheduler.run_job(measure, args=["the roof"]))
        time.sleep(0.5)
        scheduler.run_job(review)
        cellar = scheduler.get_schedule("cellar")
        assert cellar.state.pause is not None
        print(f"paused by {cellar.state.pause.by}: {cellar.state.pause.reason}")
        time.sleep(0.3)
        print(scheduler.get_schedule("cellar").state.jobs_made, "jobs were made")
    print("all well" if set(outcomes) == {"success"} else outcomes)


if __name__ == "__main__":
    main()
