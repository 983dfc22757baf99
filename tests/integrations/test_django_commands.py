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
from anysched.integrations.django._commands import shown
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


def test_sets_of_schedules(tmp_path: Path) -> None:
    """Rules H1 to H3: sets are paused, listed, previewed and resumed from the command line."""
    with site(tmp_path):
        declare_schedules()
        placed = said("pauseschedules", "--everything", "--hold", "deploy", "--by", "ana", "--reason", "142")
        assert "deploy pauses 1 schedules\n" == placed
        assert "tags=x,y pauses 0 schedules\n" == said("pauseschedules", "--tag", "x", "--tag", "y")
        said("pauseschedule", "hourly", "--until", "2099-01-01 12:00")
        first, second, third = said("scheduleholds").splitlines()
        assert first.startswith("deploy  everything  20")
        assert first.endswith("  open end  142 (ana)")
        assert second.startswith("tags=x,y  tags=x,y  20")
        assert third.startswith("-  ids=hourly  20")
        assert third.endswith("  until 2099-01-01 12:00:00+02:00")
        assert "" == said("scheduleholds", "--longer-than", "3600")
        said("unpauseschedule", "hourly", "--by", "ana")
        asked = ("unpauseschedules", "--everything", "--hold", "deploy")
        with pytest.raises(CommandError, match="either"):
            said(*asked)
        asked = ("unpauseschedules", "--hold", "deploy", "--from-now")
        assert said(*asked, "--preview").startswith("hourly would be active, 0 jobs made, next 20")
        assert "paused" == str(get_scheduler().get_schedule("hourly").status)
        assert said(*asked, "--by", "bob").startswith("hourly is active, 0 jobs made, next 20")


def test_single_fire_times(tmp_path: Path) -> None:
    """Rules O1 and O4: single fire times are skipped, moved and restored, in the time zone of the site."""
    with site(tmp_path):
        declare_schedules()
        said("pauseschedule", "hourly")
        found = get_scheduler().get_schedule("hourly").next_fire_time
        assert found is not None
        skipped = said("skipfiretime", "hourly", "--by", "ana")
        assert skipped == f"hourly does not run for {shown(found)}\n"
        moved = said("movefiretime", "hourly", "2099-01-01 12:30:30", "--fire-time", found.isoformat())
        assert moved == f"hourly runs for {shown(found)} at 2099-01-01 12:30:30+02:00\n"
        restored = said("restorefiretime", "hourly", found.isoformat())
        assert "hourly runs again as its trigger says\n" == restored
        assert found == get_scheduler().get_schedule("hourly").next_fire_time


def test_who_did_what(tmp_path: Path) -> None:
    """Rule A2: what was done is listed, the latest first, and can be narrowed down."""
    with site(tmp_path):
        declare_schedules()
        said("pauseschedule", "hourly", "--reason", "disk swap", "--by", "ana")
        said("unpauseschedule", "hourly", "--reason", "done", "--by", "bob")
        said("pauseschedules", "--everything", "--hold", "deploy")
        lines = [line.split("  ", 1)[1] for line in said("scheduleaudit").splitlines()]
        assert [
            "hold_placed  deploy",
            "schedule_resumed  hourly  done (bob)",
            "schedule_paused  hourly  disk swap (ana)",
            "schedule_added  hourly",
        ] == lines
        assert said("scheduleaudit", "--limit", "1") == said("scheduleaudit", "--name", "deploy")
        found = said("scheduleaudit", "--schedule", "hourly", "--action", "schedule_paused")
        assert found.endswith("  schedule_paused  hourly  disk swap (ana)\n")
        assert "" == said("scheduleaudit", "--since", "2099-01-01")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("pauseschedule", "nothing"), "there is no schedule with the id 'nothing'"),
        (("unpauseschedule", "nothing"), "there is no schedule with the id 'nothing'"),
        (("pauseschedule", "hourly", "--until", "2001-01-01"), "until"),
        (("pauseschedule", "hourly", "--until", "tomorrow"), "write it as 2026-03-01"),
        (("pauseschedules",), "nothing is selected"),
        (("unpauseschedules", "--hold", "nothing"), "'nothing'"),
        (("scheduleholds", "--longer-than", "-1"), "longer_than"),
        (("skipfiretime", "nothing"), "there is no schedule with the id 'nothing'"),
        (("skipfiretime", "hourly", "--fire-time", "soon"), "write it as 2026-03-01"),
        (("movefiretime", "hourly", "2001-01-01"), "future"),
        (("restorefiretime", "hourly", "2099-01-01"), "has not skipped or moved"),
        (("scheduleaudit", "--action", "paused"), "invalid choice: 'paused'"),
        (("scheduleaudit", "--limit", "0"), "limit"),
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
