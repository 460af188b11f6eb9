"""One thing in a survey that is likely to disappoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Topic = Literal["files", "lines", "labels", "extent"]
"""What it is about: which files and containers there are, what is in them, their streams, or how much was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """What will happen, and what to do about it."""

    topic: Topic
    what: str = ""
    """A sentence; "": the cure is for those before it."""
    cure: str = ""
    """A sentence, and on further lines what to write into the configuration; "": there is nothing to do."""
    lost: bool = False
    """Whether lines do not reach Loki because of it."""
    about: str = ""
    """The path or glob it is about."""
    failure: str = ""
    """Its name in the failure catalogue."""

    def __str__(self) -> str:
        return "; ".join(part for part in (self.what, self.cure) if part)
