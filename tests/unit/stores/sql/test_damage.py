"""Rows that were damaged, or written by somebody who knows more: each harms itself only (rules S2 and J4)."""

from __future__ import annotations

import logging
from copy import copy
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest
from tests.unit.rules.support import Every, added
from tests.unit.stores.sql.support import Query

from anysched.errors import DeserializationError, SerializationError, TriggerError, UnknownTypeError
from anysched.model.backfill import Backfill
from anysched.model.convert import EMPTY_MAPPING
from anysched.model.policies import JobOutcome, ScheduleStatus
from anysched.model.schedule import Schedule
from anysched.model.state import ScheduleState
from anysched.model.task import TaskOptions
from anysched.model.trigger import UndecodableTrigger
from anysched.model.zone import ZoneData, ZoneRecord
from anysched.serializers import JSONSerializer
from anysched.stores import SQLDataStore
from anysched.stores.sql.columns import EPOCH
from anysched.stores.sql.configs import Configs
from anysched.stores.sql.payloads import Payloads
from anysched.stores.sql.states import States, moved, strange_in
from anysched.testing import FakeClock
from anysched.testing.store_suite.actors import Node, User, direct_job, every, seconds
from anysched.testing.store_suite.odd import PlainTrigger
from anysched.wire.registry import DEFAULT_REGISTRY, TypeRegistry

pytestmark = pytest.mark.anyio

DAMAGE = [
    "UPDATE anysched_configs SET configuration = '{'",
    "UPDATE anysched_configs SET configuration = 'null'",
    "UPDATE anysched_configs SET configuration = '{\"version\": 1}'",
    'UPDATE anysched_configs SET configuration = \'{"$": "x", "v": 1}\'',
    "UPDATE anysched_configs SET configuration = replace(configuration, 'latest', 'newest')",
    "UPDATE anysched_configs SET configuration = replace(configuration, 'max_catchup', 'min_catchup')",
    "UPDATE anysched_configs SET configuration = x'ff'",
    "UPDATE anysched_configs SET payload = x'ff'",
    "UPDATE anysched_configs SET payload = CAST('{\"args\": 1}' AS BLOB)",
    "UPDATE anysched_configs SET payload = CAST('{\"more\": 1}' AS BLOB)",
    "DELETE FROM anysched_configs",
    "UPDATE anysched_schedules SET incarnation = 'x' WHERE id = 'bad'",
    "UPDATE anysched_schedules SET revision = 'x' WHERE id = 'bad'",
    "UPDATE anysched_schedules SET anchor = 'x' WHERE id = 'bad'",
    "UPDATE anysched_schedules SET due_at = x'ff' WHERE id = 'bad'",
    "UPDATE anysched_schedules SET skipped = '{\"version\": 1, \"x\": 1}' WHERE id = 'bad'",
    'UPDATE anysched_schedules SET skipped = \'{"version": 1, "grace": "x"}\' WHERE id = \'bad\'',
    "UPDATE anysched_schedules SET occurrences = '[]' WHERE id = 'bad'",
    "UPDATE anysched_schedules SET occurrences = '[{\"version\": 1, \"fire_time\": 1}]' WHERE id = 'bad'",
    "UPDATE anysched_schedules SET waiting = '{}' WHERE id = 'bad'",
    "UPDATE anysched_schedules SET waiting = '{\"version\": 1, \"jobs\": [1]}' WHERE id = 'bad'",
    "UPDATE anysched_schedules SET pause = '{}' WHERE id = 'bad'",
    "UPDATE anysched_schedules SET pause = '{\"version\": 1, \"since\": 1}' WHERE id = 'bad'",
    'UPDATE anysched_schedules SET pause = \'{"version": 1, "queued": "x"}\' WHERE id = \'bad\'',
]


