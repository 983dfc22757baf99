"""What holds for every trigger, whatever it is made of (rules T1 to T6)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.triggers.brute_force import exists

from anysched.errors import CronSyntaxError
from anysched.model.trigger import BackwardTrigger, BindableTrigger, CountingTrigger, Trigger
from anysched.triggers import (
    AndTrigger,
    BetweenTrigger,
    CalendarIntervalTrigger,
    CronTrigger,
    DateTrigger,
    ExceptTrigger,
    IntervalTrigger,
    OrTrigger,
    RRuleTrigger,
    ShiftedTrigger,
)
from anysched.wire.values import from_plain, to_plain

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
)
RESOLUTION = timedelta(microseconds=1)

#: Near transitions of these zones, Apia's skipped day among them, and anywhere else.
days = st.sampled_from(
    [
        date(2011, 12, 29),
        date(2018, 11, 3),
        date(2026, 3, 28),
        date(2026, 4, 4),
        date(2026, 10, 24),
        date(2026, 11, 1),
    ]
) | st.dates(date(1950, 1, 1), date(2100, 1, 1))
instants = st.builds(
    lambda day, offset: datetime(day.year, day.month, day.day, tzinfo=UTC) + offset,
    days,
    st.timedeltas(timedelta(0), timedelta(days=3)),
)
zones = st.sampled_from(ZONES)
gaps: st.SearchStrategy[Any] = st.sampled_from([None, "after", "shift", "skip"])
folds: st.SearchStrategy[Any] = st.sampled_from([None, "first", "last", "both"])
fields = {
    "second": st.sampled_from(["0", "0", "*/20", "7"]),
    "minute": st.sampled_from(["*", "*/15", "0", "30", "5-50/15", "0,59"]),
    "hour": st.sampled_from(["*", "*/3", "0", "2", "1-3", "0,23", "22-2"]),
    "day": st.sampled_from(["*", "*", "1", "*/9", "4,29-31", "L,1W", "L-2W", "28-3"]),
    "year": st.sampled_from([None, None, "*", "1970/1", "2011,2018,2026"]),
    "month": st.sampled_from(["*", "*", "3,4,10,11,12", "2"]),
    "day_of_week": st.sampled_from(["*", "*", "0", "mon-fri", "*/2", "sunL,sat#1", "+fri-sun"]),
}


@st.composite
def crons(draw: st.DrawFn) -> CronTrigger:
    """Cron rules under every policy, some with a start and an end."""
    given_fields: dict[str, Any] = {name: draw(values) for name, values in fields.items()}
    start = draw(st.none() | instants)
    end = draw(st.none() | instants)
    if start is not None and end is not None:
        start, end = sorted((start, end))
    try:
        return CronTrigger(
            timezone=draw(zones),
            start_time=start,
            end_time=end,
            gap=draw(gaps),
            fold=draw(folds),
            **given_fields,
        )
    except CronSyntaxError:
        assume(False)
        raise


@st.composite
def intervals(draw: st.DrawFn) -> IntervalTrigger:
    """Intervals from seconds to months."""
    start = draw(st.none() | instants)
    return IntervalTrigger(
        hours=draw(st.integers(0, 1000)),
        seconds=draw(st.integers(1, 5000)),
        microseconds=draw(st.sampled_from([0, 0, 1])),
        start_time=start,
        end_time=None
        if start is None
        else draw(st.none() | st.just(start + timedelta(days=draw(st.integers(0, 9))))),
    )


@st.composite
def calendar_intervals(draw: st.DrawFn) -> CalendarIntervalTrigger:
    """Calendar intervals under every policy."""
    step: Any = draw(
        st.sampled_from(
            [{"days": 1}, {"days": 3}, {"months": 1}, {"years": 1}, {"weeks": 1}, {"months": 2, "days": 1}]
        )
    )
    clip: Any = draw(st.sampled_from(["skip", "clip"]))
    return CalendarIntervalTrigger(
        **step,
        hour=draw(st.integers(0, 23)),
        minute=draw(st.sampled_from([0, 30])),
        start_date=draw(st.none() | days),
        timezone=draw(zones),
        day=clip,
        gap=draw(gaps),
        fold=draw(folds),
    )


RULES = (
    "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=30",
    "FREQ=HOURLY;INTERVAL=7;BYDAY=SA,SU",
    "FREQ=SECONDLY;INTERVAL=1000;BYHOUR=0,1,2,3",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,SU;BYSETPOS=1,-1",
    "FREQ=MONTHLY;BYDAY=-1SU,1SU;BYHOUR=2;COUNT=9",
    "RRULE:FREQ=MINUTELY;INTERVAL=45;BYMONTH=3,10,12\nEXDATE:20260328T230000Z\nRDATE:20260329T023000",
)
rrules = st.builds(
    RRuleTrigger,
    st.sampled_from(RULES),
    st.none() | instants,
    zones,
    gap=gaps,
    fold=folds,
)
dates = st.builds(DateTrigger, instants) | st.builds(
    lambda moment, zone, gap, fold: DateTrigger(moment.replace(tzinfo=None), zone, gap=gap, fold=fold),
    instants,
    zones,
    st.sampled_from([None, "after", "shift"]),
    folds,
)
wall_clocks = st.one_of(crons(), calendar_intervals())
simple = st.one_of(dates, intervals(), wall_clocks, rrules)
triggers: st.SearchStrategy[Trigger] = st.one_of(
    simple,
    st.builds(OrTrigger, simple, simple, simple),
    # A date in it keeps the search short.
    st.builds(AndTrigger, simple, dates),
    st.builds(ExceptTrigger, dates, simple),
    st.builds(ExceptTrigger, simple, dates),
    st.builds(ShiftedTrigger, simple, st.timedeltas(timedelta(-3), timedelta(3))),
    st.builds(BetweenTrigger, simple, st.none() | instants),
)


@given(triggers, instants, instants)
def test_the_first_strictly_after_in_utc_and_always_the_same(
    trigger: Trigger, after: datetime, anchor: datetime
) -> None:
    """rule T2: the answer lies strictly after what was asked, is in UTC, and asking changes nothing."""
    found = trigger.next_fire_time(after, anchor=anchor)
    later = None if found is None else trigger.next_fire_time(found, anchor=anchor)
    assert found == trigger.next_fire_time(after, anchor=anchor)
    assert found is None or (found > after and found.tzinfo is UTC)
    assert found is None or later is None or later > found
    elsewhere = after.astimezone(ZoneInfo("Asia/Kathmandu"))
    assert found == trigger.next_fire_time(elsewhere, anchor=anchor.astimezone(ZoneInfo("Pacific/Apia")))


@given(triggers, instants, instants, st.floats(0, 1))
def test_nothing_lies_between_an_instant_and_its_answer(
    trigger: Trigger, after: datetime, anchor: datetime, share: float
) -> None:
    """rule T2: asked from anywhere in between, the answer is the same; so it never goes back as time goes on."""
    found = trigger.next_fire_time(after, anchor=anchor)
    between = after + ((found or after + timedelta(days=30)) - after) * share
    if found is None or between < found:
        assert found == trigger.next_fire_time(between, anchor=anchor)
    if found is not None:
        assert found == trigger.next_fire_time(found - RESOLUTION, anchor=anchor)


@given(simple, instants, instants, st.integers(0, 12))
def test_looking_back_and_counting_agree_with_stepping(
    trigger: Trigger, after: datetime, anchor: datetime, steps: int
) -> None:
    """rules T4 and L3: the latest fire time and the count in (after, until] are what stepping finds."""
    until, count = after, 0
    for _ in range(steps):
        found = trigger.next_fire_time(until, anchor=anchor)
        if found is None:
            break
        until, count = found, count + 1
    if isinstance(trigger, CountingTrigger):
        assert trigger.count_fire_times(after, until, anchor=anchor) in (count, None)
        if count:
            assert trigger.count_fire_times(after, until - RESOLUTION, anchor=anchor) in (count - 1, None)
            assert trigger.count_fire_times(until, after, anchor=anchor) == 0
    if isinstance(trigger, BackwardTrigger) and count:
        assert until == trigger.last_fire_time(until, anchor=anchor)
        earlier = trigger.last_fire_time(until - RESOLUTION, anchor=anchor)
        assert earlier is None or earlier < until
        assert earlier is None or until == trigger.next_fire_time(earlier, anchor=anchor)
        assert earlier is not None or count == 1


@given(wall_clocks, instants)
def test_wall_times_are_real_ones(trigger: CronTrigger | CalendarIntervalTrigger, after: datetime) -> None:
    """rule T6: a fire time shows the wall time that was asked for, or stands for one that does not exist."""
    found = trigger.next_fire_time(after, anchor=after)
    if found is None:
        return
    zone = trigger.timezone
    assert isinstance(zone, ZoneInfo)
    shown = found.astimezone(zone).replace(tzinfo=None, fold=0)
    matching = CronTrigger(
        trigger.expression if isinstance(trigger, CronTrigger) else f"{trigger.minute} {trigger.hour} * * *",
        timezone="UTC",
    )
    as_utc = shown.replace(tzinfo=UTC)
    asked_for = as_utc == matching.next_fire_time(as_utc - RESOLUTION, anchor=as_utc)
    assert exists(shown, zone)
    if trigger.gap == "skip":
        assert asked_for
    elif trigger.gap == "after":
        assert (
            asked_for
            or found.astimezone(zone).utcoffset() != (found - RESOLUTION).astimezone(zone).utcoffset()
        )
    else:
        a_day_ago = (found - timedelta(days=1)).astimezone(zone)
        assert asked_for or found.astimezone(zone).utcoffset() != a_day_ago.utcoffset()


@given(triggers, instants)
def test_stored_and_read_again_it_is_the_same(trigger: Trigger, after: datetime) -> None:
    """rule S1: a trigger survives being stored, and equal triggers are stored alike."""
    plain = json.dumps(to_plain(trigger), sort_keys=True)
    again = from_plain(json.loads(plain))
    assert trigger == again
    assert hash(trigger) == hash(again)
    assert plain == json.dumps(to_plain(again), sort_keys=True)
    assert trigger.next_fire_time(after, anchor=after) == again.next_fire_time(after, anchor=after)


@given(triggers)
def test_what_is_bound_stays_as_it_is(trigger: BindableTrigger) -> None:
    """rule T1: nothing is open in these, so binding returns them."""
    assert trigger is trigger.bind(ZoneInfo("Asia/Kathmandu"))


@given(triggers, st.datetimes(datetime(9990, 1, 1)) | st.datetimes(max_value=datetime(9, 1, 1)))
def test_the_ends_of_the_calendar(trigger: Trigger, moment: datetime) -> None:
    """rule T2: at both ends of the calendar there is an answer or None, never an error."""
    after = moment.replace(tzinfo=UTC)
    for anchor in (after, datetime(2026, 1, 1, tzinfo=UTC)):
        found = trigger.next_fire_time(after, anchor=anchor)
        assert found is None or found > after
