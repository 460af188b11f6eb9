"""What flows from a source to Loki: lanes, origins, spans, chunks, and the entries made of them.

    Lane ── Origin (generation) ── Span [start, end) ── Chunk (its lines) ──pipeline──▶ Processed ── Parts (by stream)

Rule 1: a line's labels, timestamp and text are a pure function of its span (clock, carry, demoted labels, epoch) and
        the bytes in it, so a span replayed from the journal makes the same entries again.
Rule 2: spans of one origin are contiguous and never overlap; a span's end is a hard boundary for everything that looks
        at more than one line.
Rule 3: times are integer nanoseconds since 1970, offsets are bytes from the start of the (decompressed) content.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import msgspec

from shipper.delivery.packed import Body, held


class Carry(msgspec.Struct, frozen=True, array_like=True):
    """What one span hands to the next of the same lane: the state of times and levels."""

    issued: int = 0
    """The timestamp issued last, ns; 0: none yet."""
    parsed: int = 0
    """The time parsed last, ns; 0: none yet."""
    recent: tuple[tuple[int, int], ...] = ()
    """Runs `(first, last)` of timestamps issued lately, oldest first: the tie state of really earlier lines."""
    level: str = ""
    """The level that a continuation line at the head of the next span inherits; "": none."""
    record: str = ""
    """What the last line was part of ("", "traceback", …): decides whether the next line continues it."""


class Fingerprint(msgspec.Struct, frozen=True, array_like=True):
    """Identity of a content up to an offset: digests of up to 1 KiB at its start and up to 1 KiB before the offset."""

    head_length: int = 0
    head: bytes = b""
    tail_length: int = 0
    tail: bytes = b""


class Moment(msgspec.Struct, frozen=True):
    """Where reading of a container's stream stands: behind the `count`-th message in a row written at `time`."""

    time: int = 0
    """ns; 0: at the beginning."""
    count: int = 0
    """Messages in a row with this time that were read; 0: none, reading begins with the first one at or after it."""
    latest: int = 0
    """The latest time read so far: later than `time` only where the clock stepped back."""


Joins = Sequence[tuple[int, int]]
"""The records of several lines among some lines: [first, end) of each, in order. All other lines are their own."""

Mark = Fingerprint | Moment
"""How a source finds the end of a span again. Only the source that made it looks inside."""


@dataclass(slots=True, eq=False)
class Lane:
    """One path of one source, across its generations: where the carry lives."""

    source: str
    path: str
    carry: Carry = field(default_factory=Carry)
    heir: int = 0
    """Row of the span that was begun last, if it is replayed: what follows inherits from it, not from those before.
    0 once something new was read, where its bytes could not be had in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One generation of a path: the unit that positions are kept for."""

    source: str
    generation: int
    """Unique for ever within a data_dir."""
    path: str
    """The name the generation was written under; a rotated file keeps it. The `filename` label."""
    facts: tuple[tuple[str, str], ...] = ()
    """What labels are made of besides the path: a container's name, stream and labels."""
    lasting: bool = True
    """Whether its bytes can be had again by their offset, so that a dead letter may point at them."""


@dataclass(slots=True, kw_only=True, eq=False)
class Span:
    """Bytes `[start, end)` of an origin, settled as one."""

    origin: Origin
    start: int
    end: int
    clock: int
    """Base of the clock times in this span, ns; `clock + line index` is reserved for it, unique within the agent."""
    after_eof: bool
    """Whether the end of the file was reached between the line before this span and this span."""
    hit_eof: bool
    """Whether `end` was the end of the file when it was read: the next span's `after_eof`, kept over restarts."""
    fingerprint: Mark
    """Of the content up to `end`."""
    file_changed: int = 0
    """When the file had been changed last when the span was read, or its last line was written, ns; 0: not known.
    Decides a missing year."""
    carry: Carry = field(default_factory=Carry)
    demoted: tuple[str, ...] = ()
    """Label names demoted to metadata when the span was read, sorted."""
    epoch: str = ""
    """Hash of the resolved configuration the span was read under."""
    row: int = 0
    """The journal's number for it; 0 until begun."""
    replay: bool = False
    """Read again after a restart: Loki may have its entries already."""

    @property
    def size(self) -> int:
        """Bytes in it."""
        return self.end - self.start

    @property
    def latest(self) -> int:
        """The latest time its lines are thought to have been written, ns: a backlog is as old as its file."""
        return min(self.file_changed or self.clock, self.clock)


