"""Each example runs as it stands and says what it is there to show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.examples.running import ROOT, run_program

EXAMPLES = ROOT / "examples"


def output_of(name: str, folder: Path) -> list[str]:
    """Return the lines that an example printed."""
    return run_program(EXAMPLES / name, folder=folder).splitlines()


def test_asyncio_basic(tmp_path: Path) -> None:
    """An interval and a cron schedule run, a result comes back, and every job is told as a success."""
    lines = output_of("asyncio_basic.py", tmp_path)

    assert "2 + 3 = 5" in lines
    assert 4 <= lines.count("poll inbox") <= 5
    assert 2 <= lines.count("tidy") <= 3
    assert "all well" == lines[-1]


def test_trio_basic(tmp_path: Path) -> None:
    """The same on trio, whose cancellation reaches a job."""
    lines = output_of("trio_basic.py", tmp_path)

    assert 2 <= lines.count("fetched /news") <= 3
    assert ["hang is cancelled", "hang ended as cancelled"] == lines[-2:]


def test_blocking(tmp_path: Path) -> None:
    """The same without `async`: what a call changes has changed when it returns."""
    lines = output_of("blocking.py", tmp_path)

    assert ["the roof: 21 °C", "paused by review: warm enough"] == lines[:2]
    assert "all well" == lines[-1]


def test_pausing(tmp_path: Path) -> None:
    """Rules P1 to P10: each way to resume does exactly what it says."""
    assert PAUSING.strip().splitlines() == output_of("pausing.py", tmp_path)


PAUSING = """
from where it stopped
  paused by ana: disk swap
  1 made, 9 skipped, next 12:13:00
  ran: 12:00:00, 12:01:00, 12:02:00, 12:12:00, 12:13:00, 12:14:00
from now
  0 made, 10 skipped, next 12:12:30
  ran: 12:00:00, 12:01:00, 12:02:00, 12:12:30, 12:13:30, 12:14:30
from an instant in the past
  1 made, 9 skipped, next 12:13:00
  ran: 12:00:00, 12:01:00, 12:02:00, 12:12:00, 12:13:00, 12:14:00
from an instant in the future
  0 made, 17 skipped, next 12:20:00
  ran: 12:00:00, 12:01:00, 12:02:00, 12:20:00, 12:21:00, 12:22:00, 12:23:00, 12:24:00
one run for all that was missed
  1 made, 9 skipped, next 12:12:30
  ran: 12:00:00, 12:01:00, 12:02:00, 12:12:00, 12:12:30, 12:13:30, 12:14:30
every run that was missed
  4 made, 0 skipped, next 12:07:00
  ran: 12:00:00, 12:01:00, 12:02:00, 12:03:00, 12:04:00, 12:05:00, 12:06:00, 12:07:00, 12:08:00
until an instant
  ran: 12:00:00, 12:01:00, 12:02:00, 12:06:00, 12:07:00, 12:08:00, 12:09:00, 12:10:00, 12:11:00, 12:12:00
run by hand while paused
  paused, frozen at 12:03:00
  ran: 12:00:00, 12:01:00, 12:02:00, by hand
paused from the start
  0 made, 10 skipped, next 12:12:30
  ran: 12:00:00, 12:01:00, 12:02:00, 12:12:30, 12:13:30, 12:14:30
told by events
  event: paused by ana
  event: 5 skipped
  ran: 12:00:00, 12:01:00, 12:02:00, 12:08:00, 12:09:00
"""


def test_durable_file(tmp_path: Path) -> None:
    """Rules P10 and S1: schedules, their places and their pauses outlive the process."""
    lines = output_of("durable_file.py", tmp_path)

    assert sorted(DURABLE.strip().splitlines()) == sorted(lines)  # the job that waited may be quicker


DURABLE = """
first start
  mail is paused
second start
  mail is still paused by ana: no password yet
  hello, world
each half second was measured once, those in between as well
"""


def test_testing_with_fakeclock(tmp_path: Path) -> None:
    """The tests that a user would write pass, on asyncio and on trio."""
    assert re.search(r"^6 passed", output_of("testing_with_fakeclock.py", tmp_path)[-1])


def test_custom_trigger(tmp_path: Path) -> None:
    """Rule T2: a trigger of one's own is a pure function, and is found again in a durable file."""
    lines = output_of("custom_trigger.py", tmp_path)

    assert CUSTOM.strip().splitlines() == lines


CUSTOM = """
08:00 water the plants
08:01 water the plants
08:03 water the plants
08:07 water the plants
after a restart: DoublingTrigger(first_wait=datetime.timedelta(seconds=60), most=7)
08:15 water the plants
08:31 water the plants
09:03 water the plants
finished
"""


def test_every_example_is_tested() -> None:
    """A file in examples/ without a test of its own here is refused."""
    names = {path.stem for path in EXAMPLES.glob("*.py")}

    assert names == {name.removeprefix("test_") for name in globals() if name.startswith("test_")} & names


@pytest.mark.parametrize("what", ["thread", "task"])
def test_what_is_left_is_found(what: str, tmp_path: Path) -> None:
    """A program that ends with a thread or a task of its own still there fails its test."""
    path = tmp_path / "program.py"
    path.write_text(LEAVES[what], encoding="utf-8")

    with pytest.raises(AssertionError, match=f"left behind: {what}"):
        run_program(path, folder=tmp_path)


LEAVES = {
    "thread": "import threading, time\nthreading.Thread(target=time.sleep, args=[30], daemon=True).start()\n",
    "task": """
import asyncio

async def main():
    task = asyncio.create_task(asyncio.sleep(30))
    await asyncio.sleep(0)

asyncio.run(main())
""",
}
