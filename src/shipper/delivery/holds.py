"""Holds: what nothing can pass until the set-up is mended, and the one probe at a time that finds out.

Rule 1: while a scope is held, one of its pushes at a time is a probe, with growing pauses: no storm of requests, and
        the slots stay free for what may pass.
Rule 2: probes take turns between the pushes that wait, so a push that is refused for its own sake holds the others only
        until one of them passes.
Rule 3: the first push that passes ends the hold and its failure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shipper.delivery.backoff import Backoff
from shipper.delivery.batch import Push
from shipper.failures import Failures

EVERYONE: Final = None
"""The scope of all tenants: the server cannot be reached, or does not answer."""
Scope = str | tuple[str, str] | None
"""A tenant, the new streams of a tenant, or EVERYONE."""
ABSENT: Final = frozenset({"loki_unreachable", "loki_unauthorized"})
"""Failures of the way to the server, before it says anything."""


@dataclass(slots=True)
class Hold:
    """One scope that is held."""

    failure: str
    what: str
    attempts: int = 0
    probe_at: float = 0.0
    floor: float = 0.0
    """Not to be probed before, though the server be back."""
    probe: Push | None = None
    """Under way."""


class Holds:
    """The holds by scope; `is_new` says of a push whether a stream of it is new to Loki, as far as is known."""

    def __init__(self, failures: Failures, backoff: Backoff, is_new: Callable[[Push], bool]) -> None:
        self._failures = failures
        self._backoff = backoff
        self._is_new = is_new
        self._holds: dict[Scope, Hold] = {}

    def __bool__(self) -> bool:
        return bool(self._holds)

    def end_all(self) -> None:
        """None of them holds any more."""
        for scope in list(self._holds):
            self._end(scope)

    def begin(self, scope: Scope, failure: str, detail: str, push: Push, *, now: float, at_least: float = 0.0) -> None:
        """A push of the scope was turned away: hold it; if it was the probe, hold it longer."""
        what = scope[0] if isinstance(scope, tuple) else scope or ""
        hold = self._holds.get(scope)
        if hold is None:
            hold = self._holds[scope] = Hold(failure, what)
        elif hold.failure != failure:
            self._failures.end(hold.failure, what=hold.what)
            hold.failure = failure
        self._failures.begin(failure, detail, what=what)
        if hold.attempts == 0 or hold.probe is push:
            self._wait(hold, now, at_least)

    def over(self, push: Push) -> Hold | None:
        """The hold that a push is under."""
        if not self._holds:
            return None
        hold = self._holds.get(EVERYONE) or self._holds.get(push.tenant)
        if hold is None and new_streams(push.tenant) in self._holds and self._is_new(push):
            return self._holds[new_streams(push.tenant)]
        return hold

    @property
    def stopped(self) -> bool:
        """Whether all pushes of a tenant, or of all of them, are held."""
        return any(not isinstance(scope, tuple) for scope in self._holds)

    def hurry(self, now: float) -> None:
        """The server is back: let each hold have its probe at once, and short pauses from then on."""
        for hold in self._holds.values():
            hold.attempts, hold.probe_at = 1, max(hold.floor, now)

    def answered(self, *, sound: bool) -> None:
        """The server answered; an answer that is not sound (5xx) shows only that something is there."""
        hold = self._holds.get(EVERYONE)
        if hold is not None and (sound or hold.failure in ABSENT):
            self._end(EVERYONE)

    def returned(self, push: Push, now: float) -> None:
        """An attempt ended: a probe that told nothing leaves its turn to another."""
        for hold in self._holds.values():
            if hold.probe is push:
                self._wait(hold, now, 0.0)

    def passed(self, tenant: str) -> None:
        """A push of the tenant passed."""
        self._end(EVERYONE)
        self._end(tenant)

    def opened(self, tenant: str) -> None:
        """Loki took a stream of the tenant that was new to it."""
        self._end(new_streams(tenant))

    def _wait(self, hold: Hold, now: float, at_least: float) -> None:
        hold.attempts += 1
        hold.probe_at, hold.floor = now + self._backoff.pause(hold.attempts, at_least), now + at_least
        hold.probe = None

    def _end(self, scope: Scope) -> None:
        hold = self._holds.pop(scope, None)
        if hold is not None:
            self._failures.end(hold.failure, what=hold.what)


def new_streams(tenant: str) -> Scope:
    """The scope of the streams of a tenant that Loki does not hold yet."""
    return tenant, "new streams"
