"""Records that are forgotten soon."""

from __future__ import annotations

import attrs
import pytest

from anysched.model.change import Change
from anysched.model.passing import passing


@passing(kw_only=True)
class Record:
    """One of its kind."""

    id: str
    number: int = 0


def test_values() -> None:
    """rule S3: they are values: equal by what they hold, with a hash, and of the fields that they name."""
    assert Record(id="a") == Record(id="a", number=0) != Record(id="a", number=1)
    assert {Record(id="a")} == {Record(id="a"), attrs.evolve(Record(id="b"), id="a")}
    assert hash(Change(schedule_id="x")) == hash(Change(schedule_id="x"))
    with pytest.raises(AttributeError):
        Record(id="a").other = 1  # type: ignore[attr-defined]
