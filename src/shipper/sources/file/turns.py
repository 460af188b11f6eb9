"""Whose turn it is to be read.

Rule 1: streams take turns, a chunk each.
Rule 2: paths that share a stream are read one after the other in its turns, oldest unread change first: a backlog
        reaches Loki in the order in which it was written.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from itertools import count

from shipper.sources.file.trail import Trail

Stream = Trail | tuple[str, ...]


class Turns:
    """Paths with something to read."""

    def __init__(self) -> None:
        self._streams: deque[Stream] = deque()
        self._waiting: dict[Stream, list[tuple[int, int, Trail]]] = {}
        self._arrivals = count()

    def __bool__(self) -> bool:
        return bool(self._streams)

    def add(self, trail: Trail) -> None:
        """Let a path wait for its turn."""
        stream: Stream = trail if trail.group is None else trail.group
        if stream not in self._waiting:
            self._waiting[stream] = []
            self._streams.append(stream)
        heappush(self._waiting[stream], (trail.oldest_change, next(self._arrivals), trail))
        trail.queued = True

    def take(self) -> Trail:
        """The path whose turn it is."""
        stream = self._streams.popleft()
        waiting = self._waiting[stream]
        _, _, trail = heappop(waiting)
        if waiting:
            self._streams.append(stream)
        else:
            del self._waiting[stream]
        trail.queued = False
        return trail
