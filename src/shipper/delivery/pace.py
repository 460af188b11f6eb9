"""How fast tenants and streams may go: no limit until Loki names one, then additive raise and multiplicative cut.

Rule 1: a bucket is in debt after a push and lets the next one go when the debt is paid, so any size passes and the mean
        rate is exact.
Rule 2: only a push that was sent after the last cut may cut again: several in flight are one refusal.
Rule 3: a bucket that nobody had to wait for in `CALM` seconds is removed.

Rates are in bytes as Loki counts them (`Push.cost`), times in monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from shipper.delivery.streams import Meter

CUT: Final = 0.8
RAISE: Final = 0.03
"""Share of the rate gained per second of success, as long as it is below what Loki's words allow; more the longer no
push was refused."""
FASTEST_RAISE: Final = 0.25
PROBE: Final = 0.003
"""The same above it: a limit that was raised, or that several distributors share, is found slowly."""
STATED: Final = 0.97
"""Share of the limit in Loki's words at which to go on."""
CALM: Final = 60.0
FLOOR: Final = 16 * 1024.0
"""Bytes per second below which no rate is cut, unless Loki's words name a lower limit."""
_SLACK: Final = 0.1
"""Seconds of the rate that may be saved up."""

Scope = tuple[str, str]
"""Tenant and labels; labels "" for the tenant as a whole."""


@dataclass(slots=True)
class Bucket:
    """One limited tenant or stream."""

    rate: float
    stated: float
    """The limit in Loki's words, bytes per second; 0: none given."""
    balance: float
    at: float
    cut_at: float
    raised_at: float
    waited_at: float

    def wait(self, now: float) -> float:
        """Seconds until the next push may go."""
        self._accrue(now)
        if self.balance >= 0:
            return 0.0
        self.waited_at = now
        return -self.balance / self.rate

    def take(self, cost: float, now: float) -> None:
        """A push of `cost` bytes goes."""
        self._accrue(now)
        self.balance -= cost

    def cut(self, cost: float, sent_at: float, stated: float, now: float) -> None:
        """A push was refused."""
        self.stated = stated or self.stated
        self.waited_at = now
        if sent_at < self.cut_at:
            return
        above = self.stated and self.rate > self.stated * STATED
        self.rate = self.stated * STATED if above else max(self.rate * CUT, min(FLOOR, self.rate))
        self.balance = min(self.balance, 0.0) - cost / 4
        self.cut_at = self.raised_at = self.at = now

    def raise_(self, now: float) -> None:
        """A push was accepted."""
        share = min(RAISE * (1 + (now - self.cut_at) / 5), FASTEST_RAISE)
        if self.stated and self.rate * (1 + share) > self.stated:
            share = PROBE
        self.rate *= 1 + share * min(1.0, now - self.raised_at)
        self.raised_at = now

    def _accrue(self, now: float) -> None:
        self.balance = min(self.balance + (now - self.at) * self.rate, self.rate * _SLACK)
        self.at = now


@dataclass(slots=True)
class _Flow:
    started: float
    meter: Meter = field(default_factory=Meter)


class Pace:
    """The buckets of tenants and streams, and the tenants' accepted rates."""

    def __init__(self) -> None:
        self._buckets: dict[Scope, Bucket] = {}
        self._flows: dict[str, _Flow] = {}

    @property
    def limiting(self) -> bool:
        """Whether anything is limited: else there is nothing to wait for, and nothing to take."""
        return bool(self._buckets)

    def wait(self, scopes: list[Scope], now: float) -> float:
        """Seconds until a push that counts for these scopes may go."""
        return max([bucket.wait(now) for scope in scopes if (bucket := self._buckets.get(scope))], default=0.0)

    def take(self, costs: dict[Scope, int], now: float) -> None:
        """A push goes; `costs` are its bytes by scope."""
        for scope, cost in costs.items():
            if bucket := self._buckets.get(scope):
                bucket.take(cost, now)

    def accepted(self, costs: dict[Scope, int], now: float) -> list[Scope]:
        """A push was accepted; returns the scopes that are free again. Nothing limited: the tenant's cost is enough."""
        for (tenant, labels), cost in costs.items():
            if not labels:
                self._flows.setdefault(tenant, _Flow(now)).meter.add(cost, now)
        for scope in costs:
            if bucket := self._buckets.get(scope):
                bucket.raise_(now)
        calm = [scope for scope, bucket in self._buckets.items() if now - bucket.waited_at > CALM]
        for scope in calm:
            del self._buckets[scope]
        return calm

    def limited(self, scope: Scope, cost: int, *, sent_at: float, stated: float, now: float) -> None:
        """A push of `cost` bytes was refused with 429; `stated` is the limit in Loki's words, 0 if it has none."""
        bucket = self._buckets.get(scope)
        if bucket is not None:
            bucket.cut(cost, sent_at, stated, now)
            return
        rate = stated * STATED or max(self._measured(scope[0], now) * CUT, cost * CUT, FLOOR)
        self._buckets[scope] = Bucket(
            rate=rate, stated=stated, balance=-float(cost), at=now, cut_at=now, raised_at=now, waited_at=now
        )

    def scopes(self) -> list[Scope]:
        """What is limited right now."""
        return list(self._buckets)

    def _measured(self, tenant: str, now: float) -> float:
        """Bytes per second accepted lately; over the time since the first push if that is shorter."""
        flow = self._flows.get(tenant)
        if flow is None:
            return 0.0
        since = max(now - flow.started, 1.0)
        return max(flow.meter.rate(now), flow.meter.level / since if since < 4.0 else 0.0)
