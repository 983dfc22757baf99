"""What a program declares against what is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest
from tests.unit.rules.support import SECOND, T0, Every, added, at, paused, same, state_of

from anysched.errors import ConflictingIdError, ScheduleOwnerError
from anysched.model.brief import LONGEST, brief
from anysched.model.change import Change
from anysched.model.declared import ApplyResult, ScheduleDiff
from anysched.model.events import ScheduleAdded, ScheduleRemoved, ScheduleUpdated
from anysched.model.policies import CoalescePolicy
from anysched.model.schedule import Schedule
from anysched.model.snapshot import ScheduleSnapshot
from anysched.model.trigger import UndecodableTrigger
from anysched.model.unset import UNSET
from anysched.rules.declaring import Declaration, Outcome, checked, report
from anysched.triggers import CronTrigger, IntervalTrigger


def declared(id: str = "x", trigger: Any = None, owner: str | None = "me", **settings: Any) -> Schedule:
    return Schedule("task", trigger or Every(10 * SECOND), id=id, owner=owner, **settings)


def decided(
    *schedules: Schedule,
    stored: ScheduleSnapshot | None,
    id: str = "x",
    now: float = 25,
    take_over: bool = False,
) -> Outcome:
    by_id = {schedule.id: schedule for schedule in schedules}
    declaration = Declaration(owner="me", schedules=by_id, take_over=take_over)
    return declaration.decide(id, stored, (), at(now), same)


def mine(**settings: Any) -> ScheduleSnapshot:
    return added(Every(10 * SECOND), **{"owner": "me", **settings})


class TestDeclared:
    def test_new(self) -> None:
        """rules S8 and S6: what did not exist is added, as its owner's."""
        outcome = decided(declared(), stored=None, now=0)
        assert ("added", None) == (outcome.kind, outcome.diff)
        assert declared() == outcome.change.schedule
        assert (ScheduleAdded("x", "task", T0),) == outcome.change.events

    def test_the_same(self) -> None:
        """rule S8: what is stored as it is declared is not written, whatever state it is in."""
        for stored in (mine(), paused(mine(), reason="why"), mine(paused=True)):
            assert Outcome(Change(schedule_id="x"), "unchanged") == decided(declared(), stored=stored)

    def test_other_settings(self) -> None:
        """rules S8 and S1: configuration is written, state is not, and the report says which fields differ, and how."""
        stored = paused(mine(args=(1,)), reason="why")
        wanted = declared(coalesce="all", args=(2,), misfire_grace_time=90, paused=True)
        outcome = decided(wanted, stored=stored)
        assert "changed" == outcome.kind
        assert wanted == outcome.change.schedule
        assert attrs.evolve(stored.state, revision=2) == state_of(outcome.change)
        assert (ScheduleUpdated("x", "task", T0),) == outcome.change.events
        fields = {
            "args": ("(1,)", "(2,)"),
            "coalesce": ("latest", "all"),
            "misfire_grace_time": ("unset", "0:01:30"),
        }
        assert ScheduleDiff(schedule_id="x", fields=fields) == outcome.diff

    def test_another_trigger(self) -> None:
        """rules S8 and S1: a changed trigger, and nothing else, moves the cursor; the pause and the anchor stay."""
        stored = paused(mine(), reason="why")
        outcome = decided(declared(trigger=Every(40 * SECOND)), stored=stored)
        assert outcome.diff is not None
        assert ["trigger"] == list(outcome.diff.fields)
        state = state_of(outcome.change)
        assert attrs.evolve(stored.state, revision=2, next_fire_time=at(40), due_at=at(40)) == state

    @pytest.mark.parametrize(("owner", "whose"), [(None, "belongs to nobody"), ("you", "belongs to 'you'")])
    def test_what_is_not_its_own(self, owner: str | None, whose: str) -> None:
        """rule S8: what belongs to nobody, or to another, is taken over on request only, and otherwise refused."""
        stored = mine(owner=owner)
        with pytest.raises(ScheduleOwnerError, match=f"'x' exists already, and {whose}: .*'me'") as caught:
            decided(declared(), stored=stored)
        assert ("x", owner) == (caught.value.schedule_id, caught.value.owner)
        assert isinstance(caught.value, ConflictingIdError)
        outcome = decided(declared(), stored=stored, take_over=True)
        assert outcome.diff == ScheduleDiff(schedule_id="x", fields={"owner": (brief(owner), "'me'")})
        assert declared() == outcome.change.schedule
        assert attrs.evolve(stored.state, revision=2) == state_of(outcome.change)

    def test_what_was_set_aside(self) -> None:
        """rules S8, S1 and S2: an error, and a form that cannot be read here, end with the change, and are reported."""
        broken = mine()
        broken = attrs.evolve(broken, state=attrs.evolve(broken.state, error="it\nbroke"))
        outcome = decided(declared(), stored=broken)
        assert outcome.diff == ScheduleDiff(schedule_id="x", fields={"error": ("'it\\nbroke'", "None")})
        assert None is state_of(outcome.change).error
        unreadable = attrs.evolve(mine(), fault="no such type")
        unreadable = attrs.evolve(
            unreadable, schedule=attrs.evolve(unreadable.schedule, trigger=UndecodableTrigger("no such type"))
        )
        outcome = decided(declared(), stored=unreadable)
        assert outcome.diff == ScheduleDiff(schedule_id="x", fields={"fault": ("'no such type'", "None")})
        assert declared() == outcome.change.schedule
        nobodys = attrs.evolve(unreadable, schedule=attrs.evolve(unreadable.schedule, owner=None))
        with pytest.raises(ScheduleOwnerError, match="to whom it belongs cannot be read"):
            decided(declared(), stored=nobodys)
        outcome = decided(declared(), stored=nobodys, take_over=True)
        assert outcome.diff is not None
        assert ["fault", "owner"] == list(outcome.diff.fields)


