"""Entries put together by stream and encoded.

Rule 1: every entry is in exactly one part; parts come in the order of their first entries, entries in the order given.
Rule 2: structured metadata stays within Loki's limits; what does not fit is left out and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shipper.chunk import Part
from shipper.delivery.wire import encode_entries, encode_entry, encode_groups
from shipper.pipeline.entry import Entry

MOST_PAIRS: Final = 128
MOST_METADATA: Final = 64 * 1024

Pairs = Sequence[tuple[str, str]]


def encode_part(
    labels: str, timestamps: Sequence[int], lines: Sequence[bytes], where: Sequence[int], *, rising: bool
) -> Part:
    """Single lines of one stream, without metadata, for the tenant of the configuration; `rising`: their timestamps."""
    body = encode_entries(timestamps, lines, list(map(len, lines)))
    first, last = (timestamps[0], timestamps[-1]) if rising else (min(timestamps), max(timestamps))
    return Part(
        tenant="",
        labels=labels,
        body=body,
        entries=len(where),
        lines=len(where),
        first=first,
        last=last,
        where=where,
    )


def encode_parts(
    streams: Sequence[str], timestamps: Sequence[int], lines: Sequence[bytes], lengths: Sequence[int], *, rising: bool
) -> list[Part]:
    """The same for lines of several streams, the labels of each line's given; `lengths`: of the lines."""
    places: dict[str, list[int]] = {labels: [] for labels in dict.fromkeys(streams)}
    if len(places) == 1:
        return [encode_part(streams[0], timestamps, lines, range(len(lines)), rising=rising)]
    for place, labels in enumerate(streams):
        places[labels].append(place)
    bodies = encode_groups(timestamps, lines, lengths, places.values())
    parts: list[Part] = []
    for body, (labels, where) in zip(bodies, places.items(), strict=True):
        first, last = timestamps[where[0]], timestamps[where[-1]]
        if not rising:
            stamps = [timestamps[place] for place in where]
            first, last = min(stamps), max(stamps)
        count = len(where)
        parts.append(
            Part(tenant="", labels=labels, body=body, entries=count, lines=count, first=first, last=last, where=where)
        )
    return parts


def part_of(
    tenant: str, labels: str, entries: Sequence[Entry], timestamps: Sequence[int], metadata: Sequence[Pairs]
) -> Part:
    """The entries of one stream, encoded, with their metadata."""
    weights = [entry.weight for entry in entries]
    lines = sum(weights)
    return Part(
        tenant=tenant,
        labels=labels,
        body=_body(entries, timestamps, metadata),
        entries=len(entries),
        lines=lines,
        first=min(timestamps),
        last=max(timestamps),
        where=[entry.index for entry in entries],
        weights=None if lines == len(entries) else weights,
    )


def _body(entries: Sequence[Entry], timestamps: Sequence[int], metadata: Sequence[Pairs]) -> bytes:
    if not any(metadata):
        texts = [entry.text for entry in entries]
        return encode_entries(timestamps, texts, list(map(len, texts)))
    encoded = zip(timestamps, entries, metadata, strict=True)
    return b"".join(encode_entry(time, entry.text, pairs) for time, entry, pairs in encoded)


def fitting(pairs: Pairs) -> Pairs:
    """The metadata that Loki takes with one entry: at most 128 pairs and 64 KiB."""
    size, kept = 0, []
    for name, value in pairs[:MOST_PAIRS]:
        size += len(name) + len(value.encode("utf-8", "replace"))
        if size > MOST_METADATA:
            break
        kept.append((name, value))
    return pairs if len(kept) == len(pairs) else kept
