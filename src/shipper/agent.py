"""The agent: wires sources, pipelines, delivery and journal from a configuration, and runs them.

    start   1. the journal is opened and locked  2. each source is told what the journal knows  3. delivery starts
    run     a task per source: step in its thread, hand over, wait for a wake-up, a look that is due, or room
    stop    1. sources stop reading  2. pushes under way get `shutdown_timeout`  3. what is settled is committed
            4. files and journal are closed, by threads that nobody waits for longer than `GRACE`

Rule 1: a source that fails is started again with backoff; the others do not notice.
Rule 2: when Loki is slow a source stops reading but keeps looking: its step gets a budget of 0.
Rule 3: nothing here knows a file, a stage or a reply.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import msgspec
import structlog

from shipper.books import Books
from shipper.chunk import Processed
from shipper.clock import Clock
from shipper.collector import Collected, Collector
from shipper.config.model import Config, DockerSource, FileSource, Multiline, ResolvedSource
from shipper.config.resolve import decode_resolved, encode_resolved, epoch, resolve
from shipper.daemon import Daemon
from shipper.delivery.delivery import Delivery
from shipper.errors import JournalError
from shipper.failures import NOTICES, Failure, Failures
from shipper.housekeeping import Housekeeping
from shipper.journal import Journal
from shipper.ledger import Ledger
from shipper.metrics import Observed, Reading
from shipper.outcome import Outcome, Patience, Progress
from shipper.pipeline.multiline import compile_multiline
from shipper.readiness import not_ready
from shipper.readings import progress_of, reading_of
from shipper.room import STEP_BYTES, room_for
from shipper.sources.file.held import HeldDeleted
from shipper.sources.opening import open_source
from shipper.sources.step import Extent, Generation
from shipper.supervise import supervise

PATIENCE = 30.0
"""Seconds without progress after which `--once` gives up while delivery fails."""
GRACE = 1.0
"""Seconds beyond `shutdown_timeout` that the end may take: for the last commit, and for closing what can be closed."""
STUCK = 30.0
"""Seconds after which a step that has not returned is named: it asks a file system that does not answer."""
DRAIN = 1.0
"""Seconds that `--once` waits for the last acknowledgements before it looks again whether there is more to read."""
PROGRESS_EVERY = 0.2
_LOOK = 0.1
"""Seconds between two looks whether all of a source is settled."""


class Agent:
    """The parts of one run; `async with`, then `run()`."""

    def __init__(
        self,
        config: Config,
        *,
        once: bool = False,
        on_progress: Callable[[Agent], None] | None = None,
        assert_books: bool = False,
    ) -> None:
        self._config = config
        self._once = once
        self._on_progress = on_progress
        self._log = structlog.get_logger("shipper")
        self.clock = Clock()
        self.failures = Failures()
        self.ledger = Ledger()
        self._books = Books(self.ledger, self.failures, strict=assert_books)
        self._stopping = asyncio.Event()
        self._room = asyncio.Event()
        self._collectors: dict[str, Collector] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._idle: dict[str, bool] = {}
        self._crashed: set[str] = set()
        """Sources whose memory is not to be trusted any more."""
        self._threads: dict[str, Daemon] = {}
        self._stepping: dict[str, float] = {}
        """Since when a source has been in a step."""
        self._ends_at = 0.0
        self._held = HeldDeleted(config.agent.held_deleted_bytes)
        self.started_at = self.clock.now()
        self.begun: set[str] = set()
        """Sources that have looked at what there is."""
        self.tap: Callable[[Processed], None] | None = None
        """Is shown every span's entries on their way to delivery, while somebody watches."""

    async def __aenter__(self) -> Agent:
        letters = self._config.agent.dead_letters
        self.journal = Journal(
            Path(self._config.agent.data_dir), max_bytes=letters.max_bytes, when_full=letters.when_full
        )
        if self.journal.set_aside is not None:
            self.failures.once("journal_corrupt", f"set aside as {self.journal.set_aside}")
        for source in self._config.sources:
            self._open(source)
        self.delivery = Delivery(
            self._config.loki,
            journal=self.journal,
            ledger=self.ledger,
            failures=self.failures,
            clock=self.clock,
            label_names=self._label_names,
            on_committed=self._on_committed,
            probing=not self._once,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        ends_at = max(self._ends_at, loop.time() + GRACE / 2)
        await self._close_sources(ends_at - GRACE / 4 - loop.time())
        if not await self.journal.close(ends_at - loop.time()):
            self.failures.begin("journal_write", "closing it took too long; the next start goes on from what it has")

    async def _close_sources(self, timeout: float) -> None:  # noqa: ASYNC109 - what is late is left, not cancelled
        """Close each source in its own thread; one that hangs in a step is left to the process's end."""
        loop = asyncio.get_running_loop()
        closing = {
            loop.run_in_executor(self._threads[name], collector.source.close): name
            for name, collector in self._collectors.items()
        }
        if closing:
            _, late = await asyncio.wait(closing, timeout=max(0.0, timeout))
            for name in sorted(closing[future] for future in late):
                self.failures.begin("source_stuck", "it did not end with the agent", source=name)
        for thread in self._threads.values():
            thread.shutdown()

    def _open(self, source: FileSource | DockerSource) -> None:
        resolved = resolve(self._config, source)
        first = self.journal.first_start(source.name)
        known = self.journal.known(source.name)
        epochs = self._epochs(known)
        opened = open_source(
            resolved,
            source,
            known,
            clock=self.clock,
            failures=self.failures,
            new_generation=self.journal.new_generation,
            grouper=compile_multiline(self._multiline(resolved)),
            first_start=first,
            epochs=epochs,
            held=self._held,
            once=self._once,
        )
        if first and self.journal.set_aside is not None:
            self._log.warning("starts_anew", source=source.name, start_at=source.start_at)
        losses, account = self.journal.losses(source.name), self.ledger.account(source.name)
        account.truncated_unread, account.replay_missing = losses.truncated_unread, losses.replay_missing
        self.journal.open_source(source.name, epoch(resolved), encode_resolved(resolved))
        if source.name not in self._threads:
            self._threads[source.name] = Daemon(f"source {source.name}")
        self._wakes[source.name] = asyncio.Event()
        self._idle[source.name] = False
        self._collectors[source.name] = Collector(
            opened,
            resolved,
            demoted=self.journal.demoted(source.name),
            failures=self.failures,
            epochs=epochs,
        )

    def _multiline(self, resolved: ResolvedSource) -> Multiline | None:
        """How records are kept together; a run that ends does not wait for more of the last one."""
        multiline = resolved.multiline
        return msgspec.structs.replace(multiline, max_wait=0) if multiline and self._once else multiline

    def _epochs(self, known: Sequence[Generation]) -> dict[str, ResolvedSource]:
        """The configurations that open spans were read under."""
        names = {span.epoch for generation in known for span in generation.open}
        kept = {name: self.journal.epoch(name) for name in names}
        return {name: decode_resolved(config) for name, config in kept.items() if config is not None}

    def _label_names(self) -> set[str]:
        return set().union(*(collector.label_names for collector in self._collectors.values()))

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
            timeout = self._config.agent.shutdown_timeout / 1e9
            self._ends_at = asyncio.get_running_loop().time() + timeout + GRACE
            for task in [*tasks, watcher]:
                task.cancel()
            await asyncio.gather(*tasks, watcher, return_exceptions=True)
            await self.delivery.close(timeout)
            self._name_what_ends_with_the_process()
        if self._books.error is not None:
            raise self._books.error
        return self._outcome()

    def _parts(self) -> dict[str, Coroutine[object, object, None]]:
        sources = {
            f"source {name}": supervise(partial(self._serve, name), partial(self._source_failed, name))
            for name in self._collectors
        }
        return {"delivery": self.delivery.run(), "housekeeping": self._housekeeping().run(), **sources}

    @property
    def stopping(self) -> bool:
        """Whether the end has begun."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ask for an orderly end; called by the signal handlers."""
        self._stopping.set()

    async def _until_done(self) -> None:
        if not self._once:
            await self._stopping.wait()
            return
        patience = Patience(PATIENCE, asyncio.get_running_loop().time)
        while not self._stopping.is_set():
            if all(self._idle.values()):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(DRAIN):
                        await self.delivery.drain()
                        return
            if patience.exhausted(self._settled_lines(), failing=bool(self.failures.current())):
                return
            await asyncio.sleep(0.02)

    def _settled_lines(self) -> int:
        return sum(account.read - account.in_flight for account in self.ledger.accounts.values())

    def _source_failed(self, name: str, error: Exception) -> None:
        if isinstance(error, JournalError):
            self.failures.begin("journal_write", error.message)
            return
        self._crashed.add(name)
        self._log.error("source_crashed", source=name, exc_info=error)
        self.failures.begin("source_failed", f"{type(error).__name__}: {error}", source=name)

    async def _serve(self, name: str) -> None:
        """Run a source and what it needs done beside its steps; either one's failure ends both."""
        if name in self._crashed:
            await self._open_again(name)
        parts = [asyncio.create_task(self._run_source(name)), asyncio.create_task(self._attend(name))]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_EXCEPTION)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _attend(self, name: str) -> None:
        await self._collectors[name].source.attend(self._wakes[name], self._threads[name])

    async def _open_again(self, name: str) -> None:
        """Make a source that crashed anew from what the journal knows: what it had read and not handed over is read
        again, what it had handed over is settled first."""
        while self.delivery.outstanding(name):  # noqa: ASYNC110 - rare, and nothing tells of a single source
            await asyncio.sleep(_LOOK)
        await self.journal.flush()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads[name], self._collectors[name].source.close)
        source = next(source for source in self._config.sources if source.name == name)
        await self.journal.call(partial(self._open, source))
        self._crashed.discard(name)

    async def _run_source(self, name: str) -> None:
        collector, wake = self._collectors[name], self._wakes[name]
        loop = asyncio.get_running_loop()
        while True:
            wake.clear()
            room = self._room_for(name)
            collector.supports_metadata = self.delivery.supports_metadata
            self._stepping[name] = loop.time()
            try:
                collected = await loop.run_in_executor(self._threads[name], collector.step, min(room, STEP_BYTES))
            finally:
                del self._stepping[name]
            self.failures.end("source_stuck", source=name)
            await self._hand_over(collector, collected)
            self.begun.add(name)
            self.failures.end("source_failed", source=name)
            self._idle[name] = room > 0 and not collected.step.more and collector.source.caught_up()
            await self._rest(name, collected, had_room=room > 0)

    async def _hand_over(self, collector: Collector, collected: Collected) -> None:
        step = collected.step
        account = self.ledger.account(collector.name)
        self.journal.note(step.notes)
        account.truncated_unread += step.truncated_unread
        account.replay_missing += sum([span.size for span in step.abandoned])
        for processed in collected.processed:
            if self.tap is not None:
                self.tap(processed)
            self.delivery.add(processed)
        self._assert_books()
        if step.abandoned or step.truncated_unread:
            await self.journal.abandon(step.abandoned)
        if collected.demoted is not None:
            await self.journal.demote(collector.name, collected.demoted)

    def _on_committed(self) -> None:
        self._room.set()
        self._assert_books()

    def _assert_books(self) -> None:
        """Where an imbalance is to be an error, look for one now, and end with it."""
        if self._books.strict and not self._check_books():
            self.stop()

    async def _rest(self, name: str, collected: Collected, *, had_room: bool) -> None:
        """Wait for something to do: nothing if there is more to read, room if there was none, else a wake-up."""
        rate = self._collectors[name].rate
        if rate is not None and (lines := sum(processed.lines for processed in collected.processed)):
            await asyncio.sleep(lines / rate)
        room = self._room_for(name) > 0
        if room and (collected.step.more or not had_room):
            return
        event = self._wakes[name] if room else self._room
        self._room.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(collected.step.look_in):
                await event.wait()

    def _room_for(self, name: str) -> int:
        return room_for(self.delivery.outstanding(name), self.delivery.total_outstanding(), len(self._collectors))

    def _housekeeping(self) -> Housekeeping:
        looks: list[Callable[[], object]] = [self._name_stuck_sources, self._check_books]
        if self._on_progress is None:
            return Housekeeping(self.journal, self.failures, looks)
        looks.append(partial(self._on_progress, self))
        return Housekeeping(self.journal, self.failures, looks, every=PROGRESS_EVERY)

    def _check_books(self) -> bool:
        return self._books.check(self.delivery.under_way())

    def _name_what_ends_with_the_process(self) -> None:
        for name, collector in self._collectors.items():
            if left := collector.source.extent().deleted_unread:
                self.failures.begin("deleted_unread", f"{left} bytes", source=name)

    def _name_stuck_sources(self) -> None:
        now = asyncio.get_running_loop().time()
        for name, since in self._stepping.items():
            if now - since >= STUCK:
                self.failures.begin("source_stuck", f"no answer for {now - since:.0f} s", source=name)

    # what there is to see --------------------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """Of shipper."""
        return version("shipper")

    def not_ready(self) -> tuple[Failure, ...]:
        """Why logs do not get through, () if they do."""
        waiting = self._collectors.keys() - self.begun
        reached, detail = self.delivery.reached, self.delivery.seen_instead
        failures = self.failures.current()
        return not_ready(failures, waiting=waiting, reached=reached, since=self.started_at, detail=detail)

    @property
    def config(self) -> Config:
        """The configuration it runs under."""
        return self._config

    @property
    def collectors(self) -> Mapping[str, Collector]:
        """The sources by name, in the order of the configuration."""
        return self._collectors

    def progress(self) -> tuple[Progress, ...]:
        """How far each source is."""
        return tuple(progress_of(one.source, self.ledger.account(one.name)) for one in self._collectors.values())

    def observe(self, extents: Mapping[str, Extent] | None = None) -> Observed:
        """What there is to measure; `metrics.render` makes text of it. `extents`: how far sources are, where that was
        asked before: with thousands of files it takes a while."""
        known, unsettled = extents or {}, self.delivery.unsettled()
        readings = tuple(
            self._reading_of(one, known.get(one.name) or one.source.extent(), *unsettled.get(one.name, (0, 0)))
            for one in self._collectors.values()
        )
        return Observed(
            version=self.version,
            readings=readings,
            ledger=self.ledger,
            failures=self.failures.current(),
            deleted_bytes_held=self._held.total,
        )

    def _reading_of(self, collector: Collector, extent: Extent, unsettled: int, oldest: int) -> Reading:
        name = collector.name
        return reading_of(
            name,
            extent,
            self.ledger.account(name),
            unsettled=unsettled,
            oldest=oldest,
            streams=collector.streams,
            now=self.clock.now(),
        )

    def _outcome(self) -> Outcome:
        rests = tuple(
            (name, path, offset, size)
            for name, collector in self._collectors.items()
            for path, offset, size in collector.source.pending_rest()
        )
        failures = self.failures.current()
        refused = any(account.dead_lettered for account in self.ledger.accounts.values())
        held = any(account.in_flight for account in self.ledger.accounts.values()) or not all(self._idle.values())
        failed = any(failure.name not in NOTICES for failure in failures)
        code = int(self._once and (refused or held or failed))
        return Outcome(code=code, progress=self.progress(), rests=rests, failures=failures)
