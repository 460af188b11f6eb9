"""The books: what became of every physical line, by source.

Rule 1: read = delivered + dropped (by reason) + dead-lettered (by reason) + in flight, at every moment.
Rule 2: counters are plain integers, bumped once per chunk or push, never per line.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Final


@dataclass(slots=True)
class Account:
    """The books of one source."""

    read: int = 0
    bytes_read: int = 0
    delivered: int = 0
    entries_delivered: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    dead_lettered: Counter[str] = field(default_factory=Counter)
    fallbacks: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    truncated_unread: int = 0
    """Bytes that the file system threw away before they were read, since the source's first start."""
    replay_missing: int = 0
    """Bytes read before a crash and gone after it, so that nobody knows whether Loki has them, since then, too."""

    @property
    def imbalance(self) -> int:
        """0 when the books balance."""
        settled = self.delivered + self.dropped.total() + self.dead_lettered.total()
        return self.read - settled - self.in_flight


PUSH_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of push durations, seconds; what is longer falls into a last bucket."""


@dataclass(slots=True)
class Histogram:
    """Counts by fixed buckets, so it holds bounded memory; `counts` has one bucket more than `bounds`."""

    bounds: tuple[float, ...] = PUSH_BOUNDS
    counts: list[int] = field(default_factory=lambda: [0] * (len(PUSH_BOUNDS) + 1))
    total: float = 0.0
    """Sum of all observed values."""
    observed: int = 0

    def observe(self, value: float) -> None:
        """Count `value` in the first bucket whose bound it does not exceed."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value
        self.observed += 1


PUSHES_KEPT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One push and its reply."""

    at: int
    """When the reply came, ns since 1970."""
    status: str
    """As in `Ledger.push_requests`."""
    seconds: float
    size: int
    """Compressed bytes."""
    entries: int
    streams: int
    detail: str
    """What was said of it, if it was not success."""


@dataclass(slots=True)
class Ledger:
    """Accounts by source, and what the wire did."""

    accounts: defaultdict[str, Account] = field(default_factory=lambda: defaultdict(Account))
    push_requests: Counter[str] = field(default_factory=Counter)
    """Pushes by status ("204", "429", "timeout", …)."""
    push_retries: Counter[str] = field(default_factory=Counter)
    push_bytes: int = 0
    push_seconds: Histogram = field(default_factory=Histogram)
    last_success: int = 0
    """Clock of the last accepted push, ns."""
    pushes: deque[Sent] = field(default_factory=lambda: deque(maxlen=PUSHES_KEPT))
    """The last ones, oldest first."""

    def account(self, source: str) -> Account:
        """The account of `source`, opened when first asked for."""
        return self.accounts[source]

    def sent(self, push: Sent) -> None:
        """Enter a push that was tried."""
        self.push_requests[push.status] += 1
        self.push_bytes += push.size
        self.push_seconds.observe(push.seconds)
        self.pushes.append(push)

    def imbalances(self) -> dict[str, int]:
        """Sources whose books do not balance, and by how many lines."""
        return {name: account.imbalance for name, account in self.accounts.items() if account.imbalance}
