"""What users ask for in words and instants: checked before anything is asked of the store."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta, tzinfo
from typing import get_args

import attrs

from anysched.engine.instants import aware
from anysched.model import convert
from anysched.model.pause import Pause
from anysched.model.policies import CatchUp, Missed, MissedWord, PauseKind, Queued, ResumeFrom, Running


def _drain_timeout(value: convert.Seconds | None) -> timedelta | None:
    return None if value is None else convert.duration(value, "drain_timeout")


@attrs.frozen(kw_only=True)
class PauseRequest:
    """A pause as it was asked for; instants without a zone are in that of the schedule, or of the scheduler."""

    until: datetime | None
    reason: str | None
    by: str | None
    queued: Queued
    resume_from: ResumeFrom
    missed: Missed
    kind: PauseKind = "manual"
    running: Running = "leave"
    drain_timeout: timedelta | None = attrs.field(default=None, converter=_drain_timeout)

    def __attrs_post_init__(self) -> None:
        check_choice("running", self.running, get_args(Running))
        if self.drain_timeout is not None and self.running != "drain":
            raise ValueError("drain_timeout says how long to wait with running='drain'")
        check_choice("queued", self.queued, get_args(Queued))
        check_resume(self.resume_from, self.missed)
        check_texts(self.reason, self.by)

    def pause(self, now: datetime, timezone: tzinfo) -> Pause:
        """Return the pause that begins now."""
        return Pause(
            since=now,
            until=None if self.until is None else aware(self.until, timezone, "until"),
            reason=self.reason,
            by=self.by,
            queued=self.queued,
            resume_from=instant_of(self.resume_from, timezone),
            missed=self.missed,
            kind=self.kind,
        )


def instant_of(resume_from: ResumeFrom, timezone: tzinfo) -> ResumeFrom:
    """Return where to go on, in UTC."""
    if resume_from is None or resume_from == "now":
        return resume_from
    return aware(resume_from, timezone, "resume_from")


def check_resume(resume_from: object, missed: object) -> None:
    """Refuse what is not a way to resume, before anything is asked of the store."""
    if not isinstance(missed, CatchUp):
        check_choice("missed", missed, get_args(MissedWord), " or a CatchUp")
    if isinstance(resume_from, datetime) or resume_from is None or resume_from == "now":
        return
    if isinstance(resume_from, str):
        raise ValueError(f"resume_from must be None, 'now' or a datetime, not {resume_from!r}")
    raise TypeError(f"resume_from must be None, 'now' or a datetime, not {type(resume_from).__name__}")


def check_fire_time(fire_time: object) -> None:
    """Refuse what names no fire time."""
    if isinstance(fire_time, datetime) or fire_time == "next":
        return
    if isinstance(fire_time, str):
        raise ValueError(f"fire_time must be 'next' or a datetime, not {fire_time!r}")
    raise TypeError(f"fire_time must be 'next' or a datetime, not {type(fire_time).__name__}")


def check_texts(reason: object, by: object) -> None:
    """Refuse what is no text."""
    for name, text in (("reason", reason), ("by", by)):
        if text is not None and not isinstance(text, str):
            raise TypeError(f"{name} must be a string, not {type(text).__name__}")


def check_version(version: object) -> None:
    """Refuse what is not the version of a state."""
    if version is not None and not isinstance(version, str):
        raise TypeError(f"version must be a string, as in ScheduleState.version, not {version!r}")


def check_choice(name: str, value: object, choices: Collection[object], others: str = "") -> None:
    """Refuse a word that is not among the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}{others}, not {value!r}")
