"""The management commands of Django sites."""

from __future__ import annotations

import threading
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from tests.integrations.django_site import site
from tests.web.serving import wait_until

from anysched import RunState
from anysched.integrations.django import get_scheduler
from anysched.integrations.django._scheduling import declare_schedules

ENOUGH = 10


def said(*command: str) -> str:
    """Return what a command prints."""
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_operating(tmp_path: Path) -> None:
    """Schedules are listed, paused and resumed from the command line, with times in Django's time zone."""
    with site(tmp_path):
        declare_schedules()
        assert said("schedules").startswith("hourly  active  20")
        assert "+02:00" in said("schedules") or "+03:00" in said("schedules")

        assert "hourly is paused\n" == said("pauseschedule", "hourly", "--reason", "disk swap", "--by", "ana")
        assert said("schedules").startswith("hourly  paused  20")
        assert said("schedules").endswith("  disk swap (ana)\n")

        resumed = said("unpauseschedule", "hourly", "--from-now", "--missed", "skip")
        assert resumed.startswith("hourly is active, 0 jobs made, next 20")


def test_explaining(tmp_path: Path) -> None:
    """A sentence tells what is due next, or at an instant that is read in the time zone of the site."""
    with site(tmp_path):
        declare_schedules()
        assert said("explainschedule", "hourly").startswith("Has not run yet: it is due since 20")
        said("pauseschedule", "hourly", "--reason", "disk swap")
        paused = said("explainschedule", "hourly", "--at", "2099-01-01 12:00")
        assert paused.startswith("Is not a fire time of this schedule; the nearest are 2099-01-01 11:")


def test_pause_that_ends(tmp_path: Path) -> None:
    """``--until`` is read in the time zone of the site."""
    with site(tmp_path):
        declare_schedules()
        said("pauseschedule", "hourly", "--until", "2099-01-01 12:00")
        pause = get_scheduler().get_schedule("hourly").state.pause
        assert pause is not None
        assert "2099-01-01 10:00:00+00:00" == str(pause.until)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("pauseschedule", "nothing"), "there is no schedule with the id 'nothing'"),
        (("unpauseschedule", "nothing"), "there is no schedule with the id 'nothing'"),
        (("pauseschedule", "hourly", "--until", "2001-01-01"), "until"),
        (("pauseschedule", "hourly", "--until", "tomorrow"), "write it as 2026-03-01"),
        (("runscheduler", "--identity", ""), "identity"),
        (("runscheduler", "--stop-grace", "-1"), "stop_grace"),
        (("runscheduler", "--role", "client"), "invalid choice: 'client'"),
    ],
)
def test_mistakes(tmp_path: Path, command: tuple[str, ...], why: str) -> None:
    """What cannot be done ends a command with a sentence and no traceback."""
    with site(tmp_path):
        declare_schedules()
        with pytest.raises(CommandError, match=why):
            said(*command)


def test_running(tmp_path: Path) -> None:
    """``runscheduler`` declares the schedules and runs jobs; in its process it is the scheduler one gets."""
    with site(tmp_path):
        out = StringIO()
        command = threading.Thread(
            target=call_command, args=["runscheduler", "--identity", "node-1"], kwargs={"stdout": out}
        )
        command.start()
        wait_until(out.getvalue)
        scheduler = get_scheduler()
        wait_until(lambda: scheduler.state is RunState.started)
        assert "hourly" == scheduler.run_job("operate")
        scheduler.stop()
        command.join(ENOUGH)
        assert not command.is_alive()
    assert "node-1 starts (both); Ctrl-C or SIGTERM stops it\n" == out.getvalue()
