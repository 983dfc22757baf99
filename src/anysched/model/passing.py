"""Records that are made for one decision and forgotten after it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen as passing
else:
    import attrs

    #: As ``attrs.frozen``, but it is the type checkers that see to it that nobody changes such a record: nothing stands
    #: guard at run time, so that making one takes half as long. For what neither users nor stores keep.
    passing = partial(attrs.define, unsafe_hash=True)

__all__ = ["passing"]
