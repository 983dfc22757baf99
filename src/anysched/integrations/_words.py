"""The words that requests and answers of the HTTP interface have in common."""

from __future__ import annotations

from typing import Literal

Status = Literal["active", "paused", "finished", "error"]
MissedWord = Literal["policy", "skip", "run_once", "run_all"]
Queued = Literal["keep", "hold", "discard"]
SkipReason = Literal["grace", "coalesced", "catchup_limit", "paused", "requested", "window", "backfilled"]
Kind = Literal["manual", "maintenance", "failure"]
WindowMode = Literal["skip", "defer"]
