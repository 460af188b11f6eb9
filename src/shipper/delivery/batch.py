"""Batches of spans, and the pushes planned from them.

Rule 1: a batch is measured in uncompressed bytes of the wire format, labels included.
Rule 2: a stream that Loki may refuse goes alone in its push; the rest of a batch goes together, the largest last.
Rule 3: no push is planned above the limit; only a single entry may exceed it.
Rule 4: within a push, a stream's entries are in order of time wherever the order could make Loki refuse one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from operator import attrgetter
from typing import Final

from shipper.delivery.packed import Body, Packer
from shipper.delivery.piece import Pending, Piece
from shipper.delivery.streams import BEHIND, Key, Streams
from shipper.delivery.wire import encode_push, stream_size

MAX_PUSH: Final = 7 * 1024 * 1024 // 2
"""Loki's ingesters refuse more than 4 MiB; what they add to a push (labels of their own, framing) needs room."""
ENTRY_OVERHEAD: Final = 20
"""Bytes of an encoded entry that Loki does not count in its rates, about."""
_GROWTH: Final = 8
"""Bytes that the two lengths in a stream's head may grow by with its body."""


@dataclass(slots=True, eq=False)
class Batch:
    """Spans that are begun and sent together."""

    opened: float
    """When its first span came, monotonic seconds."""
    pendings: list[Pending] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    size: int = 0

    def add(self, pending: Pending, pieces: Sequence[Piece], size: int) -> None:
        """Take a span and its pieces, and the `size_of` these."""
        self.pendings.append(pending)
        self.pieces += pieces
        self.size += size


def size_of(pieces: Iterable[Piece]) -> int:
    """Bytes of pieces in a push, each with its labels."""
    return sum([stream_size(piece.labels, len(piece.body)) for piece in pieces])


@dataclass(slots=True, eq=False)
class Push:
    """What goes to Loki in one request, and how it fared so far."""

    tenant: str
    streams: dict[str, list[Piece]]
    """Pieces by labels, in the order they are sent."""
    attempts: int = 0
    """Failures in a row."""
    limited: int = 0
    """429 in a row."""
    ready_at: float = 0.0
    """Not to be sent before, monotonic seconds."""
    floor: float = 0.0
    """Not to be sent before, though the server be back."""
    in_flight: bool = False
    sent_at: float = 0.0
    arrived_by: float = 0.0
    """When what was sent of it has arrived, or never will; monotonic seconds."""
    asking_since: float | None = None
    """When asking for it began to fail."""
    bisected_at: float | None = None
    """When it was first refused for reasons nobody knows."""
    probes: int = 0
    troubles: set[tuple[str, str]] = field(default_factory=set)
    """Failures (name, what) that end when this push is done."""
    _ranges: dict[Key, tuple[int, int]] | None = None
    _extent: tuple[int, int] | None = None

    @property
    def pieces(self) -> list[Piece]:
        """All of its pieces."""
        return list(chain.from_iterable(self.streams.values()))

    @property
    def entries(self) -> int:
        """How many entries it has."""
        return sum([piece.entries for piece in self.pieces])

    @property
    def size(self) -> int:
        """Encoded bytes, uncompressed."""
        return sum([stream_size(labels, _length(pieces)) for labels, pieces in self.streams.items()])

    @property
    def cost(self) -> int:
        """Bytes as Loki's rates count them, about: without the framing of each entry."""
        return cost_of(self.pieces)

    @property
    def doubtful(self) -> bool:
        """Whether Loki may have some of it."""
        return any(piece.doubt for piece in self.pieces)

    @property
    def ranges(self) -> dict[Key, tuple[int, int]]:
        """Smallest and greatest timestamp of each of its streams."""
        if self._ranges is None:
            self._ranges = {(self.tenant, labels): extent(pieces) for labels, pieces in self.streams.items()}
        return self._ranges

    @property
    def extent(self) -> tuple[int, int]:
        """Smallest and greatest timestamp of all its entries."""
        if self._extent is None:
            self._extent = extent(self.pieces)
        return self._extent

    def keep(self, labels: str, pieces: list[Piece]) -> None:
        """Leave only these pieces of one of its streams; none: leave the stream out."""
        if pieces:
            self.streams[labels] = pieces
        else:
            del self.streams[labels]
        self._ranges = self._extent = None

    @property
    def untouched(self) -> bool:
        """Whether nothing was done with it yet, nor is to be before it is sent."""
        tried = self.in_flight or self.sent_at or self.ready_at or self.attempts or self.limited
        return not tried and self.bisected_at is None and not self.doubtful

    def take_in(self, other: Push, limit: int) -> bool:
        """Have what another push has of the same streams as well, unless that makes more than `limit` bytes."""
        if self.size + other.size > limit:
            return False
        for labels, pieces in other.streams.items():
            self.keep(labels, _in_order(self.streams[labels] + pieces))
        return True

    def put_off(self, until: float, *, floor: float) -> None:
        """Wait until then; `hurry` shortens it to `floor` at most."""
        self.ready_at, self.floor = until, floor

    def hurry(self, until: float) -> None:
        """The server is back: wait no longer than until then, where nothing else forbids it."""
        self.ready_at = max(self.floor, min(self.ready_at, until))
        self.attempts = min(self.attempts, 1)

    def encode(self, packer: Packer) -> bytes:
        """The request's body: a snappy block."""
        first, last = self.extent
        blobs = _bodies if last - first <= BEHIND else _blobs
        return packer.block(encode_push((labels, blobs(pieces)) for labels, pieces in self.streams.items()))

    def with_streams(self, streams: dict[str, list[Piece]]) -> Push:
        """A push of other pieces with this one's history."""
        return Push(
            tenant=self.tenant,
            streams=streams,
            attempts=self.attempts,
            limited=self.limited,
            ready_at=self.ready_at,
            arrived_by=self.arrived_by,
            floor=self.floor,
            bisected_at=self.bisected_at,
            troubles=set(self.troubles),
        )


