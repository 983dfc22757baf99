"""Values of every kind that stored data may hold, and a comparison that forgives nothing."""

from __future__ import annotations

import dataclasses
import enum
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
from hypothesis import strategies as st

from anysched.wire.registry import TypeRegistry


class Color(enum.Enum):
    """Its values are of no interest to storage, its names are."""

    red = 1
    green = (2, "x")


class Level(enum.IntEnum):
    """An int that is not one."""

    low = 1
    high = 2**70


class Mode(enum.StrEnum):
    """A str that is not one."""

    fast = "fast"


class Access(enum.Flag):
    """Members that combine."""

    read = enum.auto()
    write = enum.auto()
    run = enum.auto()


@attrs.frozen
class Invoice:
    """An attrs class with an alias, a default and a field that is no argument."""

    number: Any
    _note: Any = None
    lines: Any = attrs.field(factory=tuple, kw_only=True)
    cached: int = attrs.field(init=False, default=0)


@dataclasses.dataclass
class Point:
    """A dataclass."""

    y: Any
    x: Any = 0


class Pair(NamedTuple):
    """A tuple that is not one."""

    left: Any
    right: Any


class Temperature:
    """A class that says itself what it consists of."""

    def __init__(self, kelvin: Any) -> None:
        self.kelvin = kelvin

    def __anysched_fields__(self) -> dict[str, Any]:
        return {"k": self.kelvin}

    @classmethod
    def __anysched_build__(cls, fields: dict[str, Any]) -> Temperature:
        return cls(fields["k"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Temperature) and same(self.kelvin, other.kelvin)

    def __hash__(self) -> int:
        return 0


REGISTRY = TypeRegistry([Color, Level, Mode, Access, Invoice, Point, Pair, Temperature])


def _combined(members: list[Access]) -> Access:
    whole = Access(0)
    for member in members:
        whole |= member
    return whole


offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23))
zones = st.one_of(
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Etc/GMT+5", "Australia/Lord_Howe"]).map(
        ZoneInfo
    ),
    st.just(UTC),
    st.builds(timezone, offsets),
    st.builds(timezone, offsets, st.text(max_size=5)),
)
folds = st.integers(0, 1)
datetimes = st.builds(
    lambda moment, zone, fold: moment.replace(tzinfo=zone, fold=fold),
    st.datetimes(),
    st.none() | zones,
    folds,
)
times = st.builds(
    lambda moment, zone, fold: moment.replace(tzinfo=zone, fold=fold), st.times(), st.none() | zones, folds
)
texts = (
    st.text() | st.text(st.characters(categories=("Cs", "Ll")), max_size=5) | st.sampled_from(["$", "v", ""])
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**80), 2**80),
    st.floats(),
    texts,
    st.binary(max_size=20),
    datetimes,
    st.dates(),
    times,
    st.timedeltas(),
    st.uuids(),
    st.decimals(),
    zones,
    st.sampled_from([(Color, "red"), (Color, "green"), (Level, "low"), (Level, "high"), (Mode, "fast")]).map(
        lambda member: member[0][member[1]]
    ),
    st.lists(st.sampled_from(list(Access))).map(_combined),
)


def _is_signalling(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_snan()  # has no hash


hashable = leaves.filter(lambda value: not _is_signalling(value))
hashable = hashable | st.tuples(hashable, hashable) | st.frozensets(hashable, max_size=3)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(texts, inner, max_size=4),
        st.dictionaries(hashable, inner, max_size=4),
        st.sets(hashable, max_size=4),
        st.frozensets(hashable, max_size=4),
        st.builds(Invoice, inner, inner, lines=inner),
        st.builds(Point, inner, inner),
        st.builds(Pair, inner, inner),
        st.builds(Temperature, inner),
    )


values = st.recursive(leaves, _containers, max_leaves=12)


