"""Stand-ins for delivery's neighbours: a loop whose time is virtual, a journal in memory, a model of Loki.

The model behaves as measured on real servers: it stores what it can of a push, reports only its last stream's refusal,
words its refusals as recorded, and stores a repeated entry twice, which is harsher than Loki: a duplicate always shows.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
import snappy

from shipper.chunk import Carry, Fingerprint, Origin, Part, Processed, Span
from shipper.clock import Clock
from shipper.config.model import Loki
from shipper.delivery.delivery import Delivery
from shipper.delivery.settled import DeadLetter, Settled
from shipper.delivery.wire import Entry, encode_entry, parse_labels
from shipper.devloki.push_proto import PushRequest
from shipper.errors import DeadLettersFull, JournalError
from shipper.failures import Failures
from shipper.ledger import Ledger

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__(selectors.SelectSelector())
        self.elapsed = 0.0
        select = self._selector.select

        def jump(timeout: float | None = None) -> list[Any]:
            if ready := select(0):
                return ready
            if timeout is None:
                raise RuntimeError("nothing will ever happen again")
            self.elapsed += timeout
            return []

        self._selector.select = jump

    def time(self) -> float:
        return self.elapsed


class MemoryJournal:
    """What the real journal does, without a disk. `begin_errors` and `commit_errors` are raised first, one a call."""

    def __init__(self) -> None:
        self.begun: list[Span] = []
        self.committed: list[Settled] = []
        self.begin_errors: list[JournalError] = []
        self.commit_errors: list[JournalError] = []
        self.delay = 0.0
        """Seconds a commit takes; it goes on when its caller is cancelled, as one in a thread does."""
        self.room: int | None = None
        """Dead letters that still find room; None: any number."""

    async def begin(self, spans: Sequence[Span], settled: Sequence[Settled]) -> None:
        await asyncio.sleep(0)
        if self.begin_errors:
            raise self.begin_errors.pop(0)
        assert not any(one.dead_letters for one in settled)
        self._settle(settled)
        for span in spans:
            span.row = span.row or len(self.begun) + 1
            self.begun.append(span)

    async def commit(self, settled: Sequence[Settled]) -> None:
        await asyncio.shield(asyncio.ensure_future(self._commit(settled)))

    async def _commit(self, settled: Sequence[Settled]) -> None:
        await asyncio.sleep(self.delay)
        if self.commit_errors:
            raise self.commit_errors.pop(0)
        letters = sum(len(one.dead_letters) for one in settled)
        if self.room is not None:
            if letters > self.room:
                raise DeadLettersFull("no room")
            self.room -= letters
        self._settle(settled)

    def _settle(self, settled: Sequence[Settled]) -> None:
        for one in settled:
            assert one.span in self.begun
            assert one.span not in [other.span for other in self.committed]
        self.committed += settled

    @property
    def letters(self) -> list[DeadLetter]:
        return [letter for settled in self.committed for letter in settled.dead_letters]


@dataclass
class ModelLoki:
    """A transport that behaves like Loki. `faults` are taken one per push: a word, or `(status, headers, body)`."""

    now: Callable[[], int]
    faults: list[Any] = field(default_factory=list)
    query_faults: list[Any] = field(default_factory=list)
    max_age: int | None = None
    max_ahead: int | None = None
    max_behind: int = 3600 * SECOND
    max_line: int | None = None
    max_labels: int = 15
    max_streams: int | None = None
    max_body: int | None = None
    metadata: bool = True
    poison: bytes | None = None
    """A line that contains this is refused in words nobody knows."""
    hangs: bytes | None = None
    """A push with a line that contains this gets no answer."""
    tenant_rate: float | None = None
    tenant_burst: float = 6e6
    stream_rate: float | None = None
    stream_burst: float = 15e6
    latency: float = 0.01
    stored: dict[tuple[str, str], list[Entry]] = field(default_factory=lambda: defaultdict(list))
    pushes: list[tuple[float, int, tuple[str, ...]]] = field(default_factory=list)
    """Time, status, labels in the push."""
    queries: int = 0
    on_exchange: Callable[[], None] = lambda: None
    concurrent: int = 0
    most_concurrent: int = 0
    _buckets: dict[Any, tuple[float, float]] = field(default_factory=dict)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.concurrent += 1
        self.most_concurrent = max(self.most_concurrent, self.concurrent)
        try:
            self.on_exchange()
            await asyncio.sleep(self.latency)
            if request.url.path.endswith("/buildinfo"):
                return httpx.Response(200, json={"version": "3.4.6" if self.metadata else "2.9.0"})
            if request.url.path.endswith("/query_range"):
                return await self._query(request)
            return await self._push(request)
        finally:
            self.concurrent -= 1

    async def _push(self, request: httpx.Request) -> httpx.Response:
        tenant = request.headers.get("x-scope-orgid", "")
        message = PushRequest.FromString(snappy.decompress(request.content))
        streams = [(stream.labels.decode(), _entries(stream.entries)) for stream in message.streams]
        fault = self.faults.pop(0) if self.faults else None
        if self.hangs and any(self.hangs in entry.line for _, entries in streams for entry in entries):
            fault = "lost"
        if fault in ("stall", "reset", "500-stored", "drip"):
            self._store(tenant, streams, len(request.content))
        reply = await self._fault(fault) if fault else self._store(tenant, streams, len(request.content))
        at = asyncio.get_running_loop().time()
        self.pushes.append((at, reply.status_code, tuple(labels for labels, _ in streams)))
        return reply

    async def _fault(self, fault: Any) -> httpx.Response:
        if isinstance(fault, tuple):
            return httpx.Response(fault[0], headers=fault[1], content=fault[2])
        if fault == "refused":
            raise httpx.ConnectError("All connection attempts failed")
        if fault in ("reset", "broken"):
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        if fault in ("stall", "lost"):
            await asyncio.sleep(3600)
        return httpx.Response(500, text="internal error")

    def _store(self, tenant: str, streams: list[tuple[str, list[Entry]]], size: int) -> httpx.Response:
        total = sum(len(entry.line) for _, entries in streams for entry in entries)
        if self.max_body is not None and size > self.max_body:
            return httpx.Response(413, text="request body too large")
        if any(self.poison and self.poison in entry.line for _, entries in streams for entry in entries):
            return httpx.Response(400, text="the moon is in the wrong phase")
        refused: Counter[str] = Counter()
        accepted = [(labels, self._distribute(labels, entries, refused)) for labels, entries in streams]
        if not any(entries for _, entries in accepted):
            return _refusals(refused)
        if self.tenant_rate and not self._allow(tenant, total, self.tenant_rate, self.tenant_burst):
            lines = sum(len(entries) for _, entries in streams)
            return httpx.Response(
                429,
                text=f"Ingestion rate limit exceeded for user {tenant} (limit: {int(self.tenant_rate)} bytes/sec) "
                f"while attempting to ingest '{lines}' lines totaling '{total}' bytes, reduce log volume",
            )
        error = None
        for labels, entries in accepted:
            if entries:
                error = self._ingest(tenant, labels, entries)
        return error or (_refusals(refused) if refused else httpx.Response(204))

    def _distribute(self, labels: str, entries: list[Entry], refused: Counter[str]) -> list[Entry]:
        if len(parse_labels(labels)) > self.max_labels:
            count = len(parse_labels(labels))
            refused[f"entry for stream '{labels}' has {count} label names; limit {self.max_labels}"] += 1
            return []
        return [entry for entry in entries if not self._invalid(labels, entry, refused)]

    def _invalid(self, labels: str, entry: Entry, refused: Counter[str]) -> bool:
        now = self.now()
        if self.max_age is not None and entry.timestamp < now - self.max_age:
            oldest = _printed(now - self.max_age)
            refused[
                f"entry for stream '{labels}' has timestamp too old: {_printed(entry.timestamp)}, "
                f"oldest acceptable timestamp is: {oldest}"
            ] += 1
        elif self.max_ahead is not None and entry.timestamp > now + self.max_ahead:
            refused[f"entry for stream '{labels}' has timestamp too new: {_printed(entry.timestamp)}"] += 1
        elif self.max_line is not None and len(entry.line) > self.max_line:
            refused[
                f"Max entry size '{self.max_line}' bytes exceeded for stream '{labels}' while adding an entry with "
                f"length '{len(entry.line)}' bytes"
            ] += 1
        elif entry.metadata and not self.metadata:
            refused[
                f"stream '{labels}' includes structured metadata, but this feature is disallowed. Please see "
                "`limits_config.structured_metadata`"
            ] += 1
        else:
            return False
        return True

    def _ingest(self, tenant: str, labels: str, entries: list[Entry]) -> httpx.Response | None:
        """Append to a stream; the error of the last stream of a push is the one that is reported."""
        if (
            self.max_streams is not None
            and (tenant, labels) not in self.stored
            and len(self.stored) >= self.max_streams
        ):
            return httpx.Response(429, text=f"Maximum active stream limit exceeded, user: '{tenant}'")
        stream = self.stored[tenant, labels]
        newest = max((entry.timestamp for entry in stream), default=0)
        ignored: list[tuple[int, str]] = []
        for entry in entries:
            cutoff = newest - self.max_behind
            if entry.timestamp < cutoff:
                reason = f"entry too far behind, oldest acceptable timestamp is: {_printed(cutoff)}"
                ignored.append((entry.timestamp, reason))
            elif self.stream_rate and not self._allow(labels, len(entry.line), self.stream_rate, self.stream_burst):
                limit = f"{int(self.stream_rate)}B"
                ignored.append(
                    (entry.timestamp, f"Per stream rate limit exceeded (limit: {limit}/sec) while attempting")
                )
            else:
                stream.append(entry)
                newest = max(newest, entry.timestamp)
        if not ignored:
            return None
        named = [f"entry with timestamp {_go_time(at)} ignored, reason: '{reason}',\n" for at, reason in ignored[:10]]
        total = f"user '{tenant}', total ignored: {len(ignored)} out of {len(entries)} for stream: {labels}"
        return httpx.Response(429 if "rate" in ignored[-1][1] else 400, text="".join(named) + total)

    def _allow(self, key: Any, amount: float, rate: float, burst: float) -> bool:
        now = self.now() / SECOND
        level, at = self._buckets.get(key, (burst, now))
        level = min(burst, level + (now - at) * rate)
        passes = amount <= level
        self._buckets[key] = (level - amount if passes else level, now)
        return passes

    async def _query(self, request: httpx.Request) -> httpx.Response:
        self.queries += 1
        if self.query_faults and (fault := self.query_faults.pop(0)):
            return await self._fault(fault)
        parameters = request.url.params
        wanted = parse_labels(parameters["query"])
        tenant = request.headers.get("x-scope-orgid", "")
        start, end, limit = int(parameters["start"]), int(parameters["end"]), int(parameters["limit"])
        hits = [
            (entry.timestamp, entry.line.decode(), labels)
            for (owner, labels), entries in self.stored.items()
            if owner == tenant and all(parse_labels(labels).get(name, "") == value for name, value in wanted.items())
            for entry in entries
            if start <= entry.timestamp < end
        ]
        result = [
            {"stream": {**parse_labels(labels), "detected_level": "unknown"}, "values": [[str(at), line]]}
            for at, line, labels in sorted(hits)[:limit]
        ]
        return httpx.Response(200, content=orjson.dumps({"status": "success", "data": {"result": result}}))

    def lines(self) -> Counter[bytes]:
        """Every stored line, with how often."""
        return Counter(entry.line for entries in self.stored.values() for entry in entries)


def _entries(messages: Iterable[Any]) -> list[Entry]:
    return [
        Entry(
            timestamp=message.timestamp.seconds * SECOND + message.timestamp.nanos,
            line=message.line,
            metadata=tuple((pair.name.decode(), pair.value.decode()) for pair in message.structuredMetadata),
            raw=b"",
        )
        for message in messages
    ]


def _refusals(refused: Counter[str]) -> httpx.Response:
    if len(refused) == 1 and refused.total() == 1:
        return httpx.Response(400, text=next(iter(refused)))
    return httpx.Response(400, text="; ".join(f"{count} errors like: {words}" for words, count in refused.items()))


def _printed(ns: int) -> str:
    return datetime.fromtimestamp(ns // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _go_time(ns: int) -> str:
    whole, fraction = divmod(ns, SECOND)
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%d %H:%M:%S") + digits + " +0000 UTC"


class Bench:
    """A delivery with its neighbours, on virtual time. `add` makes spans; `run` drives everything."""

    def __init__(self, loki: Loki, *, metadata: bool = True) -> None:
        self.loop = asyncio.get_running_loop()
        self.clock = Clock(self.wall)
        self.ledger = Ledger()
        self.failures = Failures(self.wall)
        self.journal = MemoryJournal()
        self.server = ModelLoki(now=self.wall, metadata=metadata)
        self.server.on_exchange = self.check_books
        self.task: asyncio.Task[None] | None = None
        self.sent: dict[tuple[str, int], bytes] = {}
        self._ends: Counter[str] = Counter()
        self.delivery = Delivery(
            loki,
            journal=self.journal,
            ledger=self.ledger,
            failures=self.failures,
            clock=self.clock,
            label_names=lambda: {"job", "level", "n"},
            transport=httpx.MockTransport(self.server),
        )

    def wall(self) -> int:
        return START + int(self.loop.time() * SECOND)

    def check_books(self) -> None:
        assert self.ledger.imbalances() == {}

    def names(self) -> set[str]:
        return {failure.name for failure in self.failures.current()}

    def span(
        self,
        *streams: tuple[str, Sequence[tuple[int, bytes]]],
        source: str = "files",
        replay: bool = False,
        tenant: str = "",
        metadata: tuple[tuple[str, str], ...] = (),
        dropped: dict[str, int] | None = None,
    ) -> Processed:
        """A span of the given streams: labels, and (timestamp, line) of each entry."""
        lines = [line for _, entries in streams for _, line in entries]
        lengths = [len(line) for line in lines]
        start = self._ends[source]
        end = self._ends[source] = start + sum(lengths) + len(lines)
        origin = Origin(source=source, generation=1, path=f"/logs/{source}.log")
        span = Span(
            origin=origin,
            start=start,
            end=end,
            clock=self.clock.reserve(max(len(lines), 1)),
            after_eof=False,
            hit_eof=False,
            fingerprint=Fingerprint(),
            replay=replay,
        )
        parts, at, offset = [], 0, start
        for labels, entries in streams:
            stamps = [stamp for stamp, _ in entries]
            parts.append(
                Part(
                    tenant=tenant,
                    labels=labels,
                    body=b"".join(encode_entry(stamp, line, metadata) for stamp, line in entries),
                    entries=len(entries),
                    lines=len(entries),
                    first=min(stamps),
                    last=max(stamps),
                    where=range(at, at + len(entries)),
                )
            )
            at += len(entries)
            for _, line in entries:
                self.sent[source, offset] = line
                offset += len(line) + 1
        total = len(lines) + sum((dropped or {}).values())
        return Processed(
            span=span, lines=total, parts=parts, carry=Carry(), lengths=lengths, surplus={}, dropped=dropped or {}
        )

    def add(self, *streams: tuple[str, Sequence[tuple[int, bytes]]], **options: Any) -> Processed:
        """Make a span and hand it to delivery."""
        processed = self.span(*streams, **options)
        self.delivery.add(processed)
        self.check_books()
        return processed

    def refused(self) -> Counter[bytes]:
        """The lines of all committed dead letters, found by their place."""
        return Counter(self.sent[letter.source, letter.offset] for letter in self.journal.letters)


@pytest.fixture(scope="session")
def model() -> SimpleNamespace:
    """The stand-ins; `model.run(coroutine function, loki)` gives a bench and runs on virtual time."""

    def run(scenario: Callable[[Bench], Coroutine[Any, Any, None]], *, metadata: bool = True, **loki: Any) -> Bench:
        async def main() -> Bench:
            bench = Bench(Loki(**loki), metadata=metadata)
            task = bench.task = asyncio.create_task(bench.delivery.run())
            try:
                async with asyncio.timeout(7 * 24 * 3600):
                    await scenario(bench)
            finally:
                await bench.delivery.close(5.0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            bench.check_books()
            return bench

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(main())

    return SimpleNamespace(run=run, Bench=Bench, Loop=VirtualLoop, START=START, SECOND=SECOND, ModelLoki=ModelLoki)
