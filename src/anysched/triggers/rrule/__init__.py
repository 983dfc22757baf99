"""Recurrence rules of RFC 5545 (rule T9)."""
