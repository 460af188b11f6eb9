"""`/api/v1/tail`: entries on their way to Loki, as server-sent events, for as long as somebody reads.

Rule 1: costs nothing while nobody reads, and `SHARE` of the event loop's time at most however many read: what is above
        is not looked at, and counted.
Rule 2: sampled before it is decoded: a part without the text that is looked for is passed over whole, and at most
        `RATE` entries a second are decoded for each reader.
Rule 3: bounded: `READERS` readers, `QUEUED` entries each; a slow reader misses entries and is told how many.
Rule 4: whatever goes wrong here ends the tail, never the source.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shipper.chunk import Part, Processed
from shipper.delivery.wire import Entry, decode_entry, iterate_entries, parse_labels, records
from shipper.pipeline.levels import LEVELS
from shipper.pipeline.window import written
from shipper.web.replies import Failed
from shipper.web.watch import Watch

if TYPE_CHECKING:
    from shipper.agent import Agent

READERS: Final = 8
RATE: Final = 200.0
"""Entries a second."""
BURST: Final = 40
AT_ONCE: Final = 10
"""Entries of one span and stream, so that one does not take all."""
QUEUED: Final = 256
SHARE: Final = 0.02
TEXT: Final = 4096
"""Bytes shown of an entry."""
PAIRS: Final = 32
VALUE: Final = 256
"""Pairs shown of its metadata, and characters of each value."""
GATHER: Final = 0.1
HEARTBEAT: Final = 10.0


@dataclass(frozen=True, slots=True)
class Shown:
    """As much of an entry as is shown; the rest is not kept."""

    source: str
    labels: str
    time: int
    text: bytes
    cut: bool
    metadata: tuple[tuple[str, str], ...]


class Reader:
    """One reader: what it wants, and what waits for it."""

    def __init__(self, *, source: str = "", contains: str = "", level: str = "", now: float) -> None:
        self._source = source
        self._needle = contains.encode()
        self._level = f'level="{level}"' if level else ""
        self._tokens = float(BURST)
        self._filled_at = now
        self.waiting: deque[Shown] = deque()
        self.skipped = 0
        self.news = asyncio.Event()

    def wants(self, source: str, labels: str) -> bool:
        """Whether a stream is of interest."""
        if self._source and source != self._source:
            return False
        return not self._level or f"{{{self._level}" in labels or f" {self._level}" in labels

    def offer(self, source: str, part: Part, body: bytes, now: float) -> None:
        """Take some of a part of a stream that it wants; `body`: the part's, uncompressed."""
        if self._needle not in body:
            return
        self._tokens = min(float(BURST), self._tokens + (now - self._filled_at) * RATE)
        self._filled_at = now
        room = min(int(self._tokens), AT_ONCE, QUEUED - len(self.waiting))
        taken = list(islice(self._matches(body), room)) if room > 0 else []
        self._tokens -= len(taken)
        self.waiting.extend(_shown(source, part.labels, entry) for entry in taken)
        there = min(part.entries, body.count(self._needle)) if self._needle else part.entries
        self.skipped += max(0, there - len(taken))
        self.news.set()

    def take(self) -> tuple[list[Shown], int]:
        """What waits, and how many entries were skipped, since this was asked last."""
        entries, skipped = list(self.waiting), self.skipped
        self.waiting.clear()
        self.skipped = 0
        self.news.clear()
        return entries, skipped

    def _matches(self, body: bytes) -> Iterator[Entry]:
        if not self._needle:
            yield from iterate_entries(body)
            return
        hit = body.find(self._needle)
        for start, stop in records(body):
            if hit < 0:
                return
            if hit < stop:
                entry = decode_entry(body[start:stop])
                if self._needle in entry.line:
                    yield entry
                hit = body.find(self._needle, stop)


