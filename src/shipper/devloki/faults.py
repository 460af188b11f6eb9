"""Faults on demand: what a network, a proxy or an overloaded Loki does to a client, one request at a time.

Rule 1: faults are tried in the order they were added; the first that fits a request is used up by one.
Rule 2: a fault says whether the push was stored before it struck; nothing else of the request changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Target = Literal["push", "query"]


class FaultMatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Which requests a fault is for; everything given must fit."""

    tenant: str | None = None
    labels_contain: str | None = None
    """A text that the labels of one of the push's streams contain, as in `job="fastapi"`."""


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What happens to the next requests that fit."""

    status: int | None = None
    """Reply with this status, `body` and `headers`."""
    body: str = ""
    headers: dict[str, str] = {}
    stored: bool = False
    """Handle the request before the status or the delay, as a server does whose reply gets lost or late."""
    delay: float = 0.0
    """Seconds to wait."""
    reset: Literal["before_store", "after_store"] | None = None
    """Cut the connection without a reply, before or after handling the request."""
    drip: float = 0.0
    """Seconds between the bytes of the reply's body."""
    count: int | None = 1
    """How many requests; null: every one until the faults are cleared."""
    on: Literal["push", "query", "any"] = "push"
    match: FaultMatch = FaultMatch()

    def fits(self, target: Target, tenant: str, labels: Iterable[str]) -> bool:
        wanted = self.match
        return (
            self.on in (target, "any")
            and wanted.tenant in (None, tenant)
            and (wanted.labels_contain is None or any(wanted.labels_contain in text for text in labels))
        )

    @property
    def handles_first(self) -> bool:
        return self.stored or self.reset == "after_store"


class Faults:
    """The faults that wait for their requests."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._waiting = list(faults)

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def waiting(self) -> tuple[Fault, ...]:
        return tuple(self._waiting)

    def take(self, target: Target, tenant: str, labels: Iterable[str] = ()) -> Fault | None:
        """The fault for this request, if there is one; it is used up by one."""
        for index, fault in enumerate(self._waiting):
            if fault.fits(target, tenant, labels):
                self._use(index, fault)
                return fault
        return None

    def _use(self, index: int, fault: Fault) -> None:
        if fault.count is None:
            return
        if fault.count <= 1:
            del self._waiting[index]
        else:
            self._waiting[index] = msgspec.structs.replace(fault, count=fault.count - 1)
