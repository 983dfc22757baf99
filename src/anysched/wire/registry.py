"""Stable names for classes: what stored data may name, and nothing else (rule N5)."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterable
from enum import Enum, Flag
from operator import attrgetter
from typing import Any, Final, TypeVar, cast

import attrs

from anysched.errors import UnknownTypeError

TAG: Final = "$"
VALUE: Final = "v"

T = TypeVar("T", bound=type)


@attrs.frozen(eq=False)
class RegisteredType:
    """A class, its name and version, and how its instances are taken apart and built again.

    ``take_apart`` returns a dictionary of fields, sorted so that their order in the class does not matter;
    for enums it returns the name of the member, for flags the list of names.

    :ivar has_plain_names: whether it returns a dictionary with names that JSON has, and none that could be a tag
    """

    cls: type
    tag: str
    take_apart: Callable[[Any], Any]
    build: Callable[[Any], Any]
    has_plain_names: bool


class TypeRegistry:
    """Which classes may appear in stored data, and under which names.

    :param types: classes to register under their default names
    :param parent: a registry to look in as well; its names cannot be given to other classes
    """

    def __init__(self, types: Iterable[type] = (), *, parent: TypeRegistry | None = None) -> None:
        self._parent = parent
        self._by_class: dict[type, RegisteredType] = {}
        self._by_tag: dict[str, RegisteredType] = {}
        for cls in types:
            if not isinstance(cls, type) or self.find_class(cls) is None:
                self.register(cls)

    def register(self, cls: T, name: str | None = None, *, version: int = 1) -> T:
        """Let a class appear in stored data. Registering it again under the same name changes nothing.

        :param name: what stored data calls it, for ever; by default "module:QualifiedName"
        :param version: to be raised when the fields change in a way that old data does not fit
        :raise TypeError: when it is not known how to take instances apart
        :raise ValueError: when the name is taken by another class, or the class has another name already
        """
        tag = _tag(cls, name, version)
        known = self._by_class.get(cls)
        if known is not None and known.tag == tag:
            return cls
        if known is not None:
            raise ValueError(f"{_describe(cls)} is registered already, as {known.tag!r}")
        taken = self._find_tag(tag)
        if taken is not None and taken.cls is not cls:
            raise ValueError(f"the type name {tag!r} is taken by {_describe(taken.cls)}: choose another")
        self._by_class[cls] = self._by_tag[tag] = RegisteredType(cls, tag, *_shape(cls))
        return cls

    def find_class(self, cls: type) -> RegisteredType | None:
        """Return what is registered for exactly this class, not for its bases."""
        found = self._by_class.get(cls)
        return self._parent.find_class(cls) if found is None and self._parent is not None else found

    def resolve(self, tag: str) -> RegisteredType:
        """Return what is registered as "name@version".

        :raise UnknownTypeError: when nothing is
        """
        found = self._find_tag(tag)
        if found is None:
            name, _, version = tag.rpartition("@")
            numbered = version.isascii() and version.isdecimal() and len(version) < 10
            if not numbered:
                raise UnknownTypeError(tag)
            raise UnknownTypeError(name, int(version), self._versions_of(name))
        return found

    @property
    def known(self) -> frozenset[str]:
        """Every "name@version" that can be read here."""
        inherited: frozenset[str] = self._parent.known if self._parent is not None else frozenset()
        return inherited.union(self._by_tag)

    def _versions_of(self, name: str) -> list[int]:
        """Return the versions of a type that can be read here."""
        return [int(tag.rpartition("@")[2]) for tag in self.known if tag.rpartition("@")[0] == name]

    def _find_tag(self, tag: str) -> RegisteredType | None:
        found = self._by_tag.get(tag)
        return self._parent._find_tag(tag) if found is None and self._parent is not None else found


#: The registry that ``register_type`` writes to and that serializers read.
DEFAULT_REGISTRY: Final = TypeRegistry()


def register_type(name: str | None = None, *, version: int = 1) -> Callable[[T], T]:
    """Class decorator: let the instances of a class be arguments, results, metadata or triggers in a store.

    It takes enums, dataclasses, attrs classes, named tuples and pydantic models, by their init fields; and
    any class with a method ``__anysched_fields__(self)`` that returns a dictionary and a class method
    ``__anysched_build__(cls, fields)``. It belongs above the decorator that makes a dataclass or attrs
    class.

    :param name: what stored data calls it, for ever; by default "module:QualifiedName"
    :param version: to be raised when the fields change in a way that old data does not fit
    :raise TypeError: when it is not known how to take instances apart
    :raise ValueError: when the name is taken by another class, or the class has another name already
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name must be a string, not {name!r}: write @register_type() with parentheses")
    return lambda cls: DEFAULT_REGISTRY.register(cls, name, version=version)


