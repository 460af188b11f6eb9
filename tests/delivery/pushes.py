"""Pushes made by hand, and what an ingester says of one that it did not take whole."""

from __future__ import annotations

from shipper.chunk import Carry, Fingerprint, Origin, Processed, Span
from shipper.delivery.batch import Push
from shipper.delivery.piece import Pending, Piece
from shipper.delivery.wire import encode_entry

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND
A, B = '{job="a"}', '{job="b"}'


def piece(labels, entries):
    """Entries are (timestamp, line) or (timestamp, line, metadata)."""
    origin = Origin(source="s", generation=1, path="/p")
    span = Span(origin=origin, start=0, end=1, clock=0, after_eof=False, hit_eof=False, fingerprint=Fingerprint())
    processed = Processed(span=span, lines=len(entries), parts=[], carry=Carry(), lengths=[], surplus={})
    return Piece(
        pending=Pending(processed=processed, size=0, open=len(entries), dead_letters=[]),
        tenant="",
        labels=labels,
        body=b"".join(encode_entry(*entry) for entry in entries),
        entries=len(entries),
        lines=len(entries),
        first=min(entry[0] for entry in entries),
        last=max(entry[0] for entry in entries),
        where=range(len(entries)),
        weights=None,
    )


def push(*streams):
    merged = {}
    for labels, entries in streams:
        merged.setdefault(labels, []).append(piece(labels, entries))
    return Push("", merged)


def behind(named_at, ignored, received, stream=A):
    listed = "".join(
        f"entry with timestamp {at} +0000 UTC ignored, reason: 'entry too far behind, oldest acceptable timestamp is: "
        "2027-01-15T07:00:00Z',\n"
        for at in named_at
    )
    return f"{listed}user 'fake', total ignored: {ignored} out of {received} for stream: {stream}"
