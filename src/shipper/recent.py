"""Values seen lately, in bounded memory.

Rule 1: a value is known for at least `keep` seconds after it was seen last, and for twice as long at most; more than
        `most` values are never known, however many there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable

KEEP = 3600.0
MOST = 10_000


class Recent:
    """Two sets: what was seen since the last turn, and what was seen before it."""

    def __init__(
        self, keep: float = KEEP, most: int = MOST, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep = keep
        self._half = most // 2
        self._monotonic = monotonic
        self._now: set[str] = set()
        self._before: set[str] = set()
        self._turned_at = monotonic()

    def __len__(self) -> int:
        """How many values are known."""
        return len(self._now | self._before)

    def see(self, value: str) -> bool:
        """Take note of a value; return whether it was not known."""
        if value in self._now:
            return False
        now = self._monotonic()
        if len(self._now) >= self._half or now - self._turned_at >= self._keep:
            self._before, self._now, self._turned_at = self._now, set(), now
        self._now.add(value)
        return value not in self._before
