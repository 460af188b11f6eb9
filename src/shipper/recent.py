"""Values seen lately and how often, in bounded memory.

Rule 1: a value is known for at least `keep` seconds after it was seen last, and for twice as long at most; more than
        `most` values are never known, however many there are.
Rule 2: one thread sees, any thread may look.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

KEEP = 3600.0
MOST = 10_000


@dataclass(slots=True)
class Seen:
    """What is known of a value."""

    count: int = 0
    """The sum of all counts it was seen with while it was known."""
    last: int = 0
    """The greatest `at` it was seen with."""


class Recent:
    """Two tables: what was seen since the last turn, and what was seen before it."""

    def __init__(
        self, keep: float = KEEP, most: int = MOST, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep = keep
        self._half = most // 2
        self._monotonic = monotonic
        self._now: dict[str, Seen] = {}
        self._before: dict[str, Seen] = {}
        self._turned_at = monotonic()

    def __len__(self) -> int:
        """How many values are known."""
        return len(self._before.keys() | self._now.keys())

    def see(self, value: str, count: int = 1, at: int = 0) -> bool:
        """Take note of a value; return whether it was not known."""
        seen = self._now.get(value)
        new = False
        if seen is None:
            new, seen = self._take_in(value)
        seen.count += count
        if at > seen.last:
            seen.last = at
        return new

    def known(self) -> dict[str, Seen]:
        """Every value that is known."""
        return {**self._before, **self._now}

    def _take_in(self, value: str) -> tuple[bool, Seen]:
        """Put a value into the newer table, with what the older one has of it."""
        now = self._monotonic()
        if len(self._now) >= self._half or now - self._turned_at >= self._keep:
            self._before, self._now, self._turned_at = self._now, {}, now
        earlier = self._before.get(value)
        seen = self._now[value] = earlier or Seen()
        return earlier is None, seen
