"""Commits of settled spans to the journal, repeated until they succeed.

Rule 1: a span counts as outstanding until the journal has it; so a journal that cannot be written stops the reading.
Rule 2: dead letters that find no room hold their own spans only; the others are committed without them.
Rule 3: where spans begin all the time, those that are settled go into the same transactions.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from shipper.chunk import Span
from shipper.delivery.backoff import Backoff
from shipper.delivery.piece import Pending
from shipper.delivery.settle import Settlement
from shipper.delivery.settled import Settled
from shipper.errors import DeadLettersFull, JournalError
from shipper.failures import Failures


class JournalPort(Protocol):
    """What delivery needs of the journal."""

    async def begin(self, spans: Sequence[Span], settled: Sequence[Settled]) -> None:
        """Note spans as open, durably, and number them (`span.row`), and take settled ones without dead letters, all of
        it or nothing; raises JournalError."""
        ...

    async def commit(self, settled: Sequence[Settled]) -> None:
        """Take settled spans and their dead letters, in any order; raises JournalError or DeadLettersFull."""
        ...


GATHER: Final = 0.01
"""Seconds in which more spans may be done before a commit: a transaction of its own for each would double the work."""


class Committer:
    """Holds what is settled until the journal has it. `on_committed` is called after each commit."""

    def __init__(
        self,
        journal: JournalPort,
        settlement: Settlement,
        failures: Failures,
        backoff: Backoff,
        *,
        monotonic: Callable[[], float],
        on_committed: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._settlement = settlement
        self._failures = failures
        self.backoff = backoff
        self._monotonic = monotonic
        self._on_committed = on_committed
        self._waiting: list[Pending] = []
        self._full: list[Pending] = []
        """Spans whose dead letters found no room."""
        self._full_until = math.inf
        self._attempts = 0
        self._full_attempts = 0
        self._wake = asyncio.Event()
        self._lock = asyncio.Lock()

    def add(self, pending: Pending) -> None:
        """A span is done."""
        self._waiting.append(pending)
        self._wake.set()

    def take(self) -> list[Pending]:
        """What may be committed in another's transaction, which saves one of its own: spans without dead letters.

        The caller says how it went: `committed` or `give_back`.
        """
        taken = [pending for pending in self._waiting if not pending.dead_letters]
        self._waiting = [pending for pending in self._waiting if pending.dead_letters]
        return taken

    def give_back(self, pendings: list[Pending]) -> None:
        """They were not committed."""
        self._waiting = pendings + self._waiting
        self._wake.set()

    def committed(self, pendings: list[Pending]) -> None:
        """The journal has them."""
        self._attempts = 0
        self._failures.end("journal_write")
        for pending in pendings:
            self._settlement.committed(pending)
        self._on_committed()

    async def run(self) -> None:
        """Commit until cancelled."""
        while True:
            if not self._waiting:
                await self._until_woken()
                await asyncio.sleep(GATHER)
            # A commit under way goes on when the loop is cancelled: it must not be made twice.
            if not await asyncio.shield(asyncio.ensure_future(self.step())):
                self._attempts += 1
                await asyncio.sleep(self.backoff.pause(self._attempts))

    async def step(self) -> bool:
        """Commit everything there is; False if the journal failed."""
        async with self._lock:
            if self._full and self._monotonic() >= self._full_until:
                self._waiting, self._full = self._full + self._waiting, []
            taken, self._waiting = self._waiting, []
            try:
                await self._commit(taken)
            except JournalError as error:
                self._waiting = taken + self._waiting
                self._failures.begin("journal_write", error.message)
                return False
            except BaseException:
                self._waiting = taken + self._waiting
                raise
        return True

    async def _commit(self, taken: list[Pending]) -> None:
        if not taken:
            return
        try:
            await self._journal.commit([self._settlement.settled(pending) for pending in taken])
        except DeadLettersFull as error:
            await self._without_letters(taken, error)
            return
        if any(pending.dead_letters for pending in taken):
            self._full_attempts = 0
            self._failures.end("dead_letters_full")
        self.committed(taken)

    async def _without_letters(self, taken: list[Pending], error: DeadLettersFull) -> None:
        self._failures.begin("dead_letters_full", error.message)
        plain = [pending for pending in taken if not pending.dead_letters]
        if plain:
            await self._journal.commit([self._settlement.settled(pending) for pending in plain])
            self.committed(plain)
        self._full += [pending for pending in taken if pending.dead_letters]
        self._full_attempts += 1
        self._full_until = self._monotonic() + self.backoff.pause(self._full_attempts)

    async def _until_woken(self) -> None:
        """Until a span is done, or it is time to try the dead letters again."""
        self._wake.clear()
        timer = None
        if self._full:
            delay = max(self._full_until - self._monotonic(), 0.0)
            timer = asyncio.get_running_loop().call_later(delay, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()
