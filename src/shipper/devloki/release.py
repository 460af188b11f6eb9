"""The two Loki releases the stand-in can pass for, and what tells them apart.

Every difference between 2.9.0 and 3.4.6 that the recordings show is a field here or a text in replies.py; no other
module asks for a version number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Version = Literal["2.9", "3.4"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release of Loki, by what it does with a push."""

    version: Version
    number: str
    adds_service_name: bool
    """Gives every stream a `service_name`, and each entry a `detected_level`."""
    takes_metadata: bool
    keeps_empty_lines: bool
    """2.9.0 accepts an empty line and never shows it."""
    refuses_empty_push: bool
    shards: bool
    """Splits a busy stream by itself; it then also refuses a stream over its rate as a whole, not entry by entry."""


RELEASES: Final[dict[Version, Release]] = {
    "2.9": Release(
        version="2.9",
        number="2.9.0",
        adds_service_name=False,
        takes_metadata=False,
        keeps_empty_lines=False,
        refuses_empty_push=False,
        shards=False,
    ),
    "3.4": Release(
        version="3.4",
        number="3.4.6",
        adds_service_name=True,
        takes_metadata=True,
        keeps_empty_lines=True,
        refuses_empty_push=True,
        shards=True,
    ),
}