def cost_of(pieces: Sequence[Piece]) -> int:
    """Bytes of pieces as Loki's rates count them, about."""
    return sum([max(piece.entries, len(piece.body) - ENTRY_OVERHEAD * piece.entries) for piece in pieces])


def _length(pieces: Sequence[Piece]) -> int:
    return sum([len(piece.body) for piece in pieces]) if len(pieces) > 1 else len(pieces[0].body)


def extent(pieces: Sequence[Piece]) -> tuple[int, int]:
    """Smallest and greatest timestamp of pieces, (0, 0) of none."""
    if len(pieces) == 1:
        return pieces[0].first, pieces[0].last
    return min([piece.first for piece in pieces], default=0), max([piece.last for piece in pieces], default=0)


def _spread(pieces: Sequence[Piece]) -> int:
    first, last = extent(pieces)
    return last - first


def _bodies(pieces: Sequence[Piece]) -> list[Body]:
    return [piece.body for piece in pieces]


def _blobs(pieces: Sequence[Piece]) -> list[Body]:
    """The bodies; entry by entry in order of time if some may be too far behind others."""
    if _spread(pieces) <= BEHIND:
        return _bodies(pieces)
    entries = [entry for piece in pieces for entry in piece.decode()]
    if all(before.timestamp <= after.timestamp for before, after in pairwise(entries)):
        return _bodies(pieces)
    return [entry.raw for entry in sorted(entries, key=attrgetter("timestamp"))]


def plan(pieces: Iterable[Piece], streams: Streams, *, now: float, limit: int = MAX_PUSH) -> list[Push]:
    """The pushes of a batch: risky streams alone, the others together per tenant."""
    merged: defaultdict[Key, list[Piece]] = defaultdict(list)
    for piece in pieces:
        merged[piece.tenant, piece.labels].append(piece)
    alone: list[Push] = []
    together: defaultdict[str, dict[str, list[Piece]]] = defaultdict(dict)
    for key, ours in merged.items():
        first, last = extent(ours)
        if streams.plan(key, _length(ours), first, last, now):
            alone += pack(key[0], {key[1]: ours}, limit)
        else:
            together[key[0]][key[1]] = ours
    pushes = [push for tenant, group in together.items() for push in pack(tenant, group, limit)]
    for push in pushes:
        push.streams = _largest_last(push.streams)
    return alone + pushes


