"""Whether times are off by a time zone: a line is written to its file within moments of the time in it.

Rule 1: pure. The difference between a file's last line and its last change has to be whole quarter hours to within
        `NEAR`, so one file that was copied later is taken for a wrong zone once in fifty times, two hardly ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shipper.preview.look import Look

SECOND: Final = 1_000_000_000
NEAR: Final = 10 * SECOND
QUARTER: Final = 900 * SECOND
MOST: Final = 5
"""The files written last, which are asked."""
FURTHEST: Final = 14 * 3600 * SECOND
"""No zone is further from UTC."""


def shift_of(looks: Sequence[Look]) -> int:
    """By how much times are ahead of (or, below zero, behind) the clock that wrote them, ns; 0: not by a zone."""
    telling = sorted((look for look in looks if look.parsed and look.changed), key=lambda look: -look.changed)
    shifts = {_whole_quarters(look.parsed - look.changed) for look in telling[:MOST]}
    return shifts.pop() if len(shifts) == 1 else 0


def _whole_quarters(ahead: int) -> int:
    """The difference, if it is one between zones; else 0."""
    nearest = round(ahead / QUARTER) * QUARTER
    return nearest if abs(nearest) <= FURTHEST and abs(ahead - nearest) <= NEAR else 0


def zone_for(shift: int, configured: str, now: int) -> str:
    """The zone that times are in which seem ahead by `shift` in the zone `configured`, as the configuration takes it;
    "" if it is one without a plain name."""
    offset = datetime.fromtimestamp(now // SECOND, ZoneInfo(configured)).utcoffset() or timedelta()
    hours, rest = divmod(abs(total := round(offset.total_seconds()) + shift // SECOND), 3600)
    if rest:
        return ""
    return f"Etc/GMT{'-' if total > 0 else '+'}{hours}" if hours else "UTC"
