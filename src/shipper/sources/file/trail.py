"""The generations of one path, in the order in which they were written.

Rule 1: a generation is read to its end before the next one is; it waits for the LF of a rotated one's last line at most
        `rotate_wait` after the rename.
Rule 2: after a restart all open spans of the path are replayed before anything new is read, which follows the last one.
Rule 3: a rotated file is watched on, but holds nobody up, until it has been idle for long enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from shipper.chunk import Lane
from shipper.sources.file.recall import Place
from shipper.sources.file.tail import Tail

COARSE = 50_000_000
"""By how much the change time of a file may be behind the clock, ns: kernels keep it by their tick."""
SLACK = 10_000_000_000
"""How long before the one that left last a generation may have been changed and still be news, ns: in a storm of
renames a look can miss one. What was there before us is told apart by `ignored`."""
LINGER = 60.0
"""Seconds without growth after which a rotated file that still exists is finished."""

_NOBODY: Final[frozenset[Any]] = frozenset()
"""One for all paths that have nobody beside them: most."""
SiblingKey = tuple[int, int, int]
"""Inode, change time (ns), size: a rotated file that is not renamed only, but written to, is another one."""


@dataclass(slots=True, kw_only=True, eq=False)
class Trail:
    """One path."""

    path: str
    lane: Lane
    group: tuple[str, ...] | None = None
    """Files of one group share a stream and are read one after the other; None: a stream of its own."""
    tails: list[Tail] = field(default_factory=list)
    """Oldest first."""
    live: Tail | None = None
    """The one that is at the path now; always the last of `tails`."""
    past: list[Tail] = field(default_factory=list)
    """Generations read to their end whose files are still there."""
    ignored: frozenset[SiblingKey] = _NOBODY
    """Rotated files that were there before us."""
    strangers: frozenset[tuple[int, str]] = _NOBODY
    """The same by inode and path, so that they stay what they are when they are written to."""
    doubtful: dict[SiblingKey, float] = field(default_factory=dict)
    """Siblings that look like copies of the live file, and when they were seen first."""
    left: int = 0
    """When the generation that left the path last was changed last, ns: a newer file beside it came after it."""
    gone_at: float = float("inf")
    """Since when no file of it is left."""
    queued: bool = False
    retry_at: float = 0.0
    """Not to be read before: its last read failed."""

    def current(self, now: float, rotate_wait: float) -> Tail | None:
        """The generation to be read next, if one has something to read."""
        readable = [tail for tail in self.tails if not (tail.finished or tail.absent)]
        for tail in readable:
            if tail.replays:
                return tail
        for tail in readable:
            if tail.unread or tail.is_due(now) or is_final(tail, now, rotate_wait):
                return tail
            if tail.rotated_at is None or not self.may_pass(tail, now, rotate_wait):
                return None
        return None

    def may_pass(self, tail: Tail, now: float, rotate_wait: float) -> bool:
        """Whether the generation after a rotated one may be read."""
        if not (tail.rest or tail.held):
            return True
        return tail.rotated_at is not None and now >= tail.rotated_at + rotate_wait

    def ignore(self, places: Iterable[Place]) -> None:
        """These were there before, or are no generations of this path."""
        places = tuple(places)
        self.ignored = frozenset([place.sibling_key for place in places]) if places else _NOBODY
        self.strangers = frozenset([place.stranger_key for place in places]) if places else _NOBODY

    def ignores(self, place: Place) -> bool:
        """Whether a sibling is none of ours."""
        strange = place.sibling_key in self.ignored or place.stranger_key in self.strangers
        return strange and place.sibling_key not in self.doubtful

    def promote(self, tail: Tail) -> None:
        """Make a generation the one at the path (again)."""
        if tail in self.tails:
            self.tails.remove(tail)
        self.tails.append(tail)
        tail.rotated_at, tail.deleted = None, False
        self.live = tail

    def insert(self, tail: Tail, after: Tail | None) -> None:
        """Put a generation behind another one, or before the live one."""
        if after is not None and after in self.tails:
            self.tails.insert(self.tails.index(after) + 1, tail)
        elif self.live is not None:
            self.tails.insert(len(self.tails) - 1, tail)
        else:
            self.tails.append(tail)

    def sort(self) -> None:
        """Order the generations as they were written, the live one last; those that were not found come first."""
        self.tails.sort(key=lambda tail: (tail is self.live, 0 if tail.absent else tail.changed))

    @property
    def oldest_change(self) -> int:
        """Change time of the first generation that is not read to its end, ns."""
        return next((tail.changed for tail in self.tails if not tail.drained), 0)

    @property
    def settles(self) -> bool:
        """Whether only time can bring it on: rotated generations linger, a record is kept back."""
        return any(tail.rotated_at is not None or tail.held for tail in self.tails if not tail.finished)


def is_final(tail: Tail, now: float, rotate_wait: float) -> bool:
    """Whether what a generation holds back will not be completed any more."""
    waited = tail.rotated_at is not None and now >= max(tail.rotated_at, tail.grown_at) + rotate_wait
    return (waited or tail.gone) and bool(tail.rest or tail.held) and not (tail.replays or tail.unread)


def is_over(tail: Tail, now: float, rotate_wait: float) -> bool:
    """Whether nothing more will come from a rotated generation."""
    if tail.rotated_at is None or tail.absent or not tail.drained:
        return False
    if tail.gone:
        return True
    return now >= max(tail.rotated_at, tail.grown_at) + (rotate_wait if tail.deleted else LINGER)
