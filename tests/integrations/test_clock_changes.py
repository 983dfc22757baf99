"""Changes of the clocks over HTTP: both frameworks and both event loops answer alike."""

from __future__ import annotations

from tests.integrations.support import Api

from anysched import CronTrigger


def test_clock_changes(api: Api) -> None:
    """Rule T6: what the next changes of the clocks do is answered with every field of ``ClockChange``."""
    trigger = CronTrigger("30 2 * * *", timezone="Europe/Berlin", gap="shift")
    api.add("a", trigger=trigger)
    answer = api("GET", "/schedule/clock-changes", "a", params={"count": 1})
    assert 200 == answer.status_code
    (change,) = answer.json()["clock_changes"]
    sentence = "02:30 does not exist on 2025-03-30: it fires at 03:30 (gap='shift')."
    assert {
        "at": "2025-03-30T01:00:00Z",
        "timezone": "Europe/Berlin",
        "direction": "forward",
        "offset_before": 3600,
        "offset_after": 7200,
        "effects": [
            {
                "wall_time": "2025-03-30T02:30:00",
                "fire_times": ["2025-03-30T01:30:00Z"],
                "policy": "gap='shift'",
                "sentence": sentence,
            }
        ],
        "is_complete": True,
        "fire_times": ["2025-03-29T01:30:00Z", "2025-03-30T01:30:00Z", "2025-03-31T00:30:00Z"],
        "sentence": f"On 2025-03-30 at 02:00 the clocks of Europe/Berlin go forward to 03:00. {sentence}",
    } == change
    assert 2 == len(api("GET", "/schedule/clock-changes", "a").json()["clock_changes"])


def test_no_clock_is_set(api: Api) -> None:
    """Rule T6: where no clock is set, the answer is an empty list."""
    api.add("a", trigger=CronTrigger("30 2 * * *", timezone="UTC"))
    assert {"clock_changes": []} == api("GET", "/schedule/clock-changes", "a").json()
