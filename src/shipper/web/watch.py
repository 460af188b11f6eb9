"""The agent as its page sees it: what is sampled once a second, and what takes a while to gather.

Rule 1: a second's sample is a few sums of plain counters; how far sources are is asked in a thread of its own, and so
        rarely that it takes `SHARE` of a CPU at most, however many files there are.
Rule 2: memory is bounded: `KEPT` samples.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from shipper.config.masking import Masker, read_secret, secret_files, secrets_in
from shipper.daemon import Daemon
from shipper.errors import ConfigError
from shipper.sources.step import Extent

if TYPE_CHECKING:
    from shipper.agent import Agent
    from shipper.config.model import Config

EVERY: Final = 1.0
"""Seconds between two samples."""
KEPT: Final = 300
LATELY: Final = 5
"""Samples over which the rate of a source is taken."""
SHARE: Final = 0.01
SECRETS_EVERY: Final = 60.0
"""Seconds after which secret files are read again."""

T = TypeVar("T")


class Watch:
    """What the page shows of an agent; `run` samples until cancelled."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.extents: Mapping[str, Extent] = {}
        """How far each source is, as of a moment ago."""
        self._masker = Masker()
        self._masked_for: Config | None = None
        self._masked_until = 0.0
        self._asked_at = float("-inf")
        self._asking_took = 0.0
        self._thread = Daemon("page")
        self._samples: dict[str, deque[int]] = {name: deque(maxlen=KEPT) for name in ("lines", "bytes", "delivered")}
        self._lags: deque[int] = deque(maxlen=KEPT)
        self._before = self._totals()
        self._reads: dict[str, deque[int]] = {}

    @property
    def masker(self) -> Masker:
        """Hides what the configuration in force carries from its first moment on, and what its secret files hold."""
        if self.agent.config is not self._masked_for:  # the files are read by the next look
            self._masked_for, self._masked_until = self.agent.config, 0.0
            self._masker = self._masker.adding(*secrets_in(self._masked_for))
        return self._masker

    async def run(self) -> None:
        """Sample once a second."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self.look()
            due = max(due + EVERY, loop.time())
            await asyncio.sleep(due - loop.time())

    async def look(self) -> None:
        """Take one sample."""
        await self._learn_secrets()
        await self.refresh()
        totals = self._totals()
        for kept, now, before in zip(self._samples.values(), totals, self._before, strict=True):
            kept.append(max(0, now - before))  # a source that was taken out takes its counts with it
        self._before = totals
        self._lags.append(sum(self.lags().values()))
        accounts = self.agent.ledger.accounts
        self._reads = {name: self._reads.get(name, deque(maxlen=LATELY + 1)) for name in self.agent.collectors}
        for name, reads in self._reads.items():
            reads.append(accounts[name].read)

    async def refresh(self) -> None:
        """Ask sources how far they are, unless that was done just now."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._asked_at + max(EVERY / 2, self._asking_took / SHARE):
            return
        self._asked_at = loop.time()
        sources = [collector.source for collector in self.agent.collectors.values()]
        self.extents, self._asking_took = await self.aside(
            lambda: _timed(lambda: {source.name: source.extent() for source in sources})
        )

    async def aside(self, work: Callable[[], T]) -> T:
        """Do what may take a while in the page's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown()

    # what was sampled ------------------------------------------------------------------------------------------------

    def rates(self) -> dict[str, object]:
        """The samples, oldest first."""
        return {
            "every": EVERY,
            **{name: list(kept) for name, kept in self._samples.items()},
            "lag_bytes": list(self._lags),
        }

    def lines_per_second(self, source: str) -> float:
        """Of one source, lately."""
        reads = self._reads.get(source)
        if reads is None or len(reads) < 2:
            return 0.0
        return round((reads[-1] - reads[0]) / (len(reads) - 1) / EVERY, 1)

    def extent(self, source: str) -> Extent:
        """How far a source is, as of a moment ago."""
        return self.extents.get(source) or Extent(things=0, size=0, offset=0)

    def lags(self) -> dict[str, int]:
        """Bytes there and not settled, by source."""
        unsettled = self.agent.delivery.unsettled()
        lags = {}
        for name in self.agent.collectors:
            extent = self.extent(name)
            lags[name] = unsettled.get(name, (0, 0))[0] + max(0, extent.size - extent.offset)
        return lags

    def _totals(self) -> tuple[int, int, int]:
        accounts = list(self.agent.ledger.accounts.values())
        return (
            sum([account.read for account in accounts]),
            sum([account.bytes_read for account in accounts]),
            sum([account.delivered for account in accounts]),
        )

    async def _learn_secrets(self) -> None:
        """Mask what the configuration carries and what its secret files hold, now and then anew: they may change."""
        config, now = self.agent.config, asyncio.get_running_loop().time()
        if config is not self._masked_for or now >= self._masked_until:
            self._masker = await self.aside(lambda: _masker_of(config))
            self._masked_for, self._masked_until = config, now + SECRETS_EVERY


def _masker_of(config: Config) -> Masker:
    found = []
    for path in secret_files(config):
        try:
            found.append(read_secret(path))
        except ConfigError:
            continue  # whoever needs it says so
    return Masker.of(config).adding(*found)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result, and the CPU seconds of this thread it took."""
    begun = time.thread_time()
    return work(), time.thread_time() - begun
