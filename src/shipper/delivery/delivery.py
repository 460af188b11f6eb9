"""The facade: processed chunks in, settled spans in the journal out.

    add ──▶ batch ──▶ journal.begin ──▶ plan ──▶ sender ──▶ settlement ──▶ journal.commit

Rule 1: nothing is sent before the journal has begun its span, durably.
Rule 2: everything added stays outstanding, and counts for back-pressure, until the journal has committed it.
Rule 3: all methods are called from one event loop; only `run` takes time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Collection
from itertools import chain
from typing import Final

import orjson

from shipper.chunk import Processed
from shipper.clock import Clock
from shipper.config.model import Loki
from shipper.delivery.asking import Asking
from shipper.delivery.backoff import Backoff
from shipper.delivery.batch import MAX_PUSH, Batch, Push, plan, size_of
from shipper.delivery.client import Client, Reply, Transport
from shipper.delivery.commit import Committer, JournalPort
from shipper.delivery.holds import Holds
from shipper.delivery.pace import Pace
from shipper.delivery.piece import Pending
from shipper.delivery.probe import WITHIN, Probe
from shipper.delivery.reactions import Reactions
from shipper.delivery.sender import Sender
from shipper.delivery.settle import Settlement
from shipper.delivery.streams import Streams
from shipper.delivery.verify import Verifier
from shipper.delivery.wire import SECOND
from shipper.errors import JournalError
from shipper.failures import Failures
from shipper.ledger import Ledger

JOURNAL_PAUSE: Final = 2.0
"""Seconds after which a journal that could not be written is tried again, at most: it bothers no server."""

LAST_COMMIT: Final = 0.5
"""Seconds that the commit at the end may take at least, even if requests took all the time there was."""


class Delivery:
    """Delivers to one Loki. Make it inside a running event loop; `run` it as a task; `close` it in the end.

    With `probing` the way to Loki is looked at while nothing is pushed. `on_committed` is called when spans were
    settled in the journal, so that there is room for more.
    """

    def __init__(
        self,
        loki: Loki,
        *,
        journal: JournalPort,
        ledger: Ledger,
        failures: Failures,
        clock: Clock,
        label_names: Callable[[], Collection[str]],
        on_committed: Callable[[], None] = lambda: None,
        probing: bool = False,
        transport: Transport | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self._monotonic = monotonic or asyncio.get_running_loop().time
        self._journal = journal
        self._failures = failures
        self._tell_committed = on_committed
        self._tenant = loki.tenant or ""
        self._batch_bytes = min(loki.batch_bytes, MAX_PUSH)
        self._batch_wait = loki.batch_wait / SECOND
        self._backoff = Backoff(loki.backoff.min / SECOND, max(loki.backoff.max, loki.backoff.min) / SECOND)
        self._client = Client(loki, transport)
        self._streams = Streams()
        pace, holds = Pace(), Holds(failures, self._backoff, self._is_new)
        self._settlement = Settlement(
            ledger=ledger, clock=clock, failures=failures, tenant=self._tenant, on_done=self._span_done
        )
        self._committer = Committer(
            journal,
            self._settlement,
            failures,
            self._backoff,
            monotonic=self._monotonic,
            on_committed=self._on_committed,
        )
        self._reactions = Reactions(
            loki,
            settlement=self._settlement,
            streams=self._streams,
            pace=pace,
            holds=holds,
            backoff=self._backoff,
            failures=failures,
            ledger=ledger,
            clock=clock,
        )
        self._sender = self._make_sender(loki, Verifier(self._client, label_names), holds, pace, ledger)
        self.server_version: str | None = None
        """Of Loki, as it says."""
        self._probing = probing
        self._probe = Probe(
            self._client,
            self._tenant,
            ledger=ledger,
            failures=failures,
            struggling=lambda: self._sender.struggling,
            answered=self._sender.answered,
            returned=self._returned,
        )
        self._open: Batch | None = None
        self._sealed: deque[Batch] = deque()
        self._added = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = 0
        self._closing = False

    def _make_sender(self, loki: Loki, verifier: Verifier, holds: Holds, pace: Pace, ledger: Ledger) -> Sender:
        asking = Asking(
            loki,
            verifier,
            settlement=self._settlement,
            reactions=self._reactions,
            holds=holds,
            failures=self._failures,
            begun=self._monotonic(),
        )
        return Sender(
            client=self._client,
            asking=asking,
            reactions=self._reactions,
            holds=holds,
            pace=pace,
            ledger=ledger,
            max_in_flight=loki.max_in_flight,
            monotonic=self._monotonic,
        )

    def _is_new(self, push: Push) -> bool:
        return any(self._streams.is_new((push.tenant, labels)) for labels in push.streams)

    @property
    def supports_metadata(self) -> bool:
        """Whether the server takes structured metadata, as far as is known."""
        return self._reactions.supports_metadata

    @property
    def reached(self) -> bool:
        """Whether a push has got through, or would have."""
        return self._probe.reached

    @property
    def seen_instead(self) -> str:
        """What answered before Loki was reached; "": nothing did."""
        return self._probe.seen

    def outstanding(self, source: str) -> int:
        """Bytes of a source that are not settled."""
        return self._settlement.outstanding(source)

    def total_outstanding(self) -> int:
        """Bytes of all sources that are not settled."""
        return self._settlement.total_outstanding()

    def unsettled(self) -> dict[str, tuple[int, int]]:
        """By source, if it has any: bytes that were read and are not settled, and the clock of the oldest, ns."""
        return self._settlement.unsettled()

    def settled_to(self, source: str) -> dict[int, int]:
        """Where the first span of each generation of a source begins that is not committed."""
        return self._settlement.settled_to(source)

    def under_way(self) -> Counter[str]:
        """Lines that are not settled, by source, counted where they are."""
        lines = self._settlement.waiting_letters()
        batches = [*self._sealed, self._open] if self._open is not None else self._sealed
        for piece in chain(*(batch.pieces for batch in batches), self._sender.pieces()):
            lines[piece.source] += piece.lines
        return lines

    def add(self, processed: Processed) -> None:
        """Take a span's entries; they are in the books from here on. `processed.parts` is emptied."""
        pending, pieces = self._settlement.open(processed)
        self._idle.clear()
        if self._open is not None and self._open.size + size_of(pieces) > self._batch_bytes:
            self._seal()
        if self._open is None:
            self._open = Batch(self._monotonic())
            self._added.set()
        self._open.add(pending, pieces)
        if self._open.size >= self._batch_bytes or self._draining:
            self._seal()

    async def run(self) -> None:
        """Deliver until cancelled; requests under way are left to `close`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_at_server())
            tasks.create_task(self._begin_batches())
            tasks.create_task(self._sender.run())
            tasks.create_task(self._committer.run())
            if self._probing:
                tasks.create_task(self._probe.run())

    async def drain(self) -> None:
        """Return when everything added is committed; batches do not wait meanwhile. `run` must be running."""
        self._draining += 1
        try:
            self._seal()
            await self._idle.wait()
        finally:
            self._draining -= 1

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - it bounds several steps, each in its way
        """Begin and send nothing new, let requests under way end within `timeout` seconds, commit what is settled."""
        self._closing = True
        end = self._monotonic() + timeout
        await self._sender.stop(timeout)
        try:
            async with asyncio.timeout(max(end - self._monotonic(), LAST_COMMIT)):
                await self._committer.step()
        except TimeoutError:
            self._failures.begin(
                "journal_write", "the last commit took too long; its spans are checked at the next start"
            )
        await self._client.aclose()

    def _seal(self) -> None:
        if self._open is not None:
            self._sealed.append(self._open)
            self._open = None
            self._added.set()

    def _span_done(self, pending: Pending) -> None:
        self._committer.add(pending)

    def _on_committed(self) -> None:
        self._tell_committed()
        if self._settlement.spans == 0:
            self._reactions.quiet(shut=self._probe.shut)
            self._idle.set()

    async def _begin_batches(self) -> None:
        while True:
            await self._due()
            batches = list(self._sealed)
            await self._begin([pending for batch in batches for pending in batch.pendings])
            if self._closing:
                return
            for _ in batches:
                self._sealed.popleft()
            now = self._monotonic()
            for batch in batches:
                self._sender.submit(plan(batch.pieces, self._streams, now=now, limit=self._reactions.limit))
                for pending in batch.pendings:
                    self._settlement.begun(pending)

    async def _due(self) -> None:
        """Until a batch is sealed, or the open one has waited long enough."""
        while not self._sealed:
            self._added.clear()
            wait = None if self._open is None else self._open.opened + self._batch_wait - self._monotonic()
            if wait is not None and wait <= 0:
                self._seal()
                return
            timer = None if wait is None else asyncio.get_running_loop().call_later(wait, self._added.set)
            try:
                await self._added.wait()
            finally:
                if timer is not None:
                    timer.cancel()

    async def _begin(self, pendings: list[Pending]) -> None:
        """Have the journal begin spans in one transaction, however long it takes."""
        attempts = 0
        while not self._closing:
            try:
                await self._journal.begin([pending.span for pending in pendings])
            except JournalError as error:
                attempts += 1
                self._failures.begin("journal_write", error.message)
                await asyncio.sleep(min(self._backoff.pause(attempts), JOURNAL_PAUSE))
            else:
                self._failures.end("journal_write")
                return

    async def _look_at_server(self) -> None:
        """Learn from the server's version whether it takes structured metadata; one that does not say is tried."""
        reply = await self._client.get("status/buildinfo", self._tenant, {})
        if isinstance(reply, Reply) and reply.status == 200:
            try:
                release = str(orjson.loads(reply.body)["version"])
            except (ValueError, KeyError, TypeError):
                return
            self.server_version = release.removeprefix("v")
            if self.server_version.split(".")[0] in ("0", "1", "2"):
                self._reactions.supports_metadata = False

    async def _returned(self) -> None:
        """The server is back, and may be another one."""
        self._sender.hurry()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                await self._look_at_server()