def _largest_last(streams: dict[str, list[Piece]]) -> dict[str, list[Piece]]:
    """The stream that a limit would meet first comes last, where Loki reports its refusal."""
    ordered = dict(streams)
    largest = max(streams.values(), key=_length)[0].labels
    ordered[largest] = ordered.pop(largest)
    return ordered


def pack(tenant: str, streams: dict[str, list[Piece]], limit: int) -> list[Push]:
    """As few pushes as keep below `limit` bytes each, a stream's entries in order of time."""
    if size_of(chain.from_iterable(streams.values())) <= limit:
        return [Push(tenant, {labels: _in_order(pieces) for labels, pieces in streams.items()})]
    pushes: list[Push] = []
    current: dict[str, list[Piece]] = {}
    size = 0
    for labels, pieces in streams.items():
        head = stream_size(labels, 0) + _GROWTH
        for group in _cut(pieces, max(1, limit - head)):
            more = _length(group) + (0 if labels in current else head)
            if current and size + more > limit:
                pushes.append(Push(tenant, current))
                current, size, more = {}, 0, _length(group) + head
            current.setdefault(labels, []).extend(group)
            size += more
    return [*pushes, Push(tenant, current)] if current else pushes


def _in_order(pieces: list[Piece]) -> list[Piece]:
    return sorted(pieces, key=attrgetter("first")) if len(pieces) > 1 else pieces


def _cut(pieces: list[Piece], room: int) -> list[list[Piece]]:
    """Groups of at most `room` bytes in order of time; entry by entry where cuts between pieces would break it."""
    ordered = _in_order(pieces)
    if _length(ordered) > room and _spread(ordered) > BEHIND:
        return _cut_by_time(ordered, room)
    return [[part] for piece in ordered for part in piece.slice(room)]


def _cut_by_time(pieces: Sequence[Piece], room: int) -> list[list[Piece]]:
    decoded = [piece.decode() for piece in pieces]
    stamps = [
        (entry.timestamp, number, index)
        for number, entries in enumerate(decoded)
        for index, entry in enumerate(entries)
    ]
    groups: list[dict[int, list[int]]] = []
    size = room
    for _, number, index in sorted(stamps):
        length = len(decoded[number][index].raw)
        if size + length > room:
            groups.append({})
            size = 0
        groups[-1].setdefault(number, []).append(index)
        size += length
    return [
        [pieces[number].pick(decoded[number], sorted(chosen)) for number, chosen in group.items()]
        for group in groups
        if group
    ]


def split(push: Push, limit: int) -> list[Push]:
    """The push as smaller ones of at most `limit` bytes; `[push]` if it is a single entry."""
    if push.entries <= 1:
        return [push]
    parts = pack(push.tenant, push.streams, limit)
    if len(parts) == 1:
        return [push]
    return [push.with_streams(part.streams) for part in parts]


def halve(push: Push) -> list[Push]:
    """The push in two: between its streams if it has several, else between its entries."""
    if len(push.streams) > 1:
        names = list(push.streams)
        middle = len(names) // 2
        halves = [{name: push.streams[name] for name in part} for part in (names[:middle], names[middle:])]
        return [push.with_streams(streams) for streams in halves]
    (labels,) = push.streams
    pieces = push.streams[labels]
    if len(pieces) > 1:
        middle = len(pieces) // 2
        return [push.with_streams({labels: part}) for part in (pieces[:middle], pieces[middle:])]
    piece = pieces[0]
    decoded, middle = piece.decode(), piece.entries // 2
    parts = (range(middle), range(middle, piece.entries))
    return [push.with_streams({labels: [piece.pick(decoded, part)]}) for part in parts if part]
