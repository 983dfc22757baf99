"""Values as bytes, and back."""

from __future__ import annotations

import contextlib
import logging
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.wire.strategies import REGISTRY, Point, same, values

from anysched.errors import DeserializationError, SerializationError, UnknownTypeError
from anysched.ports.serializer import Serializer
from anysched.serializers import CBORSerializer, JSONSerializer, PickleSerializer
from anysched.wire.registry import DEFAULT_REGISTRY
from anysched.wire.values import MAX_DEPTH

SAFE: list[Callable[[], Serializer]] = [
    lambda: JSONSerializer(registry=REGISTRY),
    lambda: CBORSerializer(registry=REGISTRY),
]
safe = pytest.mark.parametrize("make", SAFE, ids=["json", "cbor"])
every = pytest.mark.parametrize("make", [*SAFE, PickleSerializer], ids=["json", "cbor", "pickle"])


@every
@settings(max_examples=200)
@given(value=values)
def test_round_trip(make: Callable[[], Serializer], value: Any) -> None:
    """What was written comes back equal and of the same types, from every serializer."""
    serializer = make()
    data = serializer.dumps(value)
    assert isinstance(data, bytes)
    assert same(value, serializer.loads(data))


@safe
@settings(max_examples=300)
@given(data=st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
def test_any_bytes_are_refused_or_read(make: Callable[[], Serializer], data: bytes) -> None:
    """Rule N5: whatever the bytes are, reading them gives a value or a DeserializationError."""
    with contextlib.suppress(DeserializationError):
        make().loads(data)


@safe
@settings(max_examples=300)
@given(value=values, changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=3))
def test_damaged_bytes_are_refused_or_read(
    make: Callable[[], Serializer], value: Any, changes: list[tuple[int, int]]
) -> None:
    """Rule N5: bytes that were flipped in the store give a value or a DeserializationError."""
    data = bytearray(make().dumps(value))
    for place, byte in changes:
        data[place % len(data)] = byte
    with contextlib.suppress(DeserializationError):
        make().loads(bytes(data))


@every
def test_what_is_not_written_is_refused(make: Callable[[], Serializer]) -> None:
    """Empty and truncated data, and data that is not bytes, are damage."""
    serializer = make()
    whole = serializer.dumps([1, "abc", (2,)])
    for data in (b"", whole[:-1], None, "text", 5):
        with pytest.raises(DeserializationError):
            serializer.loads(data)  # type: ignore[arg-type]


@every
def test_what_cannot_be_written_is_refused(make: Callable[[], Serializer]) -> None:
    """A value that cannot be written gives a SerializationError."""
    with pytest.raises(SerializationError):
        make().dumps([lambda: None])


@safe
def test_the_greatest_depth_is_readable(make: Callable[[], Serializer]) -> None:
    """What may be written can be read, also at the limit of nesting, in the form that nests most."""
    serializer = make()
    value: Any = b"x"
    for _ in range(MAX_DEPTH):
        value = {1: value}
    assert value == serializer.loads(serializer.dumps(value))
    with pytest.raises(SerializationError, match="levels deep"):
        serializer.dumps([value])


@pytest.mark.parametrize(
    "data",
    [b"[" * 100_000, b"[NaN]", b"[Infinity]", b"1 2", b"\xff", b'{"$":"set","v":[[]]}', b"1" * 5000],
    ids=["deep", "nan", "infinity", "two", "not UTF-8", "unhashable", "long number"],
)
def test_json_that_is_never_written(data: bytes) -> None:
    """JSON that this serializer does not write is refused."""
    with pytest.raises(DeserializationError):
        JSONSerializer().loads(data)


@pytest.mark.parametrize(
    "data",
    [
        "c074323031332d30332d32315432303a30343a30305a",  # a date
        "d82363612b62",  # a regular expression
        "d81c81d81d00",  # a list that contains itself
        "c249010000000000000000",  # a great number
        "d9010463616263",  # a network address
        "d99999646162636465",  # a tag that nobody knows
        "f7",  # undefined
        "4161",  # bytes
        "a10102",  # a key that is a number
        "0102",  # two values
        "81" * 1000 + "80",  # deep
    ],
)
def test_cbor_that_is_never_written(data: str) -> None:
    """Rule N5: tags of CBOR, which make objects of their own, are refused; so is all else not ours."""
    with pytest.raises(DeserializationError):
        CBORSerializer().loads(bytes.fromhex(data))


def test_json_is_the_same_for_the_same_value() -> None:
    """Rule S1: a stored trigger is compared by its bytes; the order of fields and of sets does not matter."""
    serializer = JSONSerializer(registry=REGISTRY)
    one, other = Point(x={"b", "a"}, y=math.nan), Point(math.nan, {"a", "b"})
    assert serializer.dumps(one) == serializer.dumps(other)
    assert b'{"b":1,"a":"\\u00e9"}' == serializer.dumps({"b": 1, "a": "é"})


@attrs.frozen
class Order:
    """A class that only some serializers know."""

    number: int


@pytest.mark.parametrize("cls", [JSONSerializer, CBORSerializer])
def test_types_of_one_serializer(cls: type[JSONSerializer | CBORSerializer]) -> None:
    """Types can be given to one serializer, which leaves the others alone."""
    special, plain = cls(types=[Order]), cls()
    assert Order(1) == special.loads(special.dumps(Order(1)))
    with pytest.raises(SerializationError, match="Order"):
        plain.dumps(Order(1))
    with pytest.raises(UnknownTypeError, match="Order"):
        plain.loads(special.dumps(Order(1)))
    assert not any("Order" in tag for tag in DEFAULT_REGISTRY.known)


def test_names() -> None:
    """A serializer has a short name, for messages."""
    serializers: list[Serializer] = [JSONSerializer(), CBORSerializer(), PickleSerializer()]
    assert ["json", "cbor", "pickle"] == [serializer.name for serializer in serializers]


def test_pickle_says_so_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule N5: choosing pickle is said in the log, once, by the constructor."""
    monkeypatch.setattr(PickleSerializer, "_warned", False)
    with caplog.at_level(logging.WARNING):
        PickleSerializer()
        PickleSerializer()
    assert 1 == len(caplog.records)
    assert "can run code" in caplog.text


class Explosive:
    """Fails when it is pickled, and when it is read."""

    def __init__(self, *, early: bool) -> None:
        self.early = early

    def __getstate__(self) -> dict[str, Any]:
        if self.early:
            raise OSError("early")
        return {"a": 1}

    def __setstate__(self, state: dict[str, Any]) -> None:
        raise OSError("late")


def test_pickle_wraps_whatever_is_raised() -> None:
    """Only the two errors of the port leave a serializer."""
    serializer = PickleSerializer()
    with pytest.raises(SerializationError, match="early"):
        serializer.dumps(Explosive(early=True))
    data = serializer.dumps(Explosive(early=False))
    with pytest.raises(DeserializationError, match="late"):
        serializer.loads(data)
    with pytest.raises(DeserializationError, match="Plank"):
        serializer.loads(pickle.dumps(Point(1)).replace(b"Point", b"Plank"))


def test_cbor_is_optional() -> None:
    """Without cbor2 the package imports, and CBORSerializer says what to install."""
    code = (
        "import sys; sys.modules['cbor2'] = None; from anysched.serializers import CBORSerializer\n"
        "try: CBORSerializer()\n"
        "except ImportError as exc: sys.exit('anysched[cbor]' not in str(exc))\n"
        "sys.exit(2)"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