class TestNotDeclared:
    def test_its_own(self) -> None:
        """rules S8 and S4: what is its own, and not declared any more, is removed, paused or not."""
        for stored in (mine(), paused(mine())):
            change = Change(schedule_id="x", removed=True, events=(ScheduleRemoved("x", "task"),))
            assert Outcome(change, "retired") == decided(declared("other"), stored=stored)

    def test_not_its_own(self) -> None:
        """rule S8: what is gone meanwhile, or became somebody else's, is left alone, even where all is taken over."""
        for stored in (None, mine(owner=None), mine(owner="you")):
            outcome = decided(declared("other"), stored=stored, take_over=True)
            assert Outcome(Change(schedule_id="x")) == outcome


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("schedules", "error", "message"),
        [
            ([declared(), declared()], ValueError, "the id 'x' is given twice"),
            ([declared(owner="you")], ValueError, "'x' names the owner 'you', and is declared for 'me'"),
            ([declared(), "x"], TypeError, "schedules must be Schedule objects, not str"),
            ("x", TypeError, "schedules must be a list of Schedule objects, not str"),
            (declared(), TypeError, "schedules must be a list of Schedule objects, not Schedule"),
            ({"x": declared()}, TypeError, "schedules must be a list of Schedule objects, not "),
            (None, TypeError, "schedules must be a list of Schedule objects, not NoneType"),
            ([], ValueError, "retire=True would remove all that 'me' has: .* allow_empty=True"),
        ],
        ids=str,
    )
    def test_declarations(self, schedules: Any, error: type[Exception], message: str) -> None:
        """rule S8: a list that contradicts itself is refused, and one that is empty by mistake."""
        with pytest.raises(error, match=message):
            checked(schedules, "me", retire=True, allow_empty=False)

    def test_empty_lists(self) -> None:
        """rule S8: a list may be empty where nothing is removed, or where that is said to be meant."""
        assert [] == checked([], "me", retire=False, allow_empty=False)
        assert [] == checked(iter(()), "me", retire=True, allow_empty=True)

    def test_owners(self) -> None:
        """rule S8: who declares is written on what is declared, also where it is there already."""
        given = [declared("a", owner=None), declared("b")]
        found = checked(iter(given), "me", retire=True, allow_empty=False)
        assert [declared("a"), declared("b")] == found


def test_report() -> None:
    """rule S8: the report names every schedule that was declared or retired, in order, and can be shown."""
    outcomes = {
        "d": decided(declared(), stored=mine()),
        "c": decided(stored=mine()),
        "b\n": decided(declared(args=(1,)), stored=mine()),
        "a": decided(declared(), stored=None),
        "gone": decided(stored=None),
    }
    found = report("me", outcomes, dry_run=True)
    diff = ScheduleDiff(schedule_id="x", fields={"args": ("()", "(1,)")})
    expected = ApplyResult(
        owner="me", added=("a",), changed=(diff,), unchanged=("d",), retired=("c",), dry_run=True
    )
    assert expected == found
    assert not found.empty
    assert ApplyResult(owner="me", unchanged=("d",)).empty
    shown = attrs.evolve(found, changed=(attrs.evolve(diff, schedule_id="b\n"),))
    assert [
        "schedules of me (dry run): 1 added, 1 changed, 1 retired, 1 unchanged",
        "+ a",
        "~ b\\n",
        "    args: () -> (1,)",
        "- c",
    ] == str(shown).split("\n")


class Spiteful:
    def __repr__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (UNSET, "unset"),
        (CoalescePolicy.all, "all"),
        (timedelta(minutes=5), "0:05:00"),
        (T0, "2026-01-01 00:00:00+00:00"),
        ("a\nb\u202e", "'a\\nb\\u202e'"),
        (declared(kwargs={"a": 1}).kwargs, "{'a': 1}"),
        ((1, "a"), "(1, 'a')"),
        (frozenset("cab"), "{'a', 'b', 'c'}"),
        (CronTrigger("0 9 * * *", timezone="UTC"),
         "CronTrigger(expression='0 9 * * *', timezone=UTC, gap='after', fold='first')"),
        (IntervalTrigger(hours=1, start_time=T0) | Every(SECOND),
         ("OrTrigger(triggers=(IntervalTrigger(days=0, seconds=3600, microseconds=0, "
          "start_time=2026-01-01 00:00:00+00:00), Every()))")),
        (Spiteful(), "<Spiteful>"),
        ((Spiteful(),), "<tuple>"),
        ("x" * 1000, "'" + "x" * (LONGEST - 4) + "..."),
    ],
)  # fmt: skip
def test_short_text(value: object, text: str) -> None:
    """rule S8: values are told in one short line, whatever they are (rule N7)."""
    assert text == brief(value)
