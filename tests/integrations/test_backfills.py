"""What can be asked about backfills over HTTP: both frameworks and both event loops answer alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.integrations.support import Api

from anysched import IntervalTrigger, task

BODY = {"start": "2024-12-31T23:50:00Z", "end": "2024-12-31T23:52:30Z"}


def add(api: Api, id: str = "a") -> None:
    """Add a paused schedule that would have fired each minute of the day before."""
    start = api.scheduler.now() - timedelta(days=1)

    @task(id="slow")
    async def slow() -> None:
        await api.scheduler.clock.sleep(60)

    api.add(id, task=slow, trigger=IntervalTrigger(minutes=1, start_time=start), paused=True)


def test_a_backfill_from_start_to_end(api: Api) -> None:
    """Rules F1 to F3: it is tried, begun, listed, paused, resumed and cancelled, and every answer shows it."""
    add(api)
    tried = api("POST", "/schedule/backfill", "a", json={**BODY, "dry_run": True, "order": "newest"})
    assert 200 == tried.status_code
    plan = tried.json()
    assert (3, {}, 0, None) == (plan["total"], plan["left_out"], plan["unknown"], plan["backfill"])
    assert ["2024-12-31T23:52:00Z", "2024-12-31T23:51:00Z", "2024-12-31T23:50:00Z"] == plan["fire_times"]
    assert {"backfills": []} == api("GET", "/backfills").json()
    begun = api("POST", "/schedule/backfill", "a", json={**BODY, "reason": "gap", "by": "ann"}).json()
    shown = begun["backfill"]
    assert (
        {"schedule_id": "a", "start": "2024-12-31T23:50:00Z", "end": "2024-12-31T23:52:30Z", "reprocess": "none",
         "order": "oldest", "max_running": 1, "status": "running", "total": 3, "made": 1, "remaining": 2,
         "running": 1, "succeeded": 0, "failed": 0, "since": "2025-01-01T00:00:00Z", "finished_at": None,
         "error": None, "reason": "gap", "by": "ann", "id": shown["id"]}
        == shown
    )  # fmt: skip
    for verb, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        answer = api("POST", f"/backfill/{verb}", shown["id"])
        assert (200, status) == (answer.status_code, answer.json()["status"])
    add(api, "b")
    listed = api("GET", "/backfills", params={"schedule_id": "a"}).json()["backfills"]
    assert [("a", "cancelled")] == [(one["schedule_id"], one["status"]) for one in listed]
    assert [] == api("GET", "/backfills", params={"schedule_id": "b"}).json()["backfills"]
    over = api("POST", "/backfill/pause", shown["id"])
    assert 422 == over.status_code
    assert "is cancelled" in over.text


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 422, "start"),
        ({"start": BODY["start"]}, 422, "end"),
        ({**BODY, "end": "2024-12-31T00:00:00Z"}, 422, "end must not lie before start"),
        ({**BODY, "end": "2025-12-31T00:00:00Z"}, 422, "end must not lie in the future"),
        ({**BODY, "end": "2024-12-31T23:52:30"}, 422, "timezone"),
        ({**BODY, "max_running": 0}, 422, "max_running"),
        ({**BODY, "order": "random"}, 422, "order"),
        ({**BODY, "start": "2024-12-31T23:52:00Z"}, 409, "overlap"),
    ],
)
def test_bad_requests(api: Api, body: dict[str, Any], status: int, text: str) -> None:
    """Rule F1: what cannot be done is refused with a reason."""
    add(api)
    taken = {"start": "2024-12-31T23:52:00Z", "end": "2024-12-31T23:53:00Z", "reprocess": "all"}
    begun = api("POST", "/schedule/backfill", "a", json=taken)
    assert 200 == begun.status_code
    answer = api("POST", "/schedule/backfill", "a", json=body)
    assert status == answer.status_code
    assert text in answer.text


def test_what_is_not_there(api: Api) -> None:
    """Rule F3: an unknown schedule or backfill is not found; what is no id is refused; a body is needed."""
    assert 404 == api("POST", "/schedule/backfill", "nobody", json=BODY).status_code
    assert 404 == api("GET", "/backfills", params={"schedule_id": "nobody"}).status_code
    for verb in ("pause", "resume", "cancel"):
        assert 404 == api("POST", f"/backfill/{verb}", str(UUID(int=1))).status_code
        assert 422 == api("POST", f"/backfill/{verb}", "x").status_code
    assert 422 == api("POST", "/schedule/backfill", "nobody").status_code