@pytest.fixture(autouse=True)
def read_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each row be read, as if another process had written it."""
    monkeypatch.setattr(Configs, "expect", lambda *_: None)


@pytest.mark.parametrize("statement", DAMAGE)
async def test_damaged_schedules(statement: str, store: SQLDataStore, clock: FakeClock, query: Query) -> None:
    """Rule S2: a damaged row becomes an error of its schedule, once; it can be read, paused, replaced and removed."""
    user, node = User(store), Node(store)
    await user.add(every(id="bad", args=(1,)))
    query(statement)
    await user.add(every(id="good"))
    snapshots = await user.schedules()
    assert [True, False] == [bool(snapshot.fault) for snapshot in snapshots]
    work = await node.work()
    assert ["good"] == [job.schedule_id for job in work.made]
    bad = await user.get("bad")
    assert ScheduleStatus.error is bad.status
    assert (
        "damaged" in str(bad.state.error)
        or "missing" in str(bad.state.error)
        or "JSON" in str(bad.state.error)
    )
    await user.pause("bad")
    assert (await user.get("bad")).paused
    await clock.advance(10)
    assert ["good"] == [change.schedule_id for change in (await node.work()).changes]
    await user.replace(every(id="bad"))
    assert None is (await user.get("bad")).fault
    await user.unpause("bad")
    await node.work()
    assert ScheduleStatus.active is (await user.get("bad")).status
    query(statement)
    await user.remove("bad", "good")
    assert ([], []) == (await user.schedules(), query("SELECT * FROM anysched_configs"))


@pytest.mark.parametrize("order", [("a bad", "b good"), ("b bad", "a good")])
async def test_damaged_tasks(order: tuple[str, str], store: SQLDataStore, query: Query) -> None:
    """Rule S2: a task id that is damaged harms its own schedule only, whichever of several is read first."""
    user, (bad, good) = User(store), order
    await user.add(every(id=bad), every(id=good))
    query("UPDATE anysched_schedules SET task_id = '' WHERE id = ?", bad)
    for _ in range(2):
        faults = {snapshot.id: snapshot.fault or "" for snapshot in await user.schedules()}
        assert ("task id is damaged" in faults[bad], "") == (True, faults[good])
    assert [good] == [job.schedule_id for job in (await Node(store).work()).made]
    await user.pause(bad)
    await user.replace(every(id=bad))
    assert None is (await user.get(bad)).fault
    query("UPDATE anysched_schedules SET task_id = '' WHERE id = ?", bad)
    await user.remove(bad)


@attrs.define
class Changing:
    """A trigger that does not keep to rule T2."""

    seconds: float = attrs.field(converter=float)

    def next_fire_time(self, after: datetime, *, anchor: datetime, key: str = "") -> datetime | None:
        return after + timedelta(seconds=self.seconds)


def test_a_trigger_that_has_changed() -> None:
    """Rule T2: a trigger that is changed in spite of the rule is stored as it is at each addition."""
    configs = Configs(Payloads(JSONSerializer()), TypeRegistry([Changing], parent=DEFAULT_REGISTRY))
    trigger = Changing(5)
    before = configs.encode(Schedule("task", trigger, id="x")).text
    trigger.seconds = 7
    after = configs.encode(Schedule("task", trigger, id="y")).text
    assert before.replace("5.0", "7.0") == after != before


def test_without_keyword_arguments() -> None:
    """What most schedules do not have takes no room in those that are read."""
    payloads = Payloads(JSONSerializer())
    loaded = payloads.load(payloads.dump((1,), {}, {}, "it"))
    assert ((1,), True, True) == (
        loaded.args,
        loaded.kwargs is EMPTY_MAPPING,
        loaded.metadata is EMPTY_MAPPING,
    )


def test_what_a_schedule_has_that_fired() -> None:
    """Rule S4: where any part of a state is another one, that is written, whatever a state consists of."""
    old = added(Every()).state
    old = attrs.evolve(old, last_fire_time=old.anchor)
    for field in attrs.fields(ScheduleState):
        value: Any = getattr(old, field.name)
        other: Any = object()
        if isinstance(value, datetime):
            other = value + timedelta(seconds=1)
        elif isinstance(value, int):
            other = not value if isinstance(value, bool) else value + 1
        new = copy(old)
        object.__setattr__(new, field.name, other)
        assert moved(old, old) != moved(old, new), field.name


async def test_placeholders(store: SQLDataStore, query: Query) -> None:
    """Rule S2: what cannot be read has a placeholder, the rest is there."""
    user = User(store)
    await user.add(every(args=(1,), metadata={"of": "me"}))
    query("UPDATE anysched_configs SET configuration = '{'")
    snapshot = await user.get()
    assert isinstance(snapshot.trigger, UndecodableTrigger)
    assert ("task", (1,), {"of": "me"}) == (
        snapshot.task_id,
        snapshot.schedule.args,
        snapshot.schedule.metadata,
    )
    with pytest.raises(TriggerError, match="damaged"):
        snapshot.trigger.next_fire_time(snapshot.state.anchor, anchor=snapshot.state.anchor)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE anysched_jobs SET payload = x'ff' WHERE id = ?",
        "UPDATE anysched_jobs SET kind = 'x' WHERE id = ?",
        "UPDATE anysched_jobs SET created_at = 'x' WHERE id = ?",
        "UPDATE anysched_jobs SET incarnation = 'x' WHERE id = ?",
        "UPDATE anysched_jobs SET result_expiration = x'ff' WHERE id = ?",
        "UPDATE anysched_jobs SET start_deadline = 'x' WHERE id = ?",
    ],
)
async def test_damaged_jobs(statement: str, store: SQLDataStore, clock: FakeClock, query: Query) -> None:
    """Rule J4: a damaged job is taken with the reason, can be looked at, and can end."""
    jobs = [direct_job(clock.now(), args=(number,)) for number in range(2)]
    await store.add_jobs(jobs)
    query(statement, jobs[0].id.hex)
    assert [job.id for job in jobs] == [job.id for job in await User(store).jobs()]
    node = Node(store)
    claims = (await node.work()).claims
    assert {jobs[0].id: True, jobs[1].id: False} == {claim.job.id: bool(claim.fault) for claim in claims}
    await store.give_back(node.name, claims, attempted=True)
    assert [True, True] == await node.complete(*(await node.work()).claims)


async def test_damaged_results(store: SQLDataStore, clock: FakeClock, query: Query) -> None:
    """A result that cannot be read is an error of whoever asks for it."""
    node = Node(store)
    await store.add_jobs([direct_job(clock.now(), result_expiration_time=seconds(60))])
    claim = await node.claim_one()
    await node.complete(claim, value=[1])
    for column, value in (
        ("return_value", b"\xff"),
        ("outcome", "x"),
        ("exception", "{}"),
        ("finished_at", "x"),
    ):
        ((before,),) = query(f"SELECT {column} FROM anysched_results")
        query(f"UPDATE anysched_results SET {column} = ?", value)
        with pytest.raises(DeserializationError):
            await store.get_result(claim.job.id)
        query(f"UPDATE anysched_results SET {column} = ?", before)
    result = await store.get_result(claim.job.id)
    assert result is not None
    assert [1] == result.return_value


async def test_options_that_cannot_be_read(
    store: SQLDataStore, query: Query, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule S2: options that cannot be read count as not set, are logged, and are not lost by writing others."""
    caplog.set_level(logging.WARNING)
    await store.configure_task("a\nb", TaskOptions(max_attempts=2, metadata={"x": 1}))
    await store.declare_tasks({"c": TaskOptions(max_attempts=7)})
    query(
        'UPDATE anysched_tasks SET configured_metadata = CAST(\'{"$":"x@1","v":1}\' AS BLOB) WHERE id <> \'c\''
    )
    query("UPDATE anysched_tasks SET declared = '{' WHERE id = 'c'")
    await store.declare_tasks({"d": TaskOptions()})
    tasks = {task.id: task for task in await store.get_tasks()}
    assert TaskOptions(max_attempts=2) == tasks["a\nb"].configured
    assert TaskOptions() == tasks["c"].declared
    assert 2 == len(caplog.records)
    assert all("\n" not in record.getMessage() for record in caplog.records)
    await store.configure_task("a\nb", TaskOptions(max_attempts=3))
    assert (
        b'{"$":"x@1","v":1}' == query("SELECT configured_metadata FROM anysched_tasks WHERE id <> 'c'")[0][0]
    )


