"""What is done once a second, whatever else happens: notes are written, and what is wrong is named.

Rule 1: a journal that had nothing to write is not known to be well again: only a transaction ends `journal_write`.
Rule 2: nothing here ends the agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from shipper.errors import JournalError
from shipper.failures import Failures
from shipper.journal import Journal

EVERY: Final = 1.0
PRUNE_EVERY: Final = 3600.0
"""Seconds after which the journal forgets what became of files long gone."""


class Housekeeping:
    """`looks` are made every `every` seconds, after the journal was written."""

    def __init__(
        self, journal: Journal, failures: Failures, looks: Sequence[Callable[[], object]], *, every: float = EVERY
    ) -> None:
        self._journal = journal
        self._failures = failures
        self._looks = looks
        self._every = every

    async def run(self) -> None:
        """Keep house until cancelled."""
        time = asyncio.get_running_loop().time
        prune_at = time() + PRUNE_EVERY
        while True:
            await self.flush()
            if time() >= prune_at:
                prune_at = time() + PRUNE_EVERY
                await self._write(self._journal.prune)
            for look in self._looks:
                look()
            await asyncio.sleep(self._every)

    async def flush(self) -> None:
        """Write down what was noted."""
        await self._write(self._journal.flush)

    async def _write(self, work: Callable[[], Awaitable[bool]]) -> None:
        try:
            if await work():
                self._failures.end("journal_write")
        except JournalError as error:
            self._failures.begin("journal_write", error.message)
