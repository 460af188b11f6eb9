"""How much a source may read: the bound on what is in memory between the files and Loki.

Rule 1: what all sources have unsettled is bounded; one that is stuck cannot use up what another needs.
"""

from __future__ import annotations

STEP_BYTES = 1 << 20
"""Read per step at most where many sources read: what is read is in memory until it is handed over."""
STEPS_BYTES = 8 << 20
"""Read per step at most by all sources together, if that is more for each: what is handed over together begins in one
transaction of the journal, which costs a tenth of a backlog's CPU time if there are but two batches in it."""
LIMITED_STEP = 64 << 10
"""Read per step by a source that may ship so many lines a second: it waits after the step for as long as they take."""
SHARED_ROOM = 16 << 20
"""Unsettled bytes up to which any source may go on reading, whoever they belong to: what was read, and twice what the
entries made of it take in memory, mostly compressed."""
OWN_ROOM = 2 << 20
"""Unsettled bytes every source may have even when another has used up the shared room."""
OWN_ROOM_TOTAL = 24 << 20


def room_for(own: int, total: int, sources: int) -> int:
    """Bytes that a source may read in a step now which has `own` bytes unsettled of the `total` of all `sources`.

    Less than half of what it may have at least is no room: what was read in crumbs would be pushed in crumbs.
    """
    alone = min(OWN_ROOM, OWN_ROOM_TOTAL // sources)
    room = max(alone - own, SHARED_ROOM - total)
    return min(room, max(STEP_BYTES, STEPS_BYTES // sources)) if room >= alone // 2 else 0
