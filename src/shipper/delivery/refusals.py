"""What becomes of entries that Loki refuses for good: dead letters, other timestamps, or dropped, as configured.

Rule 1: what Loki calls too old, too far behind or out of order follows `too_old`; too new follows `too_new`; everything
        else becomes a dead letter with Loki's words.
Rule 2: a new timestamp is the span's clock plus the line's place in it, so a replay gives the same one; an entry
        that is refused with it as well becomes a dead letter.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from msgspec.structs import replace

from shipper.config.model import Loki
from shipper.delivery.batch import Push
from shipper.delivery.isolate import Isolation
from shipper.delivery.piece import Piece
from shipper.delivery.settle import Settlement
from shipper.delivery.wire import encode_entry
from shipper.pipeline.window import ORIGINAL, written

FOLLOW_TOO_OLD: Final = frozenset({"too_old", "too_far_behind", "out_of_order"})


class Refusals:
    """Applies the configuration to refused entries; `metadata` tells whether the server takes structured metadata."""

    def __init__(self, loki: Loki, settlement: Settlement) -> None:
        self._too_old = loki.too_old
        self._too_new = loki.too_new
        self._settlement = settlement

    def part(
        self, push: Push, isolation: Isolation, *, metadata: bool
    ) -> tuple[dict[str, list[Piece]], dict[str, list[Piece]]]:
        """Give up the offenders; return what was not refused, and the offenders with new times, both by labels."""
        meant: dict[int, dict[int, tuple[str, str]]] = defaultdict(dict)
        for offence in isolation.offences:
            for item in offence.items:
                meant[id(item.piece)][item.index] = (offence.reason, offence.words)
        rest: dict[str, list[Piece]] = defaultdict(list)
        again: dict[str, list[Piece]] = defaultdict(list)
        for piece in push.pieces:
            kept, restamped = self._part_piece(piece, meant.get(id(piece), {}), metadata)
            if kept is not None:
                rest[piece.labels].append(kept)
            if restamped:
                again[piece.labels] += restamped
        return dict(rest), dict(again)

    def refuse(self, piece: Piece, reason: str, words: str, *, metadata: bool) -> Piece | None:
        """Deal with a piece that was refused whole; returns it with new times if it is to be sent again."""
        policy = self._policy(reason)
        if policy == "drop":
            self._settlement.drop(piece, reason)
        elif policy == "restamp" and not piece.restamped:
            self._settlement.restamp(piece)
            return restamp(piece, metadata=metadata)
        else:
            self._settlement.refuse(piece, reason, words)
        return None

    def _part_piece(
        self, piece: Piece, meant: dict[int, tuple[str, str]], metadata: bool
    ) -> tuple[Piece | None, list[Piece]]:
        if not meant:
            return piece, []
        decoded = piece.decode()
        _, kept = piece.divide(decoded, meant.keys())
        by_reason: dict[tuple[str, str], list[int]] = defaultdict(list)
        for index in sorted(meant):
            by_reason[meant[index]].append(index)
        restamped = [
            self.refuse(piece.pick(decoded, indices), reason, words, metadata=metadata)
            for (reason, words), indices in by_reason.items()
        ]
        return kept, [new for new in restamped if new is not None]

    def _policy(self, reason: str) -> str:
        if reason in FOLLOW_TOO_OLD:
            return self._too_old
        return self._too_new if reason == "too_new" else "dead-letter"


def restamp(piece: Piece, *, metadata: bool) -> Piece:
    """The piece with clock times; those that entries had of their own are kept as metadata where that is taken."""
    base, untimed = piece.pending.span.clock, piece.pending.processed.untimed
    stamps = [base + where for where in piece.where]
    bodies = []
    for where, stamp, entry in zip(piece.where, stamps, piece.decode(), strict=True):
        keep = metadata and where not in untimed and ORIGINAL not in dict(entry.metadata)
        extra = (*entry.metadata, (ORIGINAL, written(entry.timestamp))) if keep else entry.metadata
        bodies.append(encode_entry(stamp, entry.line, extra))
    return replace(
        piece,
        body=b"".join(bodies),
        first=min(stamps),
        last=max(stamps),
        restamped=True,
        doubt=piece.pending.span.replay,
        presumed=False,
    )


def strip_metadata(piece: Piece) -> tuple[Piece | None, Piece | None]:
    """The entries that had metadata, without it; and those that had none."""
    decoded = piece.decode()
    having, bare = piece.divide(decoded, {index for index, entry in enumerate(decoded) if entry.metadata})
    if having is not None:
        body = b"".join(encode_entry(entry.timestamp, entry.line) for entry in having.decode())
        having = replace(having, body=body)
    return having, bare
