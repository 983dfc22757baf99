"""What each version of each type of anysched's own writes, in each serializer, kept for ever.

    PYTHONPATH=src python -m tests.unit.wire.writing

adds what is missing to ``written/*.json``, and changes nothing that is there. To add a type, or a new version of one,
add a line to ``EXAMPLES``. An entry of a version that was released is never changed or removed: users have it in their
stores. As long as the version is in no release, remove the entry by hand and write it anew.
"""

from __future__ import annotations

import base64
import importlib
import json
import pkgutil
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import anysched
from anysched import (
    AndTrigger,
    BetweenTrigger,
    BusinessDayOfMonthTrigger,
    BusinessDayTrigger,
    CalendarIntervalTrigger,
    CronTrigger,
    DateSet,
    DatesTrigger,
    DateTrigger,
    ExceptTrigger,
    HolidayCalendar,
    IntervalTrigger,
    OrTrigger,
    RRuleTrigger,
    ShiftedTrigger,
    SunTrigger,
    Weekdays,
)
from anysched.serializers import CBORSerializer, JSONSerializer, PickleSerializer
from anysched.wire.registry import DEFAULT_REGISTRY

FOLDER = Path(__file__).parent / "written"

NOON = datetime(2025, 1, 1, 12, 0, 0, 7, tzinfo=UTC)
HOURLY = IntervalTrigger(hours=1, start_time=NOON)

WEEKEND = Weekdays("sat", "sun", timezone="Europe/Helsinki")
CHRISTMAS = DateSet([date(2025, 12, 25), date(2025, 12, 24)], timezone="Europe/Helsinki")

#: By "name@version": values that this version can say, and that reading it gives, now and in any later version.
EXAMPLES: dict[str, list[object]] = {
    "and@1": [AndTrigger(HOURLY, CronTrigger("0 */2 * * *", "UTC"))],
    "between@1": [
        BetweenTrigger(HOURLY, NOON, datetime(2025, 10, 26, 2, 30, fold=1)), BetweenTrigger(HOURLY, None, NOON),
    ],
    "business_day@1": [
        BusinessDayTrigger(HOURLY, WEEKEND), BusinessDayTrigger(HOURLY, WEEKEND, "modified_following"),
    ],
    "business_day_of_month@1": [
        BusinessDayOfMonthTrigger(-1, WEEKEND),
        BusinessDayOfMonthTrigger(
            3, WEEKEND, hour=17, minute=30, second=5, months=[3, 6, 9, 12], timezone="Europe/Helsinki",
            gap="skip", fold="both",
        ),
    ],
    "calendar@1": [HOURLY - WEEKEND, HOURLY & WEEKEND],
    "calendar_difference@1": [WEEKEND - CHRISTMAS],
    "calendar_interval@1": [
        CalendarIntervalTrigger(months=1),
        CalendarIntervalTrigger(
            years=1, weeks=2, days=3, hour=4, minute=5, second=6, start_date=date(2024, 2, 29),
            end_date=date(2096, 2, 29), timezone="Europe/Helsinki", day="clip", gap="shift", fold="both",
        ),
    ],
    "calendar_union@1": [WEEKEND | CHRISTMAS],
    "cron@1": [
        CronTrigger("0 9 * * mon-fri"),
        CronTrigger(
            "30 */5 8-17 L * ? 2025-2030", "America/New_York", NOON, NOON + timedelta(days=900),
            gap="skip", fold="last",
        ),
        CronTrigger("0 H 13 * fri", "UTC", day_match="and"),
        CronTrigger("0 0 12 ? * 2#1", "UTC", dialect="quartz"),
    ],
    "date@1": [
        DateTrigger(NOON),
        DateTrigger(datetime(2025, 10, 26, 2, 30, fold=1)),
        DateTrigger(datetime(2025, 3, 30, 2, 30), "Europe/Berlin", gap="shift", fold="both"),
    ],
    "date_set@1": [CHRISTMAS, DateSet([date(2025, 5, 1)])],
    "dates@1": [DatesTrigger([NOON, NOON + timedelta(days=1)]), DatesTrigger([datetime(2025, 10, 26, 2, 30, fold=1)])],
    "except@1": [ExceptTrigger(HOURLY, DateTrigger(NOON))],
    "holidays@1": [
        HolidayCalendar("FI"),
        HolidayCalendar("DE", "BY", categories=["public", "catholic"], observed=False, timezone="Europe/Berlin"),
    ],
    "interval@1": [
        IntervalTrigger(seconds=1.5),
        IntervalTrigger(days=400, microseconds=1, start_time=NOON, end_time=NOON + timedelta(days=4000)),
    ],
    "or@1": [OrTrigger(HOURLY, DateTrigger(NOON), CalendarIntervalTrigger(days=1, timezone="UTC"))],
    "rrule@1": [
        RRuleTrigger("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17;BYMINUTE=0;BYSECOND=0"),
        RRuleTrigger(
            "RRULE:FREQ=DAILY;COUNT=5\nRDATE:20250301T120000\nEXDATE:20250102T133000",
            start_time=datetime(2025, 1, 1, 13, 30), timezone="Europe/Helsinki", gap="skip", fold="both",
        ),
    ],
    "shifted@1": [ShiftedTrigger(HOURLY, timedelta(days=-1, microseconds=1))],
    "sun@1": [
        SunTrigger("noon", 60, -24.5),
        SunTrigger("dawn", 60.17, 24.94, 20.5, "nautical", timedelta(minutes=-30)),
    ],
    "weekdays@1": [WEEKEND, Weekdays("mon")],
}  # fmt: skip

