"""One source's life: opened where the journal left it, stepped in its own thread, made anew, ended.

Rule 1: a step that was made is handed over before anything else becomes of the source. One that does not return is left
        to its thread, and read again.
Rule 2: what fails is made anew with backoff, from what the journal knows; the other sources do not notice.
Rule 3: what was handed over stays with delivery, and a source that is made anew goes on behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from shipper.chunk import Carry, Processed
from shipper.clock import Clock
from shipper.collector import Collected, Collector
from shipper.config.model import Config, DockerSource, FileSource, ResolvedSource
from shipper.config.resolve import decode_resolved, encode_resolved, epoch, resolve
from shipper.daemon import Daemon
from shipper.delivery.delivery import Delivery
from shipper.errors import JournalError
from shipper.failures import Failures
from shipper.journal import Journal
from shipper.ledger import Ledger
from shipper.pipeline.compile import compile_grouper
from shipper.room import LIMITED_STEP
from shipper.sources.file.held import HeldDeleted
from shipper.sources.opening import open_source
from shipper.sources.step import Generation, Source, handed_over
from shipper.supervise import supervise

LAST_STEP: Final = 5.0
"""Seconds that a step under way may take when its source is to be changed or ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all sources of an agent share."""

    clock: Clock
    failures: Failures
    ledger: Ledger
    journal: Journal
    delivery: Delivery
    held: HeldDeleted
    once: bool
    """The run ends with what there is now."""
    room: asyncio.Event
    """Set when spans were settled."""
    room_for: Callable[[str], int]
    """Bytes that a source may read in a step now."""
    tap: Callable[[Processed], None]
    """Is shown every span's entries on their way to delivery."""
    on_handed_over: Callable[[], None]


