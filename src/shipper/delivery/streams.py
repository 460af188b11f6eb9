"""What is known of each stream in this process: taken by Loki lately or not, how fast, and its newest entry.

Rule 1: a stream that Loki may refuse is risky, and goes alone in its push: Loki reports only the refusal of a push's
        last stream, so any other refusal would look like success.
Rule 2: what is known is forgotten, back to "risky", when a stream was silent for longer than Loki keeps it open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from shipper.delivery.wire import SECOND

BEHIND: Final = 1800 * SECOND
"""Entries further than this behind their stream's newest may be refused: Loki's own bound is an hour."""
FAST: Final = 1_000_000
"""Bytes per second above which Loki may limit a stream (3 MB/s by default, shared with other writers)."""
WINDOW: Final = 4.0
"""Seconds over which a rate is measured."""
KNOWN_FOR: Final = 600.0
"""Seconds without a push after which Loki may count a stream as new again (it closes idle ones after 30 min)."""
FORGET_AFTER: Final = 7200.0
_MANY: Final = 4096

Key = tuple[str, str]
"""Tenant and labels."""


@dataclass(slots=True)
class Meter:
    """Bytes per second lately, as an exponential mean over `WINDOW`."""

    level: float = 0.0
    at: float = -math.inf

    def add(self, amount: float, now: float) -> float:
        """Count `amount` bytes; return the rate with them."""
        self.level = self.level * math.exp((self.at - now) / WINDOW) + amount
        self.at = now
        return self.level / WINDOW

    def rate(self, now: float) -> float:
        """Bytes per second."""
        return self.level * math.exp((self.at - now) / WINDOW) / WINDOW


@dataclass(slots=True)
class _Known:
    accepted: float = -math.inf
    limited: float = -math.inf
    planned: float = -math.inf
    newest: int = 0
    meter: Meter = field(default_factory=Meter)


class Streams:
    """The streams of all tenants."""

    def __init__(self) -> None:
        self._known: dict[Key, _Known] = {}

    def __len__(self) -> int:
        return len(self._known)

    def plan(self, key: Key, size: int, first: int, last: int, now: float) -> bool:
        """Enter that `size` bytes of entries from `first` to `last` (ns) go out; return whether they are risky."""
        known = self._known.get(key)
        if known is None:
            self._forget(now)
            known = self._known[key] = _Known()
        rate = known.meter.add(size, now)
        risky = (
            now - known.accepted > KNOWN_FOR
            or now - known.limited < KNOWN_FOR
            or first < known.newest - BEHIND
            or last - first > BEHIND
            or rate > FAST
        )
        if last > known.newest:
            known.newest = last
        known.planned = now
        return risky

    def accepted(self, key: Key, now: float) -> bool:
        """Loki took a push that no other stream could have masked; return whether the stream was new."""
        known = self._known.get(key)
        if known is None:
            return True
        new, known.accepted = known.accepted == -math.inf, now
        return new

    def is_new(self, key: Key) -> bool:
        """Whether Loki never took the stream in this process, or turned it away since."""
        known = self._known.get(key)
        return known is None or known.accepted == -math.inf

    def turned_away(self, key: Key) -> None:
        """Loki would not open the stream."""
        if known := self._known.get(key):
            known.accepted = -math.inf

    def limited(self, key: Key, now: float) -> None:
        """Loki limited the stream: it stays alone for a while."""
        if known := self._known.get(key):
            known.limited = now

    def _forget(self, now: float) -> None:
        """Keep the registry bounded by the streams of the last hours."""
        if len(self._known) >= _MANY and len(self._known) & (len(self._known) - 1) == 0:
            old = [key for key, known in self._known.items() if now - known.planned > FORGET_AFTER]
            for key in old:
                del self._known[key]
