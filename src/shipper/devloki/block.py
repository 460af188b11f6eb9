"""A stream's lines in blocks: an open head that ignores exact duplicates, and sealed blocks packed tight.

Rule 1: an entry equal in time, line and metadata to one in the head is ignored; once the head is sealed nobody
remembers it (loki/README.md, "Exact duplicates", facts 1 and 2).
Rule 2: a head is sealed when its lines reach 256 KiB; or at 65 536 of them, so that empty ones cannot fill the memory.
Rule 3: entries come back in the order they were stored.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from shipper.devloki.limits import KIB
from shipper.devloki.pushed import Metadata

BLOCK_SIZE: Final = 256 * KIB
MOST_ENTRIES: Final = 65_536


class Entry(NamedTuple):
    """One stored entry; the time is nanoseconds since 1970."""

    time: int
    line: bytes
    metadata: Metadata = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBlock:
    """Entries packed into three buffers: about 12 bytes above the line itself, against 100 as objects."""

    times: array[int]
    ends: array[int]
    data: bytes
    metadata: dict[int, Metadata]
    oldest: int
    newest: int

    def between(self, start: int, end: int) -> list[Entry]:
        """The entries with start <= time < end."""
        if self.newest < start or self.oldest >= end:
            return []
        whole = self.oldest >= start and self.newest < end
        metadata, data, ends = self.metadata, self.data, self.ends
        return [
            Entry(time, data[ends[index - 1] if index else 0 : ends[index]], metadata.get(index, ()))
            for index, time in enumerate(self.times)
            if whole or start <= time < end
        ]


class Head:
    """The open block of a stream."""

    __slots__ = ("_entries", "_seen", "size")

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._seen: set[Entry] = set()
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def full(self) -> bool:
        return self.size >= BLOCK_SIZE or len(self._entries) >= MOST_ENTRIES

    def add(self, entry: Entry) -> bool:
        """Store an entry; False if the head has an equal one."""
        if entry in self._seen:
            return False
        self._seen.add(entry)
        self._entries.append(entry)
        self.size += len(entry.line)
        return True

    def between(self, start: int, end: int) -> list[Entry]:
        return [entry for entry in self._entries if start <= entry.time < end]

    def seal(self) -> SealedBlock:
        return pack(self._entries)


def pack(entries: Sequence[Entry]) -> SealedBlock:
    """Pack entries, at least one of them, into a block."""
    times = array("q", [entry.time for entry in entries])
    ends = array("q")
    end = 0
    for entry in entries:
        end += len(entry.line)
        ends.append(end)
    return SealedBlock(
        times=times,
        ends=ends,
        data=b"".join([entry.line for entry in entries]),
        metadata={index: entry.metadata for index, entry in enumerate(entries) if entry.metadata},
        oldest=min(times),
        newest=max(times),
    )
