"""Windows: which fire times they leave out or put off, and what becomes of a schedule when they come and go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.rules.support import (
    SECOND,
    T0,
    Every,
    FastEvery,
    FastInstants,
    Instants,
    Saying,
    added,
    after,
    at,
    fired,
    once,
    options_of,
    paused,
    same,
    since,
    skips,
    state_of,
)

from anysched.errors import DeserializationError, TriggerError
from anysched.model.change import Change
from anysched.model.events import FireTimesSkipped, ScheduleFailed, ScheduleFinished
from anysched.model.history import SkipRecord
from anysched.model.hold import PlacedWindow, Selector
from anysched.model.policies import ConflictPolicy, ScheduleStatus, SkipReason
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.window import Window
from anysched.rules import windowing
from anysched.rules.adding import add
from anysched.rules.counting import MOST_TOLD
from anysched.rules.firing import fire
from anysched.rules.pausing import unpause
from anysched.rules.spans import MOST_SPANS, Exclusion, Exclusions
from anysched.rules.times import TICK, FireTimes
from anysched.rules.windowing import MOST_WINDOWS, checked, overlap
from anysched.rules.windows import Recurring, exclusions_of, spans_of, upcoming
from anysched.triggers import CronTrigger

DAY = timedelta(days=1)


def dates(*spans: tuple[float, float], mode: Any = "skip", id: str = "w", **rest: Any) -> Window:
    """Return a window with these spans, in seconds after T0."""
    return Window(id=id, mode=mode, dates=tuple((at(a), at(b)) for a, b in spans), since=T0, **rest)


def recurring(trigger: Any, seconds: float, mode: Any = "skip", id: str = "w") -> Window:
    return Window(id=id, mode=mode, trigger=trigger, duration=seconds * SECOND, since=T0)


def cover(snapshot: ScheduleSnapshot, window: Window, now: datetime = T0) -> Change:
    return windowing.cover(snapshot, options_of(snapshot), now, window, windowing.Overlaps())


def uncover(snapshot: ScheduleSnapshot, now: datetime, id: str = "w") -> Change:
    return windowing.uncover(snapshot, options_of(snapshot), now, id)


def covered(trigger: Any, window: Window, **settings: Any) -> ScheduleSnapshot:
    """Return a schedule that is under a window from its beginning."""
    snapshot = added(trigger, **settings)
    return after(snapshot, cover(snapshot, checked(window, T0)))


ticks = st.integers(0, 60).map(lambda number: T0 + number * TICK)
pairs = st.lists(st.tuples(ticks, st.integers(1, 9)), min_size=1, max_size=4)


@st.composite
def some_windows(draw: st.DrawFn) -> list[Window]:
    windows: list[Window] = []
    for number in range(draw(st.integers(1, 3))):
        mode = draw(st.sampled_from(["skip", "defer"]))
        if draw(st.booleans()):
            starts = draw(st.lists(ticks, min_size=1, max_size=5))
            trigger = draw(st.sampled_from([Instants, FastInstants]))(starts)
            duration = draw(st.integers(1, 9)) * TICK
            windows.append(Window(id=str(number), mode=mode, trigger=trigger, duration=duration, since=T0))
        else:
            moment, spans = T0, []
            for gap, length in draw(
                st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=5)
            ):
                spans.append((moment + gap * TICK, moment + (gap + length) * TICK))
                moment = spans[-1][1]
            windows.append(Window(id=str(number), mode=mode, dates=tuple(spans), since=T0))
    return windows


class Long:
    """What windows do to fire times, looked up tick by tick."""

    def __init__(self, instants: list[datetime], windows: list[Window], jitter: int | None) -> None:
        self.windows = windows
        self.whole = FireTimes(Instants(instants), T0, "x", None if jitter is None else jitter * TICK)
        self.times = [instant for instant in sorted(set(instants)) if not self.is_in(instant, "skip")]

    def is_in(self, instant: datetime, mode: str | None = None) -> bool:
        return any(self.covers(one, instant) for one in self.windows if mode in (None, one.mode))

    def covers(self, window: Window, instant: datetime) -> bool:
        if window.trigger is None:
            return any(start <= instant < end for start, end in window.dates)
        assert isinstance(window.trigger, Instants)
        assert window.duration is not None
        starts = [start for start in window.trigger.instants if start + window.duration > instant]
        return any(start <= instant for start in starts)

    def due_at(self, fire_time: datetime) -> datetime:
        if not self.is_in(fire_time, "defer"):
            return self.whole.due_at(fire_time)
        while self.is_in(fire_time):
            fire_time += TICK
        return fire_time


class TestFireTimes:
    @given(
        st.lists(ticks, min_size=1, max_size=40),
        some_windows(),
        st.none() | st.integers(1, 12),
        ticks,
        ticks,
        st.integers(1, 6),
        st.sampled_from([Instants, FastInstants]),
    )
    def test_under_windows(
        self,
        instants: list[datetime],
        windows: list[Window],
        jitter: int | None,
        one: datetime,
        other: datetime,
        most: int,
        kind: Any,
    ) -> None:
        """rules W2, W3 and T8: everything that is asked of fire times is answered as if looked up one by one."""
        expected = Long(instants, windows, jitter)
        schedule = Schedule("task", kind(instants), id="x", max_jitter=expected.whole.max_jitter)
        times = FireTimes.of(schedule, T0, (), exclusions_of(windows))
        left = expected.times
        assert next((t for t in left if t > one), None) == times.next(one)
        assert len([t for t in left if one < t <= other]) == times.count(one, other).number
        assert [expected.due_at(t) for t in left] == [times.due_at(t) for t in left]
        assert sorted(map(times.due_at, left)) == [times.due_at(t) for t in left]
        assert (one in instants and one not in left) == times.is_left_out(one)
        for cursor in left[: len(left) // 2 + 1]:
            ahead = [t for t in left if t >= cursor]
            due = [t for t in ahead if expected.due_at(t) <= one]
            assert (due[-1] if due else None) == times.last_due(cursor, one)
            young = [t for t in ahead if expected.due_at(t) >= one]
            assert (young[0] if young else None) == times.first_due(cursor, one)
            by = [t for t in ahead if t <= other]
            if by:
                assert by[-1] == times.last(cursor, other)
                assert by[-most:] == times.tail(cursor, other, most)

    def test_a_span_is_jumped_over(self) -> None:
        """rule T4: fire times in a span are not stepped through, neither forwards nor backwards nor to count them."""
        trigger = FastEvery(TICK, T0)
        schedule = Schedule("task", trigger, id="x")
        times = FireTimes.of(schedule, T0, (), exclusions_of([dates((1, 1000), (1001, 2000))]))
        assert at(1000) == times.next(at(1) - TICK)
        assert at(1001) - TICK == times.last(T0, at(2000) - TICK)
        assert 1_000_000 == times.count(at(1), at(2000) - TICK).number
        assert len(trigger.asked) < 30

    def test_never_outside(self) -> None:
        """rule W5: that there is nothing outside is found after so many spans, and not looked for beyond."""
        trigger = Every(60 * SECOND, T0)
        times = FireTimes.of(
            Schedule("task", trigger, id="x"), T0, (), exclusions_of([recurring(Every(60 * SECOND, T0), 30)])
        )
        assert times.next(T0) is None
        assert MOST_SPANS <= len(trigger.asked) <= MOST_SPANS + 2
        assert T0 == times.last(T0, at(60 * MOST_SPANS))

    def test_without_windows(self) -> None:
        """rule T4: a schedule that has no windows is asked about none."""
        assert exclusions_of([]) is None
        assert type(FireTimes.of(Schedule("task", Every(), id="x"), T0)) is FireTimes

    def test_another_kind_of_exclusion(self) -> None:
        """rule F4: spans of another kind leave fire times out for a reason of their own, and put nothing off."""

        @attrs.frozen
        class Backfilled:
            first: datetime
            last: datetime

            def at(self, instant: datetime) -> tuple[datetime, datetime] | None:
                return (self.first, self.last + TICK) if self.first <= instant <= self.last else None

            def after(self, instant: datetime) -> tuple[datetime, datetime] | None:
                return (self.first, self.last + TICK) if instant < self.first else None

        (window,) = (dates((20, 25), mode="defer"),)
        exclusions = Exclusions.of(
            [
                Exclusion(spans=Backfilled(at(25), at(40)), reason=SkipReason.backfilled, blocks=False),
                Exclusion(spans=spans_of(window), reason=None),
            ]
        )
        times = FireTimes.of(Schedule("task", Every(5 * SECOND, T0), id="x"), T0, (), exclusions)
        assert [at(15), at(20), at(45)] == [*times.between(at(10), at(45))]
        assert at(25) == times.due_at(at(20))


class TestSpans:
    def test_daylight_saving(self) -> None:
        """rule W1: spans begin by the clock of their zone, and last for so much elapsed time."""
        zone = ZoneInfo("Europe/Vienna")
        trigger = CronTrigger("0 1 * * *", timezone=zone)
        window = Window(
            id="w",
            mode="skip",
            trigger=trigger,
            duration=timedelta(hours=2),
            since=datetime(2026, 3, 27, tzinfo=UTC),
        )
        spans = upcoming(spans_of(window), datetime(2026, 3, 28, tzinfo=UTC))
        (_, first), (_, second), (_, third) = (next(spans) for _ in range(3))
        assert ["03:00", "04:00", "03:00"] == [
            f"{end.astimezone(zone):%H:%M}" for end in (first, second, third)
        ]

    def test_coverage(self) -> None:
        """rule W4: a window covers nothing before it was added, or came to mean the schedule, nor after it is over."""
        window = attrs.evolve(
            recurring(Every(10 * SECOND, at(-100)), 5), covers_from=at(22), until=at(41), since=at(1)
        )
        spans = spans_of(window)
        assert [(at(22), at(25)), (at(30), at(35)), (at(40), at(41))] == [*upcoming(spans, T0)]
        for instant in (T0, at(21), at(25), at(41), at(50)):
            assert spans.at(instant) is None

    def test_the_ends_of_the_calendar(self) -> None:
        """rule W1: spans at either end of the calendar are cut there."""
        last = datetime.max.replace(tzinfo=UTC) - SECOND
        first = datetime.min.replace(tzinfo=UTC) + SECOND
        spans = Recurring(FireTimes(Instants((first, last)), T0, "w"), DAY)
        assert (last, datetime.max.replace(tzinfo=UTC)) == spans.at(last)
        assert (first, first + DAY) == spans.at(first)
        assert spans.at(first - TICK) is None

    @pytest.mark.parametrize(
        ("window", "text"),
        [
            (recurring(FastEvery(10 * SECOND), 11), "duration must not be longer"),
            (recurring(FastEvery(10 * SECOND), 10), "leave time between"),
            (recurring(Instants((at(-9),)), 5), "no fire time left"),
            (dates((-9, -5)), "must not all be past"),
        ],
    )
    def test_what_is_refused(self, window: Window, text: str) -> None:
        """rule W3: spans that overlap among themselves, or leave no time, or are all past, are refused."""
        with pytest.raises(ValueError, match=text):
            checked(window, T0)

    def test_the_end_of_the_last_span(self) -> None:
        """rule W1: when the last span ends is known where it is among the next."""
        assert at(15) == checked(dates((10, 15), (-10, -5)), T0).until
        assert at(25) == checked(recurring(Instants((at(10), at(20))), 5), T0).until
        assert checked(recurring(FastEvery(10 * SECOND), 5), T0).until is None

    @pytest.mark.parametrize(
        ("one", "other", "expected"),
        [
            (dates((0, 10)), dates((10, 20)), None),
            (dates((0, 10)), dates((9, 20)), 9),
            (dates((0, 100)), dates((50, 51)), 50),
            (recurring(Every(60 * SECOND, T0), 30), recurring(Every(60 * SECOND, at(30)), 30), None),
            (recurring(Every(60 * SECOND, T0), 30), recurring(Every(61 * SECOND, at(30)), 1), 1860),
            (recurring(Every(60 * SECOND, T0), 30), dates((60 * 2000, 60 * 2001)), None),  # too far ahead
        ],
    )  # fmt: skip
    def test_overlaps(self, one: Window, other: Window, expected: float | None) -> None:
        """rule W3: where two windows overlap first is found in the next spans of both, either way."""
        assert expected == since(overlap(one, other, T0)) == since(overlap(other, one, T0))

    def test_overlaps_are_found_once(self) -> None:
        """rule W3: two windows that very many schedules have are compared once."""
        asking = Every(60 * SECOND, T0)
        overlaps, window = windowing.Overlaps(), recurring(Every(60 * SECOND, at(30)), 30)
        overlaps.check(window, recurring(asking, 30), T0)
        asked = len(asking.asked)
        for number in range(100):
            overlaps.check(window, attrs.evolve(recurring(asking, 30), covers_from=at(-number)), T0)
        assert asked == len(asking.asked) > 0


class TestCounting:
    def test_what_is_written(self) -> None:
        """rules L3 and G1: each span is counted and told with its window; a longer time away adds up."""
        snapshot = covered(FastEvery(SECOND, at(10)), dates((20, 30), (40, 45), reason="why", by="me"))
        change = fire(snapshot, options_of(snapshot), at(50), 100)
        assert {SkipReason.window: 15, SkipReason.coalesced: 25} == skips(change)
        told = [record for record in change.skips if record.reason is SkipReason.window]
        assert [(20, 29, 10), (40, 44, 5)] == [(since(r.first), since(r.last), r.number) for r in told]
        assert {("w", "why", "me", at(50))} == {(r.cause, r.why, r.by, r.at) for r in told}
        assert ((), None) == (state_of(change).windows, state_of(change).windowed_until)

    def test_very_many_spans(self) -> None:
        """rule G1: of very many spans one record tells, whose number is exact."""
        snapshot = covered(FastEvery(SECOND, T0), recurring(FastEvery(10 * SECOND), 5))
        change = fire(snapshot, options_of(snapshot), at(10 * MOST_TOLD + 9), 100)
        (told,) = (record for record in change.skips if record.reason is SkipReason.window)
        assert ((MOST_TOLD + 1) * 5, True) == (told.number, told.exact)
        assert (0, 10 * MOST_TOLD + 4) == (since(told.first), since(told.last))

    def test_a_very_long_time(self) -> None:
        """rules L3 and T4: decades of spans take no longer than a count may; it is a lower bound then."""
        trigger = FastEvery(SECOND, T0)
        snapshot = covered(trigger, recurring(FastEvery(10 * SECOND), 5))
        change = fire(snapshot, options_of(snapshot), T0 + 10_000 * DAY, 100)
        assert 1 == len(change.jobs)
        assert not state_of(change).skipped_exact
        assert state_of(change).skipped[SkipReason.window] >= 10_000
        assert len(trigger.asked) < 200_000


class TestChanging:
    def test_windows_come_and_go(self) -> None:
        """rule W4: from now on fire times are looked at anew; passed ones stay what they were, late ones are late."""
        snapshot = added(FastEvery(10 * SECOND, at(10)))
        snapshot = after(snapshot, cover(snapshot, dates((5, 95)), at(25)))  # 10 and 20 are late, and stay so
        assert 10 == since(snapshot.next_fire_time)
        change = fire(snapshot, options_of(snapshot), at(30), 10)
        assert ([20], 100) == (fired(change), since(state_of(change).next_fire_time))
        assert {SkipReason.coalesced: 1, SkipReason.window: 1} == skips(change)
        change = uncover(after(snapshot, change), at(55))
        assert 60 == since(state_of(change).next_fire_time)
        assert {SkipReason.coalesced: 1, SkipReason.window: 3} == skips(change)
        assert [((SkipReason.window, 2),)] == [
            e.counts for e in change.events if isinstance(e, FireTimesSkipped)
        ]
        assert [2] == [record.number for record in change.skips]

    def test_a_frozen_fire_time(self) -> None:
        """rules W4 and P1: a paused schedule stays where it is; what a window skipped stays skipped when that goes."""
        snapshot = paused(added(FastEvery(10 * SECOND, at(10)), coalesce="all"))
        snapshot = after(snapshot, cover(snapshot, dates((15, 35)), at(12)))
        snapshot = after(snapshot, uncover(snapshot, at(40)))
        assert (10, 1) == (since(snapshot.next_fire_time), len(snapshot.state.windows))
        change = unpause(snapshot, options_of(snapshot), at(45))
        assert [10, 40] == fired(change)
        assert {SkipReason.window: 2} == skips(change)

    def test_what_is_put_off_when_its_window_goes(self) -> None:
        """rules W2 and W4: it is due at once, is not late, and its deadline counts from then."""
        snapshot = covered(FastEvery(10 * SECOND, at(10)), dates((5, 95), mode="defer"), misfire_grace_time=3)
        assert (10, 95) == (since(snapshot.next_fire_time), since(snapshot.state.due_at))
        snapshot = after(snapshot, uncover(snapshot, at(55)))
        assert 55 == since(snapshot.state.due_at)
        change = fire(snapshot, options_of(snapshot), at(58), 10)
        (job,) = change.jobs
        assert (50, 55, 58) == (since(job.scheduled_fire_time), since(job.run_at), since(job.start_deadline))
        assert {SkipReason.coalesced: 4} == skips(change)

    def test_what_is_put_off_and_late(self) -> None:
        """rules W2 and L1: what is put off is late by the end of its span, all that was put off there together."""
        snapshot = covered(FastEvery(10 * SECOND, at(10)), dates((5, 35), mode="defer"), misfire_grace_time=3)
        change = fire(snapshot, options_of(snapshot), at(39), 10)
        assert ([], {SkipReason.grace: 3}, 40) == (
            fired(change), skips(change), since(state_of(change).next_fire_time)
        )  # fmt: skip

    def test_a_schedule_that_is_finished(self) -> None:
        """rule W5: one that has nothing outside is finished, and told so once; what is over does not come back."""
        snapshot = covered(Instants((at(10), at(20))), dates((5, 25)))
        assert ScheduleStatus.finished is snapshot.status
        assert [ScheduleFinished] == [type(e) for e in cover(added(once(at(10))), dates((5, 25))).events]
        change = uncover(snapshot, at(15))
        assert (20, {SkipReason.window: 1}) == (since(state_of(change).next_fire_time), skips(change))
        change = uncover(snapshot, at(24))
        assert (None, {SkipReason.window: 2}) == (since(state_of(change).next_fire_time), skips(change))

    def test_the_same_window_again(self) -> None:
        """rule W1: nothing is written when nothing is different, and no more than why and who when only that is."""
        snapshot = covered(FastEvery(10 * SECOND, at(10)), dates((15, 35)))
        assert cover(snapshot, dates((15, 35)), at(5)).state is None
        new = state_of(cover(snapshot, dates((15, 35), reason="why"), at(5)))
        assert "why" == new.windows[0].reason
        assert new == attrs.evolve(
            snapshot.state, revision=new.revision, windows=new.windows, windowed_until=at(5)
        )

    def test_a_resume_from_the_future(self) -> None:
        """rules W4 and P7: where a resume let nothing fire before an instant, no window that goes lets it."""
        snapshot = paused(added(FastEvery(10 * SECOND, at(10))))
        snapshot = after(snapshot, unpause(snapshot, options_of(snapshot), at(5), resume_from=at(55)))
        snapshot = after(snapshot, cover(snapshot, dates((15, 65)), at(6)))
        assert 70 == since(snapshot.next_fire_time)
        assert 60 == since(state_of(uncover(snapshot, at(7))).next_fire_time)

    def test_the_most_windows(self) -> None:
        """rule W1: a schedule has only so many windows at once, those included that are not dealt with."""
        snapshot = paused(added(FastEvery(SECOND, T0)))
        for number in range(MOST_WINDOWS):
            snapshot = after(snapshot, cover(snapshot, dates((0, 1000 + number)), at(number + 1)))
        with pytest.raises(ValueError, match="has 100 windows"):
            cover(snapshot, dates((0, 1)), at(500))

    def test_a_trigger_that_fails(self) -> None:
        """rule S2: a schedule whose trigger fails is set aside with its window, and harms no other."""

        def answer(instant: datetime) -> datetime | None:
            if instant >= at(5):
                raise RuntimeError("no")
            return instant + SECOND

        snapshot = added(Saying(answer))
        change = cover(snapshot, dates((0, 100)), at(0.5))
        assert [ScheduleFailed] == [type(event) for event in change.events]
        assert (ScheduleStatus.error, 1) == (state_of(change).status, len(state_of(change).windows))
        assert () == state_of(uncover(after(snapshot, change), at(1))).windows[1:]
        replaced = attrs.evolve(snapshot.schedule, trigger=FastEvery(10 * SECOND, at(10)))
        placed = [PlacedWindow(Selector(everything=True), dates((0, 100)))]
        again = add(replaced, after(snapshot, change), at(1), ConflictPolicy.replace, same, placed)
        assert 100 == since(state_of(again).next_fire_time)

    def test_an_error_that_is_cleared(self) -> None:
        """rules S1 and W4: declared again, a schedule that was set aside stands outside of the windows it got since."""
        snapshot = added(FastEvery(10 * SECOND, at(10)))
        snapshot = attrs.evolve(snapshot, state=attrs.evolve(snapshot.state, error="no"))
        snapshot = after(snapshot, cover(snapshot, dates((5, 35)), at(1)))
        assert 10 == since(snapshot.next_fire_time)
        placed = [PlacedWindow(Selector(everything=True), dates((5, 35)))]
        change = add(snapshot.schedule, snapshot, at(2), ConflictPolicy.replace, same, placed)
        assert (40, None) == (since(state_of(change).next_fire_time), state_of(change).error)

    def test_a_schedule_that_cannot_be_read(self) -> None:
        """rule W4: what is to come of a schedule that this node cannot read cannot be looked at: that is refused."""
        snapshot = attrs.evolve(added(Every()), fault="unknown type")
        with pytest.raises(DeserializationError, match="'x' cannot be changed from this node: unknown type"):
            cover(snapshot, dates((5, 35)))
        with pytest.raises(DeserializationError, match="unknown type"):
            uncover(snapshot, T0)


class TestAdding:
    def test_under_a_window(self) -> None:
        """rules W1 and S6: a new schedule stands at the first fire time outside; it must have one at all."""
        schedule = Schedule("task", FastEvery(10 * SECOND, at(10)), id="x")
        placed = [PlacedWindow(Selector(everything=True), dates((5, 35)))]
        change = add(schedule, None, T0, ConflictPolicy.exception, same, placed)
        assert (40, 40) == (since(state_of(change).next_fire_time), since(state_of(change).due_at))
        inside = attrs.evolve(schedule, trigger=Instants((at(10), at(20))))
        change = add(inside, None, T0, ConflictPolicy.exception, same, placed)
        assert ScheduleStatus.finished is state_of(change).status
        with pytest.raises(ValueError, match="no fire time left"):
            add(
                attrs.evolve(schedule, trigger=Instants((at(-10),))),
                None,
                T0,
                ConflictPolicy.exception,
                same,
                placed,
            )

    def test_a_date_that_is_past(self) -> None:
        """rules W4 and S6: a date that is past is due at once, whatever window it was in."""
        schedule = Schedule("task", once(at(10)), id="x")
        placed = [PlacedWindow(Selector(everything=True), dates((5, 35)))]
        change = add(schedule, None, at(20), ConflictPolicy.exception, same, placed)
        assert (10, 10) == (since(state_of(change).next_fire_time), since(state_of(change).due_at))

    def test_a_new_trigger(self) -> None:
        """rules S1 and W4: a new trigger begins with its first fire time outside; the old ones go uncounted."""
        snapshot = covered(FastEvery(10 * SECOND, at(10)), dates((5, 35)))
        placed = [PlacedWindow(Selector(everything=True), snapshot.state.windows[0])]
        schedule = attrs.evolve(snapshot.schedule, trigger=FastEvery(7 * SECOND, at(7)))
        change = add(schedule, snapshot, at(22), ConflictPolicy.replace, same, placed)
        assert 35 == since(state_of(change).next_fire_time)
        change = fire(after(snapshot, change), options_of(snapshot), at(35), 10)
        assert {SkipReason.window: 1} == skips(change)

    def test_another_set(self) -> None:
        """rules H4 and W4: what comes under a window by an edit is covered from then on, and no more when it leaves."""
        snapshot = paused(added(FastEvery(10 * SECOND, at(10)), coalesce="all"))
        placed = [PlacedWindow(Selector(tags={"slow"}), dates((5, 55)))]
        slow = attrs.evolve(snapshot.schedule, tags=frozenset({"slow"}))
        snapshot = after(snapshot, add(slow, snapshot, at(25), ConflictPolicy.replace, same, placed))
        assert (10, at(25)) == (since(snapshot.next_fire_time), snapshot.state.windows[0].covers_from)
        same_again = add(slow, snapshot, at(30), ConflictPolicy.replace, same, placed)
        assert same_again.state is None
        fast = attrs.evolve(slow, tags=frozenset())
        snapshot = after(snapshot, add(fast, snapshot, at(45), ConflictPolicy.replace, same, placed))
        change = unpause(snapshot, options_of(snapshot), at(70))
        assert ([10, 20, 50, 60, 70], {SkipReason.window: 2}) == (fired(change), skips(change))
        assert all(isinstance(record, SkipRecord) for record in change.skips)

    def test_a_window_whose_trigger_fails(self) -> None:
        """rule W1: a window whose trigger fails, as of a type that is unknown here, lets nothing be added."""

        def answer(instant: datetime) -> datetime:
            raise RuntimeError("no")

        placed = [PlacedWindow(Selector(everything=True), recurring(Saying(answer), 5))]
        with pytest.raises(TriggerError, match="no"):
            add(Schedule("task", Every(), id="x"), None, T0, ConflictPolicy.exception, same, placed)
