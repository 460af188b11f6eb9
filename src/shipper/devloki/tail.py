"""Followers of a log query: each gets what is stored after it came, through its own pipeline.

Rule: a follower too slow to keep up loses entries and is told how many; a push never waits for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Final

from shipper.devloki.block import Entry
from shipper.devloki.labels import Labels
from shipper.devloki.logql.logs import ResultStream, gathered
from shipper.devloki.logql.pipeline import run
from shipper.devloki.logql.syntax import LogQuery, Matcher
from shipper.devloki.store import Stream

Stored = Sequence[tuple[Stream, Sequence[Entry]]]

_WAITING: Final = 256  # pushes a follower may lag behind


class _Fresh:
    """A query's source made of what one push has stored."""

    def __init__(self, stored: Stored, detects_levels: bool) -> None:
        self._stored = stored
        self._detects_levels = detects_levels

    @property
    def detects_levels(self) -> bool:
        return self._detects_levels

    def select(self, matchers: Iterable[Matcher], start: int, end: int) -> Iterator[tuple[Labels, Iterable[Entry]]]:
        for stream, entries in self._stored:
            known = dict(stream.labels)
            if all(matcher.matches(known.get(matcher.name, "")) for matcher in matchers):
                yield stream.labels, [entry for entry in entries if start <= entry.time < end]


class Follower:
    """One follower of one tenant's query."""

    def __init__(self, query: LogQuery, *, detects_levels: bool) -> None:
        self._query = query
        self._detects_levels = detects_levels
        self._queue: asyncio.Queue[Stored | None] = asyncio.Queue()
        self.dropped = 0

    def offer(self, stored: Stored) -> None:
        if self._queue.qsize() >= _WAITING:
            self.dropped += sum(len(entries) for _, entries in stored)
        else:
            self._queue.put_nowait(stored)

    def close(self) -> None:
        self._queue.put_nowait(None)

    async def messages(self) -> AsyncIterator[tuple[list[ResultStream], int]]:
        """What matches, push by push, with the entries lost before it; ends when closed."""
        while (stored := await self._queue.get()) is not None:
            source = _Fresh(stored, self._detects_levels)
            streams = gathered(run(self._query, source, -(1 << 63), 1 << 63))
            if streams or self.dropped:
                dropped, self.dropped = self.dropped, 0
                yield streams, dropped


class Followers:
    """All followers, by tenant."""

    def __init__(self) -> None:
        self._by_tenant: dict[str, set[Follower]] = {}
        self._closed = False

    def join(self, tenant: str, follower: Follower) -> None:
        self._by_tenant.setdefault(tenant, set()).add(follower)
        if self._closed:
            follower.close()

    def leave(self, tenant: str, follower: Follower) -> None:
        self._by_tenant.get(tenant, set()).discard(follower)

    def publish(self, tenant: str, stored: Stored) -> None:
        for follower in self._by_tenant.get(tenant, ()):
            follower.offer(stored)

    def close(self) -> None:
        """End every follower; those who come later end at once."""
        self._closed = True
        for followers in self._by_tenant.values():
            for follower in followers:
                follower.close()