def same(a: Any, b: Any) -> bool:
    """Return whether two values are of the same types and equal, in order, fold, zone, sign and nan."""
    if type(a) is not type(b):
        return False
    match a:
        case float():
            return (math.isnan(a) and math.isnan(b)) or (
                a == b and math.copysign(1, a) == math.copysign(1, b)
            )
        case Decimal():
            return str(a) == str(b)
        case datetime() | time():
            wall = a.replace(tzinfo=None) == b.replace(tzinfo=None)
            return wall and a.fold == b.fold and same(a.tzinfo, b.tzinfo)
        case timezone():
            return a == b and a.tzname(None) == b.tzname(None)
        case list() | tuple():
            return len(a) == len(b) and all(map(same, a, b))
        case dict():
            return same(list(a.items()), list(b.items()))
        case set() | frozenset():
            rest = list(b)
            for item in a:
                found = next((index for index, other in enumerate(rest) if same(item, other)), None)
                if found is None:
                    return False
                del rest[found]
            return not rest
        case Invoice():
            return same([a.number, a._note, a.lines], [b.number, b._note, b.lines])
        case Point():
            return same([a.x, a.y], [b.x, b.y])
        case _:
            return bool(a == b)


#: What each kind looks like in a store: a form that may never change.
EXAMPLES: dict[str, tuple[Any, Any]] = {
    "none": (None, None),
    "text": ("käse", "käse"),
    "number": (1.5, 1.5),
    "great number": (2**64, {"$": "int", "v": "0x10000000000000000"}),
    "not a number": (math.inf, {"$": "float", "v": "inf"}),
    "lone surrogate": ("\ud83d", {"$": "str", "v": "eda0bd"}),
    "list": ([1, [2]], [1, [2]]),
    "tuple": ((1, (2,)), {"$": "tuple", "v": [1, {"$": "tuple", "v": [2]}]}),
    "set": ({"b", "a"}, {"$": "set", "v": ["a", "b"]}),
    "frozen set": (frozenset([1]), {"$": "frozenset", "v": [1]}),
    "dict": ({"b": 1, "a": [2]}, {"b": 1, "a": [2]}),
    "odd keys": ({1: 2, (3,): 4}, {"$": "dict", "v": [[1, 2], [{"$": "tuple", "v": [3]}, 4]]}),
    "key like a tag": ({"$": "int"}, {"$": "dict", "v": [["$", "int"]]}),
    "bytes": (b"\x00\xff", {"$": "bytes", "v": "AP8="}),
    "naive": (datetime(2026, 3, 1, 9), {"$": "datetime", "v": "2026-03-01T09:00:00"}),
    "utc": (
        datetime(2026, 3, 1, 9, tzinfo=UTC),
        {"$": "datetime", "v": "2026-03-01T09:00:00+00:00"},
    ),
    "zoned": (
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        {"$": "datetime", "v": ["2026-10-25T02:30:00", 1, {"$": "zone", "v": "Europe/Berlin"}]},
    ),
    "date": (date(2026, 3, 1), {"$": "date", "v": "2026-03-01"}),
    "time": (time(9, 30), {"$": "time", "v": "09:30:00"}),
    "zone": (ZoneInfo("Etc/GMT+5"), {"$": "zone", "v": "Etc/GMT+5"}),
    "timedelta": (timedelta(days=-1, microseconds=5), {"$": "timedelta", "v": [-1, 0, 5]}),
    "fixed offset": (
        timezone(timedelta(hours=1), "X"),
        {"$": "timezone", "v": [3_600_000_000, "X"]},
    ),
    "uuid": (UUID(int=1), {"$": "uuid", "v": "00000000-0000-0000-0000-000000000001"}),
    "decimal": (Decimal("1.10"), {"$": "decimal", "v": "1.10"}),
    "enum": (Color.green, {"$": f"{__name__}:Color@1", "v": "green"}),
    "flag": (Access.read | Access.run, {"$": f"{__name__}:Access@1", "v": ["read", "run"]}),
    "dataclass": (
        Point(y=1, x=(2,)),
        {"$": f"{__name__}:Point@1", "v": {"x": {"$": "tuple", "v": [2]}, "y": 1}},
    ),
    "attrs": (
        Invoice(7, "n"),
        {"$": f"{__name__}:Invoice@1", "v": {"lines": {"$": "tuple", "v": []}, "note": "n", "number": 7}},
    ),
}