@attrs.frozen
class Parcel:
    """A type that only some know."""

    weight: int


async def test_windows_of_an_unknown_type(path: Any, clock: FakeClock) -> None:
    """Rules S2, W1 and W5: a schedule in a window that is unknown here is left to others, until that has gone."""
    known = TypeRegistry(parent=DEFAULT_REGISTRY)
    known.register(Slow, "a slow one")
    knowing, store = SQLDataStore(f"sqlite:///{path}"), SQLDataStore(f"sqlite:///{path}")
    knowing._holds._registry = known
    knowing._schedules._states = States(known)
    for one in (knowing, store):
        await one.open(clock)
    user, node = User(store), Node(store)
    await user.add(every(id="a"), every(id="b"))
    await User(knowing).window("w", ids={"a"}, trigger=Slow(60), duration=seconds(5))
    await clock.advance(10)
    work = await node.work()
    assert (["b"], ["a"]) == ([job.schedule_id for job in work.made], [id for id, _ in work.unknown])
    assert [] == (await node.work()).unknown
    (placed,) = await store.get_windows()
    assert isinstance(placed.window.trigger, UndecodableTrigger)
    with pytest.raises(DeserializationError, match="a slow one"):
        await user.remove_window("w")
    with pytest.raises(TriggerError, match="a slow one"):
        await user.replace(every(id="a", group="x"))
    assert [placed] == await store.get_windows()
    await User(knowing).remove_window("w")
    await node.work()  # finds that it is another state
    assert ["a"] == [job.schedule_id for job in (await node.work()).made]
    await knowing.close()
    await store.close()


