"""Stable names for classes."""

from __future__ import annotations

import dataclasses
import enum
import subprocess
import sys
from typing import Any

import attrs
import pytest

from anysched.errors import SerializationError, UnknownTypeError
from anysched.wire.registry import DEFAULT_REGISTRY, TypeRegistry, register_type
from anysched.wire.values import from_plain, to_plain


@dataclasses.dataclass(frozen=True)
class Thing:
    """Something."""

    size: int = 0


@dataclasses.dataclass(frozen=True)
class Other:
    """Something else."""


def test_default_name() -> None:
    """A class without a given name is called by its module and qualified name, version 1."""
    registry = TypeRegistry([Thing])
    assert frozenset({f"{__name__}:Thing@1"}) == registry.known
    assert registry.resolve(f"{__name__}:Thing@1").cls is Thing


def test_registering_again_changes_nothing() -> None:
    """Rule N5: a module may be loaded twice; the same class under the same name is no error."""
    registry = TypeRegistry([Thing, Thing])
    assert registry.register(Thing) is Thing
    assert 1 == len(registry.known)


def test_names_are_unique() -> None:
    """Rule N5: a name means one class, in a layered registry too, and a class has one name."""
    registry = TypeRegistry()
    registry.register(Thing, "thing")
    with pytest.raises(ValueError, match=r"'thing@1' is taken by .*Thing"):
        registry.register(Other, "thing")
    with pytest.raises(ValueError, match=r"'thing@1' is taken by .*Thing"):
        TypeRegistry(parent=registry).register(Other, "thing")
    with pytest.raises(ValueError, match=r"Thing is registered already, as 'thing@1'"):
        registry.register(Thing, "thing", version=2)
    registry.register(Other, "thing", version=2)
    assert frozenset({"thing@1", "thing@2"}) == registry.known


def test_layers() -> None:
    """A registry layered over another reads and writes what both know, and leaves the other alone."""
    below = TypeRegistry()
    below.register(Thing, "thing")
    above = TypeRegistry([Thing, Other], parent=below)
    assert frozenset({"thing@1", f"{__name__}:Other@1"}) == above.known
    assert frozenset({"thing@1"}) == below.known
    assert [Thing(1), Other()] == from_plain(to_plain([Thing(1), Other()], above), above)
    with pytest.raises(SerializationError, match="Other"):
        to_plain(Other(), below)
    with pytest.raises(UnknownTypeError):
        from_plain(to_plain(Other(), above), below)


def test_older_versions_stay_readable() -> None:
    """A class under the old version can build what the new version wants."""
    registry = TypeRegistry()

    @attrs.frozen
    class Invoice:
        amount: int
        currency: str

    @attrs.frozen
    class OldInvoice:
        amount: int

        def __anysched_fields__(self) -> dict[str, Any]:
            return {"amount": self.amount}

        @classmethod
        def __anysched_build__(cls, fields: dict[str, Any]) -> Invoice:
            return Invoice(**fields, currency="EUR")

    registry.register(OldInvoice, "invoice")
    registry.register(Invoice, "invoice", version=2)
    assert Invoice(5, "EUR") == from_plain(to_plain(OldInvoice(5), registry), registry)
    assert "invoice@2" == to_plain(Invoice(5, "EUR"), registry)["$"]


def test_subclasses_are_classes_of_their_own() -> None:
    """What is registered for a class says nothing about its subclasses."""

    class Special(Thing):
        pass

    with pytest.raises(SerializationError, match="Special"):
        to_plain(Special(1), TypeRegistry([Thing]))


def test_register_type() -> None:
    """The decorator writes to the registry that serializers read by default."""

    @register_type("tests.registered", version=3)
    @attrs.frozen
    class Registered:
        a: int

    assert Registered(1) == from_plain(to_plain(Registered(1)))
    assert "tests.registered@3" in DEFAULT_REGISTRY.known


def _dataclass_with_init_variable() -> type:
    @dataclasses.dataclass
    class Odd:
        a: int
        b: dataclasses.InitVar[int]

    return Odd


def _attrs_with_own_initializer() -> type:
    @attrs.define(init=False)
    class Odd:
        a: int

        def __init__(self) -> None:
            self.a = 1

    return Odd


def _half_hooked() -> type:
    class Odd:
        def __anysched_fields__(self) -> dict[str, Any]:
            return {}

    return Odd


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: int, "belongs above the decorator"),
        (lambda: object, "__anysched_fields__ and __anysched_build__"),
        (_dataclass_with_init_variable, "cannot be built from its fields"),
        (_attrs_with_own_initializer, "cannot be built from its fields"),
        (_half_hooked, "needs both"),
        (lambda: len, "only classes"),
        (list, "only classes"),
    ],
    ids=["builtin", "plain", "dataclass", "attrs", "half", "function", "list"],
)
def test_classes_that_cannot_be_stored_are_refused(make: Any, message: str) -> None:
    """A class that could be written but not read back is refused when it is registered."""
    with pytest.raises(TypeError, match=message):
        TypeRegistry().register(make(), "name")


@pytest.mark.parametrize("name", ["", "a@b", "a\nb"])
def test_names_are_checked(name: str) -> None:
    """Rule N7: a name has to be fit to be shown and compared."""
    with pytest.raises(ValueError, match="type name"):
        TypeRegistry().register(Thing, name)


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1"])
def test_versions_are_checked(version: Any) -> None:
    """A version is a whole number from 1."""
    with pytest.raises(ValueError, match="version"):
        TypeRegistry().register(Thing, version=version)


def test_nested_classes_need_a_name() -> None:
    """A class made within a function has no name that would last."""

    @attrs.frozen
    class Nested:
        pass

    with pytest.raises(ValueError, match="no lasting name"):
        TypeRegistry([Nested])
    with pytest.raises(TypeError, match="parentheses"):
        register_type(Nested)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="only classes"):
        TypeRegistry([[]])  # type: ignore[list-item]


def test_flags_with_bits_of_no_name() -> None:
    """A flag that its names do not describe is refused rather than changed."""

    class Loose(enum.IntFlag):
        a = 1

    registry = TypeRegistry()
    registry.register(Loose, "loose")
    assert Loose.a == from_plain(to_plain(Loose.a, registry), registry)
    with pytest.raises(SerializationError, match="bits without a name"):
        to_plain(Loose(5), registry)


def test_pydantic_is_not_imported() -> None:
    """Pydantic is looked for among what is imported already, never imported."""
    code = (
        "import sys, enum; from anysched.wire.registry import TypeRegistry;"
        "TypeRegistry([enum.Enum('E', 'a', module='m')]); sys.exit('pydantic' in sys.modules)"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
