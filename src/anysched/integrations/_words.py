"""The words that requests and answers of the HTTP interface have in common."""

from __future__ import annotations

from typing import Literal

Status = Literal["active", "paused", "finished", "error"]
MissedWord = Literal["policy", "skip", "run_once", "run_all"]
Queued = Literal["keep", "hold", "discard"]
SkipReason = Literal["grace", "coalesced", "catchup_limit", "paused", "requested", "window", "backfilled"]
Kind = Literal["manual", "maintenance", "failure"]
Action = Literal[
    "schedule_added",
    "schedule_edited",
    "schedule_removed",
    "schedule_paused",
    "schedule_resumed",
    "schedule_run",
    "fire_time_skipped",
    "fire_time_moved",
    "fire_time_restored",
    "hold_placed",
    "hold_lifted",
    "window_added",
    "window_removed",
    "backfill_started",
    "backfill_paused",
    "backfill_resumed",
    "backfill_cancelled",
]
JobKind = Literal["regular", "manual", "direct", "backfill"]
Outcome = Literal["success", "error", "missed_start_deadline", "cancelled", "abandoned"]
FireTimeStatus = Literal[
    "ran", "running", "queued", "held", "skipped", "missed", "late", "planned", "paused", "unknown"
]
WindowMode = Literal["skip", "defer"]
