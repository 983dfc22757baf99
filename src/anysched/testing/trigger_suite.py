"""What rules T2 to T4 ask of a trigger, as tests that any trigger can be run through."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

from anysched.model.trigger import Trigger
from anysched.rules.times import BEGINNING, TICK
from anysched.wire.values import from_plain, to_plain

ELSEWHERE = timezone(timedelta(hours=-9, minutes=-30))


class TriggerSuite:
    """The promises of a trigger. Subclass it, say which triggers to try, and let pytest find it.

    It asks whether fire times strictly increase and none is passed over, at both ends of the calendar too; whether a
    trigger is a value: pure, unchanged by being asked, equal to its copies; whether a zone that is left open is bound
    once and for all; whether what it offers besides, ``last_fire_time`` and ``count_fire_times``, agrees with its fire
    times; and whether it comes back from a store. Try each kind of argument: with a start and without, with an end,
    with a zone and with one left open.

        class TestMyTrigger(TriggerSuite):
            def triggers(self):
                return [MyTrigger(1), MyTrigger(2, end_time=...)]

    :cvar anchor: the start of triggers that name none of their own
    :cvar steps: how many fire times of each are looked at
    :cvar durable: whether they are to be stored, by a registered type (see ``register_type``)
    """

    anchor: datetime = datetime(2025, 3, 29, 11, 22, 33, 444_555, tzinfo=UTC)
    steps = 40
    durable = True

    def triggers(self) -> Iterable[Trigger]:
        """Return the triggers to try; each must have a fire time."""
        raise NotImplementedError("say in triggers() which triggers to try")

    def next_fire_time(self, trigger: Trigger, after: datetime) -> datetime | None:
        """Ask a trigger, and check the answer by itself: aware, in UTC, strictly later."""
        found = trigger.next_fire_time(after, anchor=self.anchor, key="a schedule")
        if found is not None:
            assert isinstance(found, datetime), (trigger, found)
            assert found.utcoffset() == timedelta(0), (trigger, found)
            assert after < found, (trigger, after, found)
        return found

    def fire_times(self, trigger: Trigger) -> Sequence[datetime]:
        """Return the first fire times of a trigger around the anchor and after."""
        found: list[datetime] = []
        after = self.anchor - timedelta(days=3)
        if self.next_fire_time(trigger, after) is None:
            after = BEGINNING
        while len(found) < self.steps and (following := self.next_fire_time(trigger, after)) is not None:
            found.append(following)
            after = following
        assert found, f"{trigger} has no fire time"
        return found

    def test_fire_times_grow(self) -> None:
        """Rules T2 and T6: each fire time is aware, in UTC and strictly later than the one before."""
        for trigger in self.triggers():
            fire_times = self.fire_times(trigger)
            assert sorted(set(fire_times)) == list(fire_times), trigger

    def test_same_question_same_answer(self) -> None:
        """Rule T2: answers depend on what is asked and on nothing else: not on what was asked before."""
        for trigger in self.triggers():
            fire_times = self.fire_times(trigger)
            questions = [fire_times[0] - TICK, *fire_times]
            expected = [self.next_fire_time(trigger, after) for after in questions]
            backwards = [self.next_fire_time(trigger, after) for after in reversed(questions)]
            assert expected == backwards[::-1], trigger
            duplicate = copy.deepcopy(trigger)
            assert expected == [self.next_fire_time(duplicate, after) for after in questions], trigger
            assert trigger == duplicate, (
                f"{trigger} changes by being asked, or equal ones do not compare equal"
            )
            assert _hash_of(trigger) == _hash_of(duplicate), f"{trigger} has another hash than an equal one"

    def test_no_fire_time_is_passed_over(self) -> None:
        """Rule T2: the answer is the first fire time strictly after an instant, whatever instant that is."""
        for trigger in self.triggers():
            for earlier, later in pairwise(self.fire_times(trigger)):
                for after in (earlier, earlier + TICK, earlier + (later - earlier) / 2, later - TICK):
                    if after < later:
                        assert later == self.next_fire_time(trigger, after), (trigger, after)

    def test_instants_are_instants(self) -> None:
        """Rule T1: the zone in which an instant is written does not matter."""
        for trigger in self.triggers():
            for after in self.fire_times(trigger):
                expected = self.next_fire_time(trigger, after)
                elsewhere = trigger.next_fire_time(
                    after.astimezone(ELSEWHERE), anchor=self.anchor.astimezone(ELSEWHERE), key="a schedule"
                )
                assert expected == elsewhere, (trigger, after)

    def test_binding(self) -> None:
        """Rule T1: a trigger that offers ``bind`` returns one with nothing left open, and stays as it is itself."""
        for trigger in self.triggers():
            bind: Any = getattr(trigger, "bind", None)
            if bind is None:
                continue
            before = copy.deepcopy(trigger)
            bound = bind(ELSEWHERE)
            assert before == trigger, f"{trigger} is changed by being bound"
            assert bound == bind(ELSEWHERE) == bound.bind(UTC), f"{bound} is bound, and is bound again"
            self.fire_times(bound)

    def test_the_beginning_of_the_calendar(self) -> None:
        """Rules T2 and T4: the very first fire time can be asked for; there is none before it, and it is counted."""
        for trigger in self.triggers():
            first = self.next_fire_time(trigger, BEGINNING)
            assert first is not None, trigger
            assert first <= self.fire_times(trigger)[0], trigger
            backward: Any = getattr(trigger, "last_fire_time", None)
            if backward is not None:
                assert backward(BEGINNING, anchor=self.anchor, key="a schedule") in (None, BEGINNING), trigger
                before = backward(first - TICK, anchor=self.anchor, key="a schedule")
                assert before in (None, BEGINNING), (trigger, first, before)
            counter: Any = getattr(trigger, "count_fire_times", None)
            if counter is not None:
                answer = counter(BEGINNING, first, anchor=self.anchor, key="a schedule")
                assert answer in (1, None), (trigger, first, answer)

    def test_the_end_is_final(self) -> None:
        """Rule T2: a trigger that has nothing left after one instant has nothing left after any later one."""
        for trigger in self.triggers():
            last = self.fire_times(trigger)[-1]
            if self.next_fire_time(trigger, last) is None:
                for after in (last + TICK, last + timedelta(days=400), datetime.max.replace(tzinfo=UTC)):
                    if after > last:
                        assert self.next_fire_time(trigger, after) is None, (trigger, after)
                        backward: Any = getattr(trigger, "last_fire_time", None)
                        if backward is not None:
                            assert last == backward(after, anchor=self.anchor, key="a schedule"), (
                                trigger,
                                after,
                            )

    def test_the_end_of_the_calendar(self) -> None:
        """Rule T2: at the end of the calendar there is nothing left; that is no error."""
        for trigger in self.triggers():
            assert self.next_fire_time(trigger, datetime.max.replace(tzinfo=UTC)) is None, trigger

    def test_last_fire_time_agrees(self) -> None:
        """Rule T4: a trigger that offers ``last_fire_time`` finds from behind what it finds from before."""
        for trigger in self.triggers():
            ask: Any = getattr(trigger, "last_fire_time", None)
            if ask is None:
                continue
            for earlier, later in pairwise(self.fire_times(trigger)):
                for until, expected in (
                    (earlier, earlier),
                    (earlier + (later - earlier) / 2, earlier),
                    (later - TICK, earlier),
                    (later, later),
                ):
                    if until < later or expected is later:
                        answer = ask(until, anchor=self.anchor, key="a schedule")
                        assert expected == answer, (trigger, until)
                        assert answer.utcoffset() == timedelta(0), (trigger, answer)

    def test_count_fire_times_agrees(self) -> None:
        """Rule L3: a trigger that offers ``count_fire_times`` counts what it yields, or says that it cannot."""
        for trigger in self.triggers():
            ask: Any = getattr(trigger, "count_fire_times", None)
            if ask is None:
                continue
            fire_times = self.fire_times(trigger)
            for number, until in enumerate(fire_times):
                for after, expected in (
                    (fire_times[0] - TICK, number + 1),
                    (fire_times[0], number),
                    (until - TICK, 1),
                    (until, 0),
                    (until + TICK, 0),
                ):
                    answer = ask(after, until, anchor=self.anchor, key="a schedule")
                    assert answer in (expected, None), (trigger, after, until, answer)

    def test_it_can_be_stored(self) -> None:
        """Rule N5: what is stored of a trigger under its registered type gives an equal one back."""
        for trigger in self.triggers() if self.durable else ():
            plain = to_plain(trigger)
            text = json.dumps(plain, sort_keys=True)
            again = from_plain(json.loads(text))
            assert trigger == again
            assert text == json.dumps(to_plain(again), sort_keys=True), (
                f"{trigger} is written in several ways"
            )
            after = self.fire_times(trigger)[0] - TICK
            assert self.next_fire_time(trigger, after) == self.next_fire_time(again, after), trigger


def _hash_of(trigger: Trigger) -> int | None:
    """Return a hash, None for what has none: it need not have one."""
    try:
        return hash(trigger)
    except TypeError:
        return None
