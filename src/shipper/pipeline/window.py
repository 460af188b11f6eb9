"""The time window of Loki: entries too old or too far ahead are caught before they are sent.

Rule 1: the window lies around the span's clock, so a replay decides as the first reading did.
Rule 2: `restamp` gives `clock + index of the line`, moved past timestamps the span has used; the others keep theirs.
Rule 3: a window of 0 has no limit on that side.
Rule 4: what is restamped keeps as metadata the time it had of its own; a line that had none claims none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shipper.config.model import ResolvedSource

SECOND: Final = 1_000_000_000
ORIGINAL: Final = "original_timestamp"
"""Metadata that keeps the time of its own that an entry had before it was restamped."""
RESTAMPED: Final = "restamped"
"""Why an entry is counted that was."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is sent, and what becomes of the rest."""

    max_age: int
    max_ahead: int
    too_old: str
    too_new: str

    def holds(self, first: int, last: int, clock: int) -> bool:
        """Whether all timestamps from `first` to `last` are inside."""
        if self.max_age and first < clock - self.max_age:
            return False
        return not self.max_ahead or last <= clock + self.max_ahead

    def judge(self, timestamp: int, clock: int) -> tuple[str, str]:
        """("", "") for a timestamp inside; else the reason and what to do: dead-letter, drop or restamp."""
        if self.max_age and timestamp < clock - self.max_age:
            return "too_old", self.too_old
        if self.max_ahead and timestamp > clock + self.max_ahead:
            return "too_new", self.too_new
        return "", ""

    def words(self, reason: str, timestamp: int, clock: int) -> str:
        """Why an entry is refused, for people."""
        time, now = written(timestamp), written(clock - clock % SECOND)
        if reason == "too_old":
            return f"{time} is older than max_age ({_span(self.max_age)} before {now})"
        return f"{time} is further ahead than max_ahead ({_span(self.max_ahead)} after {now})"


def window_of(resolved: ResolvedSource) -> Window:
    """The window that a source's configuration asks for."""
    return Window(resolved.max_age, resolved.max_ahead, resolved.too_old, resolved.too_new)


def written(timestamp: int) -> str:
    """RFC 3339 in UTC with as many digits as it takes: `2026-01-27T15:46:41.479516Z`."""
    seconds, nanos = divmod(timestamp, SECOND)
    try:
        text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    except OverflowError:
        return f"{timestamp}ns"
    fraction = f"{nanos:09d}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def _span(nanos: int) -> str:
    seconds = nanos / SECOND
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
