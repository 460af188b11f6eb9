"""One life of the agent: its real parts, wired as `shipper.agent` wires them, moved by hand.

Rule 1: whatever is in memory goes with the life; the journal's directory and the logs stay.
Rule 2: a kill leaves the journal as its last transaction left it; a power cut as its last durable one did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.model.clockwork import Clockwork, Time, cancel
from tests.model.loki import Server
from tests.model.witness import Witness

from shipper.chunk import Carry
from shipper.clock import Clock
from shipper.collector import Collected, Collector
from shipper.config.model import Backoff, FileSource, Loki, ResolvedSource
from shipper.config.resolve import decode_resolved, encode_resolved, epoch
from shipper.delivery.client import Client
from shipper.delivery.delivery import Delivery
from shipper.delivery.wire import SECOND
from shipper.failures import Failures
from shipper.journal import Journal
from shipper.ledger import Ledger
from shipper.sources.file.source import FileSource as FileTailer
from shipper.sources.step import handed_over
from shipper.storage import FILE_NAME

NAME = "app"
ROOM = 6000
"""Unsettled bytes up to which the agent goes on reading."""
MAX_LINE = 256
FULL = 2
"""SQLite's number for `synchronous = FULL`."""
End = Literal["stop", "kill", "power cut"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A configuration, as far as the model varies it."""

    pattern: str
    exclude: tuple[str, ...]
    filename_label: bool
    batch_bytes: int
    labels: tuple[tuple[str, str], ...] = (("job", "m"),)

    def resolved(self) -> ResolvedSource:
        """All that a line's labels, time and text depend on."""
        return ResolvedSource(
            name=NAME,
            type="file",
            labels=dict(self.labels),
            filename_label=self.filename_label,
            max_line_bytes=MAX_LINE,
        )


class Disk:
    """The directory of the journal, and what of it would survive a power cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._durable: bytes | None = None

    def written(self, journal: Journal) -> None:
        """A transaction ended: all before a durable one is on the disk with it."""
        (synchronous,) = journal._database.execute("PRAGMA synchronous").fetchone()
        if synchronous == FULL:
            self._durable = journal._database.serialize()

    def closed(self) -> None:
        """The journal was closed in order, which syncs it."""
        self._durable = (self.path / FILE_NAME).read_bytes()

    def cut(self) -> None:
        """The power is cut: what was not synced is gone."""
        for suffix in ("", "-wal", "-shm"):
            (self.path / f"{FILE_NAME}{suffix}").unlink(missing_ok=True)
        if self._durable is not None:
            (self.path / FILE_NAME).write_bytes(self._durable)


class Life:
    """From a start to a stop, a kill or a power cut."""

    def __init__(self, logs: Path, disk: Disk, setup: Setup, time: Time, server: Server, witness: Witness) -> None:
        self._disk, self._time, self._witness = disk, time, witness
        self._stopping = False
        self.loop = time.loop = Clockwork(time.passed, self._written)
        self.failures = Failures(time.wall)
        self.ledger = Ledger()
        self.clock = Clock(time.wall)
        self.journal = Journal(disk.path)
        self._server = server
        self._label_names: frozenset[str] = frozenset()
        self.tailer, self.collector = self._source(logs, setup)
        self.delivery = Delivery(
            _loki(setup),
            journal=self.journal,
            ledger=self.ledger,
            failures=self.failures,
            clock=self.clock,
            label_names=lambda: self._label_names | self.collector.label_names,
            transport=server,
            monotonic=self.loop.time,
        )
        self._delivering = self.loop.create_task(self.delivery.run())
        self._housekeeping = self.loop.create_task(self._keep_house())
        losses, account = self.journal.losses(NAME), self.ledger.account(NAME)
        account.truncated_unread, account.replay_missing = losses.truncated_unread, losses.replay_missing
        self.has_looked = False
        self.losses = 0
        """How often bytes were found to be gone in this life."""
        self.moved_at = time.seconds()
        """When the last push was answered well, or there was nothing to push."""
        witness.reborn()

    def _written(self) -> None:
        if not self._stopping:
            self._disk.written(self.journal)

    def _source(
        self,
        logs: Path,
        setup: Setup,
        carries: Mapping[int, Carry] | None = None,
        before: FileTailer | None = None,
    ) -> tuple[FileTailer, Collector]:
        resolved = setup.resolved()
        known = handed_over(self.journal.known(NAME), carries or {})
        names = {span.epoch for generation in known for span in generation.open}
        epochs = {name: decode_resolved(kept) for name in names if (kept := self.journal.epoch(name)) is not None}
        assert epochs.keys() == names, "the epoch of every open span is kept"
        tailer = FileTailer(
            resolved,
            FileSource(name=NAME, paths=(f"{logs}/{setup.pattern}",), exclude=setup.exclude),
            known,
            clock=self.clock,
            failures=self.failures,
            new_generation=self.journal.new_generation,
            first_start=self.journal.first_start(NAME),
            epochs=epochs,
            before=before,
            wall=self._time.seconds,
            cpu=lambda: 0.0,
        )
        self.journal.open_source(NAME, epoch(resolved), encode_resolved(resolved))
        demoted = self.journal.demoted(NAME)
        collector = Collector(tailer, resolved, demoted=demoted, failures=self.failures, epochs=epochs)
        return tailer, collector

    # ── what it does ──

    def step(self, budget: int) -> Collected:
        """One step of the source, within the room there is, and handing over what it brought."""
        room = max(0, ROOM - self.delivery.total_outstanding())
        self.collector.supports_metadata = self.delivery.supports_metadata
        collected = self.collector.step(min(room, budget))
        self.has_looked = True
        for processed in collected.processed:
            self._witness.saw(processed)
        self._witness.saw_gone(collected.step.abandoned)
        self.loop.run_until_complete(self._hand_over(collected))
        return collected

    async def _hand_over(self, collected: Collected) -> None:
        step, account = collected.step, self.ledger.account(NAME)
        self.journal.note(step.notes)
        account.truncated_unread += step.truncated_unread
        account.replay_missing += sum(span.size for span in step.abandoned)
        for processed in collected.processed:
            self.delivery.add(processed)
        if step.abandoned or step.truncated_unread:
            self.losses += 1
            await self.journal.abandon(step.abandoned)

    async def _keep_house(self) -> None:
        while True:
            await self.journal.flush()
            if self.delivery.total_outstanding() == 0:
                self.moved_at = self._time.seconds()
            await asyncio.sleep(1.0)

    def reload(self, logs: Path, setup: Setup, *, redirect: bool) -> None:
        """Another configuration, taken as `shipper.runner` takes it; `redirect`: another way to Loki, too."""
        self.loop.run_until_complete(self._reload(logs, setup, redirect=redirect))
        self.has_looked = False

    async def _reload(self, logs: Path, setup: Setup, *, redirect: bool) -> None:
        if redirect:
            loki = _loki(setup)
            await self.delivery.redirect(loki, Client(loki, self._server))
            self._server.reborn()
        await self.delivery.begun(NAME)
        carries = self.delivery.carries(NAME)
        await self.journal.flush()
        before, self._label_names = self.tailer, self._label_names | self.collector.label_names
        self.tailer, self.collector = self._source(logs, setup, carries, before)
        before.close()

    def caught_up(self) -> bool:
        """Whether everything was read and settled."""
        return self.tailer.caught_up() and self.delivery.total_outstanding() == 0

    # ── how it ends ──

    def end(self, how: End) -> None:
        """Stop in order, be killed, or lose the power."""
        if how == "stop":
            self._stop()
        self._time.passed, self._time.loop = self.loop.time(), None
        self.loop.is_cut = True
        self.loop.end()
        self.tailer.close()
        self.journal._thread.shutdown()
        self.journal._database.close()
        self.journal._lock.release()
        if how == "power cut":
            self._disk.cut()

    def _stop(self) -> None:
        self.loop.run_until_complete(cancel([self._delivering, self._housekeeping]))
        self.loop.run_until_complete(self.delivery.close(5.0))
        self._stopping = True
        assert self.loop.run_until_complete(self.journal.close(1.0))
        self._disk.closed()


def _loki(setup: Setup) -> Loki:
    return Loki(
        url="http://loki",
        batch_bytes=setup.batch_bytes,
        batch_wait=SECOND // 2,
        backoff=Backoff(min=SECOND // 2, max=8 * SECOND),
    )
