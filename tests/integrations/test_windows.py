"""What can be asked about windows over HTTP: both frameworks and both event loops answer alike."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from tests.integrations.support import Api

from anysched.integrations import _words
from anysched.model import policies

NOON, ONE = "2025-01-01T12:00:00Z", "2025-01-01T13:00:00Z"


def test_a_window_from_start_to_end(api: Api) -> None:
    """Rules W1 and W4: a window is added, shown with what it is about, replaced and removed."""
    api.add("a", group="reports")
    api.add("b")
    body = {
        "id": "backup", "mode": "defer", "cron": "0 2 * * *", "duration": 7200, "timezone": "Europe/Vienna",
        "group": "reports", "reason": "tape", "by": "ann",
    }  # fmt: skip
    answer = api("POST", "/windows/add", json=body)
    assert 200 == answer.status_code
    shown = answer.json()
    assert "0 2 * * *" == shown.pop("trigger")
    assert {
        "id": "backup",
        "selector": {"ids": None, "group": "reports", "tags": None, "task_id": None, "everything": False},
        "mode": "defer",
        "duration": 7200.0,
        "dates": [],
        "since": "2025-01-01T00:00:00Z",
        "until": None,
        "reason": "tape",
        "by": "ann",
    } == shown
    body = {"id": "backup", "dates": [[NOON, ONE]], "group": "reports"}
    shown = api("POST", "/windows/add", json=body).json()
    assert (None, None, [[NOON, ONE]], ONE, "skip") == tuple(
        shown[name] for name in ("trigger", "duration", "dates", "until", "mode")
    )
    assert [shown] == api("GET", "/windows").json()["windows"]
    assert [shown] == api("GET", "/windows", params={"schedule_id": "a"}).json()["windows"]
    assert [] == api("GET", "/windows", params={"schedule_id": "b"}).json()["windows"]
    removed = api("POST", "/windows/remove", json={"id": "backup", "by": "ann"})
    assert (204, b"") == (removed.status_code, removed.content)
    assert [] == api("GET", "/windows").json()["windows"]


def test_a_schedule_shows_its_windows(api: Api) -> None:
    """Rule W2: a schedule is shown with the windows that mean it, and its history with what they leave out."""
    api.add("a")
    api.add("b")
    body = {"id": "backup", "dates": [[NOON, ONE]], "ids": ["a"], "reason": "tape", "by": "ann"}
    assert 200 == api("POST", "/windows/add", json=body).status_code
    (window,) = api.show("a")["windows"]
    assert {
        "id": "backup",
        "mode": "skip",
        "since": "2025-01-01T00:00:00Z",
        "until": ONE,
        "reason": "tape",
        "by": "ann",
    } == window
    assert [] == api.show("b")["windows"]
    params = {"start": "2025-01-01T11:59:00Z", "end": ONE}
    answer = api("GET", "/schedule/fire-times", "a", params=params)
    assert ["planned", "skipped", "planned"] == [one["status"] for one in answer.json()["fire_times"]]


SPAN: dict[str, Any] = {"id": "w", "dates": [[NOON, ONE]]}


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/windows/add", SPAN, 422, "nothing is selected"),
        ("/windows/add", {**SPAN, "ids": ["a", "nobody"]}, 404, "'nobody'"),
        ("/windows/add", {**SPAN, "everything": True, "id": "h"}, 409, "hold 'h' exists already"),
        ("/windows/add", {**SPAN, "everything": True, "mode": "wait"}, 422, "defer"),
        ("/windows/add", {**SPAN, "everything": True, "cron": "* * * * *", "duration": 1}, 422, "only one"),
        ("/windows/add", {"id": "w", "everything": True, "cron": "nonsense", "duration": 1}, 422, "column"),
        ("/windows/add", {"id": "w", "everything": True, "cron": "* * * * *"}, 422, "duration"),
        ("/windows/add", {"id": "w", "everything": True, "cron": "* * * * *", "duration": 0}, 422, "greater than 0"),
        ("/windows/add", {"id": "w", "everything": True, "dates": [[NOON]]}, 422, "at least 2"),
        ("/windows/add", {"id": "w", "everything": True, "dates": [["2025-01-01T12:00:00", ONE]]}, 422, "timezone"),
        ("/windows/add", {"id": "w", "everything": True, "dates": [[ONE, NOON]]}, 422, "end after they begin"),
        ("/windows/add", {**SPAN, "everything": True, "timezone": "Mars"}, 422, "Mars"),
        ("/windows/add", {"everything": True}, 422, "id"),
        ("/windows/add", None, 422, "required"),
        ("/windows/remove", {"id": "nobody"}, 404, "'nobody'"),
        ("/windows/remove", {"id": "h"}, 404, "'h'"),
        ("/windows/remove", None, 422, "required"),
    ],
)  # fmt: skip
def test_what_is_refused(api: Api, path: str, body: dict[str, Any] | None, status: int, text: str) -> None:
    """What makes no sense is refused with the reason, and nothing is changed."""
    api.add("a")
    assert 200 == api("POST", "/holds/place", json={"tags": ["slow"], "hold": "h"}).status_code
    answer = api("POST", path, json=body) if body is not None else api("POST", path)
    assert status == answer.status_code, answer.text
    assert text in answer.text
    assert [] == api("GET", "/windows").json()["windows"]


def test_windows_of_an_unknown_schedule(api: Api) -> None:
    """A schedule that does not exist is not found."""
    assert 404 == api("GET", "/windows", params={"schedule_id": "nobody"}).status_code


def test_words_are_those_of_the_package() -> None:
    """The modes that the interface takes are those of the package."""
    assert get_args(policies.WindowMode) == get_args(_words.WindowMode)
