"""Cron expressions: reading them, searching their wall times, and finding these in the time of a zone."""

from __future__ import annotations
