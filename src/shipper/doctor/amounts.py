"""Amounts for people, rounded: how long, how much, and lists that are not too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SECOND: Final = 1_000_000_000
NAMED: Final = 3
"""Paths and the like that a sentence names."""


def ago(nanos: int) -> str:
    """A span of time in its largest unit: `3 days`, `1 hour`, `12 s`."""
    seconds = abs(nanos) // SECOND
    for word, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {word}{'' if count == 1 else 's'}"
    return f"{seconds} s"


def size(count: int) -> str:
    """Bytes to three digits: `1.21 MiB`."""
    for unit, power in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count >= 1 << power:
            return f"{count / (1 << power):.3g} {unit}"
    return f"{count} bytes"


def some(names: Sequence[str], most: int = NAMED) -> str:
    """The first of them, and how many there are beyond."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def plural(count: int, word: str) -> str:
    """`1 file`, `3 files`."""
    return f"{count} {word}{'' if count == 1 else 's'}"
