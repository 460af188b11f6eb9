"""How large a push is as the message an ingester gets: uncompressed, with labels, hash and level added.

Exact to the byte, because Loki names the size in its refusal; the recordings are its test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shipper.devloki.block import Entry
from shipper.devloki.labels import Labels
from shipper.devloki.levels import DETECTED_LEVEL, detect_level, given_level
from shipper.devloki.limits import SECOND
from shipper.devloki.pushed import Metadata
from shipper.devloki.release import Release
from shipper.devloki.sharding import LabelledStream
from shipper.devloki.xxhash import xxhash64

_OVERHEAD: Final = 96  # more than an entry's timestamp, lengths and level can take


def may_exceed(streams: Sequence[LabelledStream], limit: int, release: Release) -> bool:
    """Whether the exact size is worth counting; never False for a message over the limit."""
    return sum(_bound(stream) for stream in streams) > limit


def _bound(stream: LabelledStream) -> int:
    lines = sum([len(entry.line) + _OVERHEAD for entry in stream.entries])
    metadata = sum(_metadata_size(entry.metadata) for entry in stream.entries if entry.metadata)
    return lines + metadata + len(stream.text.encode()) + _OVERHEAD


def message_size(streams: Sequence[LabelledStream], release: Release) -> int:
    """Bytes of the protobuf message."""
    return sum(_field(_stream_size(stream, release)) for stream in streams)


def labels_hash(labels: Labels) -> int:
    """The hash Loki sends along with a stream's labels."""
    return xxhash64(b"".join(name.encode() + b"\xff" + value.encode() + b"\xff" for name, value in labels))


def _stream_size(stream: LabelledStream, release: Release) -> int:
    level = given_level(stream.labels)
    entries = sum(_field(_entry_size(entry, level, release)) for entry in stream.entries)
    return _field(len(stream.text.encode())) + entries + 1 + _varint(labels_hash(stream.labels))


def _entry_size(entry: Entry, stream_level: str | None, release: Release) -> int:
    seconds, nanos = divmod(entry.time, SECOND)
    stamp = (1 + _varint(seconds) if seconds else 0) + (1 + _varint(nanos) if nanos else 0)
    line = _field(len(entry.line)) if entry.line else 0
    metadata = entry.metadata
    if release.adds_service_name:
        level = stream_level or given_level(metadata) or detect_level(entry.line)
        metadata = (*metadata, (DETECTED_LEVEL, level))
    return _field(stamp) + line + _metadata_size(metadata)


def _metadata_size(metadata: Metadata) -> int:
    return sum(_field(_field(len(name.encode())) + _field(len(value.encode()))) for name, value in metadata)


def _field(size: int) -> int:
    """A length-delimited field: tag, length, content."""
    return 1 + _varint(size) + size


def _varint(value: int) -> int:
    return max(1, -(-(value & 0xFFFFFFFFFFFFFFFF).bit_length() // 7))
