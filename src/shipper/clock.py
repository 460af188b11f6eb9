"""The agent's clock: nanoseconds, and time bases that are unique and rising within the agent.

Rule 1: no two reserved ranges overlap, so two lines without a time of their own never share a timestamp.
Rule 2: a clock that steps back by up to a minute is waited out by counting on; one that steps back further is followed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FOLLOW_BACK = 60 * 1_000_000_000


class Clock:
    """Wall clock in ns since 1970; `reserve` may be called from any thread."""

    def __init__(self, wall: Callable[[], int] = time.time_ns) -> None:
        self._wall = wall
        self._next = 0
        self._lock = threading.Lock()

    def now(self) -> int:
        """The wall clock, ns."""
        return self._wall()

    def reserve(self, count: int) -> int:
        """Reserve `count` consecutive nanoseconds; return the first."""
        with self._lock:
            now = self._wall()
            base = now if self._next - now > FOLLOW_BACK else max(now, self._next)
            self._next = base + count
            return base
