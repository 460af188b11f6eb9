"""The facade: processed chunks in, settled spans in the journal out.

    add ──▶ batch ──▶ journal.begin ──▶ plan ──▶ sender ──▶ settlement ──▶ journal.commit

Rule 1: nothing is sent before the journal has begun its span, durably.
Rule 2: everything added stays outstanding, and counts for back-pressure, until the journal has committed it.
Rule 3: all methods are called from one event loop; only `run` takes time.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import Final

from shipper.chunk import Carry, Processed
from shipper.clock import Clock
from shipper.config.model import Loki
from shipper.delivery.batch import MAX_PUSH, Batch, size_of
from shipper.delivery.client import Client, Transport
from shipper.delivery.commit import Committer, JournalPort
from shipper.delivery.piece import Pending, Piece
from shipper.delivery.route import Around, Route, backoff_of
from shipper.delivery.settle import Settlement
from shipper.delivery.wire import SECOND
from shipper.errors import JournalError
from shipper.failures import Failures
from shipper.ledger import Ledger

JOURNAL_PAUSE: Final = 2.0
"""Seconds after which a journal that could not be written is tried again, at most: it bothers no server."""

LAST_COMMIT: Final = 0.5
"""Seconds that the commit at the end may take at least, even if requests took all the time there was."""


class Delivery:
    """Delivers to one Loki at a time. Make it inside a running event loop; `run` it as a task; `close` it in the end.

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
        self._settlement = Settlement(
            ledger=ledger, clock=clock, failures=failures, tenant=loki.tenant or "", on_done=self._span_done
        )
        self._committer = Committer(
            journal,
            self._settlement,
            failures,
            backoff_of(loki),
            monotonic=self._monotonic,
            on_committed=self._on_committed,
        )
        self._around = Around(
            settlement=self._settlement,
            ledger=ledger,
            failures=failures,
            clock=clock,
            label_names=label_names,
            monotonic=self._monotonic,
            begun=self._monotonic(),
            probing=probing,
        )
        self._follow(Route(loki, Client(loki, transport), self._around))
        self._tasks: asyncio.TaskGroup
        self._sending: asyncio.Task[None] | None = None
        """What runs the route, in `tasks`; None: not yet."""
        self._open: Batch | None = None
        self._sealed: deque[Batch] = deque()
        self._added = asyncio.Event()
        self._began = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = 0
        self._closing = False

    def _follow(self, route: Route) -> None:
        """Deliver on this way from now on."""
        loki = route.loki
        self._route = route
        self._batch_bytes = min(loki.batch_bytes, MAX_PUSH)
        self._batch_wait = loki.batch_wait / SECOND
        self._backoff = self._committer.backoff = backoff_of(loki)
        self._settlement.tenant = loki.tenant or ""

    @property
    def supports_metadata(self) -> bool:
        """Whether the server takes structured metadata, as far as is known."""
        return self._route.supports_metadata

    @property
    def server_version(self) -> str | None:
        """Of Loki, as it says."""
        return self._route.server_version

    @property
    def reached(self) -> bool:
        """Whether a push has got through, or would have."""
        return self._route.reached

    @property
    def seen_instead(self) -> str:
        """What answered before Loki was reached; "": nothing did."""
        return self._route.seen_instead

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

    def carries(self, source: str) -> dict[int, Carry]:
        """The state of its lane after each span of a source that is not committed, by row; see `begun`."""
        return self._settlement.carries(source)

    def under_way(self) -> Counter[str]:
        """Lines that are not settled, by source, counted where they are."""
        lines = self._settlement.waiting_letters()
        for piece in chain(self._batched(), self._route.pieces()):
            lines[piece.source] += piece.lines
        return lines

    def add(self, processed: Processed) -> None:
        """Take a span's entries; they are in the books from here on. `processed.parts` is emptied."""
        pending, pieces = self._settlement.open(processed)
        self._idle.clear()
        size = size_of(pieces)
        if self._open is not None and self._open.size + size > self._batch_bytes:
            self._seal()
        if self._open is None:
            self._open = Batch(self._monotonic())
            self._added.set()
        self._open.add(pending, pieces, size)
        if self._open.size >= self._batch_bytes or self._draining:
            self._seal()

    async def run(self) -> None:
        """Deliver until cancelled; requests under way are left to `close`."""
        async with asyncio.TaskGroup() as tasks:
            self._send_on(tasks)
            tasks.create_task(self._begin_batches())
            tasks.create_task(self._committer.run())

    def would_redirect(self, loki: Loki) -> bool:
        """Whether a configuration, loaded anew, asks for another way, or for another try on this one."""
        return loki != self._route.loki or self._route.outdated or self._route.in_trouble

    async def redirect(self, loki: Loki, client: Client) -> None:
        """Go another way from now on, with all that waits; `client` is made of the same configuration."""
        earlier = self._route
        left = await earlier.leave()
        self._follow(Route(loki, client, self._around))
        for piece in chain(self._batched(), *(push.pieces for push in left)):
            piece.tenant = piece.tenant if piece.assigned else loki.tenant or ""
        self._route.take_over(left, earlier.loki)
        if self._sending is not None:
            self._sending.cancel()
            self._send_on(self._tasks)
        self._added.set()
        await earlier.aclose()

    def _send_on(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks, self._sending = tasks, tasks.create_task(self._route.run())

    def _batched(self) -> Iterator[Piece]:
        """Every piece that is in no push yet."""
        batches = [*self._sealed, self._open] if self._open is not None else self._sealed
        return chain.from_iterable(batch.pieces for batch in batches)

    async def drain(self) -> None:
        """Return when everything added is committed; batches do not wait meanwhile. `run` must be running."""
        self._draining += 1
        try:
            self._seal()
            await self._idle.wait()
        finally:
            self._draining -= 1

    async def begun(self, source: str) -> None:
        """Return when the journal has begun all that was added of a source. `run` must be running."""
        self._seal()
        while any(pending.span.origin.source == source for batch in self._sealed for pending in batch.pendings):
            self._began.clear()
            await self._began.wait()

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - it bounds several steps, each in its way
        """Begin and send nothing new, let requests under way end within `timeout` seconds, commit what is settled."""
        self._closing = True
        end = self._monotonic() + timeout
        await self._route.stop(timeout)
        try:
            async with asyncio.timeout(max(end - self._monotonic(), LAST_COMMIT)):
                await self._committer.step()
        except TimeoutError:
            self._failures.begin(
                "journal_write", "the last commit took too long; its spans are checked at the next start"
            )
        await self._route.aclose()

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
            self._route.quiet()
            self._idle.set()

    async def _begin_batches(self) -> None:
        while True:
            await self._due()
            await self._begin_sealed()
            if self._closing:
                return
            self._began.set()

    async def _begin_sealed(self) -> None:
        """Begin all sealed batches together, and send them. What it knows of them ends with it, not at the next one."""
        batches = list(self._sealed)
        await self._begin([pending for batch in batches for pending in batch.pendings])
        if self._closing:
            return
        for batch in batches:
            self._sealed.popleft()
            self._route.submit(batch.pieces)
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
        """Have the journal begin spans, and commit what is settled, in one transaction, however long it takes."""
        attempts = 0
        while not self._closing:
            settled = self._committer.take()
            try:
                await self._journal.begin(
                    [pending.span for pending in pendings], [self._settlement.settled(pending) for pending in settled]
                )
            except JournalError as error:
                attempts += 1
                self._committer.give_back(settled)
                self._failures.begin("journal_write", error.message)
                await asyncio.sleep(min(self._backoff.pause(attempts), JOURNAL_PAUSE))
            except BaseException:
                self._committer.give_back(settled)
                raise
            else:
                self._committer.committed(settled)
                return