class Runner:
    """One `[[source]]` as it runs: `start` it, `change` it, `end` it; `open` it before if it is to be there at once."""

    def __init__(self, config: Config, source: FileSource | DockerSource, shared: Shared) -> None:
        self.name = source.name
        self.collector: Collector | None = None
        """None until it is open."""
        self.idle = False
        """Everything there is has been read."""
        self.begun = False
        """It has looked at what there is."""
        self.stepping_since: float | None = None
        """Since when it has been in a step, by the event loop's clock."""
        self._config = config
        self._source = source
        self._shared = shared
        self._stale = True
        """What is in memory, if anything, is not to be gone on with."""
        self._wake = asyncio.Event()
        self._stepping = asyncio.Lock()
        """Held from the beginning of a step until what it brought is handed over, and while the source is made."""
        self._thread = Daemon(f"source {self.name}")
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("shipper")

    # beginning and end -----------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Be there from the start; reads of the journal."""
        self._take(self._make(self._config, self._source, {}, None))

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Run until ended, as one of `tasks`, unless it runs already."""
        if self._task is None or self._task.done():
            self._task = tasks.create_task(supervise(self._serve, self._failed), name=f"source {self.name}")

    async def change(self, config: Config, source: FileSource | DockerSource) -> None:
        """Stop, and be another source once started: it goes on behind what this one handed over."""
        await self._pause()
        self._shared.failures.leave(self.name)
        self._config, self._source, self._stale = config, source, True

    async def end(self) -> None:
        """Stop for good; what was handed over is still delivered."""
        await self._pause()
        self.close()

    def close(self) -> Future[None] | None:
        """Give back files and the thread, as soon as the thread is free; None: there is nothing to give back."""
        closing = self._thread.submit(self.collector.source.close) if self.collector is not None else None
        self._thread.shutdown()
        return closing

    async def _pause(self) -> None:
        """Stop between two steps; in the middle of one if that does not return."""
        stuck = False
        try:
            async with asyncio.timeout(LAST_STEP):
                await self._stepping.acquire()
        except TimeoutError:
            stuck = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if not stuck:
            self._stepping.release()
            return
        self.close()
        self.collector, self._thread = None, Daemon(f"source {self.name}")

    # running ---------------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Step, and do what is to be done beside the steps; either one's failure ends both."""
        collector = await self._open_again() if self._stale or self.collector is None else self.collector
        parts = [
            asyncio.create_task(self._run(collector)),
            asyncio.create_task(collector.source.attend(self._wake, self._thread)),
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_EXCEPTION)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, JournalError):
            self._shared.failures.begin("journal_write", error.message)
            return
        self._stale = True
        self._log.error("source_crashed", source=self.name, exc_info=error)
        self._shared.failures.begin("source_failed", f"{type(error).__name__}: {error}", source=self.name)

    async def _run(self, collector: Collector) -> None:
        while True:
            self._wake.clear()
            room = self._shared.room_for(self.name)
            async with self._stepping:
                collected = await self._step(collector, room if collector.rate is None else min(room, LIMITED_STEP))
                await self._hand_over(collector, collected)
            self.begun = True
            self._shared.failures.end("source_failed", source=self.name)
            self.idle = room > 0 and not collected.step.more and collector.source.caught_up()
            await self._rest(collector, collected, had_room=room > 0)

    async def _step(self, collector: Collector, budget: int) -> Collected:
        loop = asyncio.get_running_loop()
        collector.supports_metadata = self._shared.delivery.supports_metadata
        self.stepping_since = loop.time()
        try:
            collected = await loop.run_in_executor(self._thread, collector.step, budget)
        finally:
            self.stepping_since = None
        self._shared.failures.end("source_stuck", source=self.name)
        return collected

    async def _hand_over(self, collector: Collector, collected: Collected) -> None:
        step, journal = collected.step, self._shared.journal
        account = self._shared.ledger.account(self.name)
        journal.note(step.notes)
        account.truncated_unread += step.truncated_unread
        account.replay_missing += sum([span.size for span in step.abandoned])
        for processed in collected.processed:
            self._shared.tap(processed)
            self._shared.delivery.add(processed)
        self._shared.on_handed_over()
        if step.abandoned or step.truncated_unread:
            await journal.abandon(step.abandoned)
        if collected.demoted is not None:
            await journal.demote(self.name, collected.demoted)

    async def _rest(self, collector: Collector, collected: Collected, *, had_room: bool) -> None:
        """Wait for something to do: nothing if there is more to read, room if there was none, else a wake-up."""
        rate = collector.rate
        if rate is not None and (lines := sum(processed.lines for processed in collected.processed)):
            await asyncio.sleep(lines / rate)
        room = self._shared.room_for(self.name) > 0
        if room and (collected.step.more or not had_room):
            return
        event = self._wake if room else self._shared.room
        self._shared.room.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(collected.step.look_in):
                await event.wait()

    # opening ---------------------------------------------------------------------------------------------------------

    async def _open_again(self) -> Collector:
        """Make the source from what the journal knows: what it had read and not handed over is read again."""
        shared, loop = self._shared, asyncio.get_running_loop()
        await shared.delivery.begun(self.name)
        carries = shared.delivery.carries(self.name)
        await shared.journal.flush()
        before = self.collector.source if self.collector is not None else None
        async with self._stepping:  # open files change hands here: not to be cut short
            made = await shared.journal.call(partial(self._make, self._config, self._source, carries, before))
            self._take(made)
            if before is not None:
                await loop.run_in_executor(self._thread, before.close)
        return made

    def _take(self, collector: Collector) -> None:
        self.collector, self.idle, self._stale = collector, False, False

    def _make(
        self, config: Config, source: FileSource | DockerSource, carries: Mapping[int, Carry], before: Source | None
    ) -> Collector:
        """The source where the journal left it.

        `carries`: what this process still delivers of it; `before`: what it takes the place of.
        """
        shared, journal = self._shared, self._shared.journal
        resolved = resolve(config, source)
        first = journal.first_start(source.name)
        known = handed_over(journal.known(source.name), carries)
        epochs = self._epochs(known)
        losses, account = journal.losses(source.name), shared.ledger.account(source.name)
        account.truncated_unread, account.replay_missing = losses.truncated_unread, losses.replay_missing
        demoted = journal.demoted(source.name)
        opened = open_source(
            resolved,
            source,
            known,
            clock=shared.clock,
            failures=shared.failures,
            new_generation=journal.new_generation,
            grouper=compile_grouper(resolved, once=shared.once),
            first_start=first,
            epochs=epochs,
            held=shared.held,
            once=shared.once,
            before=before,
        )
        if first and journal.set_aside is not None:
            self._log.warning("starts_anew", source=source.name, start_at=source.start_at)
        journal.open_source(source.name, epoch(resolved), encode_resolved(resolved))
        return Collector(
            opened,
            resolved,
            demoted=demoted,
            failures=shared.failures,
            epochs=epochs,
            batch_bytes=config.loki.batch_bytes,
        )

    def _epochs(self, known: Sequence[Generation]) -> dict[str, ResolvedSource]:
        """The configurations that open spans were read under."""
        names = {span.epoch for generation in known for span in generation.open}
        kept = {name: self._shared.journal.epoch(name) for name in names}
        return {name: decode_resolved(config) for name, config in kept.items() if config is not None}
