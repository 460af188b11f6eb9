"""Time that moves only when told, and a loop in which a process can die.

Rule 1: nothing waits for real: what runs in a thread elsewhere (the journal) is done at once, and its result arrives a
        moment of virtual time later, so that a crash can fall between the two.
Rule 2: once the loop is `cut`, nothing leaves it any more: it is the memory of a process that was killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from tests.delivery.conftest import START, VirtualLoop

from shipper.delivery.wire import SECOND

JOURNAL_LATENCY = 0.002
TICK = 4_000_000
"""Kernels keep the change time of files by their tick, ns."""


class Time:
    """Seconds since the beginning of the world, over all lives of the agent."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.loop: Clockwork | None = None

    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self.passed if self.loop is None else self.loop.time()

    def wall(self) -> int:
        """The clock on the wall, ns since 1970."""
        return START + int(self.seconds() * SECOND)

    def changed(self) -> int:
        """What a file that is written to now gets as its change time, ns."""
        return self.wall() // TICK * TICK

    def sleep(self, seconds: float) -> None:
        """Let time pass, and with it whatever the agent has to do."""
        if self.loop is None:
            self.passed += seconds
        else:
            self.loop.run_until_complete(asyncio.sleep(seconds))
            self.loop.run_until_complete(_catch_breath())


class Clockwork(VirtualLoop):
    """The event loop of one life."""

    def __init__(self, begin: float, on_written: Callable[[], None]) -> None:
        super().__init__()
        self.elapsed = begin
        self.is_cut = False
        self._on_written = on_written

    def run_in_executor(self, executor: object, work: Callable[..., Any], *arguments: object) -> asyncio.Future[Any]:
        """Do the work now, tell of it later."""
        future: asyncio.Future[Any] = self.create_future()
        if self.is_cut:
            return future
        try:
            tell = partial(future.set_result, work(*arguments))
        except Exception as error:  # noqa: BLE001  # whatever it is belongs to whoever waits for the future
            tell = partial(future.set_exception, error)
        self._on_written()
        self.call_later(JOURNAL_LATENCY, lambda: None if future.done() else tell())
        return future

    def end(self) -> None:
        """Take down whatever still runs, and the loop."""
        self.run_until_complete(cancel(asyncio.all_tasks(self)))
        self.close()


async def _catch_breath() -> None:
    """Let what is due at this very moment run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks, and wait until they are."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
