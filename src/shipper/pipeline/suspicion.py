"""Times that are steadily ahead by whole quarter hours: the sign of a zone that nobody told us.

Rule 1: it only watches; no timestamp depends on it.
Rule 2: it takes `LINES` lines in a row, each ahead by the same quarter hours within two minutes; another one ends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MINUTE: Final = 60 * 1_000_000_000
QUARTER: Final = 15 * MINUTE
LONGEST: Final = 14 * 60 * MINUTE
NEAR: Final = 2 * MINUTE
LINES: Final = 20


class ZoneSuspicion:
    """Watches the times of one source's lines."""

    def __init__(self) -> None:
        self.ahead: int | None = None
        """By how much times are ahead, ns, once that is steady."""
        self._quarters = 0
        self._lines = 0

    def observe(self, times: Iterable[int | None], clock: int) -> None:
        """Take note of the times that lines of a chunk have of their own."""
        known = [time for time in times if time is not None]
        if known and not self.calmed(max(known), clock):
            for time in known:
                self._see(quarters_ahead(time - clock))

    def calmed(self, latest: int, clock: int) -> bool:
        """Whether a chunk whose latest time is `latest` is no sign as a whole; that ends the suspicion."""
        if latest - clock >= QUARTER - NEAR:
            return False
        self._quarters, self._lines, self.ahead = 0, 0, None
        return True

    def _see(self, quarters: int) -> None:
        if quarters != self._quarters:
            self._quarters, self._lines = quarters, 0
        self._lines += 1
        if not quarters:
            self.ahead = None
        elif self._lines >= LINES:
            self.ahead = quarters * QUARTER


def quarters_ahead(ahead: int) -> int:
    """Whole quarter hours that a time is ahead, within two minutes; 0 if it is not, or beyond any zone."""
    quarters, beside = divmod(ahead + NEAR, QUARTER)
    return quarters if beside <= 2 * NEAR and quarters > 0 and quarters * QUARTER <= LONGEST else 0
