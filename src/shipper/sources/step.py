"""What a source tells the agent at each step, and what the journal knows when it starts.

Rule 1: a source does no delivery and no journal I/O; it is told what is known and says what changed.
Rule 2: `step` does one bounded unit of work and returns; it never sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Protocol

from shipper.chunk import Carry, Chunk, Fingerprint, Joins, Lane, Mark, Origin, Span


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
    fingerprint: Mark
    """Of the content up to `offset`."""
    at_eof: bool
    """Whether `offset` was the end of the file when it was read."""
    carry: Carry
    """The lane's state after the last settled span."""
    settled_row: int = 0
    """The journal's number of that span; 0: there is none, or it was settled before such numbers were kept."""
    finished: bool
    """Nothing more will be read from it."""
    gone: bool = False
    """At the last look no name led to its content any more: if no copy of it is found, what was unread is lost."""
    facts: tuple[tuple[str, str], ...] = ()
    """As in `Origin`."""
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
    fingerprint: Mark
    file_changed: int
    carry: Carry
    demoted: tuple[str, ...]
    epoch: str
    settled: bool
    """Settled already, but behind one that is not: not to be sent again."""
    carry_after: Carry = field(default_factory=Carry)
    """The lane's state after it, if it is settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A change in what is known of a generation; inserts it when it is new."""

    id: int
    source: str
    path: str
    seen_at: str
    device: int = 0
    inode: int = 0
    """Of the file; 0: it is none."""
    size: int
    changed: int = 0
    """When the file had been changed last, ns; 0: not known."""
    start: int = 0
    """Where reading begins, for a new generation (`start_at = "end"`)."""
    fingerprint: Mark = field(default_factory=Fingerprint)
    """Of the content up to `start`, for a new generation."""
    facts: tuple[tuple[str, str], ...] = ()
    """As in `Origin`."""
    final: int | None = None
    """Nothing after this offset will ever be read: finished once everything before it is settled."""
    gone: bool = False
    """As in `Generation`."""
    lost: int = 0
    """Bytes of it that were found to be gone before they were read, not noted before. `size` is without them: the count
    and what keeps it from being made again after a restart are one."""


def replayed(known: OpenSpan, origin: Origin) -> Span:
    """The span that the journal remembers."""
    return Span(
        origin=origin,
        start=known.start,
        end=known.end,
        clock=known.clock,
        after_eof=known.after_eof,
        hit_eof=known.hit_eof,
        fingerprint=known.fingerprint,
        file_changed=known.file_changed,
        carry=known.carry,
        demoted=known.demoted,
        epoch=known.epoch,
        row=known.row,
        replay=True,
    )


def handed_over(known: Sequence[Generation], carries: Mapping[int, Carry]) -> list[Generation]:
    """The generations for one who reads on while open spans of them are still being delivered.

    `carries`: the lane's state after each of these spans, by row; they are as good as settled.
    """
    return [
        replace(
            generation,
            open=tuple(
                replace(span, settled=True, carry_after=carries[span.row]) if span.row in carries else span
                for span in generation.open
            ),
        )
        for generation in known
    ]


def inherit(lane: Lane, generations: Iterable[Generation]) -> None:
    """What is read next follows what was read last: one of these generations that was found late has a newer number."""
    ends = sorted([end for generation in generations for end in _ends(generation)], key=itemgetter(0))
    if ends:
        _, lane.carry, lane.heir = ends[-1]


def _ends(generation: Generation) -> Iterator[tuple[int, Carry, int]]:
    """Row, state to go on from, and heir (as in `Lane`) of each span that is known."""
    if generation.settled_row or generation.carry.issued:
        yield generation.settled_row, generation.carry, 0
    for span in generation.open:
        yield (span.row, span.carry_after, 0) if span.settled else (span.row, span.carry, span.row)


class Grouper(Protocol):
    """Where records of several lines end."""

    max_wait: int
    """A record ends when no line came for so long, ns."""

    def whole(self, lines: list[bytes]) -> tuple[int, Joins]:
        """How many of the lines are in records that have ended, and the records of several lines among these."""
        ...


@dataclass(slots=True, kw_only=True)
class Step:
    """What one step of a source brought."""

    chunks: list[Chunk] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    abandoned: list[Span] = field(default_factory=list)
    """Open spans whose bytes are gone: to be closed without entries."""
    more: bool = False
    """There is more to read right now."""
    look_in: float = 1.0
    """Seconds until the next look is due if nothing wakes the source before."""

    @property
    def truncated_unread(self) -> int:
        """Bytes that were gone before they were read."""
        return sum([note.lost for note in self.notes])

    def then(self, later: Step) -> Step:
        """This step and the one after it as one."""
        return Step(
            chunks=self.chunks + later.chunks,
            notes=self.notes + later.notes,
            abandoned=self.abandoned + later.abandoned,
            more=later.more,
            look_in=later.look_in,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of a source there is, and how much was read."""

    things: int
    """Files or containers."""
    size: int
    """Bytes there are to read; what is not known counts as read."""
    offset: int
    """Bytes read of these."""
    open: int = 0
    """Files kept open, or connections."""
    deleted_bytes_held: int = 0
    """Bytes that deleted files take on the disk because they are kept open until they are read."""
    deleted_unread: int = 0
    """Bytes of these that were not read yet: they end with the process."""
    latest: int = 0
    """When the last of its lines was written, as far as is known, ns; 0: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A file, or a stream of a container, for a person."""

    path: str
    """The name it is written under."""
    generation: int
    state: str
    """tailing, rotated, deleted, finished or missing of a file; running, exited, failing or finished of a container."""
    size: int
    """Bytes there are; what is not known counts as read."""
    offset: int
    """Bytes read of these."""
    latest: int
    """When its last line was written, as far as is known, ns; 0: not known."""
    detail: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    """As in `Origin`."""


class Source(Protocol):
    """A kind of input; `step` runs in a thread of its own and may block on the file system, nothing else waits."""

    name: str
    unit: str
    """What its `things` are called: file, container."""

    def step(self, budget: int) -> Step:
        """Read up to about `budget` bytes; with 0 only look (rotations, truncations), read nothing."""
        ...

    def caught_up(self) -> bool:
        """Whether everything that was there at the last step has been read (unterminated last lines aside)."""
        ...

    def close(self) -> None:
        """Give back every descriptor."""
        ...

    async def attend(self, wake: asyncio.Event, thread: Executor) -> None:
        """What it needs done in the event loop beside its steps, until cancelled.

        `wake` is set when a step is worth while; `thread` is the one that the steps run in.
        """
        ...

    def extent(self) -> Extent:
        """How far it is; may be asked beside the source's own thread."""
        ...

    def units(self) -> list[Unit]:
        """Every file or container's stream that is known now; may be asked beside the source's own thread."""
        ...

    def pending_rest(self) -> list[tuple[str, int, int]]:
        """Unterminated last lines: path, offset, bytes."""
        ...
