"""How far a run is, how it ended, and how long it waits for progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shipper.failures import Failure
from shipper.ledger import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a source is."""

    source: str
    unit: str = "file"
    files: int
    """Files or containers, as `unit` says."""
    size: int
    """Bytes there are to read, of all of them."""
    offset: int
    """Bytes read of these."""
    account: Account
    deleted_bytes_held: int = 0
    """Bytes that deleted files take on the disk because they are kept open until they are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    code: int
    progress: tuple[Progress, ...]
    rests: tuple[tuple[str, str, int, int], ...]
    """Unterminated last lines left unread: source, path, offset, bytes."""
    failures: tuple[Failure, ...]


class Patience:
    """Runs out when nothing is settled for `seconds` while there are failures."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._settled = -1
        self._since = monotonic()

    def exhausted(self, settled: int, *, failing: bool) -> bool:
        """Whether it has, now that so many lines are settled."""
        now = self._monotonic()
        if settled != self._settled or not failing:
            self._settled, self._since = settled, now
        return now - self._since > self._seconds
