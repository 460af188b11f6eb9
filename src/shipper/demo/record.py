"""What a service writes at once, and what Loki should have of it.

Rule 1: a record is written whole, unless it is `torn`: then a reader may see its first half alone for a moment.
Rule 2: `lines` are what must be in Loki afterwards: physical lines without their LF, redraws reduced to their last
state, blank lines left out. How lines are joined to entries is the agent's affair and is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

Now = Callable[[], datetime]
"""The wall clock in UTC."""

Records = Iterator["Record"]


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line as Loki should have it, and the `level` label it should be under ("": none)."""

    text: str
    level: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """Bytes that are written in one go, LF included, and the lines that come of them."""

    data: bytes
    lines: tuple[Line, ...]
    torn: bool = False


def plain(text: str, level: str = "") -> Record:
    """One line, shipped as it is."""
    return Record(f"{text}\n".encode(), (Line(text, level),))


def block(text: str, level: str = "") -> Record:
    """Several lines of one level; blank ones make no entry."""
    return Record(f"{text}\n".encode(), tuple(Line(line, level) for line in text.split("\n") if line.strip()))


def mix(value: int) -> int:
    """Spread a number over 64 bits (splitmix64): variety without chance, so every run writes the same lines."""
    value = (value + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return value ^ value >> 31
