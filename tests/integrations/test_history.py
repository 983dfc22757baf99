"""The history of schedules over HTTP: both frameworks and both event loops answer alike."""

from __future__ import annotations

from tests.integrations.support import Api, other

START = "2025-01-01T00:00:00Z"


def test_fire_times(api: Api) -> None:
    """Rule G2: what came of fire times and what is to come is answered with every field of ``FireTime``."""
    api.add("a")
    api.do(api.scheduler.skip_fire_time, "a", reason="holiday", by="ana")
    answer = api("GET", "/schedule/fire-times", "a", params={"start": START, "limit": 3})
    assert 200 == answer.status_code
    ran, skipped, planned = answer.json()["fire_times"]
    nothing = dict.fromkeys(("reason", "exception", "into", "cause", "why", "by"))
    assert {
        "first": START, "last": START, "number": 1, "exact": True, "status": "ran", "due_at": START,
        "outcome": "success", "kind": "regular", "attempt": 1, "started_at": START, "finished_at": START, **nothing,
    } == {name: value for name, value in ran.items() if name not in ("job_id", "node")}  # fmt: skip
    assert ran["job_id"]
    assert ran["node"]
    assert ("skipped", "requested", "holiday", "ana", None) == (
        skipped["status"], skipped["reason"], skipped["why"], skipped["by"], skipped["job_id"],
    )  # fmt: skip
    assert ("2025-01-01T00:02:00Z", "planned") == (planned["first"], planned["status"])


def test_a_failure_is_shown(api: Api) -> None:
    """Rule G2: what a job raised is answered with its type and message."""
    api.add("a", args=[1], task=other)
    (ran,) = api("GET", "/schedule/fire-times", "a", params={"start": START, "end": START}).json()[
        "fire_times"
    ]
    assert "error" == ran["outcome"]
    assert "TypeError" == ran["exception"]["type"]
    assert "positional argument" in ran["exception"]["message"]


def test_explaining(api: Api) -> None:
    """Rule G2: one sentence is answered, about what is next or about an instant."""
    api.add("a")
    assert {"explanation": "Will run at 2025-01-01 00:01:00+00:00."} == api(
        "GET", "/schedule/explain", "a"
    ).json()
    told = api("GET", "/schedule/explain", "a", params={"instant": "2025-01-01T00:00:30Z"}).json()
    nearest = "2025-01-01 00:00:00+00:00 and 2025-01-01 00:01:00+00:00"
    assert f"Is not a fire time of this schedule; the nearest are {nearest}." == told["explanation"]


def test_a_span_that_ends_before_it_begins(api: Api) -> None:
    """Rule G2: what only the scheduler can judge is refused as a matter of the request."""
    api.add("a")
    params = {"start": "2025-01-01T00:01:00Z", "end": START}
    answer = api("GET", "/schedule/fire-times", "a", params=params)
    assert 422 == answer.status_code
    assert "end must not lie before start" in answer.json()["detail"][0]["msg"]


def test_the_next_runs(api: Api) -> None:
    """Rule T11: with ``count`` only the next runs are answered; what was skipped is none of them."""
    api.add("a")
    api.do(api.scheduler.skip_fire_time, "a")
    answer = api("GET", "/schedule/fire-times", "a", params={"count": 2})
    told = [(one["first"], one["due_at"], one["status"]) for one in answer.json()["fire_times"]]
    second, third = "2025-01-01T00:02:00Z", "2025-01-01T00:03:00Z"
    assert [(second, second, "planned"), (third, third, "planned")] == told
    assert 422 == api("GET", "/schedule/fire-times", "a", params={"count": 0}).status_code
