"""Records as plain data."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anysched.errors import DeserializationError, SerializationError, TriggerError, UnknownTypeError
from anysched.model.backfill import Backfill
from anysched.model.hold import Hold, PlacedWindow, Selector
from anysched.model.job import JobException
from anysched.model.occurrence import Occurrence
from anysched.model.pause import Pause
from anysched.model.policies import CatchUp, CoalescePolicy, OnAbandon, PauseKind, SkipReason
from anysched.model.schedule import Schedule
from anysched.model.task import TaskOptions
from anysched.model.trigger import UndecodableTrigger
from anysched.model.unset import UNSET
from anysched.model.window import Window
from anysched.triggers import CronTrigger, DateTrigger, IntervalTrigger
from anysched.wire import configs, states

INSTANTS = st.datetimes(timezones=st.just(UTC))
DURATIONS = st.timedeltas(min_value=timedelta(microseconds=1))
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
TEXT = st.text(max_size=20)
NOW = datetime(2025, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

SCHEDULES = st.builds(
    Schedule,
    NAMES,
    st.sampled_from(
        [IntervalTrigger(seconds=5), DateTrigger(NOW), CronTrigger("0 9 * * mon", timezone="UTC")]
    ),
    id=NAMES,
    paused=st.booleans(),
    coalesce=st.sampled_from(CoalescePolicy),
    misfire_grace_time=st.one_of(st.just(UNSET), st.none(), DURATIONS),
    max_catchup=st.integers(1, 10_000),
    max_jitter=st.none() | DURATIONS,
    job_executor=st.one_of(st.just(UNSET), st.none(), NAMES),
    job_result_expiration_time=st.timedeltas(min_value=timedelta(0)),
    group=st.none() | NAMES,
    tags=st.frozensets(NAMES.filter(lambda tag: "\n" not in tag)),
    owner=st.none() | NAMES,
    pause_after_failures=st.integers(1),
    probe_after=st.none() | DURATIONS,
).map(
    lambda one: (
        one if one.coalesce is CoalescePolicy.all else attrs.evolve(one, fixed_delay=one.max_catchup % 2 == 0)
    )
)
OPTIONS = st.builds(
    TaskOptions,
    job_executor=st.one_of(st.just(UNSET), st.none(), NAMES),
    max_running_jobs=st.one_of(st.just(UNSET), st.none(), st.integers(1, 2**70)),
    misfire_grace_time=st.one_of(st.just(UNSET), st.none(), DURATIONS),
    on_abandon=st.just(UNSET) | st.sampled_from(OnAbandon),
    max_attempts=st.just(UNSET) | st.integers(1),
)
CATCH_UPS = st.one_of(
    st.builds(
        CatchUp,
        st.just("all"),
        max_jobs=st.none() | st.integers(1, 10_000),
        max_age=st.none() | DURATIONS,
        spacing=st.none() | DURATIONS,
    ),
    st.builds(CatchUp, st.sampled_from(["latest", "earliest"]), max_age=st.none() | DURATIONS),
)
PAUSES = st.builds(
    Pause,
    INSTANTS,
    until=st.none() | INSTANTS,
    reason=st.none() | NAMES,
    by=st.none() | NAMES,
    queued=st.sampled_from(["keep", "hold", "discard"]),
    resume_from=st.none() | st.just("now") | INSTANTS,
    missed=st.sampled_from(["policy", "skip", "run_once", "run_all"]) | CATCH_UPS,
    hold=st.none() | NAMES,
    kind=st.sampled_from(get_args(PauseKind)),
)


def through_json(plain: object) -> Any:
    """Return plain data as it comes back from a file."""
    return json.loads(json.dumps(plain, allow_nan=False))


@given(SCHEDULES)
def test_schedules(schedule: Schedule) -> None:
    """Every field of a schedule comes back, besides those that are stored apart."""
    plain = through_json(configs.schedule_to_plain(schedule))
    back = configs.schedule_from_plain(plain, schedule.id, schedule.task_id)
    assert schedule == back


def test_a_schedule_that_was_written_before_there_were_fixed_delays() -> None:
    """Rule S9: what says nothing of it has none."""
    plain = configs.schedule_to_plain(Schedule("task", DateTrigger(NOW), id="s", fixed_delay=True))
    assert plain.pop("fixed_delay")
    assert not configs.schedule_from_plain(plain, "s", "task").fixed_delay


@given(OPTIONS)
def test_options(options: TaskOptions) -> None:
    """Rule S7: options come back, and what is not set stays so."""
    assert options == configs.options_from_plain(through_json(configs.options_to_plain(options)))


@given(PAUSES)
def test_pauses(pause: Pause) -> None:
    """Rule P10: a pause comes back with all that it says."""
    assert pause == states.pause_from_plain(through_json(states.pause_to_plain(pause)))


def test_a_damaged_catch_up() -> None:
    """Rules P10 and S2: what a pause says of a backlog is damaged, or of a newer version, like any other record."""
    plain = states.pause_to_plain(Pause(NOW, until=NOW, missed=CatchUp(spacing=60)))
    assert {"version", "coalesce", "max_jobs", "max_age", "spacing"} == plain["missed"].keys()
    damages: list[dict[str, object]] = [
        {"spacing": -1},
        {"max_jobs": "9"},
        {"colour": "red"},
        {"version": None},
    ]
    for damage in damages:
        with pytest.raises(DeserializationError, match="the stored catch-up is damaged"):
            states.pause_from_plain({**plain, "missed": {**plain["missed"], **damage}})
    with pytest.raises(UnknownTypeError):
        states.pause_from_plain({**plain, "missed": {**plain["missed"], "version": 2}})


@given(st.builds(JobException, TEXT, TEXT, TEXT))
def test_exceptions(exception: JobException) -> None:
    """Rule J4: exceptions come back as text, whatever characters it has."""
    assert exception == states.exception_from_plain(through_json(states.exception_to_plain(exception)))


@given(st.dictionaries(st.sampled_from(SkipReason), st.integers(0)))
def test_skips(skipped: dict[SkipReason, int]) -> None:
    """Rule L3: counts come back by reason."""
    assert skipped == states.skips_from_plain(through_json(states.skips_to_plain(skipped)))


@given(st.lists(PAUSES, min_size=1))
def test_several_pauses(pauses: list[Pause]) -> None:
    """Rule H3: all that pauses a schedule comes back in order; one written alone, as it once was, is read as well."""
    assert tuple(pauses) == states.pauses_from_plain(through_json(states.pauses_to_plain(pauses)))
    assert (pauses[0],) == states.pauses_from_plain(through_json(states.pause_to_plain(pauses[0])))


@given(
    st.lists(
        st.builds(
            Occurrence,
            fire_time=INSTANTS,
            moved_to=st.none() | INSTANTS,
            reason=st.none() | NAMES,
            by=st.none() | NAMES,
            settled=st.booleans(),
        ),
        min_size=1,
    )
)
def test_occurrences(occurrences: list[Occurrence]) -> None:
    """Rule O6: fire times that were skipped or moved come back with all that was said about them."""
    plain = through_json(states.occurrences_to_plain(occurrences))
    assert tuple(occurrences) == states.occurrences_from_plain(plain)


@pytest.mark.parametrize(
    "selector",
    [
        Selector(ids={"a", "b"}),
        Selector(group="a", tags=["b", "c"], task_id="d"),
        Selector(everything=True),
    ],
)
def test_holds(selector: Selector) -> None:
    """Rule H2: a hold comes back with its selector and its pause."""
    hold = Hold(selector, Pause(NOW, reason="deploy", hold=selector.name))
    assert hold == states.placed_from_plain(through_json(states.placed_to_plain(hold)))


@pytest.mark.parametrize(
    "window",
    [
        Window(id="w", mode="skip", trigger=IntervalTrigger(hours=1), duration=60, since=NOW, reason="why", by="me"),
        Window(
            id="w", mode="defer", dates=((NOW, NOW + HOUR), (NOW + 2 * HOUR, NOW + 3 * HOUR)), since=NOW,
            covers_from=NOW + HOUR, until=NOW + 3 * HOUR,
        ),
    ],
)  # fmt: skip
def test_windows(window: Window) -> None:
    """Rule W1: a window comes back as it was, with its selector where it is placed."""
    placed = PlacedWindow(Selector(tags={"a"}), window)
    assert placed == states.placed_from_plain(through_json(states.placed_to_plain(placed)))
    assert (window,) == states.windows_from_plain(through_json(states.windows_to_plain([window])))


def test_a_window_whose_trigger_is_unknown() -> None:
    """Rule S2: a window with a trigger of an unknown type is read, tells so, and is written back as it was."""
    plain = states.placed_to_plain(
        PlacedWindow(
            Selector(everything=True),
            Window(id="w", mode="skip", trigger=IntervalTrigger(hours=1), duration=60, since=NOW),
        )
    )
    plain["window"]["trigger"] = {"$": "somebody.else", "v": [1, {"x": 2}]}
    found = states.placed_from_plain(plain)
    assert isinstance(found, PlacedWindow)
    assert isinstance(found.window.trigger, UndecodableTrigger)
    with pytest.raises(TriggerError, match=r"somebody\.else"):
        found.window.trigger.next_fire_time(NOW, anchor=NOW)
    assert plain == states.placed_to_plain(found)


def test_every_field_is_kept() -> None:
    """A field that is added to a record is stored without anybody having to think of it."""
    apart = {"func_or_task_id", "id", "args", "kwargs", "metadata"}
    schedule = Schedule(
        "task", IntervalTrigger(seconds=1), id="x", misfire_grace_time=1, job_executor="x", owner="x"
    )
    assert {field.name for field in attrs.fields(Schedule)} - apart == (
        configs.schedule_to_plain(schedule).keys() - {"version"}
    )
    options = TaskOptions(
        job_executor="x", max_running_jobs=1, misfire_grace_time=1, on_abandon="fail", max_attempts=1
    )
    assert {field.name for field in attrs.fields(TaskOptions)} - apart == (
        configs.options_to_plain(options).keys() - {"version"}
    )


BACKFILL = Backfill(
    id=UUID(int=1), schedule_id="id", start=NOW, end=NOW, trigger=IntervalTrigger(seconds=1), anchor=NOW,
    left=((NOW, NOW),), taken=((NOW, NOW),), since=NOW, finished_at=NOW, error="no", reason="why", by="me",
)  # fmt: skip

READERS: list[tuple[Callable[[object], object], object]] = [
    (
        lambda plain: configs.schedule_from_plain(plain, "id", "task"),
        configs.schedule_to_plain(Schedule("task", IntervalTrigger(seconds=1), id="id", owner="x")),
    ),
    (configs.options_from_plain, configs.options_to_plain(TaskOptions(max_attempts=1))),
    (states.pause_from_plain, states.pause_to_plain(Pause(NOW))),
    (
        lambda plain: states.occurrences_from_plain([plain]),
        states.occurrences_to_plain([Occurrence(fire_time=NOW, moved_to=NOW)])[0],
    ),
    (lambda plain: states.backfills_from_plain([plain]), states.backfills_to_plain([BACKFILL])[0]),
    (
        states.placed_from_plain,
        states.placed_to_plain(Hold(Selector(tags={"a"}), Pause(NOW, hold="x", kind="maintenance"))),
    ),
    (
        lambda plain: states.windows_from_plain([plain]),
        states.windows_to_plain([Window(id="w", mode="skip", dates=((NOW, NOW + HOUR),), since=NOW)])[0],
    ),
    (states.exception_from_plain, states.exception_to_plain(JobException("x", "y"))),
    (states.skips_from_plain, states.skips_to_plain({SkipReason.grace: 1})),
]


@pytest.mark.parametrize(("read", "plain"), READERS)
def test_damaged_records(read: Callable[[object], object], plain: dict[str, Any]) -> None:
    """A damaged record is an error of its own kind, whichever part is damaged, and however."""
    for damaged in (None, [], 1, "x", {}, {"version": 1, "nonsense": 1}, {"$": "tuple", "v": []}):
        with pytest.raises(DeserializationError):
            read(damaged)
    for key in plain:
        for value in ([], {}, {"$": "x"}, {"$": "uuid", "v": 1}, {"$": "float", "v": "nan"}):
            if value == plain[key]:
                continue
            with pytest.raises(DeserializationError):
                read({**plain, key: value})


@pytest.mark.parametrize(("read", "plain"), READERS)
def test_newer_versions(read: Callable[[object], object], plain: dict[str, Any]) -> None:
    """Rule S2: a record of a newer version is unknown, not damaged; a node that knows it can go on with it."""
    with pytest.raises(UnknownTypeError) as caught:
        read({**plain, "version": 2, "colour": "red"})
    assert 2 == caught.value.version
    for version in (0, -1, "1", None, True, 1.5):
        with pytest.raises(DeserializationError):
            read({**plain, "version": version})


@pytest.mark.parametrize(
    ("plain", "owner"),
    [
        ({"version": 9, "owner": "me"}, "me"),
        ({"owner": ""}, None),
        ({"owner": 1}, None),
        ({}, None),
        ([], None),
    ],
    ids=str,
)
def test_owners_in_what_cannot_be_read(plain: object, owner: str | None) -> None:
    """Rule S8: whose a configuration is can be told though nothing else can."""
    assert owner == configs.owner_in(plain)


def test_triggers_that_are_not_registered() -> None:
    """Rule N5: a trigger that could not be read back is refused, placeholders among them."""
    with pytest.raises(SerializationError, match=r"the trigger: .*UndecodableTrigger"):
        configs.schedule_to_plain(Schedule("task", UndecodableTrigger("damaged"), id="x"))
