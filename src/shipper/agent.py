"""The agent: wires sources, pipelines, delivery and journal from a configuration, and runs them.

    start   1. the journal is opened and locked  2. each source is told what the journal knows  3. delivery starts
    run     a runner per source: step in its thread, hand over, wait for a wake-up, a look that is due, or room
    stop    1. sources stop reading  2. pushes under way get `shutdown_timeout`  3. what is settled is committed
            4. files and journal are closed, by threads that nobody waits for longer than `GRACE`
    reload  1. the configuration is loaded anew, or refused as a whole  2. what waits goes to the new place
            3. sources are taken out, changed, added; the others do not notice (`reload`)

Rule 1: a source that fails is started again with backoff; the others do not notice.
Rule 2: when Loki is slow a source stops reading but keeps looking: its step gets a budget of 0.
Rule 3: nothing here knows a file, a stage or a reply.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path

import structlog

from shipper.books import Books
from shipper.chunk import Processed
from shipper.clock import Clock
from shipper.collector import Collector
from shipper.config.model import Config
from shipper.delivery.delivery import Delivery
from shipper.failures import NOTICES, Failure, Failures
from shipper.fleet import Fleet
from shipper.housekeeping import Housekeeping
from shipper.journal import Journal
from shipper.ledger import Ledger
from shipper.metrics import Observed
from shipper.outcome import Outcome, Patience, Progress
from shipper.readiness import not_ready
from shipper.reload import Loader, Reloaded, Reloader
from shipper.runner import Shared
from shipper.sources.file.held import HeldDeleted
from shipper.sources.step import Extent

PATIENCE = 30.0
"""Seconds without progress after which `--once` gives up while delivery fails."""
GRACE = 1.0
"""Seconds beyond `shutdown_timeout` that the end may take: for the last commit, and for closing what can be closed."""
DRAIN = 1.0
"""Seconds that `--once` waits for the last acknowledgements before it looks again whether there is more to read."""
PROGRESS_EVERY = 0.2


class Agent:
    """The parts of one run; `async with`, then `run()`."""

    def __init__(
        self,
        config: Config,
        *,
        once: bool = False,
        on_progress: Callable[[Agent], None] | None = None,
        assert_books: bool = False,
        loader: Loader | None = None,
    ) -> None:
        self._config = config
        self._loader = loader
        self._once = once
        self._shipped = False
        """Everything there was is settled: a source that looks again while it has no room is not behind for that."""
        self._on_progress = on_progress
        self._log = structlog.get_logger("shipper")
        self.clock = Clock()
        self.failures = Failures()
        self.ledger = Ledger()
        self._books = Books(self.ledger, self.failures, strict=assert_books)
        self._stopping = asyncio.Event()
        self._room = asyncio.Event()
        self._ends_at = 0.0
        self._held = HeldDeleted(config.agent.held_deleted_bytes)
        self.started_at = self.clock.now()
        self.tap: Callable[[Processed], None] | None = None
        """Is shown every span's entries on their way to delivery, while somebody watches."""

    async def __aenter__(self) -> Agent:
        letters = self._config.agent.dead_letters
        self.journal = Journal(
            Path(self._config.agent.data_dir), max_bytes=letters.max_bytes, when_full=letters.when_full
        )
        if self.journal.set_aside is not None:
            self.failures.once("journal_corrupt", f"set aside as {self.journal.set_aside}")
        self.delivery = Delivery(
            self._config.loki,
            journal=self.journal,
            ledger=self.ledger,
            failures=self.failures,
            clock=self.clock,
            label_names=lambda: self.fleet.label_names(),
            on_committed=self._on_committed,
            probing=not self._once,
        )
        shared = self._shared()
        self.fleet = Fleet(self._config, shared)
        self.fleet.open()
        self._reloader = Reloader(self._config, self._loader, self.fleet, shared, once=self._once)
        return self

    def _shared(self) -> Shared:
        return Shared(
            clock=self.clock,
            failures=self.failures,
            ledger=self.ledger,
            journal=self.journal,
            delivery=self.delivery,
            held=self._held,
            once=self._once,
            room=self._room,
            room_for=lambda name: self.fleet.room_for(name),
            tap=lambda processed: self.tap(processed) if self.tap is not None else None,
            on_handed_over=self._assert_books,
        )

    async def __aexit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        ends_at = max(self._ends_at, loop.time() + GRACE / 2)
        await self.fleet.close(ends_at - GRACE / 4 - loop.time())
        if not await self.journal.close(ends_at - loop.time()):
            self.failures.begin("journal_write", "closing it took too long; the next start goes on from what it has")

    # running ---------------------------------------------------------------------------------------------------------

    async def run(self) -> Outcome:
        """Run until stopped, or with `once` until everything there is has been settled."""
        tasks = [asyncio.create_task(work, name=name) for name, work in self._parts().items()]
        watcher = asyncio.create_task(self._until_done())
        try:
            done, _ = await asyncio.wait([*tasks, watcher], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._stopping.set()
            await self._reloader.close()
            timeout = self._reloader.config.agent.shutdown_timeout / 1e9
            self._ends_at = asyncio.get_running_loop().time() + timeout + GRACE
            for task in [*tasks, watcher]:
                task.cancel()
            await asyncio.gather(*tasks, watcher, return_exceptions=True)
            await self.delivery.close(timeout)
            self.fleet.name_what_ends_with_the_process()
        if self._books.error is not None:
            raise self._books.error
        return self._outcome()

    def _parts(self) -> dict[str, Coroutine[object, object, None]]:
        return {
            "delivery": self.delivery.run(),
            "housekeeping": self._housekeeping().run(),
            "sources": self.fleet.run(),
        }

    @property
    def stopping(self) -> bool:
        """Whether the end has begun."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ask for an orderly end; called by the signal handlers."""
        self._stopping.set()

    async def reload(self) -> Reloaded:
        """Change to what the configuration says now, without losing a line or a position; or refuse it as a whole."""
        return await self._reloader.reload()

    async def _until_done(self) -> None:
        if not self._once:
            await self._stopping.wait()
            return
        patience = Patience(PATIENCE, asyncio.get_running_loop().time)
        while not self._stopping.is_set():
            if self.fleet.idle:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(DRAIN):
                        await self.delivery.drain()
                        self._shipped = True
                        return
            if patience.exhausted(self._settled_lines(), failing=bool(self.failures.current())):
                return
            await asyncio.sleep(0.02)

    def _settled_lines(self) -> int:
        return sum(account.read - account.in_flight for account in self.ledger.accounts.values())

    def _on_committed(self) -> None:
        self._room.set()
        self._assert_books()

    def _assert_books(self) -> None:
        """Where an imbalance is to be an error, look for one now, and end with it."""
        if self._books.strict and not self._check_books():
            self.stop()

    def _housekeeping(self) -> Housekeeping:
        looks: list[Callable[[], object]] = [self.fleet.name_stuck, self.fleet.let_go, self._check_books]
        if self._on_progress is None:
            return Housekeeping(self.journal, self.failures, looks)
        looks.append(partial(self._on_progress, self))
        return Housekeeping(self.journal, self.failures, looks, every=PROGRESS_EVERY)

    def _check_books(self) -> bool:
        return self._books.check(self.delivery.under_way())

    # what there is to see --------------------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """Of shipper."""
        return version("shipper")

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._reloader.config

    @property
    def collectors(self) -> Mapping[str, Collector]:
        """The sources that are open, by name."""
        return {collector.name: collector for collector in self.fleet.collectors}

    def not_ready(self) -> tuple[Failure, ...]:
        """Why logs do not get through, () if they do."""
        return not_ready(
            self.failures.current(),
            waiting=self.fleet.waiting,
            reached=self.delivery.reached,
            since=self.started_at,
            detail=self.delivery.seen_instead,
        )

    def progress(self) -> tuple[Progress, ...]:
        """How far each source is."""
        return self.fleet.progress()

    def observe(self, extents: Mapping[str, Extent] | None = None) -> Observed:
        """What there is to measure; `metrics.render` makes text of it. `extents`: how far sources are, where that was
        asked before: with thousands of files it takes a while."""
        return Observed(
            version=self.version,
            readings=tuple(self.fleet.readings(extents or {})),
            ledger=self.ledger,
            failures=self.failures.current(),
            deleted_bytes_held=self._held.total,
        )

    def _outcome(self) -> Outcome:
        rests = tuple(
            (collector.name, path, offset, size)
            for collector in self.fleet.collectors
            for path, offset, size in collector.source.pending_rest()
        )
        failures = self.failures.current()
        refused = any(account.dead_lettered for account in self.ledger.accounts.values())
        held = any(account.in_flight for account in self.ledger.accounts.values()) or not self._shipped
        failed = any(failure.name not in NOTICES for failure in failures)
        code = int(self._once and (refused or held or failed))
        return Outcome(code=code, progress=self.progress(), rests=rests, failures=failures)
