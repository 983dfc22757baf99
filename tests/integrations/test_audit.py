"""Who did what, over HTTP: both frameworks and both event loops answer alike."""

from __future__ import annotations

from typing import Any, get_args
from uuid import uuid4

import pytest
from tests.integrations.support import Api, serving
from tests.integrations.test_backfills import BODY, add

from anysched import AuditAction
from anysched.integrations import _words
from anysched.integrations._table import OPERATIONS

FIRST = "2025-01-01T00:01:00Z"

#: A request for each operation that changes something, in an order in which all of them can be done.
REQUESTS: list[tuple[str, str, str | None, dict[str, Any], str]] = [
    ("POST", "/schedule/pause", "a", {}, "schedule_paused"),
    ("POST", "/schedule/unpause", "a", {}, "schedule_resumed"),
    ("POST", "/schedule/run", "a", {}, "schedule_run"),
    ("POST", "/schedule/skip-fire-time", "a", {"fire_time": FIRST}, "fire_time_skipped"),
    ("POST", "/schedule/move-fire-time", "a", {"fire_time": FIRST, "to": "2025-01-01T00:00:30Z"}, "fire_time_moved"),
    ("POST", "/schedule/restore-fire-time", "a", {"fire_time": FIRST}, "fire_time_restored"),
    ("POST", "/holds/place", None, {"everything": True}, "hold_placed"),
    ("POST", "/holds/lift", None, {"everything": True}, "hold_lifted"),
    ("POST", "/windows/add", None, {"id": "w", "everything": True, "cron": "0 2 * * *", "duration": 9}, "window_added"),
    ("POST", "/windows/remove", None, {"id": "w"}, "window_removed"),
    ("POST", "/schedule/backfill", "past", BODY, "backfill_started"),
    ("POST", "/backfill/pause", None, {}, "backfill_paused"),
    ("POST", "/backfill/resume", None, {}, "backfill_resumed"),
    ("POST", "/backfill/cancel", None, {}, "backfill_cancelled"),
    ("DELETE", "/schedule", "a", {}, "schedule_removed"),
]  # fmt: skip


def ask(api: Api, method: str, path: str, id: str | None, body: dict[str, Any], **said: str) -> int:
    """Send a request that says who asks and why; return the status."""
    if path.startswith("/backfill/"):
        id = api("GET", "/backfills").json()["backfills"][0]["id"]
    if method == "DELETE":
        return api(method, path, id, params=said).status_code
    return api(method, path, id, json={**body, **said}).status_code


def test_each_request_is_kept(framework: str, anyio_backend: str) -> None:
    """Rule A1: every operation that changes something is asked for by somebody, for a reason."""
    assert {(operation.method, operation.path) for operation in OPERATIONS if operation.changes} == {
        request[:2] for request in REQUESTS
    }
    with serving(framework, backend=anyio_backend) as api:
        api.add("a")
        add(api, "past")
        for *request, action in REQUESTS:
            assert 300 > ask(api, *request, by="bob", reason="why")
            (entry,) = api("GET", "/audit", params={"limit": "1"}).json()["entries"]
            assert (action, "bob", "why") == (entry["action"], entry["by"], entry["reason"])


def test_names_that_the_server_knows(framework: str) -> None:
    """Rule A1: where ``authorize`` gives a name, it is kept whatever the request says, and no other can be given."""
    with serving(framework, authorize=lambda request: "ann") as api:
        api.add("a")
        add(api, "past")
        for *request, action in REQUESTS:
            assert 422 == ask(api, *request, by="bob"), action
            assert 300 > ask(api, *request), action
            (entry,) = api("GET", "/audit", params={"limit": "1"}).json()["entries"]
            assert (action, "ann") == (entry["action"], entry["by"])


def test_reading(api: Api) -> None:
    """Rule A2: entries are shown as a whole, found by conditions, and read page by page."""
    api.add("a")
    api("POST", "/schedule/pause", "a", json={"by": "ann", "reason": "why", "until": "2025-01-02T00:00:00Z"})
    api("POST", "/holds/place", json={"everything": True, "hold": "h"})
    everything = api("GET", "/audit").json()["entries"]
    assert ["hold_placed", "schedule_paused", "schedule_added"] == [entry["action"] for entry in everything]
    shown = dict(everything[1])
    assert shown.pop("id")
    assert {
        "at": "2025-01-01T00:00:00Z",
        "action": "schedule_paused",
        "schedule_id": "a",
        "name": None,
        "by": "ann",
        "reason": "why",
        "node": api.scheduler.identity,
        "details": {
            "kind": "manual",
            "queued": "keep",
            "until": "2025-01-02T00:00:00+00:00",
            "missed": "policy",
        },
    } == shown
    for conditions, expected in [
        ({"schedule_id": "a"}, everything[1:]),
        ({"name": "h"}, everything[:1]),
        ({"action": "schedule_paused"}, everything[1:2]),
        ({"since": "2025-01-01T00:00:01Z"}, []),
        ({"before": everything[0]["id"]}, everything[1:]),
        ({"schedule_id": "nobody"}, []),
    ]:
        assert {"entries": expected, "next": None} == api("GET", "/audit", params=conditions).json()
    first = api("GET", "/audit", params={"limit": "2"}).json()
    assert (everything[:2], everything[1]["id"]) == (first["entries"], first["next"])
    second = api("GET", "/audit", params={"limit": "2", "before": first["next"]}).json()
    assert {"entries": everything[2:], "next": None} == second


@pytest.mark.parametrize(
    ("name", "value"),
    [("action", "paused"), ("before", "x"), ("limit", "0"), ("since", "2025-01-01T00:00:00"), ("name", "")],
)
def test_bad_queries(api: Api, name: str, value: str) -> None:
    """Rule A2: what is no condition is refused, and told by its name."""
    answer = api("GET", "/audit", params={name: value})
    assert (422, ["query", name]) == (answer.status_code, answer.json()["detail"][0]["loc"])
    assert 200 == api("GET", "/audit", params={"before": str(uuid4())}).status_code


def test_words() -> None:
    """The actions that the interface knows are those of the package."""
    assert [str(action) for action in AuditAction] == list(get_args(_words.Action))
