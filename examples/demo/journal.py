"""The journal: two lines for each attempt to run a job, one when it starts and one when it ends.

Each line is one write to a file opened for appending, so that a process that is killed leaves whole lines, and
an attempt that was cut off shows as a start without an end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import attrs

from anysched import Job, current_job


@attrs.frozen(kw_only=True)
class Run:
    """One attempt to run a job.

    :ivar fire_time: the fire time that it is for
    :ivar end: None if it was cut off
    :ivar said: what it had to say in the end
    """

    schedule: str
    fire_time: datetime
    job: str
    attempt: int
    start: datetime
    end: datetime | None = None
    failed: bool = False
    said: str = ""


@contextmanager
def recorded(path: Path) -> Iterator[list[str]]:
    """Write down that the current job starts, and how it ends; what is put into the list is said in the end."""
    job, said = current_job.get(), list[str]()
    _append(path, job, "start", "")
    try:
        yield said
    except BaseException as exc:
        _append(path, job, "failed", repr(exc))
        raise
    _append(path, job, "end", " ".join(said))


def _append(path: Path, job: Job, what: str, said: str) -> None:
    assert job.scheduled_fire_time is not None
    line = {
        "what": what,
        "at": datetime.now(UTC).isoformat(),
        "schedule": job.schedule_id,
        "fire_time": job.scheduled_fire_time.isoformat(),
        "job": str(job.id),
        "attempt": job.attempt,
        "said": said,
    }
    file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
    try:
        os.write(file, json.dumps(line).encode() + b"\n")
    finally:
        os.close(file)


def read(path: Path) -> list[Run]:
    """Return every attempt in a journal, in the order in which they started.

    An end without a start, or a second line of a kind, is refused: it would hide a job that ran twice.
    """
    runs: dict[tuple[str, int], Run] = {}
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for line in text.splitlines():
        entry = json.loads(line)
        key, at = (entry["job"], entry["attempt"]), datetime.fromisoformat(entry["at"])
        run = runs.get(key)
        if entry["what"] == "start":
            if run is not None:
                raise ValueError(f"attempt {run.attempt} of job {run.job} started twice")
            runs[key] = Run(
                schedule=entry["schedule"],
                fire_time=datetime.fromisoformat(entry["fire_time"]),
                job=entry["job"],
                attempt=entry["attempt"],
                start=at,
            )
        elif run is None or run.end is not None:
            raise ValueError(f"attempt {entry['attempt']} of job {entry['job']} ended without running")
        else:
            runs[key] = attrs.evolve(run, end=at, failed=entry["what"] == "failed", said=entry["said"])
    return list(runs.values())