#: Rooms that register nothing of their own, and take long to import or want to be set up.
ELSEWHERE = {"brokers", "integrations", "stores", "testing", "engine", "executors", "_scheduler", "_sync"}

#: How a value is written, and how that stands in the file.
SERIALIZERS: Mapping[str, Any] = {
    "json": JSONSerializer(),
    "cbor": CBORSerializer(),
    "pickle": PickleSerializer(),
}


def own_types() -> set[str]:
    """Return every "name@version" that anysched itself registers, those of its extras included; not for tests."""
    for room in pkgutil.iter_modules(anysched.__path__, "anysched."):
        if room.ispkg and room.name.removeprefix("anysched.") not in ELSEWHERE:
            package = importlib.import_module(room.name)
            for module in pkgutil.walk_packages(package.__path__, f"{room.name}."):
                importlib.import_module(module.name)
    return {
        tag
        for tag in DEFAULT_REGISTRY.known
        if (module := DEFAULT_REGISTRY.resolve(tag).cls.__module__).startswith("anysched.")
        and not module.startswith("anysched.testing.")
    }


def file_of(tag: str) -> Path:
    """Return where is kept what a version of a type writes."""
    return FOLDER / f"{tag}.json"


def as_text(data: bytes, serializer: str) -> str:
    """Return what a serializer wrote as it stands in the file."""
    return data.decode() if serializer == "json" else base64.b64encode(data).decode()


def as_bytes(text: str, serializer: str) -> bytes:
    """Return what a serializer wrote from what stands in the file."""
    return text.encode() if serializer == "json" else base64.b64decode(text, validate=True)


def entries_of(tag: str) -> list[dict[str, str]]:
    """Return what is kept of a version of a type: for each example, by serializer."""
    entries: list[dict[str, str]] = json.loads(file_of(tag).read_text(encoding="utf-8"))
    return entries


def main() -> None:
    """Write what is missing."""
    FOLDER.mkdir(exist_ok=True)
    for tag, values in EXAMPLES.items():
        kept = entries_of(tag) if file_of(tag).exists() else []
        for value in values[len(kept) :]:
            kept.append({name: as_text(one.dumps(value), name) for name, one in SERIALIZERS.items()})
            print(f"{tag}: {value}")
        file_of(tag).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
