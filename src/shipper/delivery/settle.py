"""The books of delivery: opens spans, settles their entries, and says which spans are done.

Rule 1: law 3 holds after every call: what is not settled is in flight.
Rule 2: a line counts as delivered when Loki took it, as dead-lettered when the journal has its dead letter.
Rule 3: a span is done when the journal has begun it and none of its entries is open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from shipper.chunk import Carry, Processed
from shipper.clock import Clock
from shipper.delivery.piece import Pending, Piece, piece_of
from shipper.delivery.settled import DeadLetter, Settled
from shipper.failures import Failures
from shipper.ledger import Account, Ledger
from shipper.pipeline.window import RESTAMPED

POINTERS = frozenset({"too_old"})
"""Reasons whose dead letters hold no text: the bytes in the file are pointer enough, and there may be very many."""


class Settlement:
    """What is open, by span and by source; `on_done` is called with each span that is done, in the order of events."""

    def __init__(
        self, *, ledger: Ledger, clock: Clock, failures: Failures, tenant: str, on_done: Callable[[Pending], None]
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._failures = failures
        self.tenant = tenant
        """Of lines that have none of their own."""
        self._on_done = on_done
        self._outstanding: Counter[str] = Counter()
        self._pendings: set[Pending] = set()
        """Spans that are not committed."""

    def outstanding(self, source: str) -> int:
        """Bytes of a source that are not settled."""
        return self._outstanding[source]

    def total_outstanding(self) -> int:
        """Bytes of all sources that are not settled."""
        return self._outstanding.total()

    @property
    def spans(self) -> int:
        """Spans that are not committed."""
        return len(self._pendings)

    def unsettled(self) -> dict[str, tuple[int, int]]:
        """By source, if it has any: bytes in spans that are not committed, and the clock of the oldest of them, ns."""
        found: dict[str, tuple[int, int]] = {}
        for pending in self._pendings:
            span = pending.span
            size, oldest = found.get(span.origin.source, (0, span.clock))
            found[span.origin.source] = size + span.size, min(oldest, span.clock)
        return found

    def settled_to(self, source: str) -> dict[int, int]:
        """Where the first span of each generation of a source begins that is not committed."""
        starts: dict[int, int] = {}
        for span in [pending.span for pending in self._pendings if pending.span.origin.source == source]:
            generation = span.origin.generation
            starts[generation] = min(starts.get(generation, span.start), span.start)
        return starts

    def carries(self, source: str) -> dict[int, Carry]:
        """The state of its lane after each span of a source that is not committed, by the span's row."""
        spans = (pending for pending in self._pendings if pending.span.origin.source == source)
        return {pending.span.row: pending.processed.carry for pending in spans}

    def waiting_letters(self) -> Counter[str]:
        """Lines by source whose dead letters the journal does not have yet."""
        lines: Counter[str] = Counter()
        for pending in self._pendings:
            lines[pending.span.origin.source] += sum([letter.lines for letter in pending.dead_letters])
        return lines

    def open(self, processed: Processed) -> tuple[Pending, list[Piece]]:
        """Enter a span in the books; return it and the pieces to send."""
        raw, size = processed.span.size, processed.span.size + 2 * processed.held
        parts, processed.parts = processed.parts, []  # the pieces hold the bodies from here on
        pending = Pending(
            processed=processed,
            size=size,
            open=1 + sum([part.entries for part in parts]),
            dead_letters=[],
        )
        self._book(processed, raw)
        self._outstanding[pending.span.origin.source] += pending.size
        self._pendings.add(pending)
        for refused in processed.refused:
            self._give_up(
                pending,
                refused.reason,
                refused.words,
                offset=refused.offset,
                length=refused.length,
                lines=refused.lines,
                timestamp=refused.timestamp,
                labels=refused.labels,
                tenant=refused.tenant,
                text=refused.text,
            )
        return pending, [piece_of(pending, part, self.tenant) for part in parts if part.entries]

    def begun(self, pending: Pending) -> None:
        """The journal has begun the span."""
        self._close(pending, 1)

    def store(self, *pieces: Piece) -> None:
        """Loki has the pieces."""
        by_span: dict[Pending, list[Piece]] = {}
        for piece in pieces:
            by_span.setdefault(piece.pending, []).append(piece)
        for pending, ours in by_span.items():
            lines, entries = sum([piece.lines for piece in ours]), sum([piece.entries for piece in ours])
            account = self._account(ours[0])
            account.delivered += lines
            account.entries_delivered += entries
            account.in_flight -= lines
            self._close(pending, entries)

    def drop(self, piece: Piece, reason: str) -> None:
        """A rule of the configuration drops the piece."""
        account = self._account(piece)
        account.dropped[reason] += piece.lines
        account.in_flight -= piece.lines
        self._close(piece.pending, piece.entries)

    def restamp(self, piece: Piece) -> None:
        """The piece goes on with times of the clock."""
        self._account(piece).fallbacks[RESTAMPED] += piece.entries

    def refuse(self, piece: Piece, reason: str, words: str) -> None:
        """Make dead letters of the piece's entries; their lines stay in flight until the journal has them."""
        pointer = reason in POINTERS and piece.pending.span.origin.lasting
        for index, entry in enumerate(piece.decode()):
            where, lines = piece.where[index], piece.weight(index)
            offset, length = piece.pending.extent(where, lines)
            self._give_up(
                piece.pending,
                reason,
                words,
                offset=offset,
                length=length,
                lines=lines,
                timestamp=entry.timestamp,
                labels=piece.labels,
                tenant=piece.tenant,
                text=None if pointer else entry.line,
            )
        self._close(piece.pending, piece.entries)

    def settled(self, pending: Pending) -> Settled:
        """What the journal is told of a span that is done."""
        return Settled(span=pending.span, carry=pending.processed.carry, dead_letters=tuple(pending.dead_letters))

    def committed(self, pending: Pending) -> None:
        """The journal has committed the span."""
        source = pending.span.origin.source
        account = self._ledger.account(source)
        for letter in pending.dead_letters:
            account.dead_lettered[letter.reason] += letter.lines
            account.in_flight -= letter.lines
        self._outstanding[source] -= pending.size
        if not self._outstanding[source]:
            del self._outstanding[source]
        self._pendings.discard(pending)

    def _book(self, processed: Processed, raw: int) -> None:
        account = self._ledger.account(processed.span.origin.source)
        account.read += processed.lines
        account.bytes_read += raw
        account.dropped.update(processed.dropped)
        account.fallbacks.update(processed.fallbacks)
        account.in_flight += processed.lines - sum(processed.dropped.values())

    def _account(self, piece: Piece) -> Account:
        return self._ledger.account(piece.source)

    def _give_up(
        self,
        pending: Pending,
        reason: str,
        words: str,
        *,
        offset: int,
        length: int,
        lines: int,
        timestamp: int,
        labels: str,
        tenant: str,
        text: bytes | None,
    ) -> None:
        origin = pending.span.origin
        letter = DeadLetter(
            offset=offset,
            length=length,
            lines=lines,
            timestamp=timestamp,
            labels=labels,
            tenant=tenant or self.tenant,
            text=text,
            reason=reason,
            words=words,
            source=origin.source,
            path=origin.path,
            generation=origin.generation,
            time=self._clock.now(),
        )
        pending.dead_letters.append(letter)
        self._failures.once("entries_refused", words, source=origin.source, what=reason)

    def _close(self, pending: Pending, entries: int) -> None:
        pending.open -= entries
        if pending.open == 0:
            self._on_done(pending)
