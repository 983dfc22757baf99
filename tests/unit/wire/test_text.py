"""Plain data as text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from tests.unit.wire.strategies import REGISTRY, values

from anysched.wire.text import text_writer
from anysched.wire.values import to_plain

AS_PYTHON = json.JSONEncoder(separators=(",", ":")).encode


@given(values)
def test_it_is_json(value: Any) -> None:
    """Rule N5: what is written is compact JSON in ASCII, the same that Python writes."""
    plain = to_plain(value, REGISTRY)
    assert AS_PYTHON(plain) == text_writer()(plain)


def test_another_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule N5: where Python has no encoder in C, the text is the same."""
    plain = {"a": [1, None, "\u00e9", 1.5, {"b": True}]}
    text = text_writer()(plain)
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    assert text == text_writer()(plain)


@pytest.mark.parametrize("in_c", [True, False])
def test_what_json_does_not_have(monkeypatch: pytest.MonkeyPatch, in_c: bool) -> None:
    """Rule N5: a number that JSON does not have is refused where nobody could read it."""
    if not in_c:
        monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    with pytest.raises(ValueError, match="Out of range float values"):
        text_writer(allow_nan=False)(float("inf"))