class Tails:
    """All readers of an agent, and the tap they are fed by."""

    def __init__(self, agent: Agent, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._agent = agent
        self._clock = clock
        self._readers: set[Reader] = set()
        self._allowance = SHARE
        self._earned_at = clock()
        self.closed = False

    def __len__(self) -> int:
        return len(self._readers)

    @contextlib.contextmanager
    def reading(self, reader: Reader) -> Iterator[None]:
        """Feed a reader as long as the block lasts."""
        self._readers.add(reader)
        self._agent.tap = self.offer
        try:
            yield
        finally:
            self._readers.discard(reader)
            if not self._readers:
                self._agent.tap = None

    def close(self) -> None:
        """End every reader."""
        self.closed = True
        for reader in self._readers:
            reader.news.set()

    def offer(self, processed: Processed) -> None:
        """Show readers what was processed."""
        try:
            self._offer(processed)
        except Exception as error:  # noqa: BLE001 - a source must not fail for those who watch it
            structlog.get_logger("shipper").error("tail_failed", exc_info=error)
            self.close()

    def _offer(self, processed: Processed) -> None:
        source, now = processed.span.origin.source, self._clock()
        self._allowance = min(SHARE, self._allowance + (now - self._earned_at) * SHARE)
        self._earned_at = now
        if self._allowance <= 0:
            for reader in self._readers:
                reader.skipped += sum([part.entries for part in processed.parts])
            return
        for part in processed.parts:
            readers = [reader for reader in self._readers if reader.wants(source, part.labels)]
            body = bytes(part.body) if readers else b""
            for reader in readers:
                reader.offer(source, part, body, now)
        self._allowance -= self._clock() - now


async def tail(request: Request) -> Response:
    """Follow entries of `source` and `level` that hold `contains`; each left out: all."""
    watch: Watch = request.app.state.watch
    tails: Tails = request.app.state.tails
    reader = _reader(request, watch)
    if tails.closed:
        raise Failed(503, "the tail has ended", "the agent ends, or its log names an error; a restart brings it back")
    if len(tails) >= READERS:
        raise Failed(503, f"{READERS} readers follow already", "close one of them")
    return _Stream(watch, tails, reader)


def _reader(request: Request, watch: Watch) -> Reader:
    wanted = request.query_params
    source, level = wanted.get("source", ""), wanted.get("level", "")
    if source and source not in watch.agent.collectors:
        raise Failed(404, "there is no such source", f"there are: {', '.join(watch.agent.collectors) or 'none'}")
    if level and level not in LEVELS:
        raise Failed(400, "there is no such level", f"there are: {', '.join(LEVELS)}")
    now = time.perf_counter()
    return Reader(source=source, contains=wanted.get("contains", ""), level=level, now=now)


class _Stream(Response):
    """Sends events until nobody reads, or the tail ends."""

    media_type = "text/event-stream"

    def __init__(self, watch: Watch, tails: Tails, reader: Reader) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._watch = watch
        self._tails = tails
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._tails.reading(self._reader):
            await self._serve(receive, send)

    async def _serve(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        following = asyncio.create_task(self._follow(send))
        leaving = asyncio.create_task(_leave(receive))
        try:
            await asyncio.wait([following, leaving], return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()
                await send({"type": "http.response.body", "body": b""})
        finally:
            following.cancel()
            leaving.cancel()
            await asyncio.gather(following, leaving, return_exceptions=True)

    async def _follow(self, send: Send) -> None:
        await _write(send, b": what comes from now on\n\n")
        while not self._tails.closed:
            await _write(send, await self._next())
            await asyncio.sleep(GATHER)

    async def _next(self) -> bytes:
        """What came since the last call, or a sign of life."""
        try:
            async with asyncio.timeout(HEARTBEAT):
                await self._reader.news.wait()
        except TimeoutError:
            return b": nothing\n\n"
        entries, skipped = self._reader.take()
        events = [_event("entry", self._watch.masker.masked(_document(shown))) for shown in entries]
        if skipped:
            events.append(_event("skipped", {"entries": skipped}))
        return b"".join(events)


async def _write(send: Send, piece: bytes) -> None:
    if piece:
        await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _leave(receive: Receive) -> None:
    """Until the reader is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(name: str, document: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(document) + b"\n\n"


def _shown(source: str, labels: str, entry: Entry) -> Shown:
    metadata = tuple((name[:VALUE], value[:VALUE]) for name, value in entry.metadata[:PAIRS])
    return Shown(source, labels, entry.timestamp, entry.line[:TEXT], len(entry.line) > TEXT, metadata)


def _document(shown: Shown) -> dict[str, Any]:
    return {
        "at": written(shown.time),
        "source": shown.source,
        "labels": parse_labels(shown.labels),
        "text": shown.text.decode("utf-8", "replace"),
        "cut": shown.cut,
        "metadata": dict(shown.metadata),
    }
