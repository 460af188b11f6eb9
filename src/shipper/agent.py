"""The agent: wires sources, pipelines, delivery and journal from a configuration, and runs them.

    start   1. the journal is opened and locked  2. each source is told what the journal knows  3. delivery starts
    run     a task per source: step in its thread, hand over, wait for a wake-up, a look that is due, or room
    stop    1. sources stop reading  2. pushes under way get `shutdown_timeout`  3. what is settled is committed

Rule 1: a source that fails is started again with backoff; the others do not notice.
Rule 2: when Loki is slow a source stops reading but keeps looking: its step gets a budget of 0.
Rule 3: nothing here knows a file, a stage or a reply.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from shipper.clock import Clock
from shipper.collector import Collected, Collector
from shipper.config.model import Config, DockerSource, FileSource, Multiline, ResolvedSource
from shipper.config.resolve import decode_resolved, encode_resolved, epoch, resolve
from shipper.delivery.delivery import Delivery
from shipper.errors import ConfigError, JournalError
from shipper.failures import NOTICES, Failure, Failures
from shipper.journal import Journal
from shipper.ledger import Account, Ledger
from shipper.memory import keep_large_blocks
from shipper.pipeline.multiline import compile_multiline
from shipper.sources.file.source import FileSource as FileTailer
from shipper.sources.file.source import FileStatus
from shipper.sources.file.watch import Watch
from shipper.sources.step import Generation

STEP_BYTES = 2 << 20
"""Read per step at most: enough to keep a core busy, little enough that no source waits long for another."""
SHARED_ROOM = 8 << 20
"""Unsettled bytes up to which any source may go on reading, whoever they belong to."""
OWN_ROOM = 2 << 20
"""Unsettled bytes every source may have even when another has used up the shared room."""
OWN_ROOM_TOTAL = 24 << 20
PATIENCE = 30.0
"""Seconds without progress after which `--once` gives up while delivery fails."""
_HOUSEKEEPING = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a source is."""

    source: str
    files: int
    size: int
    """Bytes there are to read, of all files."""
    offset: int
    """Bytes read of these."""
    account: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    code: int
    progress: tuple[Progress, ...]
    rests: tuple[tuple[str, str, int, int], ...]
    """Unterminated last lines left unread: source, path, offset, bytes."""
    failures: tuple[Failure, ...]


