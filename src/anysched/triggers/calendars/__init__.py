"""Calendars: which local dates are holidays, weekends or other days off, as values (rule T10)."""

from __future__ import annotations
