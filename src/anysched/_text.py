"""Making what users name safe to show (rule N7)."""

from __future__ import annotations


def printable(value: object) -> str:
    """Return ``str(value)`` with control characters escaped, so that an id cannot forge a line of a log."""
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
