"""Frozen records. No I/O, no policy."""
