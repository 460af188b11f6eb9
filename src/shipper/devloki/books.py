"""What the stand-in counts: for tests that compare its books with a shipper's."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shipper.devloki.pushed import PushedStream

_PUSHES_KEPT: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRecord:
    """One push that was decoded: the labels and entry counts of its streams, and what became of it."""

    time: int
    tenant: str
    streams: tuple[tuple[str, int], ...]
    stored: int
    ignored: int
    status: int
    refusal: str

    def as_json(self) -> dict[str, Any]:
        streams = [{"labels": labels, "entries": entries} for labels, entries in self.streams]
        return {
            "time": str(self.time),
            "tenant": self.tenant,
            "streams": streams,
            "stored": self.stored,
            "ignored": self.ignored,
            "status": self.status,
            "refusal": self.refusal,
        }


@dataclass(slots=True, kw_only=True)
class Books:
    """Counters since the start, and the last thousand pushes."""

    received: int = 0
    stored: int = 0
    ignored: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    """Every request, by the status of its reply; a connection cut without one counts as 0."""
    push_statuses: Counter[int] = field(default_factory=Counter)
    pushes: deque[PushRecord] = field(default_factory=lambda: deque(maxlen=_PUSHES_KEPT))

    def record(
        self,
        pushed: Sequence[PushedStream],
        *,
        time: int,
        tenant: str,
        stored: int,
        ignored: int,
        status: int = 204,
        refusal: str = "",
    ) -> None:
        """Count a push that was decoded and decided on."""
        streams = tuple((stream.labels, len(stream.lines)) for stream in pushed)
        self.received += sum(entries for _, entries in streams)
        self.stored += stored
        self.ignored += ignored
        self.push_statuses[status] += 1
        self.pushes.append(
            PushRecord(
                time=time,
                tenant=tenant,
                streams=streams,
                stored=stored,
                ignored=ignored,
                status=status,
                refusal=refusal,
            )
        )