class Agent:
    """The parts of one run; `async with`, then `run()`."""

    def __init__(
        self, config: Config, *, once: bool = False, on_progress: Callable[[Agent], None] | None = None
    ) -> None:
        _refuse_what_is_not_there_yet(config)
        self._config = config
        self._once = once
        self._on_progress = on_progress
        self._log = structlog.get_logger("shipper")
        self.clock = Clock()
        self.failures = Failures()
        self.ledger = Ledger()
        self._stopping = asyncio.Event()
        self._room = asyncio.Event()
        self._files: dict[str, FileTailer] = {}
        self._collectors: dict[str, Collector] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._idle: dict[str, bool] = {}

    async def __aenter__(self) -> Agent:
        letters = self._config.agent.dead_letters
        self.journal = Journal(
            Path(self._config.agent.data_dir), max_bytes=letters.max_bytes, when_full=letters.when_full
        )
        self._threads = ThreadPoolExecutor(max(1, len(self._config.sources)), thread_name_prefix="source")
        if self.journal.set_aside is not None:
            self.failures.once("journal_corrupt", f"set aside as {self.journal.set_aside}")
        for source in self._config.sources:
            assert isinstance(source, FileSource)
            self._open(source)
        self.delivery = Delivery(
            self._config.loki,
            journal=self.journal,
            ledger=self.ledger,
            failures=self.failures,
            clock=self.clock,
            label_names=self._label_names,
            on_committed=self._room.set,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for tailer in self._files.values():
            tailer.close()
        await self.journal.__aexit__()

    def _open(self, source: FileSource) -> None:
        resolved = resolve(self._config, source)
        first = self.journal.first_start(source.name)
        known = self.journal.known(source.name)
        epochs = self._epochs(known)
        tailer = FileTailer(
            resolved,
            source,
            known,
            clock=self.clock,
            failures=self.failures,
            new_generation=self.journal.new_generation,
            grouper=compile_multiline(self._multiline(resolved)),
            first_start=first,
            epochs=epochs,
        )
        if first and self.journal.set_aside is not None:
            self._log.warning("starts_anew", source=source.name, start_at=source.start_at)
        self.journal.open_source(source.name, epoch(resolved), encode_resolved(resolved))
        self._files[source.name] = tailer
        self._wakes[source.name] = asyncio.Event()
        self._idle[source.name] = False
        self._collectors[source.name] = Collector(
            tailer,
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
            for task in [*tasks, watcher]:
                task.cancel()
            await asyncio.gather(*tasks, watcher, return_exceptions=True)
            await self.delivery.close(self._config.agent.shutdown_timeout / 1e9)
        return self._outcome()

    def _parts(self) -> dict[str, Coroutine[object, object, None]]:
        sources = {f"source {name}": self._supervise(name) for name in self._collectors}
        watches = {
            f"watch {name}": Watch(tailer, self._wakes[name], self.failures).run()
            for name, tailer in self._files.items()
        }
        return {"delivery": self.delivery.run(), "housekeeping": self._keep_house(), **sources, **watches}

    def stop(self) -> None:
        """Ask for an orderly end; called by the signal handlers."""
        self._stopping.set()

    async def _until_done(self) -> None:
        if not self._once:
            await self._stopping.wait()
            return
        patience = _Patience(PATIENCE, asyncio.get_running_loop().time)
        while not self._stopping.is_set():
            if all(self._idle.values()):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_HOUSEKEEPING):
                        await self.delivery.drain()
                        return
            if patience.exhausted(self._settled_lines(), failing=bool(self.failures.current())):
                return
            await asyncio.sleep(0.02)

    def _settled_lines(self) -> int:
        return sum(account.read - account.in_flight for account in self.ledger.accounts.values())

    async def _supervise(self, name: str) -> None:
        """Run one source for ever; one that fails starts again with backoff."""
        pause = 0.5
        while True:
            try:
                await self._run_source(name)
            except JournalError as error:
                self.failures.begin("journal_write", error.message)
            except Exception as error:  # noqa: BLE001  # the other sources must go on, whatever this was
                self._log.exception("source_crashed", source=name)
                self.failures.begin("source_failed", f"{type(error).__name__}: {error}", source=name)
            await asyncio.sleep(pause * random.random())  # noqa: S311  # jitter, not a secret
            pause = min(30.0, pause * 2)

    async def _run_source(self, name: str) -> None:
        collector, wake = self._collectors[name], self._wakes[name]
        loop = asyncio.get_running_loop()
        while True:
            wake.clear()
            room = self._room_for(name)
            collector.supports_metadata = self.delivery.supports_metadata
            collected = await loop.run_in_executor(self._threads, collector.step, min(room, STEP_BYTES))
            await self._hand_over(collector, collected)
            self.failures.end("source_failed", source=name)
            self._idle[name] = room > 0 and not collected.step.more and collector.source.caught_up()
            await self._rest(name, collected, had_room=room > 0)

    async def _hand_over(self, collector: Collector, collected: Collected) -> None:
        step = collected.step
        self.journal.note(step.notes)
        self.ledger.account(collector.name).truncated_unread += step.truncated_unread
        for processed in collected.processed:
            self.delivery.add(processed)
        if step.abandoned:
            await self.journal.abandon(step.abandoned)
        if collected.demoted is not None:
            await self.journal.demote(collector.name, collected.demoted)

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
        """Bytes that source `name` may read now."""
        own = min(OWN_ROOM, OWN_ROOM_TOTAL // len(self._collectors)) - self.delivery.outstanding(name)
        shared = SHARED_ROOM - self.delivery.total_outstanding()
        return max(0, own, shared)

    async def _keep_house(self) -> None:
        while True:
            try:
                await self.journal.flush()
            except JournalError as error:
                self.failures.begin("journal_write", error.message)
            else:
                self.failures.end("journal_write")
            for name, lines in self.ledger.imbalances().items():
                self.failures.once("books_unbalanced", f"{lines} lines", source=name)
            if self._on_progress is not None:
                self._on_progress(self)
            await asyncio.sleep(_HOUSEKEEPING if self._on_progress is None else 0.2)

    # what there is to see --------------------------------------------------------------------------------------------

    def progress(self) -> tuple[Progress, ...]:
        """How far each source is."""
        return tuple(self._progress_of(name, tailer.files()) for name, tailer in self._files.items())

    def _progress_of(self, name: str, files: list[FileStatus]) -> Progress:
        return Progress(
            source=name,
            files=len(files),
            size=sum(file.size for file in files),
            offset=sum(file.offset for file in files),
            account=self.ledger.account(name),
        )

    def _outcome(self) -> Outcome:
        rests = tuple(
            (name, path, offset, size)
            for name, tailer in self._files.items()
            for path, offset, size in tailer.pending_rest()
        )
        failures = self.failures.current()
        refused = any(account.dead_lettered for account in self.ledger.accounts.values())
        held = any(account.in_flight for account in self.ledger.accounts.values()) or not all(self._idle.values())
        failed = any(failure.name not in NOTICES for failure in failures)
        code = int(self._once and (refused or held or failed))
        return Outcome(code=code, progress=self.progress(), rests=rests, failures=failures)


class _Patience:
    """Runs out when nothing is settled for `seconds` while there are failures."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._settled = -1
        self._since = monotonic()

    def exhausted(self, settled: int, *, failing: bool) -> bool:
        """Whether it has, now that so many lines are settled."""
        now = self._monotonic()
        if settled != self._settled or not failing:
            self._settled, self._since = settled, now
        return now - self._since > self._seconds


def _refuse_what_is_not_there_yet(config: Config) -> None:
    docker = [source.name for source in config.sources if isinstance(source, DockerSource)]
    if docker:
        raise ConfigError(
            f"source {', '.join(docker)}: collecting from Docker is not there yet",
            hint='take these [[source]] out, or collect the containers\' log files with type = "file"',
        )


async def _run(config: Config, *, once: bool, on_progress: Callable[[Agent], None] | None) -> Outcome:
    async with Agent(config, once=once, on_progress=on_progress) as agent:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, agent.stop)
        return await agent.run()


def run(config: Config, *, once: bool = False, on_progress: Callable[[Agent], None] | None = None) -> Outcome:
    """Run the agent in this thread until a signal stops it, or with `once` until everything is settled."""
    keep_large_blocks()
    return asyncio.run(_run(config, once=once, on_progress=on_progress))
