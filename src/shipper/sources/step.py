"""What a source tells the agent at each step, and what the journal knows when it starts.

Rule 1: a source does no delivery and no journal I/O; it is told what is known and says what changed.
Rule 2: `step` does one bounded unit of work and returns; it never sleeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from shipper.chunk import Carry, Chunk, Fingerprint, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What the journal knows of one generation of a path."""

    id: int
    source: str
    path: str
    """The name it was written under."""
    seen_at: str
    """Where it was seen last: another name than `path` once it is rotated."""
    device: int
    inode: int
    offset: int
    """Everything before it is settled."""
    size: int
    """Size at the last look, bytes."""
    changed: int
    """When the file had been changed last at the last look, ns; 0: not known."""
    fingerprint: Fingerprint
    """Of the content up to `offset`."""
    at_eof: bool
    """Whether `offset` was the end of the file when it was read."""
    carry: Carry
    """The lane's state after the last settled span."""
    finished: bool
    """Nothing more will be read from it."""
    open: tuple[OpenSpan, ...] = ()
    """Spans begun and not yet part of `offset`, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSpan:
    """A span that was begun before the agent stopped."""

    row: int
    start: int
    end: int
    clock: int
    after_eof: bool
    hit_eof: bool
    fingerprint: Fingerprint
    file_changed: int
    carry: Carry
    demoted: tuple[str, ...]
    epoch: str
    settled: bool
    """Settled already, but behind one that is not: not to be sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A change in what is known of a generation; inserts it when it is new."""

    id: int
    source: str
    path: str
    seen_at: str
    device: int
    inode: int
    size: int
    changed: int = 0
    """When the file had been changed last, ns; 0: not known."""
    start: int = 0
    """Where reading begins, for a new generation (`start_at = "end"`)."""
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    """Of the content up to `start`, for a new generation."""
    final: int | None = None
    """Nothing after this offset will ever be read: finished once everything before it is settled."""


@dataclass(slots=True, kw_only=True)
class Step:
    """What one step of a source brought."""

    chunks: list[Chunk] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    abandoned: list[Span] = field(default_factory=list)
    """Open spans whose bytes are gone: to be closed without entries."""
    truncated_unread: int = 0
    """Bytes that were gone before they were read."""
    more: bool = False
    """There is more to read right now."""
    look_in: float = 1.0
    """Seconds until the next look is due if nothing wakes the source before."""

    def then(self, later: Step) -> Step:
        """This step and the one after it as one."""
        return Step(
            chunks=self.chunks + later.chunks,
            notes=self.notes + later.notes,
            abandoned=self.abandoned + later.abandoned,
            truncated_unread=self.truncated_unread + later.truncated_unread,
            more=later.more,
            look_in=later.look_in,
        )


class Source(Protocol):
    """A kind of input; `step` runs in a thread of its own and may block on the file system, nothing else waits."""

    name: str

    def step(self, budget: int) -> Step:
        """Read up to about `budget` bytes; with 0 only look (rotations, truncations), read nothing."""
        ...

    def caught_up(self) -> bool:
        """Whether everything that was there at the last step has been read (unterminated last lines aside)."""
        ...

    def close(self) -> None:
        """Give back every descriptor."""
        ...
