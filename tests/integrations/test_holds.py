"""What can be asked about holds over HTTP: both frameworks and both event loops answer alike."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integrations.support import Api

NOON = "2025-01-01T12:00:00Z"


def ids(page: Any) -> list[str]:
    """Return the ids on a page."""
    return [schedule["id"] for schedule in page.json()["schedules"]]


def test_a_hold_from_start_to_end(api: Api) -> None:
    """Rules H1 to H3: a set of schedules is paused, shown with what pauses it, found, and resumed."""
    api.add("a", group="reports", tags=["slow", "eu"])
    api.add("b", group="reports")
    api.add("c", tags=["slow"])
    body = {"group": "reports", "until": NOON, "reason": "deploy", "by": "ann", "resume_from": "now"}
    answer = api("POST", "/holds/place", json=body)
    assert 200 == answer.status_code
    hold = {
        "id": "group=reports",
        "selector": {"ids": None, "group": "reports", "tags": None, "task_id": None, "everything": False},
        "since": "2025-01-01T00:00:00Z",
        "until": NOON,
        "reason": "deploy",
        "by": "ann",
        "kind": "manual",
    }
    assert hold == answer.json()
    assert (
        200
        == api("POST", "/holds/place", json={"tags": ["slow"], "hold": "x", "running": "cancel"}).status_code
    )
    assert 200 == api("POST", "/schedule/pause", "c").status_code
    listed = api("GET", "/holds").json()["holds"]
    assert ["group=reports", "x", None] == [one["id"] for one in listed]
    assert ["c"] == listed[-1]["selector"]["ids"]
    assert ["x", None] == [
        one["id"] for one in api("GET", "/holds", params={"schedule_id": "c"}).json()["holds"]
    ]
    shown = api.show("a")
    assert ("reports", ["eu", "slow"]) == (shown["group"], shown["tags"])
    assert ["group=reports", "x"] == [pause["hold"] for pause in shown["pauses"]]
    assert "x" == shown["pause"]["hold"]
    assert ["a", "b"] == ids(api("GET", "/schedules", params={"group": "reports"}))
    assert ["a", "c"] == ids(api("GET", "/schedules", params={"tag": "slow"}))
    lifted = api("POST", "/holds/lift", json={"group": "reports", "missed": "skip"}).json()["schedules"]
    assert [("a", "paused", ["x"]), ("b", "active", [])] == [
        (one["schedule_id"], one["status"], [pause["hold"] for pause in one["pauses"]]) for one in lifted
    ]
    lifted = api("POST", "/holds/lift", json={"hold": "x", "resume_from": "now"}).json()["schedules"]
    assert [("a", "active"), ("c", "paused")] == [(one["schedule_id"], one["status"]) for one in lifted]


def test_previewing_a_lift(api: Api) -> None:
    """Rule P9: what lifting a hold would do is told for each schedule, and nothing has changed."""
    api.add("a", group="g", coalesce="all")
    api.add("b", group="g")
    api("POST", "/holds/place", json={"group": "g", "hold": "h"})
    api.advance(150)
    before = api("GET", "/schedules").json()
    told = api("POST", "/holds/preview-lift", json={"hold": "h", "missed": "run_all"}).json()["schedules"]
    assert [("a", 2), ("b", 2)] == [(one["schedule_id"], len(one["fire_times"])) for one in told]
    assert before == api("GET", "/schedules").json()
    done = api("POST", "/holds/lift", json={"hold": "h", "missed": "run_all"}).json()["schedules"]
    for preview, result in zip(told, done, strict=True):
        for name in ("schedule_id", "status", "next_fire_time", "start_times", "skipped", "changed"):
            assert preview[name] == result[name]
    assert {"schedules": []} == api("POST", "/holds/preview-lift", json={"group": "g"}).json()


def test_pauses_that_somebody_may_have_forgotten(api: Api) -> None:
    """Rule H6: what pauses schedules can be asked for by how long it has done so."""
    api.add("a")
    api("POST", "/schedule/pause", "a")
    api.advance(60)
    api("POST", "/holds/place", json={"everything": True})
    for seconds, expected in (("0", ["everything", None]), ("60", [None]), ("60.5", [])):
        found = api("GET", "/holds", params={"longer_than": seconds}).json()["holds"]
        assert expected == [hold["id"] for hold in found]
    assert 422 == api("GET", "/holds", params={"longer_than": "-1"}).status_code


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/holds/place", {}, 422, "nothing is selected"),
        ("/holds/place", {"ids": []}, 422, "ids must not be empty"),
        ("/holds/place", {"everything": True, "group": "x"}, 422, "joined with no other"),
        ("/holds/place", {"ids": ["a", "nobody"]}, 404, "'nobody'"),
        ("/holds/place", {"everything": True, "until": "2024-01-01T00:00:00Z"}, 422, "future"),
        ("/holds/place", {"everything": True, "hold": "x"}, 409, "'x' exists already"),
        ("/holds/place", {"everything": True, "running": "drain"}, 422, "running"),
        ("/holds/place", {"tags": "a"}, 422, "list"),
        ("/holds/lift", {}, 422, "nothing is selected"),
        ("/holds/lift", {"hold": "nobody"}, 404, "'nobody'"),
        ("/holds/lift", {"hold": "x", "group": "y"}, 422, "either"),
        ("/holds/lift", {"group": "nobody"}, 200, "[]"),
        ("/holds/preview-lift", {}, 422, "nothing is selected"),
        ("/holds/preview-lift", {"hold": "nobody"}, 404, "'nobody'"),
        ("/holds/preview-lift", {"hold": "x", "by": "ann"}, 422, "by"),
    ],
)  # fmt: skip
def test_bad_requests(api: Api, path: str, body: dict[str, Any], status: int, text: str) -> None:
    """Rule H1: what cannot be done is refused with a reason, and nothing is changed."""
    api.add("a")
    assert 200 == api("POST", "/holds/place", json={"tags": ["slow"], "hold": "x"}).status_code
    answer = api("POST", path, json=body)
    assert status == answer.status_code
    assert text in answer.text
    assert not api.show("a")["paused"]
    assert 404 == api("GET", "/holds", params={"schedule_id": "nobody"}).status_code
