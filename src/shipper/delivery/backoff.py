"""Pauses before a repetition: full jitter under a bound that doubles, and what the server asks for.

Rule 1: a pause is a random time up to `min(maximum, minimum * 2**failures)`, so agents that failed
        together come back apart.
Rule 2: `Retry-After` is a floor, bounded to `LONGEST`: a server's mistake must not stop an agent for a day.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from shipper.delivery.wire import SECOND

LONGEST: Final = 300.0
"""Seconds that `Retry-After` may ask for at most."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between `minimum` and `maximum` seconds as bounds; `uniform` draws between two numbers."""

    minimum: float
    maximum: float
    uniform: Callable[[float, float], float] = random.uniform

    def pause(self, failures: int, at_least: float = 0.0) -> float:
        """Seconds to wait after `failures` failures in a row (1 after the first)."""
        bound = min(self.maximum, self.minimum * 2.0 ** min(max(failures - 1, 0), 62))
        return max(self.uniform(0.0, bound), at_least)


def retry_after(value: str | None, wall: int) -> float:
    """Seconds that a `Retry-After` header asks for, at the wall clock `wall` (ns); 0 if none can be read."""
    if not value:
        return 0.0
    try:
        seconds = float(value) if value.strip().isdigit() else _until(value, wall)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST)


def _until(date: str, wall: int) -> float:
    return parsedate_to_datetime(date).timestamp() - wall / SECOND
