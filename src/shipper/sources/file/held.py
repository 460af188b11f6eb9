"""Deleted files that are kept open because they are not read yet: what they take on the disk, under one cap for all.

Rule 1: above the cap the oldest of all sources go first, each given up by the source that holds it, at its next look.
Rule 2: safe to call from the threads of all sources.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """One deleted file; the order is that of age."""

    changed: int
    """When it was written to last, ns."""
    generation: int
    size: int
    """Bytes it takes on the disk."""


class HeldDeleted:
    """What all sources hold; `cap` in bytes, 0: none."""

    def __init__(self, cap: int = 0) -> None:
        self.cap = cap
        """May be changed at any time."""
        self._lock = threading.Lock()
        self._by_source: dict[str, tuple[Held, ...]] = {}

    @property
    def total(self) -> int:
        """Bytes held by all sources."""
        with self._lock:
            return sum(file.size for files in self._by_source.values() for file in files)

    def leave(self, source: str) -> None:
        """A source is there no more."""
        with self._lock:
            self._by_source.pop(source, None)

    def report(self, source: str, files: Collection[Held]) -> set[int]:
        """Take what a source holds now; return which of its generations have to go to keep the rest under the cap."""
        with self._lock:
            self._by_source[source] = tuple(files)
            excess = self._excess()
            self._by_source[source] = tuple(file for file in files if file not in excess)
            return {file.generation for file in files if file in excess}

    def _excess(self) -> set[Held]:
        """The oldest files that have to go."""
        held = sorted(file for files in self._by_source.values() for file in files)
        above = sum(file.size for file in held) - self.cap
        excess = set()
        for file in held if self.cap else ():
            if above <= 0:
                break
            above -= file.size
            excess.add(file)
        return excess
