"""Frozen records that are made fast are what attrs makes of them."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import attrs
import pytest

from anysched.model import quick as module
from anysched.model.quick import maker, quick


def _doubled(value: int) -> int:
    return 2 * value


@attrs.frozen
class Plain:
    a: int
    b: int = attrs.field(default=1, converter=_doubled)
    c: str = attrs.field(kw_only=True, default="c")
    d: str = attrs.field(kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.d == "refused":
            raise ValueError(self.d)


@quick
@attrs.frozen
class Quick(Plain):
    e: int = 5


class Sub(Quick):
    """Has a layout of its own, as it has no slots."""


@attrs.frozen
class Derived(Quick):
    f: int = 6


@pytest.mark.parametrize("cls", [Quick, Sub, Derived])
def test_same_as_attrs(cls: type[Quick]) -> None:
    """The fields are what attrs would have made of them: defaults, converters, and parameters by name only."""
    one = cls(1, 2, d="d")
    assert (1, 4, "c", "d", 5) == (one.a, one.b, one.c, one.d, one.e)
    assert (1, 2, "c", "d", 7) == attrs.astuple(cls(a=1, d="d", e=7))[:5]
    assert type(one) is cls
    assert one == cls(1, 2, d="d") != cls(1, 3, d="d")
    assert hash(one) == hash(copy.copy(one)) == hash(pickle.loads(pickle.dumps(one)))
    assert attrs.evolve(one, b=2, e=6) == cls(1, 2, d="d", e=6)
    assert repr(one).startswith(f"{cls.__name__}(a=1, b=4, c='c', d='d', e=5")


@pytest.mark.parametrize("cls", [Quick, Sub, Derived])
def test_frozen(cls: type[Any]) -> None:
    """What was made cannot be changed."""
    one = cls(1, d="d")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.a = 2
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del one.a
    assert not hasattr(Quick(1, d="d"), "__dict__")


def test_makers() -> None:
    """A function makes the same as a call of the class; of a class that is not quick, that is the class itself."""
    make = maker(Quick)
    one = make(1, 2, d="d")
    assert type(one) is Quick
    assert one == Quick(1, 2, d="d")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.a = 2  # type: ignore[misc]
    with pytest.raises(ValueError, match="refused"):
        make(1, d="refused")
    assert maker(Plain) is Plain


def test_arguments_that_are_refused() -> None:
    """Errors say what those of attrs say."""
    for arguments, names in (
        ((), {"d": "d"}),
        ((1,), {}),
        ((1, 2, 3, 4), {"d": "d"}),
        ((1,), {"g": 1, "d": "d"}),
    ):
        with pytest.raises(TypeError) as told:
            Plain(*arguments, **names)  # type: ignore[arg-type]
        with pytest.raises(TypeError) as quickly:
            Quick(*arguments, **names)  # type: ignore[arg-type]
        if len(arguments) < 4:  # attrs tells of as many parameters as there are
            assert str(told.value).replace("Plain", "Quick") == str(quickly.value)
    with pytest.raises(ValueError, match="refused"):
        Quick(1, d="refused")


def test_signature() -> None:
    """Tools see the parameters with their types."""
    expected = inspect.signature(
        attrs.frozen(type("Quick", (Plain,), {"__annotations__": {"e": "int"}, "e": 5}))
    )
    assert str(expected) == str(inspect.signature(Quick))


@pytest.mark.parametrize(
    "field",
    [
        attrs.field(factory=list),
        attrs.field(init=False, default=1),
        attrs.field(alias="other"),
        attrs.field(validator=attrs.validators.instance_of(int)),
        attrs.field(converter=attrs.Converter(lambda value, _: value, takes_self=True)),  # type: ignore[misc]
    ],
)
def test_more_than_it_knows(field: Any) -> None:
    """A class with more than names, values and functions is refused as it is made, and not misunderstood."""
    cls = attrs.frozen(type("Odd", (), {"__annotations__": {"odd": "int"}, "odd": field}))
    with pytest.raises(TypeError, match=r"Odd\.odd is more"):
        quick(cls)


def test_where_it_does_not_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere a class stays what attrs has made of it."""
    monkeypatch.setattr(module, "_PAYS", False)
    own = Plain.__init__
    assert quick(Plain) is Plain
    assert own is Plain.__init__
