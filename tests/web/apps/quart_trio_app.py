"""The example for Quart, with ``QuartTrio`` in the place of ``Quart``."""

from __future__ import annotations

import quart
from quart_trio import QuartTrio

quart.Quart = QuartTrio  # type: ignore[misc]

from quart_app import app as app  # noqa: E402
