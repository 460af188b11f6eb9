"""What the stand-in holds: tenants, their streams, and the blocks of each stream. All of it in memory.

Rule 1: nothing is dropped silently; what is ignored as a duplicate is counted, what does not fit is refused before.
Rule 2: entries not flushed are visible only from a given time on, as Loki's ingesters show them to queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shipper.devloki.block import Entry, Head, SealedBlock
from shipper.devloki.labels import Labels
from shipper.devloki.limits import TenantLimits, TokenBucket
from shipper.devloki.sharding import StreamRates


def entry_cost(line_bytes: int, entries: int) -> int:
    """Bytes of memory that entries are charged with: their lines, and the time and place of each."""
    return line_bytes + 16 * entries


class Stream:
    """One stream of one tenant: equal labels, one sequence of blocks."""

    __slots__ = ("_head", "_sealed", "_unflushed_from", "bucket", "entries", "labels", "last", "newest", "text")

    def __init__(self, labels: Labels, text: str, bucket: TokenBucket) -> None:
        self.labels = labels
        self.text = text
        self.bucket = bucket
        self.newest: int | None = None
        self.last: Entry | None = None
        """The entry stored last; a repetition of it is ignored even when its block has been sealed."""
        self.entries = 0
        self._head = Head()
        self._sealed: list[SealedBlock] = []
        self._unflushed_from = 0

    def append(self, entries: Iterable[Entry]) -> list[Entry]:
        """Store entries; returns those that were not ignored as duplicates."""
        stored = []
        head, last = self._head, self.last
        for entry in entries:
            if entry == last or not head.add(entry):
                continue
            last = entry
            stored.append(entry)
            if head.full:
                head = self._seal()
        if stored:
            newest = max(entry.time for entry in stored)
            self.newest = newest if self.newest is None else max(self.newest, newest)
            self.entries += len(stored)
            self.last = last
        return stored

    def flush(self) -> None:
        """Seal the head and show everything to queries."""
        if len(self._head):
            self._seal()
        self._unflushed_from = len(self._sealed)

    def between(self, start: int, end: int, *, oldest_unflushed: int | None = None) -> Iterator[Entry]:
        """The visible entries with start <= time < end, in the order they were stored."""
        for block in self._sealed[: self._unflushed_from]:
            yield from block.between(start, end)
        unflushed_start = start if oldest_unflushed is None else max(start, oldest_unflushed)
        for block in self._sealed[self._unflushed_from :]:
            yield from block.between(unflushed_start, end)
        yield from self._head.between(unflushed_start, end)

    def _seal(self) -> Head:
        self._sealed.append(self._head.seal())
        self._head = Head()
        return self._head


class Tenant:
    """One tenant: limits, rate, streams by their label text."""

    __slots__ = ("bucket", "limits", "name", "rates", "streams")

    def __init__(self, name: str, limits: TenantLimits) -> None:
        self.name = name
        self.limits = limits
        self.bucket = TokenBucket(limits.rate, limits.burst)
        self.streams: dict[str, Stream] = {}
        self.rates = StreamRates()

    def stream(self, labels: Labels, text: str) -> Stream | None:
        """The stream with these labels, made if need be; None if the tenant may not have another one."""
        known = self.streams.get(text)
        if known is not None:
            return known
        limits = self.limits
        if limits.max_streams and len(self.streams) >= limits.max_streams:
            return None
        made = self.streams[text] = Stream(labels, text, TokenBucket(limits.stream_rate, limits.stream_burst))
        return made


@dataclass(slots=True, kw_only=True)
class Store:
    """All tenants, and how much they hold together."""

    default_limits: TenantLimits
    overrides: Mapping[str, TenantLimits] = field(default_factory=dict)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    line_bytes: int = 0
    held: int = 0
    """What `entry_cost` says of all entries."""

    def tenant(self, name: str) -> Tenant:
        known = self.tenants.get(name)
        if known is None:
            limits = self.overrides.get(name, self.default_limits)
            known = self.tenants[name] = Tenant(name, limits)
        return known

    def flush(self) -> None:
        for tenant in self.tenants.values():
            for stream in tenant.streams.values():
                stream.flush()
