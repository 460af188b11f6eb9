"""Asking Loki which entries it has, before any of them is sent again.

Rule 1: a hit is proof, a miss is not: entries that are old and not yet flushed are not found. What is not found is sent
        again byte for byte.
Rule 2: a stream is named exactly: its labels, and no value for every other label in use, so that streams with more
        labels do not answer for it. Labels that Loki adds by itself are left open.
Rule 3: entries are compared as multisets of (timestamp, text), the text as Loki's JSON shows it.
Rule 4: an answer that Loki would not give is no answer: the asking always ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import orjson

from shipper.delivery.client import Client, NoReply, Reply
from shipper.delivery.piece import Piece
from shipper.delivery.replies import SHOWN
from shipper.delivery.wire import SECOND, Entry, format_labels, parse_labels
from shipper.errors import DeliveryError, WireError

WINDOW: Final = 6 * 3600 * SECOND
"""Longest time range of one query: Loki bounds it (30 days by default), and splits longer ones anyway."""
GAP: Final = 600 * SECOND
"""Entries further apart are asked about in queries of their own."""
PAGE: Final = 5000
"""Entries per answer; Loki's default limit."""
LEAST_PAGE: Final = 50
ADDED: Final = frozenset({"service_name", "detected_level", "__stream_shard__"})
"""Labels that Loki 3 gives streams by itself."""

Stored = Counter[tuple[int, str]]


class Refused(DeliveryError):
    """Loki will not be asked: no permission, no such endpoint, no JSON."""


class Unanswered(DeliveryError):
    """No answer this time: the question may be repeated."""

    def __init__(self, message: str, failure: str, *, reached: bool) -> None:
        super().__init__(message)
        self.failure = failure
        self.reached = reached
        """Whether the server was there."""


@dataclass(frozen=True, slots=True)
class Found:
    """A piece, divided by what Loki has."""

    stored: Piece | None
    missing: Piece | None


class Verifier:
    """Asks through a client; `label_names` are the names of all labels in use."""

    def __init__(self, client: Client, label_names: Callable[[], Collection[str]]) -> None:
        self._client = client
        self._label_names = label_names
        self._page = PAGE

    async def ask(self, pieces: Sequence[Piece]) -> list[Found]:
        """Divide the pieces of one stream; raises Refused or Unanswered."""
        decoded = [piece.decode() for piece in pieces]
        stamps = sorted({entry.timestamp for entries in decoded for entry in entries})
        selector = exact_selector(pieces[0].labels, self._label_names())
        stored: Stored = Counter()
        for first, last in windows(stamps):
            await self._collect(pieces[0].tenant, selector, first, last, stored)
        return [_divide(piece, entries, stored) for piece, entries in zip(pieces, decoded, strict=True)]

    async def _collect(self, tenant: str, selector: str, first: int, last: int, stored: Stored) -> None:
        """Add what is stored from `first` to `last`, both included, page by page."""
        start = first
        while start <= last:
            page = await self._query(tenant, selector, start, last + 1)
            if not all(start <= timestamp <= last for timestamp, _ in page):
                raise Refused("the answer holds entries of other times than were asked for")
            if len(page) < self._page:
                stored.update(page)
                return
            newest = max(timestamp for timestamp, _ in page)
            if newest == start:  # more entries of one time than a page holds: those beyond it count as missing
                stored.update(page)
                start = newest + 1
            else:
                stored.update(entry for entry in page if entry[0] != newest)
                start = newest

    async def _query(self, tenant: str, selector: str, start: int, end: int) -> list[tuple[int, str]]:
        while True:
            parameters = {
                "query": selector,
                "start": str(start),
                "end": str(end),
                "limit": str(self._page),
                "direction": "forward",
            }
            reply = await self._client.get("query_range", tenant, parameters)
            if isinstance(reply, Reply) and reply.status == 400 and b"limit" in reply.body and self._page > LEAST_PAGE:
                self._page = max(LEAST_PAGE, self._page // 2)
                continue
            return entries_of(reply)


def exact_selector(labels: str, names: Collection[str]) -> str:
    """A selector for exactly the stream with these labels."""
    try:
        ours = parse_labels(labels)
    except WireError as error:
        raise Refused(str(error)) from error
    others = "".join(f', {name}=""' for name in sorted(set(names) - ours.keys() - ADDED))
    return f"{format_labels(ours)[:-1]}{others}}}"


def windows(stamps: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges that cover rising timestamps, none longer than WINDOW, apart where nothing is for longer than GAP."""
    if not stamps:
        return []
    ranges, first = [], stamps[0]
    for before, after in pairwise(stamps):
        if after - before > GAP or after - first > WINDOW:
            ranges.append((first, before))
            first = after
    return [*ranges, (first, stamps[-1])]


def _divide(piece: Piece, entries: Sequence[Entry], stored: Stored) -> Found:
    hits = set()
    for index, entry in enumerate(entries):
        key = (entry.timestamp, entry.line.decode("utf-8", "replace"))
        if stored[key] > 0:
            stored[key] -= 1
            hits.add(index)
    return Found(*piece.divide(entries, hits))


def entries_of(reply: Reply | NoReply) -> list[tuple[int, str]]:
    """The entries (timestamp, text) in an answer to query_range; raises Refused or Unanswered."""
    if isinstance(reply, NoReply):
        if reply.failure == "loki_unauthorized":
            raise Refused(reply.detail)
        reached = reply.sent
        raise Unanswered(reply.detail, reply.failure, reached=reached)
    if reply.status == 200:
        return _read(reply.body)
    words = f"{reply.status} {reply.body[:SHOWN].decode('utf-8', 'replace')}".strip()
    if reply.status in (408, 429) or (reply.status >= 500 and reply.status != 501):
        raise Unanswered(words, "loki_server_error", reached=True)
    raise Refused(words)


def _read(body: bytes) -> list[tuple[int, str]]:
    try:
        result: Any = orjson.loads(body)["data"]["result"]
        return [_entry(*value[:2]) for stream in result for value in stream["values"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("the answer is not that of Loki's query_range") from error


def _entry(timestamp: object, line: object) -> tuple[int, str]:
    if not isinstance(timestamp, str) or not isinstance(line, str):
        raise TypeError("a time and a line are strings")
    return int(timestamp), line
