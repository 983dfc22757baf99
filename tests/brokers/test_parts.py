"""Long messages over a channel for short ones."""

from __future__ import annotations

import pytest

from anysched.brokers._parts import PART, Joined, split


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART, 4_000_000])
def test_parts_make_a_message(size: int) -> None:
    """A message comes out as it went in; parts are short enough, and no two are alike."""
    data = b"x" * size
    parts = split(data)
    assert all(len(part) < 8_000 for part in parts)
    assert len(parts) == len(set(parts))
    joined = Joined()
    assert [*[None] * (len(parts) - 1), data] == [joined.add(part) for part in parts]
    assert data == joined.add(parts[0]) if len(parts) == 1 else joined.add(parts[0]) is None


def test_broken_messages() -> None:
    """Of a message with a part missing nothing comes out, and it spoils no other."""
    joined = Joined()
    a, b = split(b"a" * 3 * PART), split(b"b" * 2 * PART)
    assert [None] * 6 == [joined.add(part) for part in (a[0], a[2], a[1], a[0], b[1], a[1])]
    assert [None, b"b" * 2 * PART] == [joined.add(part) for part in b]
    assert [None] * 4 == [joined.add(part) for part in (b"0/0 ", b"1/0 x", b"2/1 x", b"1/9999 x")]


def test_what_is_no_part() -> None:
    """What somebody else sends is handed on as it is."""
    assert [b"", b"hello", b"1/1"] == [Joined().add(data) for data in (b"", b"hello", b"1/1")]