async def test_arguments_of_an_unknown_type(path: Any, clock: FakeClock, store: SQLDataStore) -> None:
    """Rules S2 and N5: a schedule whose arguments this node does not know is left to nodes that do, and told once."""
    knowing = SQLDataStore(f"sqlite:///{path}", types=[Parcel])
    await knowing.open(clock)
    with pytest.raises(SerializationError, match=r"schedule 'parcel'.*Parcel"):
        await User(store).add(every(id="parcel", args=(Parcel(1),)))
    await User(knowing).add(every(id="parcel", args=(Parcel(1),)), every(id="plain"))
    node = Node(store)
    work = await node.work()
    assert ["plain"] == [job.schedule_id for job in work.made]
    assert [("parcel", f"type '{__name__}:Parcel' in version 1")] == work.unknown
    assert clock.now() + seconds(10) == work.next_wake
    assert [] == (await node.work()).unknown
    snapshot = await User(store).get("parcel")
    assert "Parcel" in str(snapshot.fault)
    claims = (await Node(knowing, "node b").work()).claims
    assert [(Parcel(1),)] == [claim.job.args for claim in claims]
    await knowing.close()


async def test_a_type_that_becomes_known(
    path: Any, clock: FakeClock, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule S2: schedules of a type are fired once it is registered, without a restart."""
    registry = TypeRegistry(parent=DEFAULT_REGISTRY)
    monkeypatch.setattr("anysched.stores.sql.store.DEFAULT_REGISTRY", registry)
    store = SQLDataStore(f"sqlite:///{path}")
    await store.open(clock)
    registry.register(Parcel, "a parcel")
    await User(store).add(every(args=(Parcel(1),)))
    other = SQLDataStore(f"sqlite:///{path}")
    await other.open(clock)
    registry._by_tag.clear()
    assert [("schedule", "type 'a parcel' in version 1")] == (await Node(other).work()).unknown
    registry._by_class.clear()
    registry.register(Parcel, "a parcel")
    assert [(Parcel(1),)] == [claim.job.args for claim in (await Node(other).work()).claims]
    await store.close()
    await other.close()


async def test_results_of_an_unknown_type(path: Any, clock: FakeClock, store: SQLDataStore) -> None:
    """Rules J4 and N5: a value that cannot be written is the job's error; one that is unknown is the reader's."""
    knowing = SQLDataStore(f"sqlite:///{path}", types=[Parcel])
    await knowing.open(clock)
    await store.add_jobs([direct_job(clock.now(), result_expiration_time=timedelta.max) for _ in range(2)])
    first, second = (await Node(store).work()).claims
    assert [True] == await Node(store).complete(first, value=Parcel(1))
    result = await store.get_result(first.job.id)
    assert result is not None
    assert (JobOutcome.error, None) == (result.outcome, result.return_value)
    assert result.exception is not None
    assert ("SerializationError", True) == (result.exception.type, "Parcel" in result.exception.message)
    assert [True] == await Node(knowing).complete(second, value=Parcel(2))
    with pytest.raises(UnknownTypeError, match="Parcel"):
        await store.get_result(second.job.id)
    result = await knowing.get_result(second.job.id)
    assert result is not None
    assert Parcel(2) == result.return_value
    await knowing.close()


class Moody:
    """A serializer that does not keep to the rules."""

    name = "moody"

    def dumps(self, value: object) -> bytes:
        if "fail" in str(value):
            raise ZeroDivisionError
        return b"x"

    def loads(self, data: bytes) -> Any:
        raise ZeroDivisionError


async def test_a_serializer_that_breaks_the_rules(clock: FakeClock) -> None:
    """Rule S2: whatever a serializer raises, it is an error of what it was given."""
    store = SQLDataStore("sqlite://", serializer=Moody())
    await store.open(clock)
    with pytest.raises(SerializationError, match="schedule 'schedule': ZeroDivisionError"):
        await User(store).add(every(args=("fail",)))
    await User(store).add(every(args=(1,)))
    await Node(store).work()
    assert ScheduleStatus.error is (await User(store).get()).status
    await store.close()


@attrs.frozen
class Slow(PlainTrigger):
    """A trigger that only some know."""


async def test_triggers_of_an_unknown_type(path: Any, clock: FakeClock, store: SQLDataStore) -> None:
    """Rule S2: a type of trigger that is unknown here is met once, however many schedules have it; each is told of."""
    registry = TypeRegistry(parent=DEFAULT_REGISTRY)
    registry.register(Slow, "a slow one")
    knowing = SQLDataStore(f"sqlite:///{path}")
    knowing._schedules.configs._registry = registry
    await knowing.open(clock)
    foreign = [Schedule("task", Slow(5), id=f"slow {number}") for number in range(5)]
    await User(knowing).add(*foreign, every(id="z plain"))
    first = await Node(store).advance(plan_limit=1)
    assert ([], True) == ([job for change in first.changes for job in change.jobs], first.more)
    second = await Node(store).advance(plan_limit=1)
    assert (["z plain"], False) == ([change.schedule_id for change in second.changes], second.more)
    told = [*first.unknown, *second.unknown]
    assert {(one.id, "type 'a slow one' in version 1") for one in foreign} == set(told)
    assert 5 == len(told)
    await User(store).pause("slow 1")
    assert 4 == len((await Node(knowing, "node b").work()).made)
    await knowing.close()


def test_whose_trigger_matters() -> None:
    """Rules S2 and F3: a schedule is left to others while its backfill has jobs to make by a trigger unknown here."""
    trigger = UndecodableTrigger("type 'x' is not known here", '"x"')
    under_way = Backfill(
        id=UUID(int=1), schedule_id="s", start=EPOCH, end=EPOCH, trigger=trigger, anchor=EPOCH, since=EPOCH,
        left=((EPOCH, EPOCH),),
    )  # fmt: skip
    state = ScheduleState(
        incarnation=UUID(int=1),
        revision=1,
        anchor=EPOCH,
        next_fire_time=EPOCH,
        due_at=EPOCH,
        backfills=(under_way,),
    )
    assert trigger.reason == strange_in(state)
    over = attrs.evolve(under_way, left=(), status="cancelled")
    assert strange_in(attrs.evolve(state, backfills=(over,))) is None


async def test_time_zones_that_cannot_be_read(
    store: SQLDataStore, query: Query, caplog: pytest.LogCaptureFixture
) -> None:
    """Rules T12 and N9: what is damaged of a zone is left out, and written anew; what a later version wrote stays."""
    records = [ZoneRecord(data=ZoneData(name=name, version=None, offsets=((0, 0),))) for name in "abc"]
    await store.transact_zones(lambda _, __: records)
    query("UPDATE anysched_zones SET record = '{\"version\": 1}' WHERE name = 'a'")
    query("UPDATE anysched_zones SET record = '{\"version\": 2}' WHERE name = 'b'")
    assert {"c"} == (await store.get_zones()).keys()
    (warning,) = caplog.records
    assert "the time zone a cannot be read" in warning.getMessage()
    assert {"a", "c"} == (await store.transact_zones(lambda _, __: records)).keys()
    assert {"a", "c"} == (await store.get_zones()).keys()
    assert [('{"version": 2}',)] == query("SELECT record FROM anysched_zones WHERE name = 'b'")
