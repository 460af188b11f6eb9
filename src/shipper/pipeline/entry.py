"""What stages work on: one entry at a time, and the chunk it is in.

Rule 1: an entry begins as one physical line, or as the lines of one record; stages change it in place.
Rule 2: what stages remember from line to line lives in `Work`, which lives as long as its chunk; only `level` and
        `record` begin with what the lane carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, runtime_checkable

from shipper.chunk import Carry, Chunk

Fields = dict[str, Any]

HELD: Final = "\x00held"
"""A stage returns it for an entry that it keeps back, to be part of a later one."""


class Entry:
    """An entry on its way through the stages."""

    __slots__ = ("changes", "fields", "index", "last", "message", "metadata", "tenant", "text", "time", "weight")

    def __init__(self, index: int, weight: int, text: bytes) -> None:
        self.index = index
        """Of its first physical line in the chunk."""
        self.last = index + weight - 1
        """Of its last physical line."""
        self.weight = weight
        """Physical lines in it."""
        self.text = text
        self.fields: Fields | None = None
        self.message: str | None = None
        """The message that a stage found, for `output`."""
        self.changes: dict[str, str] | None = None
        """Labels that stages set; "" removes one."""
        self.metadata: dict[str, str] | None = None
        self.time: int | None = None
        """Its own time, ns."""
        self.tenant = ""

    def change(self, label: str, value: str) -> None:
        """Set a label; "" removes it."""
        if self.changes is None:
            self.changes = {label: value}
        else:
            self.changes[label] = value

    def attach(self, name: str, value: str) -> None:
        """Put something into the structured metadata."""
        if self.metadata is None:
            self.metadata = {name: value}
        else:
            self.metadata[name] = value

    def add(self, fields: Fields) -> None:
        """Add fields; they win over those already there."""
        self.fields = fields if self.fields is None else self.fields | fields


class Work:
    """One chunk in the pipeline."""

    __slots__ = ("_offsets", "chunk", "clock", "counts", "failed", "held", "latest", "level", "record")

    def __init__(self, chunk: Chunk, carry: Carry) -> None:
        self.chunk = chunk
        self.clock = chunk.span.clock
        self.latest = chunk.span.latest
        self.counts = dict(chunk.fallbacks)
        """Fallbacks by reason."""
        self.level = carry.level
        """What a continuation line inherits."""
        self.record = carry.record
        """What the last line was part of (tracebacks.py)."""
        self.held: dict[Stage, dict[str, Entry]] = {}
        """Entries that a stage keeps back, by what they wait for."""
        self.failed: list[tuple[Entry, str]] = []
        """Entries that a stage failed on, and how."""
        self._offsets: list[int] | None = None

    def count(self, reason: str) -> None:
        """Count a fallback."""
        self.counts[reason] = self.counts.get(reason, 0) + 1

    def offset(self, index: int) -> int:
        """The byte offset of a physical line."""
        if self._offsets is None:
            self._offsets = self.chunk.offsets()
        return self._offsets[index]


class Stage(Protocol):
    """Changes an entry."""

    @property
    def name(self) -> str:
        """The name in the configuration."""
        ...

    def __call__(self, entry: Entry, work: Work) -> str:
        """Return "" to go on, the reason to drop the entry, or HELD."""
        ...


class Watch(Protocol):
    """Sees what a pipeline does to each entry, and changes nothing of it (`shipper.explain`)."""

    def over(self, stages: list[Stage]) -> list[Stage]:
        """The stages of the pipeline, each watched."""
        ...

    def outside(self, entry: Entry, timestamp: int, reason: str, policy: str) -> None:
        """Hear of an entry whose timestamp is outside the time window, and what becomes of it."""
        ...


@runtime_checkable
class Sifting(Stage, Protocol):
    """A stage with a short way for many entries."""

    def sift(self, entries: Sequence[Entry], work: Work) -> Sequence[Entry]:
        """Do for all entries at once what can be done so, and return those that still have to be looked at, in order.

        It drops none, and must be able to fail before it changes anything but what looking at each would change alike.
        """
        ...
