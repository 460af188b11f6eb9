"""Pieces: the entries of one span and one stream that still have to reach Loki.

Rule 1: a piece holds the only copy of its encoded entries; a smaller piece made of it replaces it.
Rule 2: every entry of a span is in exactly one piece until it is settled.
Rule 3: an entry's place in its span (`where`, `weights`) survives every cut, so a refusal finds its bytes in the file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from shipper.chunk import Part, Processed, Span
from shipper.delivery.packed import Body
from shipper.delivery.settled import DeadLetter
from shipper.delivery.wire import Entry, decode_entries


@dataclass(slots=True, eq=False)
class Pending:
    """A span under way: how many of its entries are open, and what it will leave."""

    processed: Processed
    size: int
    """Bytes it counts for in back-pressure: those that were read, and twice what its entries take in memory."""
    open: int
    """Unsettled entries, and one more until the journal has begun the span."""
    dead_letters: list[DeadLetter]

    @property
    def span(self) -> Span:
        """The span in question."""
        return self.processed.span

    def extent(self, where: int, weight: int) -> tuple[int, int]:
        """Offset and length in the origin of `weight` physical lines from line `where` on."""
        return self.span.start + self._taken(0, where), self._taken(where, where + weight)

    def _taken(self, first: int, end: int) -> int:
        """Bytes that the lines `[first, end)` take in the origin."""
        more = sum([more for index, more in self.processed.surplus.items() if first <= index < end])
        return sum(self.processed.lengths[first:end]) + end - first + more


class Piece(Struct, eq=False, gc=False):
    """Entries of one part, all of them or some."""

    pending: Pending
    tenant: str
    labels: str
    body: Body
    entries: int
    lines: int
    first: int
    last: int
    where: Sequence[int]
    weights: Sequence[int] | None
    assigned: bool = False
    """Its tenant comes from its line, not from `[loki]`."""
    doubt: bool = False
    """Loki may have some of its entries already: ask before sending it."""
    presumed: bool = False
    """Loki's words say it has them: where it cannot be asked, that is believed."""
    restamped: bool = False
    """Its times were replaced after a refusal; refused again, its entries become dead letters."""

    @property
    def source(self) -> str:
        """The source it came from."""
        return self.pending.span.origin.source

    def decode(self) -> list[Entry]:
        """Its entries."""
        return decode_entries(bytes(self.body))

    def weight(self, index: int) -> int:
        """Physical lines in one of its entries."""
        return 1 if self.weights is None else self.weights[index]

    def pick(self, decoded: Sequence[Entry], chosen: Sequence[int]) -> Piece:
        """A piece of the entries at the indices `chosen` (at least one, rising)."""
        stamps = [decoded[index].timestamp for index in chosen]
        weights = None if self.weights is None else [self.weights[index] for index in chosen]
        return replace(
            self,
            body=b"".join([decoded[index].raw for index in chosen]),
            entries=len(chosen),
            lines=len(chosen) if weights is None else sum(weights),
            first=min(stamps),
            last=max(stamps),
            where=[self.where[index] for index in chosen],
            weights=weights,
        )

    def divide(self, decoded: Sequence[Entry], chosen: Collection[int]) -> tuple[Piece | None, Piece | None]:
        """The piece of the entries `chosen`, and the piece of the others."""
        inside = [index for index in range(self.entries) if index in chosen]
        outside = [index for index in range(self.entries) if index not in chosen]
        if not inside or not outside:
            return (self, None) if inside else (None, self)
        return self.pick(decoded, inside), self.pick(decoded, outside)

    def slice(self, limit: int) -> list[Piece]:
        """Pieces of at most `limit` bytes each; an entry larger than that stands alone."""
        if len(self.body) <= limit or self.entries == 1:
            return [self]
        decoded = self.decode()
        pieces, chosen, size = [], list[int](), 0
        for index, entry in enumerate(decoded):
            if chosen and size + len(entry.raw) > limit:
                pieces.append(self.pick(decoded, chosen))
                chosen, size = [], 0
            chosen.append(index)
            size += len(entry.raw)
        return [*pieces, self.pick(decoded, chosen)]


def piece_of(pending: Pending, part: Part, tenant: str) -> Piece:
    """All of a part's entries; those of a replayed span are in doubt."""
    return Piece(
        pending=pending,
        tenant=part.tenant or tenant,
        labels=part.labels,
        body=part.body,
        entries=part.entries,
        lines=part.lines,
        first=part.first,
        last=part.last,
        where=part.where,
        weights=part.weights,
        assigned=bool(part.tenant),
        doubt=pending.span.replay,
    )
