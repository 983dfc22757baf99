"""Frozen records that are made fast.

A frozen class of attrs writes each field by a call of ``object.__setattr__``, as an assignment is what it forbids:
60 ns for a field, and with ninety fields for each firing a fifth of what that costs. Here a record is an instance of
a subclass that may be written while its initializer runs: one with 20 fields takes 0.4 µs instead of 1.2. A function
that makes it without a call of the class takes 0.25, and where fields are given by name, a third.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

import attrs

P = ParamSpec("P")
T = TypeVar("T")

#: Elsewhere it would not be faster; where threads run at once, all of them would have to stand still for it.
_PAYS: Final = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")

_SOURCE: Final = """\
def __init__(self, {parameters}):
    if self.__class__ is not made:  # a subclass may have another layout
        return slowly(self, {arguments})
    become(self, draft)
    {assignments}
    become(self, made)
    {last}

def make({parameters}):
    self = new(draft)
    {assignments}
    become(self, made)
    {last}
    return self
"""

_makers: dict[object, Callable[..., Any]] = {}


def quick(cls: type[T]) -> type[T]:
    """Give a frozen attrs class an initializer that does what its own does in a third of the time.

    :raise TypeError: when it has a field that is more than a name, a value by default, and a function as converter
    """
    return _with_initializer(cls) if _PAYS else cls


def maker(cls: Callable[P, T]) -> Callable[P, T]:
    """Return a function that makes what a call of a quick class makes, for where very many are made."""
    return _makers.get(cls, cls)


def _with_initializer(cls: Any) -> Any:
    writable = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    names: dict[str, Any] = {
        "made": cls,
        "draft": type(cls.__name__, (cls,), writable),
        "become": object.__dict__["__class__"].__set__,
        "new": object.__new__,
        "slowly": cls.__init__,
    }
    parameters, arguments, assignments = list[str](), list[str](), list[str]()
    for field in sorted(attrs.fields(cls), key=lambda field: bool(field.kw_only)):
        name, default, converter = field.name, field.default, field.converter
        if field.alias != name or not field.init or field.validator or not _is_plain(default, converter):
            raise TypeError(f"{cls.__qualname__}.{name} is more than an initializer made here knows of")
        if field.kw_only and "*" not in parameters:
            parameters.append("*")
        names[f"default_{name}"], names[f"convert_{name}"] = default, converter
        parameters.append(name if default is attrs.NOTHING else f"{name}=default_{name}")
        arguments.append(f"{name}={name}")
        assignments.append(f"self.{name} = {name if converter is None else f'convert_{name}({name})'}")
    source = _SOURCE.format(
        parameters=", ".join(parameters),
        arguments=", ".join(arguments),
        assignments="\n    ".join(assignments),
        last="self.__attrs_post_init__()" if hasattr(cls, "__attrs_post_init__") else "",
    )
    exec(compile(source, f"<initializer of {cls.__module__}.{cls.__qualname__}>", "exec"), names)
    initializer = names["__init__"]
    for attribute in ("__module__", "__qualname__", "__doc__", "__annotations__"):
        setattr(initializer, attribute, getattr(cls.__init__, attribute))
    cls.__init__ = initializer
    _makers[cls] = names["make"]
    return cls


def _is_plain(default: object, converter: object) -> bool:
    return not hasattr(default, "takes_self") and not isinstance(converter, attrs.Converter)