def _describe(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _tag(cls: type, name: str | None, version: int) -> str:
    if not isinstance(cls, type):
        raise TypeError(f"only classes can be registered, not {cls!r}")
    if type(version) is not int or version < 1:
        raise ValueError(f"version must be a whole number from 1, not {version!r}")
    if name is None:
        name = f"{cls.__module__}:{cls.__qualname__}"
        if "<" in name:
            raise ValueError(f"{name} is nested in a function and has no lasting name: give it one")
    if not name or "@" in name or not name.isprintable():
        raise ValueError(f"a type name must be printable, not empty, and without '@': {name!r} is not")
    return f"{name}@{version}"


_Shape = tuple[Callable[[Any], Any], Callable[[Any], Any], bool]


def _shape(cls: Any) -> _Shape:
    """Return how to take instances of a class apart, how to build them again, and whether that gives plain names."""
    fields_of = getattr(cls, "__anysched_fields__", None)
    build = getattr(cls, "__anysched_build__", None)
    if fields_of is not None and build is not None:
        return (lambda value: dict(sorted(fields_of(value).items()))), build, False
    if fields_of is not None or build is not None:
        raise TypeError(f"{_describe(cls)} needs both __anysched_fields__ and __anysched_build__")
    if issubclass(cls, Flag):
        return _flag_names, lambda names: _flag(cls, names), False
    if issubclass(cls, Enum):
        return (lambda member: member._name_), lambda name: cls[name], False
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and issubclass(cls, pydantic.BaseModel):
        return _pydantic_shape(cls)
    fields = _init_fields(cls)
    try:
        inspect.signature(cls).bind(**fields)
    except TypeError as exc:
        raise TypeError(
            f"{_describe(cls)} cannot be built from its fields ({exc}): "
            "give it __anysched_fields__ and __anysched_build__"
        ) from None
    plain = all(name.isascii() and name != TAG for name in fields)
    return _reader(fields), lambda kw: cls(**kw), plain


def _reader(fields: dict[str, str]) -> Callable[[Any], dict[str, Any]]:
    """Return what reads attributes into a dictionary, given by the names that they have there."""
    if len(fields) < 2:
        return lambda value: {name: getattr(value, attr) for name, attr in fields.items()}
    names, values_of = tuple(fields), attrgetter(*fields.values())
    return lambda value: dict(zip(names, values_of(value), strict=True))


def _init_fields(cls: Any) -> dict[str, str]:
    """Return the arguments of the initializer and the attributes that hold them, sorted."""
    if attrs.has(cls):
        pairs = [(field.alias or field.name, field.name) for field in attrs.fields(cls) if field.init]
    elif dataclasses.is_dataclass(cls):
        pairs = [(field.name, field.name) for field in dataclasses.fields(cls) if field.init]
    elif issubclass(cls, tuple) and hasattr(cast("Any", cls), "_fields"):
        pairs = [(name, name) for name in cast("Any", cls)._fields]
    else:
        raise TypeError(
            f"{cls.__qualname__} is no enum, dataclass, attrs class, named tuple or pydantic class "
            "(@register_type() belongs above the decorator that makes it one): "
            "give it __anysched_fields__ and __anysched_build__"
        )
    return dict(sorted(pairs))


def _pydantic_shape(cls: Any) -> _Shape:
    def take_apart(value: Any) -> Any:
        fields: Any = value.model_dump(mode="python", round_trip=True, warnings="error")
        return fields if issubclass(cls, sys.modules["pydantic"].RootModel) else dict(sorted(fields.items()))

    return take_apart, lambda fields: cls.model_validate(fields, by_name=True, by_alias=False), False


def _flag_names(value: Any) -> list[str]:
    names = [member._name_ for member in value]
    if _flag(type(value), names) != value:
        raise ValueError(f"{value!r} has bits without a name")
    return names


def _flag(cls: Any, names: list[str]) -> Any:
    value = cls(0)
    for name in names:
        value |= cls[name]
    return value
