"""What can be asked about single fire times over HTTP: both frameworks and both event loops answer alike."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integrations.support import Api

FIRST, SECOND, THIRD = (f"2025-01-01T00:0{minute}:00Z" for minute in (1, 2, 3))


def test_one_run_is_left_out_and_had_again(api: Api) -> None:
    """Rules O1 and O4: a fire time is skipped, shown with its schedule, and restored."""
    api.add("a")
    answer = api("POST", "/schedule/skip-fire-time", "a", json={"reason": "closing", "by": "ann"})
    assert 200 == answer.status_code
    assert (FIRST, SECOND) == (answer.json()["fire_time"], answer.json()["schedule"]["next_fire_time"])
    skipped = {"fire_time": FIRST, "moved_to": None, "reason": "closing", "by": "ann", "settled": False}
    assert [skipped] == answer.json()["schedule"]["occurrences"] == api.show("a")["occurrences"]
    preview = api("GET", "/schedule/preview-unpause", "a").json()
    assert [skipped] == preview["occurrences"]
    version = api.show("a")["version"]
    asked = {"fire_time": FIRST, "version": version, "by": "bob"}
    answer = api("POST", "/schedule/restore-fire-time", "a", json=asked)
    assert (200, FIRST) == (answer.status_code, answer.json()["fire_time"])
    assert [] == answer.json()["schedule"]["occurrences"]
    assert FIRST == api.show("a")["next_fire_time"]
    assert 409 == api("POST", "/schedule/skip-fire-time", "a", json={"version": version}).status_code


def test_one_run_is_moved(api: Api) -> None:
    """Rules O1 and O2: a fire time is run at another instant, with any offset."""
    api.add("a")
    asked = {"fire_time": SECOND, "to": "2025-01-01T02:02:30+02:00", "by": "ann"}
    answer = api("POST", "/schedule/move-fire-time", "a", json=asked)
    assert (200, SECOND) == (answer.status_code, answer.json()["fire_time"])
    (moved,) = answer.json()["schedule"]["occurrences"]
    assert ("2025-01-01T00:02:30Z", "ann") == (moved["moved_to"], moved["by"])
    api.advance(150)
    assert 3 == api.show("a")["jobs_made"]


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("skip", {"fire_time": "2025-01-01T00:01:30Z"}, 422, "the nearest"),
        ("skip", {"fire_time": "2025-01-01T00:01:00"}, 422, "fire_time"),
        ("skip", {"fire_time": "soon"}, 422, "fire_time"),
        ("skip", {"fire_time": "now"}, 422, "fire_time"),
        ("skip", {"to": SECOND}, 422, "to"),
        ("move", None, 422, "to"),
        ("move", {}, 422, "to"),
        ("move", {"to": "next"}, 422, "to"),
        ("move", {"to": THIRD}, 422, "must not be a fire time"),
        ("move", {"to": "2024-01-01T00:00:00Z"}, 422, "future"),
        ("restore", {}, 422, "fire_time"),
        ("restore", {"fire_time": "next"}, 422, "fire_time"),
        ("restore", {"fire_time": FIRST}, 422, "has not skipped or moved"),
        ("restore", {"fire_time": FIRST, "reason": "a\0b"}, 422, "null character"),
    ],
)
def test_bad_requests(api: Api, path: str, body: Any, status: int, text: str) -> None:
    """Rule O1: what cannot be done is refused with a reason, and nothing is changed."""
    api.add("a")
    before = api.show("a")
    given = {} if body is None else {"json": body}
    answer = api("POST", f"/schedule/{path}-fire-time", "a", **given)
    assert (status, True) == (answer.status_code, text in answer.text)
    assert before == api.show("a")
    valid = {"fire_time": FIRST, **({"to": "2025-01-01T00:01:01Z"} if path == "move" else {})}
    assert 404 == api("POST", f"/schedule/{path}-fire-time", "nobody", json=valid).status_code