@dataclass(slots=True, kw_only=True, eq=False)
class Chunk:
    """The complete lines of one span, after the line rules (framing)."""

    span: Span
    lane: Lane
    lines: list[bytes]
    """Physical lines, UTF-8, without LF; blank ones are still here."""
    lengths: list[int]
    """`list(map(len, lines))`."""
    surplus: dict[int, int]
    """Bytes that a line takes in the content beyond its text and an LF, by index, where it is not 0: less than that if
    no LF ends it, or if its text grew."""
    plain: bool
    """No line is blank: the column paths may take the chunk as it is."""
    times: list[int] | None = None
    """When each line was written, ns, where the origin says so: the line's clock, if it has no time of its own."""
    joins: Joins | None = None
    """Its records of several lines, where who cut it knows them; None: the pipeline looks for itself."""
    fallbacks: dict[str, int] = field(default_factory=dict)
    """What framing had to do, by reason (invalid_utf8, cut, nul_hole, redraw), in lines."""

    def offsets(self) -> list[int]:
        """The byte offset of each line in the content."""
        return line_offsets(self.span.start, self.lengths, self.surplus)


def line_sizes(lengths: Sequence[int], surplus: Mapping[int, int]) -> list[int]:
    """Bytes that each line takes in the content."""
    sizes = [length + 1 for length in lengths]
    for index, more in surplus.items():
        sizes[index] += more
    return sizes


def line_offsets(start: int, lengths: Sequence[int], surplus: Mapping[int, int]) -> list[int]:
    """Byte offsets of lines that begin at `start`, one per line."""
    return list(accumulate(line_sizes(lengths, surplus)[:-1], initial=start)) if lengths else []


class Part(msgspec.Struct, kw_only=True, eq=False, gc=False):
    """The entries of one span that belong to one stream, encoded.

    A chunk may have thousands of them: a struct is made in a quarter of the time that a dataclass takes.
    """

    tenant: str
    """"": the tenant of the configuration."""
    labels: str
    """The stream's labels as Loki reads them, `{a="b", c="d"}`, names sorted."""
    body: Body
    """Its entries as `Stream.entries` records of the wire format, one after the other; `bytes` of it are these."""
    entries: int
    lines: int
    """Physical lines in these entries."""
    first: int
    last: int
    """Smallest and greatest timestamp, ns."""
    where: Sequence[int]
    """Index in the chunk of the first physical line of each entry."""
    weights: Sequence[int] | None = None
    """Physical lines of each entry; None: one each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An entry that is not to be sent, or that Loki refused: a dead letter before it is written."""

    offset: int
    length: int
    """Where its bytes are in the origin."""
    lines: int
    timestamp: int
    labels: str
    tenant: str
    text: bytes | None
    """The processed text; None: the bytes in the file are pointer enough."""
    reason: str
    """A word for the counters: too_old, too_new, too_far_behind, line_too_long, labels, …"""
    words: str
    """Loki's own words, or ours."""


@dataclass(slots=True, kw_only=True, eq=False)
class Processed:
    """What a pipeline made of a chunk."""

    span: Span
    lines: int
    """Physical lines in the span = Σ part.lines + Σ dropped + Σ refused.lines."""
    parts: list[Part]
    carry: Carry
    """What the next span of the lane inherits."""
    lengths: list[int]
    surplus: dict[int, int]
    """As in `Chunk`."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Physical lines dropped by a rule, by reason."""
    fallbacks: dict[str, int] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    untimed: Collection[int] = ()
    """Indices, as in `part.where`, of entries without a time of their own: theirs is the clock's or a neighbour's."""

    @property
    def size(self) -> int:
        """Encoded bytes in all parts, uncompressed."""
        return sum(len(part.body) for part in self.parts)

    @property
    def held(self) -> int:
        """Bytes they take in memory."""
        return sum([held(part.body) for part in self.parts])

    def offsets(self) -> list[int]:
        """The byte offset of each physical line."""
        return line_offsets(self.span.start, self.lengths, self.surplus)
