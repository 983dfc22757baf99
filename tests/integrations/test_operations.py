"""What can be asked about schedules over HTTP: both frameworks and both event loops answer alike."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from tests.integrations.support import Api, noop, other

from anysched import DateTrigger, JobKind, JobOutcome, ScheduleStatus, SkipReason
from anysched.integrations import _words
from anysched.model import policies

NOON = "2025-01-01T12:00:00Z"

#: Every one is a legal id.
IDS = [
    "a", "a/b", "/a", "a/", "a//b", "..", "../..", ".", "a/../b", "pause", "a/pause", "schedules", "a b", " ", "a+b",
    "a?b=c&d", "a#b", "%2F", "%", "a%2Fpause", "né", "时间表", "🕰", "a\nb", "a\r\nX: y", "\x01", '"', "\\", "'; --",
    "x" * 500,
]  # fmt: skip


def ids(page: Any) -> list[str]:
    """Return the ids on a page."""
    return [schedule["id"] for schedule in page["schedules"]]


def test_a_schedule_is_shown(api: Api) -> None:
    """A schedule is shown with its state, times in UTC, and without the arguments of its jobs."""
    api.add("a", args=["secret"], kwargs={"key": "secret"}, metadata={"team": "blue", "n": [1, {"x": None}]})
    answer = api("GET", "/schedule", "a")
    assert 200 == answer.status_code
    assert "no-store" == answer.headers["cache-control"]
    assert "secret" not in answer.text
    shown = answer.json()
    assert "IntervalTrigger" in shown.pop("trigger")
    assert shown.pop("version") == api.do(api.scheduler.get_schedule, "a").state.version
    assert {
        "id": "a",
        "task_id": "noop",
        "status": "active",
        "paused": False,
        "pause": None,
        "next_fire_time": "2025-01-01T00:01:00Z",
        "waits_for": [],
        "due_at": "2025-01-01T00:01:00Z",
        "last_fire_time": "2025-01-01T00:00:00Z",
        "jobs_made": 1,
        "skipped": {},
        "skipped_exact": True,
        "occurrences": [],
        "windows": [],
        "failures": 0,
        "error": None,
        "fault": None,
        "metadata": {"team": "blue", "n": [1, {"x": None}]},
        "group": None,
        "tags": [],
        "pauses": [],
    } == shown


def test_metadata_that_is_not_json(api: Api) -> None:
    """Metadata that JSON cannot say are left out, and nothing else."""
    for id, value in {"a": {1, 2}, "b": float("nan"), "c": "\ud800", "d": b"x"}.items():
        api.add(id, metadata={"x": value})
        assert api.show(id)["metadata"] is None, value


def test_a_trigger_that_cannot_be_shown(api: Api) -> None:
    """A trigger whose text cannot be had, or not be sent, hides neither its schedule nor others."""

    class Shy(DateTrigger):
        def __str__(self) -> str:
            raise RuntimeError("no")

    class Odd(DateTrigger):
        def __str__(self) -> str:
            return "\ud800"

    api.add("odd", trigger=Odd(api.scheduler.now()))
    api.add("shy", trigger=Shy(api.scheduler.now()))
    page = api("GET", "/schedules").json()
    assert ["\\ud800", "Shy"] == [schedule["trigger"] for schedule in page["schedules"]]


def test_listing_by_conditions(api: Api) -> None:
    """Schedules are listed in order of their ids; the conditions that are given all hold."""
    for id in "ecadb":
        api.add(id, task=other if id in "ab" else noop)
    api("POST", "/schedule/pause", "a")
    api("POST", "/schedule/pause", "c")
    api.add("f", trigger=DateTrigger(api.scheduler.now()))
    for conditions, expected in [
        ({}, "abcdef"),
        ({"paused": "true"}, "ac"),
        ({"paused": "false"}, "bdef"),
        ({"status": "paused"}, "ac"),
        ({"status": "finished"}, "f"),
        ({"status": "error"}, ""),
        ({"task_id": "other"}, "ab"),
        ({"task_id": "unknown"}, ""),
        ({"paused": "true", "task_id": "other"}, "a"),
        ({"unknown": "1"}, "abcdef"),
    ]:
        answer = api("GET", "/schedules", params=conditions)
        assert (200, list(expected)) == (answer.status_code, ids(answer.json())), conditions
        assert answer.json()["next"] is None


def test_listing_in_pages(api: Api) -> None:
    """Pages follow each other without gap or overlap, though schedules go meanwhile."""
    for id in "abcde":
        api.add(id)
    first = api("GET", "/schedules", params={"limit": "2"}).json()
    assert (["a", "b"], "b") == (ids(first), first["next"])
    api("DELETE", "/schedule", "b")
    second = api("GET", "/schedules", params={"limit": "2", "after": first["next"]}).json()
    assert (["c", "d"], "d") == (ids(second), second["next"])
    third = api("GET", "/schedules", params={"limit": "2", "after": second["next"]}).json()
    assert (["e"], None) == (ids(third), third["next"])


def test_pausing_and_resuming(api: Api) -> None:
    """A pause is shown with all that it was asked for; the resume tells what it did."""
    api.add("a")
    asked = {
        "until": "2025-01-01T14:00:00+02:00",
        "reason": "audit",
        "by": "ann",
        "queued": "hold",
        "resume_from": "now",
        "missed": "run_once",
    }
    answer = api("POST", "/schedule/pause", "a", json=asked)
    assert 200 == answer.status_code
    assert answer.json() == api.show("a")
    assert "paused" == answer.json()["status"]
    since = {"since": "2025-01-01T00:00:00Z", "hold": None, "kind": "manual"}
    assert {**asked, "until": NOON, **since} == answer.json()["pause"]
    api.advance(180)
    answer = api("POST", "/schedule/unpause", "a", json={"missed": "run_all"})
    assert 200 == answer.status_code
    told = answer.json()
    jobs = told.pop("jobs")
    assert {
        "schedule_id": "a",
        "status": "active",
        "next_fire_time": "2025-01-01T00:04:00Z",
        "start_times": ["2025-01-01T00:03:00Z"] * 3,
        "skipped": 0,
        "skipped_exact": True,
        "changed": True,
        "pauses": [],
    } == told
    assert 3 == len(jobs)
    again = api("POST", "/schedule/unpause", "a").json()
    assert (False, []) == (again["changed"], again["jobs"])


def test_pausing_without_a_word(api: Api) -> None:
    """A pause without a body is open-ended; so is one that says nothing."""
    ways: list[dict[str, Any]] = [{}, {"json": {}}, {"content": b""}, {"headers": {"content-type": "text/x"}}]
    for id, way in zip("abcd", ways, strict=True):
        api.add(id)
        answer = api("POST", "/schedule/pause", id, **way)
        assert 200 == answer.status_code
        pause = answer.json()["pause"]
        assert (None, None, None, "keep") == (pause["until"], pause["reason"], pause["by"], pause["queued"])


def test_preview(api: Api) -> None:
    """A preview tells what the resume then does, changes nothing, and its version guards the resume."""
    api.add("a", coalesce="all")
    api("POST", "/schedule/pause", "a")
    api.advance(150)
    before = api.show("a")
    answer = api("GET", "/schedule/preview-unpause", "a", params={"missed": "run_all"})
    assert 200 == answer.status_code
    told = answer.json()
    assert ["2025-01-01T00:01:00Z", "2025-01-01T00:02:00Z"] == told["fire_times"]
    assert before == api.show("a")
    done = api(
        "POST", "/schedule/unpause", "a", json={"missed": "run_all", "version": told["version"]}
    ).json()
    assert len(told["fire_times"]) == len(done["jobs"])
    for name in ("schedule_id", "status", "next_fire_time", "skipped", "skipped_exact", "changed"):
        assert told[name] == done[name]
    now = api("GET", "/schedule/preview-unpause", "a", params={"resume_from": "now"}).json()
    assert (False, []) == (now["changed"], now["fire_times"])


def test_catching_up(api: Api) -> None:
    """A bounded and spaced catching-up is an object, in a query too; the pause that is to end so shows it."""
    api.add("a")
    missed = {"coalesce": "all", "max_jobs": 2, "max_age": 170.5, "spacing": 60}
    answer = api("POST", "/schedule/pause", "a", json={"until": NOON, "missed": missed})
    assert (200, missed) == (answer.status_code, answer.json()["pause"]["missed"])
    earliest = {"until": NOON, "missed": {"coalesce": "earliest"}}
    shown = api("POST", "/schedule/pause", "a", json=earliest).json()["pause"]["missed"]
    assert {"coalesce": "earliest", "max_jobs": None, "max_age": None, "spacing": None} == shown
    api.advance(210)
    told = api("GET", "/schedule/preview-unpause", "a", params={"missed": json.dumps(missed)}).json()
    assert ["2025-01-01T00:02:00Z", "2025-01-01T00:03:00Z"] == told["fire_times"]
    assert ["2025-01-01T00:03:30Z", "2025-01-01T00:04:30Z"] == told["start_times"]
    assert 1 == told["skipped"]
    done = api("POST", "/schedule/unpause", "a", json={"missed": missed}).json()
    assert (told["start_times"], 1, 2) == (done["start_times"], done["skipped"], len(done["jobs"]))


def test_preview_from_an_instant(api: Api) -> None:
    """Where to go on may be given as an instant with any offset."""
    api.add("a")
    api("POST", "/schedule/pause", "a")
    params = {"resume_from": "2025-01-01T13:30:30+01:30"}
    told = api("GET", "/schedule/preview-unpause", "a", params=params).json()
    assert "2025-01-01T12:01:00Z" == told["next_fire_time"]
    done = api("POST", "/schedule/unpause", "a", json=params).json()
    assert told["next_fire_time"] == done["next_fire_time"]


def test_running_by_hand(api: Api) -> None:
    """Running makes one job at once and moves no fire time, paused or not."""
    api.add("a")
    api("POST", "/schedule/pause", "a")
    before = api.show("a")
    answer = api("POST", "/schedule/run", "a")
    assert 202 == answer.status_code
    (run,) = api.do(api.scheduler.advance)
    assert str(run.job.id) == answer.json()["job_id"]
    assert before["next_fire_time"] == api.show("a")["next_fire_time"]


def test_removing(api: Api) -> None:
    """A schedule that was removed is gone, and cannot be removed twice."""
    api.add("a")
    answer = api("DELETE", "/schedule", "a")
    assert (204, b"") == (answer.status_code, answer.content)
    assert 404 == api("DELETE", "/schedule", "a").status_code
    assert [] == ids(api("GET", "/schedules").json())


@pytest.mark.parametrize("call", ["pause", "unpause", "remove"])
def test_a_version_guards(api: Api, call: str) -> None:
    """What was decided upon a version is refused once the schedule has another one, and changes nothing."""
    api.add("a")
    old = api.show("a")["version"]
    api.advance(60)
    new = api.show("a")

    def ask(version: str) -> int:
        if call == "remove":
            return api("DELETE", "/schedule", "a", params={"version": version}).status_code
        return api("POST", f"/schedule/{call}", "a", json={"version": version}).status_code

    assert 409 == ask(old)
    assert new == api.show("a")
    assert ask(new["version"]) in (200, 204)


def test_every_id_can_be_reached(api: Api) -> None:
    """Whatever an id looks like, all operations reach its schedule and no other."""
    for id in IDS:
        api.add(id)
    for id in IDS:
        assert id == api.show(id)["id"]
        assert api("POST", "/schedule/pause", id).json()["paused"]
        assert id == api("GET", "/schedule/preview-unpause", id).json()["schedule_id"]
        assert id == api("POST", "/schedule/unpause", id).json()["schedule_id"]
        assert 202 == api("POST", "/schedule/run", id).status_code
    for id in IDS:
        assert 204 == api("DELETE", "/schedule", id).status_code
        assert 404 == api("GET", "/schedule", id).status_code
    assert [] == ids(api("GET", "/schedules").json())


def test_words_are_those_of_the_package() -> None:
    """The words that the interface takes and answers are those of the package, none more and none less."""
    assert {str(status) for status in ScheduleStatus} == set(get_args(_words.Status))
    assert {str(reason) for reason in SkipReason} == set(get_args(_words.SkipReason))
    assert get_args(policies.MissedWord) == get_args(_words.MissedWord)
    assert get_args(policies.Queued) == get_args(_words.Queued)
    assert get_args(policies.FireTimeStatus) == get_args(_words.FireTimeStatus)
    assert [str(kind) for kind in JobKind] == [*get_args(_words.JobKind)]
    assert [str(outcome) for outcome in JobOutcome] == [*get_args(_words.Outcome)]
