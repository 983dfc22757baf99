"""The fire times of one schedule: checked, delayed, found from behind, counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.rules.support import SECOND, T0, YEAR, Every, FastEvery, FastInstants, Instants, Saying, at

from anysched.errors import TriggerError, TriggerSearchError
from anysched.model.trigger import Trigger
from anysched.rules.times import BEGINNING, END, TICK, Count, FireTimes, later, steadily_growing


def times_of(trigger: Trigger, max_jitter: timedelta | None = None, anchor: datetime = T0) -> FireTimes:
    return FireTimes(trigger, anchor, "x", max_jitter)


gaps = st.lists(
    st.sampled_from([1, 1, 1, 2, 10, 1_000, 1_000_000, 3_600_000_000, 10**15]), min_size=1, max_size=80
)
kinds = st.sampled_from([Instants, FastInstants])


def moments(distances: list[int]) -> list[datetime]:
    """Return instants at these distances, in microseconds, from one another."""
    found = [T0]
    for distance in distances:
        found.append(found[-1] + distance * TICK)
    return found


class TestSearching:
    @given(kinds, gaps, st.integers(0, 10**15), st.integers(0, 80))
    def test_last(
        self, kind: Callable[..., Trigger], distances: list[int], later_by: int, index: int
    ) -> None:
        """rule T4: the latest fire time is found from behind, whatever lies between."""
        instants = moments(distances)
        since = instants[index % len(instants)]
        until = since + later_by * TICK
        expected = [instant for instant in instants if since <= instant <= until][-1]
        assert expected == times_of(kind(instants)).last(since, until)

    @given(kinds, gaps, st.integers(1, 30), st.integers(0, 80), st.integers(0, 80), st.integers(0, 50))
    @example(Instants, [10**15] + [1] * 60, 5, 0, 80, 0)
    @example(Instants, [1] * 60 + [10**15], 5, 0, 80, 0)
    def test_tail(
        self,
        kind: Callable[..., Trigger],
        distances: list[int],
        most: int,
        first: int,
        last: int,
        more: int,
    ) -> None:
        """rule L2: the latest few of many late fire times are found from behind."""
        instants = moments(distances)
        since = instants[min(first, len(instants) - 1)]
        until = max(since, instants[min(last, len(instants) - 1)]) + more * TICK
        expected = [instant for instant in instants if since <= instant <= until][-most:]
        assert expected == times_of(kind(instants)).tail(since, until, most)

    @given(kinds, gaps, st.integers(-5, 10**10), st.integers(0, 80), st.integers(1, 40))
    def test_count(
        self, kind: Callable[..., Trigger], distances: list[int], span: int, index: int, limit: int
    ) -> None:
        """rule L3: counts are exact where the trigger can count or up to the limit; beyond, a lower bound."""
        instants = moments(distances)
        after = instants[index % len(instants)]
        number = len([instant for instant in instants if after < instant <= after + span * TICK])
        found = times_of(kind(instants)).count(after, after + span * TICK, limit)
        if kind is FastInstants or number <= limit:
            assert Count(number) == found
        else:
            assert Count(limit, exact=False) == found

    @given(kinds, gaps, st.none() | st.integers(1, 10**6), st.integers(0, 10**7))
    def test_due(
        self, kind: Callable[..., Trigger], distances: list[int], jitter: int | None, moment: int
    ) -> None:
        """rule T8: what is due is told by fire time and jitter together."""
        times = times_of(kind(moments(distances)), None if jitter is None else jitter * TICK)
        due = [(times.due_at(instant), instant) for instant in moments(distances)]
        for now in (T0 + moment * TICK, due[moment % len(due)][0]):  # also at the very instant
            expected = [instant for due_at, instant in due if due_at <= now]
            assert (expected[-1] if expected else None) == times.last_due(T0, now)
            expected = [instant for due_at, instant in due if due_at >= now]
            assert (expected[0] if expected else None) == times.first_due(T0, now)

    def test_a_stale_cursor(self) -> None:
        """rule S2: a cursor that its trigger does not name any more, after a change of zone data, does no harm."""
        for kind in (Every, FastEvery):
            times = times_of(kind(10 * SECOND))
            assert at(17) == times.last(at(17), at(19))
            assert at(30) == times.last(at(17), at(39))
            assert [at(17)] == times.tail(at(17), at(19), 5)
            assert [at(17), at(20), at(30)] == times.tail(at(17), at(39), 5)
            assert [at(20), at(30)] == times.tail(at(17), at(39), 2)

    def test_the_ends_of_the_calendar(self) -> None:
        """rule T4: nothing runs over at the first and the last instant there is."""
        times = times_of(Every(YEAR), anchor=BEGINNING + TICK)
        assert BEGINNING + TICK == times.first(BEGINNING)
        latest = times.last(BEGINNING + TICK, END)
        assert timedelta(0) <= END - latest < YEAR
        assert times.next(latest) is None
        assert 1 + times.count(BEGINNING + TICK, END, 20_000).number == len(
            times.tail(BEGINNING + TICK, END, 20_000)
        )
        assert latest == times_of(Instants((BEGINNING, latest))).last(BEGINNING, END)
        assert END == times_of(Instants((END,)), YEAR).due_at(END)
        assert END - TICK <= times_of(Instants((END - TICK,)), YEAR).due_at(END - TICK)
        assert later(END - SECOND, SECOND) == END
        assert later(END - SECOND, SECOND + TICK) is None


class TestCost:
    """rule T4: cost does not depend on how much time passed."""

    def test_a_year_of_seconds(self) -> None:
        """rules T4 and L3: a year of seconds costs a few questions to search, and the limit to count."""
        trigger = Every()
        times = times_of(trigger)
        assert T0 + YEAR == times.last(T0, T0 + YEAR)
        assert len(trigger.asked) < 10
        trigger.asked.clear()
        assert 100 == len(times.tail(T0, T0 + YEAR, 100))
        assert len(trigger.asked) < 110
        trigger.asked.clear()
        assert Count(10_000, exact=False) == times.count(T0, T0 + YEAR)
        assert 10_001 == len(trigger.asked)
        assert Count(10_000) == times.count(T0, at(10_000))
        assert Count(10_000, exact=False) == times.count(T0, at(10_001))

    @given(gaps, st.integers(0, 10**15))
    @example([10**15] + [1] * 80, 0)
    @example([1] * 80 + [10**15], 10**15)
    def test_bursts(self, distances: list[int], later_by: int) -> None:
        """rule T4: bisection needs a number of questions that grows with the digits of the span only."""
        trigger = Instants(tuple(moments(distances)))
        until = trigger.instants[-1] + later_by * TICK
        times_of(trigger).last(T0, until)
        assert len(trigger.asked) <= 3 * ((until - T0) // TICK).bit_length() + 3

    def test_a_burst_long_ago(self) -> None:
        """rule L2: the latest few cost about their own number, also after a burst."""
        burst = [T0 + number * SECOND for number in range(5_000)]
        trigger = Instants((*burst, T0 + YEAR))
        assert [*burst[-99:], T0 + YEAR] == times_of(trigger).tail(T0, T0 + YEAR, 100)
        assert len(trigger.asked) < 4_000
        trigger.asked.clear()
        assert burst[-1] == times_of(trigger).last(T0, T0 + YEAR - SECOND)
        assert len(trigger.asked) < 150


class TestJitter:
    @given(gaps, st.integers(1, 10**7))
    def test_room(self, distances: list[int], jitter: int) -> None:
        """rule T8: jitter is at most ``max_jitter`` and kept short of the following fire time."""
        times = times_of(Instants(tuple(moments(distances))), jitter * TICK)
        for instant, following in pairwise(moments(distances)):
            assert instant <= times.due_at(instant) <= instant + jitter * TICK
            assert times.due_at(instant) < following

    def test_spread(self) -> None:
        """rule T8: jitter is a hash of schedule id and fire time, and uses all the room there is."""
        one = FireTimes(Every(), T0, "one", SECOND)
        other = FireTimes(Every(), T0, "other", SECOND)
        delays = [(one.due_at(at(n)) - at(n)) / SECOND for n in range(500)]
        assert min(delays) < 0.02
        assert max(delays) > 0.98
        assert 0.4 < sum(delays) / 500 < 0.6
        assert delays != [(other.due_at(at(n)) - at(n)) / SECOND for n in range(500)]
        assert delays == [(one.due_at(at(n)) - at(n)) / SECOND for n in range(500)]

    def test_the_same_for_ever(self) -> None:
        """rule T8: what was previewed or stored yesterday holds for the next version too."""
        times = FireTimes(Every(timedelta(hours=1)), T0, "nightly", timedelta(minutes=10))
        assert "2026-01-01T00:08:08.512936+00:00" == times.due_at(T0).isoformat()
        assert T0 == FireTimes(Every(), T0, "nightly").due_at(T0)


class Offset(tzinfo):
    def utcoffset(self, moment: datetime | None) -> timedelta:
        raise RuntimeError("no offset")


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("cannot be shown")


class Moment(datetime):
    """As libraries for time, and for tests, have them."""


def raising(error: BaseException) -> Callable[[datetime], Any]:
    def answer(_: datetime) -> Any:
        raise error

    return answer


class TestWrongTriggers:
    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (raising(RuntimeError("out of order")), "the trigger raised RuntimeError: out of order"),
            (raising(Mute()), "the trigger raised Mute"),
            (raising(TriggerSearchError("nothing in common")), "nothing in common"),
            (lambda after: after - SECOND, "did not move forward: asked for a time after"),
            (lambda after: after, "did not move forward"),
            (lambda after: datetime(2030, 1, 1), "aware datetime or None, not datetime.datetime(2030"),
            (lambda after: "soon", "aware datetime or None, not 'soon'"),
            (lambda after: 12.5, "aware datetime or None, not 12.5"),
            (lambda after: after.date(), "aware datetime or None, not datetime.date"),
            (lambda after: datetime(2030, 1, 1, tzinfo=Offset()), "RuntimeError: no offset"),
            (
                lambda after: datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
                "the trigger raised OverflowError",
            ),
        ],
    )
    def test_next(self, answer: Callable[[datetime], Any], message: str) -> None:
        """rule S2: whatever a trigger does wrong comes out as one error that says what."""
        with pytest.raises(TriggerError) as caught:
            times_of(Saying(answer)).next(T0)
        assert message in str(caught.value)

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), GeneratorExit()])
    def test_what_is_not_an_error(self, error: BaseException) -> None:
        """rule J4: what stops a program, or a task, is not taken for a fault of the trigger."""
        with pytest.raises(type(error)):
            times_of(Saying(raising(error))).next(T0)

    def test_other_zones_and_classes(self) -> None:
        """rule T1: inside, every instant is a plain datetime in UTC."""
        helsinki = timezone(timedelta(hours=2))
        found = times_of(Saying(lambda after: Moment(2030, 1, 1, 2, tzinfo=helsinki))).next(T0)
        assert datetime(2030, 1, 1, tzinfo=UTC) == found
        assert datetime is type(found)
        assert found.tzinfo is UTC

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (raising(RuntimeError("out of order")), "the trigger raised RuntimeError: out of order"),
            (lambda until: until + TICK, "was its latest fire time by"),
            (lambda until: "then", "aware datetime or None, not 'then'"),
        ],
    )
    def test_last(self, answer: Callable[[datetime], Any], message: str) -> None:
        """rule S2: what a trigger offers besides is checked as well."""

        class Backward(Every):
            def last_fire_time(self, until: datetime, *, anchor: datetime, key: str = "") -> Any:
                return answer(until)

        with pytest.raises(TriggerError) as caught:
            times_of(Backward()).last(T0, at(10))
        assert message in str(caught.value)

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (raising(RuntimeError("out of order")), "the trigger raised RuntimeError: out of order"),
            (lambda until: -1, "counted -1 fire times"),
            (lambda until: 1.5, "the trigger raised TypeError"),
        ],
    )
    def test_count(self, answer: Callable[[datetime], Any], message: str) -> None:
        """rule L3: a count is a whole number, or not used."""

        class Counting(Every):
            def count_fire_times(
                self, after: datetime, until: datetime, *, anchor: datetime, key: str = ""
            ) -> Any:
                return answer(until)

        with pytest.raises(TriggerError) as caught:
            times_of(Counting()).count(T0, at(10))
        assert message in str(caught.value)

    def test_a_trigger_that_cannot_tell(self) -> None:
        """rule L3: a trigger may decline to count what would take it long; it is counted one by one then."""

        class Declining(Every):
            def count_fire_times(
                self, after: datetime, until: datetime, *, anchor: datetime, key: str = ""
            ) -> None:
                return None

        assert Count(10) == times_of(Declining()).count(T0, at(10))

    def test_steadily_growing(self) -> None:
        """rule S2: a trigger that gets stuck after its first fire times is refused when it is added."""
        stuck = Saying(lambda after: at(1) if after < at(1) else at(2))
        with pytest.raises(TriggerError, match="did not move forward"):
            steadily_growing(times_of(stuck), at(1))
        steadily_growing(times_of(Instants((at(1),))), at(1))
        steadily_growing(times_of(Every()), at(1))
