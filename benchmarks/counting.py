"""What is in pushes: entries, bytes, a checksum, and how long lines and pushes took. No I/O.

Rule 1: every entry of every push is counted, whichever agent sent it: protobuf under snappy, or JSON, or either of them
under gzip.
Rule 2: the checksum is the sum of each line's CRC-32, so it does not depend on the order, and equal sums mean equal
lines.
Rule 3: a line that ends with ` w=NANOSECONDS` of the monotonic clock was written then; how long it took from there to
the reply to its push is what its reader has waited.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from cramjam import snappy

from shipper.devloki.push_proto import PushRequest

WRITTEN: Final = b" w="
MASK: Final = 0xFFFFFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What is known of a push without its body."""

    size: int
    began: int
    """Nanoseconds of the monotonic clock at its first byte."""
    ended: int
    """And at the reply."""
    json: bool = False
    encoding: str = ""


def counted(pushes: Iterable[tuple[Push, bytes]]) -> dict[str, object]:
    """What is in these pushes; times in milliseconds, 0 where there are none."""
    entries = size = checksum = wire = streams = 0
    durations: list[int] = []
    waits: list[int] = []
    last = 0
    for push, body in pushes:
        wire += push.size
        last = max(last, push.ended)
        durations.append(push.ended - push.began)
        for lines in lines_by_stream(push, body):
            streams += 1
            entries += len(lines)
            size += sum(map(len, lines))
            checksum += checksum_of(lines)
            waits += [push.ended - written for written in written_at(lines)]
    return {
        "entries": entries, "bytes": size, "checksum": checksum & MASK, "pushes": len(durations), "wire": wire,
        "parts": streams, "last": last / 1e9,
        "push_ms": in_ms(durations), "wait_ms": in_ms(waits), "timed": len(waits),
    }  # fmt: skip


def lines_by_stream(push: Push, body: bytes) -> Iterator[list[bytes]]:
    """The lines of each stream of a push."""
    plain = gzip.decompress(body) if push.encoding == "gzip" else body
    if push.json:
        for stream in orjson.loads(plain)["streams"]:
            yield [value[1].encode() for value in stream["values"]]
    else:
        for decoded in PushRequest.FromString(bytes(snappy.decompress_raw(plain))).streams:
            yield [entry.line for entry in decoded.entries]


def written_at(lines: Iterable[bytes]) -> Iterator[int]:
    """When the lines that say so were written."""
    for line in lines:
        _, mark, written = line.rpartition(WRITTEN)
        if mark and written.isdigit():
            yield int(written)


def checksum_of(lines: Iterable[bytes]) -> int:
    """The sum of the lines' CRC-32."""
    return sum(map(zlib.crc32, lines))


def in_ms(nanoseconds: Sequence[int]) -> dict[str, float]:
    """The median, the 99th percentile and the longest of some times."""
    ordered = sorted(nanoseconds)
    return {
        name: round(percentile(ordered, share) / 1e6, 3) for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }


def percentile(ordered: Sequence[int], share: float) -> int:
    """The smallest that at least this share of an ordered list does not exceed; 0 if it is empty."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else 0
