"""Values as plain data, and back."""

from __future__ import annotations

import contextlib
import json
import sys
from collections import OrderedDict, namedtuple
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.wire.strategies import (
    EXAMPLES,
    REGISTRY,
    Access,
    Color,
    Invoice,
    Point,
    Temperature,
    same,
    values,
)

from anysched.errors import DeserializationError, SerializationError, UnknownTypeError
from anysched.wire.registry import TypeRegistry
from anysched.wire.values import MAX_DEPTH, from_plain, to_plain


@settings(max_examples=500)
@given(values)
def test_round_trip(value: Any) -> None:
    """Rule N5: what is written comes back equal and of the same types, through JSON too."""
    plain = to_plain(value, REGISTRY)
    text = json.dumps(plain, allow_nan=False)
    assert same(value, from_plain(plain, REGISTRY))
    assert same(value, from_plain(json.loads(text), REGISTRY))
    text.encode()


@pytest.mark.parametrize(("value", "plain"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_the_form_is_fixed(value: Any, plain: Any) -> None:
    """What was stored by this version can be read by every later one: the form does not change."""
    assert plain == to_plain(value, REGISTRY)
    assert list(plain) == list(to_plain(value, REGISTRY)) if isinstance(plain, dict) else True
    assert same(value, from_plain(plain, REGISTRY))


@given(st.lists(st.text(max_size=1) | st.sampled_from([0, 8, 16, 24]) | st.binary(max_size=1), unique=True))
def test_equal_sets_are_written_alike(items: list[Any]) -> None:
    """Rule S1: an unchanged trigger is recognized by what is written, so sets have one order."""
    items_reversed = list(reversed(items))
    assert to_plain(set(items)) == to_plain(set(items_reversed))


class Unregistered:
    """Nobody registered this."""


class Text(str):
    """A str that is not one."""

    __slots__ = ()


Named = namedtuple("Named", "a b")


class HomeMadeZone(tzinfo):
    """A zone that cannot be looked up by name."""


@pytest.mark.parametrize(
    ("value", "where", "what"),
    [
        (Unregistered(), "value", "Unregistered"),
        ([{"x": Unregistered()}], "value[0]['x']", "Unregistered"),
        ((1, {2: Unregistered}), "value[1][2]", "builtins.type"),
        ({(Unregistered(),): 1}, "value.key((", "Unregistered"),
        ({"a": {Unregistered()}}, "value['a']{...}", "Unregistered"),
        (Invoice(1, lines=[object()]), "value.lines[0]", "builtins.object"),
        ([Text("x")], "value[0]", "Text"),
        ({Text("x"): 1}, "value.key('x')", "Text"),
        ([Named(1, 2)], "value[0]", "Named"),
        (OrderedDict(a=1), "value", "OrderedDict"),
        (bytearray(b"x"), "value", "bytearray"),
        (1j, "value", "complex"),
        (lambda: None, "value", "function"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_written_is_named(value: Any, where: str, what: str) -> None:
    """The error says which type it is, where in the value it sits, and what to do."""
    with pytest.raises(SerializationError) as caught:
        to_plain(value, REGISTRY)
    message = str(caught.value)
    assert message.startswith(f"cannot serialize {where}")
    assert what in message
    assert "@register_type()" in message


def test_the_caller_names_the_root() -> None:
    """An error about arguments says so."""
    with pytest.raises(SerializationError, match=r"cannot serialize args\[0\]\['x'\]: "):
        to_plain([{"x": object()}], where="args")


def test_zones_without_a_name_are_refused() -> None:
    """Rule T1: a zone is stored by its name; one that has none is refused with the remedy."""
    with pytest.raises(SerializationError, match=r"value\.tzinfo.*HomeMadeZone.*zoneinfo\.ZoneInfo"):
        to_plain(datetime(2026, 1, 1, tzinfo=HomeMadeZone()))
    with open(f"{_zone_directory()}/UTC", "rb") as file:
        unnamed = ZoneInfo.from_file(file)
    with pytest.raises(SerializationError, match="no name"):
        to_plain([unnamed])


def _zone_directory() -> str:
    import tzdata

    return f"{tzdata.__path__[0]}/zoneinfo"


def nested(depth: int) -> Any:
    """Return a list in a list in a list ..."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    "leaf", [b"x", datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")), Color.red, (), 1], ids=repr
)
def test_depth_is_limited(leaf: Any) -> None:
    """Nesting has one limit for writing and reading; beyond it there is an error, never a RecursionError."""
    deepest = leaf
    for _ in range(MAX_DEPTH - 1):
        deepest = [deepest]
    assert deepest == from_plain(to_plain(deepest, REGISTRY), REGISTRY)
    with pytest.raises(SerializationError, match="100 levels"):
        to_plain(nested(MAX_DEPTH + 1))
    with pytest.raises(SerializationError, match="100 levels"):
        to_plain(nested(100_000))
    with pytest.raises(DeserializationError, match="100 levels"):
        from_plain(nested(100_000))


def test_a_full_stack_is_no_recursion_error() -> None:
    """Even where the caller has used up the stack, the errors are those that callers expect."""
    plain = to_plain(nested(MAX_DEPTH))

    def deep(levels: int, call: Any, value: Any) -> Any:
        return deep(levels - 1, call, value) if levels else call(value)

    room = sys.getrecursionlimit() - 150
    with pytest.raises(SerializationError, match="stack"):
        deep(room, to_plain, nested(MAX_DEPTH))
    with pytest.raises(DeserializationError, match="stack"):
        deep(room, from_plain, plain)


def test_cycles_are_refused() -> None:
    """A value that contains itself is refused at once, however often it does."""
    value: list[Any] = []
    value.extend([value, value])
    with pytest.raises(SerializationError, match=r"value\[0\]: it contains itself"):
        to_plain(value)
    point = Point(1)
    point.x = {"p": point}
    with pytest.raises(SerializationError, match=r"value\.x\['p'\]: it contains itself"):
        to_plain(point, REGISTRY)
    shared = [1]
    assert [[1], [1]] == to_plain([shared, shared])


def test_a_failing_class_is_named() -> None:
    """What a user's class raises becomes an error that names the class, with the cause attached."""
    with pytest.raises(
        SerializationError, match=r"value\[0\]: taking Temperature apart failed: AttributeError"
    ) as caught:
        to_plain([Temperature.__new__(Temperature)], REGISTRY)
    assert isinstance(caught.value.__cause__, AttributeError)
    with pytest.raises(DeserializationError, match=r"Temperature@1: KeyError"):
        from_plain({"$": "tests.unit.wire.strategies:Temperature@1", "v": {}}, REGISTRY)


def test_fields_may_have_any_names() -> None:
    """A class that takes itself apart is free in the names of its fields."""

    @attrs.frozen
    class Free:
        data: dict[Any, Any]

        def __anysched_fields__(self) -> dict[Any, Any]:
            return self.data

        @classmethod
        def __anysched_build__(cls, fields: dict[Any, Any]) -> Free:
            return cls(fields)

    registry = TypeRegistry()
    registry.register(Free, "free")
    for data in ({"$": "int", "v": "0x1"}, {1: 2}, {"\ud800": 1}, {}):
        assert Free(data) == from_plain(to_plain(Free(data), registry), registry)


TAGS = sorted(REGISTRY.known | {plain["$"] for _, plain in EXAMPLES.values() if "$" in repr(plain)})
plain_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.sampled_from(["red", "read", "0x1", "2026-01-01", "Europe", "../x", "-", "", ".", "nan"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["$", "v", "x", "y", "k", "number"]) | st.integers(), inner, max_size=3
        ),
        st.fixed_dictionaries(
            {
                "$": st.sampled_from(TAGS) | inner,
                "v": inner,
            }
        ),
    ),
    max_leaves=10,
)


@settings(max_examples=500)
@given(plain_like)
def test_garbage_is_refused_or_read(data: Any) -> None:
    """Rule N5: whatever is stored, reading it gives a value or a DeserializationError, and nothing else."""
    with contextlib.suppress(DeserializationError):
        from_plain(data, REGISTRY)


@pytest.mark.parametrize(
    "data",
    [
        {"$": "int"},
        {"$": "int", "v": "0x1", "x": 1},
        {"$": "int", "x": "0x1"},
        {"$": 1, "v": 1},
        {"$": "int", "v": 1},
        {"$": "float", "v": "1.5"},
        {"$": "tuple", "v": "abc"},
        {"$": "set", "v": [[]]},
        {"$": "dict", "v": [[1]]},
        {"$": "dict", "v": [[[], 1]]},
        {"$": "bytes", "v": "*"},
        {"$": "datetime", "v": "yesterday"},
        {"$": "datetime", "v": ["2026-01-01T00:00:00", 2, None]},
        {"$": "datetime", "v": ["2026-01-01T00:00:00", 0, "UTC"]},
        {"$": "timedelta", "v": [10**12, 0, 0]},
        {"$": "zone", "v": "Nowhere/Land"},
        {"$": "zone", "v": "../../etc/passwd"},
        {"$": "zone", "v": "Europe"},
        {"$": "zone", "v": "this.that"},
        {"$": "timezone", "v": [10**12, None]},
        {"$": "tests.unit.wire.strategies:Color@1", "v": "blue"},
        {"$": "tests.unit.wire.strategies:Access@1", "v": ["fly"]},
        {"$": "tests.unit.wire.strategies:Point@1", "v": {"z": 1}},
        {"$": "tests.unit.wire.strategies:Point@1", "v": [1]},
        {1: 2},
        (1,),
        b"x",
        pytest.param(object(), id="object"),
        [{"x": datetime(2026, 1, 1)}],
    ],
    ids=repr,
)
def test_damage_is_refused(data: Any) -> None:
    """Damaged data is refused, also where a lenient reader could make something of it."""
    with pytest.raises(DeserializationError) as caught:
        from_plain(data, REGISTRY)
    assert not isinstance(caught.value, UnknownTypeError)


@pytest.mark.parametrize(
    ("tag", "name", "version"),
    [
        ("os:system@1", "os:system", 1),
        ("tests.unit.wire.strategies:Color@2", "tests.unit.wire.strategies:Color", 2),
        ("builtins:eval", "builtins:eval", None),
        ("x@y", "x@y", None),
        ("@", "@", None),
        ("x@" + "9" * 5000, "x@" + "9" * 5000, None),
        ("", "", None),
    ],
    ids=["class", "version", "no version", "odd version", "at", "long", "empty"],
)
def test_unknown_types_are_not_looked_up(tag: str, name: str, version: int | None) -> None:
    """Rule N5: a name that is not registered is never imported; the error says which it is."""
    with pytest.raises(UnknownTypeError) as caught:
        from_plain([{"$": tag, "v": "true"}], REGISTRY)
    assert (name, version) == (caught.value.type_name, caught.value.version)


def test_names_of_types() -> None:
    """Rule S2: whether a node understands a stored trigger can be told without reading it."""
    named: set[str] = set()
    to_plain([Point(Color.red, {1: Access.read}), {"a@b": "c@d", "$": "e@f"}], REGISTRY, named=named)
    module = "tests.unit.wire.strategies"
    assert {f"{module}:Point@1", f"{module}:Color@1", f"{module}:Access@1"} == named
    assert named <= REGISTRY.known


class Address(pydantic.BaseModel):
    """A model with an alias and a nested model."""

    model_config = pydantic.ConfigDict(frozen=True)
    street: str = pydantic.Field(alias="Street")
    since: datetime | None = None
    tags: frozenset[str] = frozenset()
    inner: Address | None = None


class Numbers(pydantic.RootModel[list[int]]):
    """A model that is not made of fields."""


def test_pydantic_models() -> None:
    """Pydantic models are written by the names of their fields, and validated when read."""
    registry = TypeRegistry([Address, Numbers])
    address = Address(Street="A", tags=frozenset("xy"), since=datetime(2026, 1, 1), inner=Address(Street="B"))
    for value in (address, [Numbers([1, 2])], Numbers([])):
        assert value == from_plain(to_plain(value, registry), registry)
    plain = to_plain(address, registry)
    plain["v"]["since"] = "soon"
    with pytest.raises(DeserializationError, match="since"):
        from_plain(plain, registry)
