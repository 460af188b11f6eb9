"""How much a source may read: the bound on what is in memory between the files and Loki.

Rule 1: what all sources have unsettled is bounded; one that is stuck cannot use up what another needs.
"""

from __future__ import annotations

STEP_BYTES = 2 << 20
"""Read per step at most: enough to keep a core busy, little enough that no source waits long for another."""
SHARED_ROOM = 8 << 20
"""Unsettled bytes up to which any source may go on reading, whoever they belong to."""
OWN_ROOM = 2 << 20
"""Unsettled bytes every source may have even when another has used up the shared room."""
OWN_ROOM_TOTAL = 24 << 20


def room_for(own: int, total: int, sources: int) -> int:
    """Bytes that a source may read now which has `own` bytes unsettled of the `total` of all `sources`.

    Less than half of what it may have at least is no room: what was read in crumbs would be pushed in crumbs.
    """
    alone = min(OWN_ROOM, OWN_ROOM_TOTAL // sources)
    room = max(alone - own, SHARED_ROOM - total)
    return room if room >= alone // 2 else 0
