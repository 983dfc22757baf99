"""Plain data as compact text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def text_writer(*, allow_nan: bool = True) -> Callable[[object], str]:
    """Return what writes plain data as JSON in ASCII, without spaces.

    It is ``JSONEncoder.encode`` with what that makes anew for each value, which takes longer than to write a small one.

    :param allow_nan: whether to write numbers that JSON does not have, instead of raising ``ValueError``
    """
    encoder = json.JSONEncoder(allow_nan=allow_nan, check_circular=False, separators=(",", ":"))
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # another Python than CPython
        return encoder.encode
    quoted: Any = getattr(json.encoder, "encode_basestring_ascii")  # noqa: B009 - no type stub tells of it
    parts = make(None, encoder.default, quoted, None, ":", ",", False, False, allow_nan)
    return lambda plain: "".join(parts(plain, 0))
