"""What delivery hands to the journal when a span is settled.

Rule 1: a span is settled when each of its entries was accepted by Loki, dropped by a rule, or refused; the refused ones
        travel with it, so position and dead letters are committed as one.
"""

from __future__ import annotations

from dataclasses import dataclass

from shipper.chunk import Carry, Refused, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter(Refused):
    """A refused entry with where it came from: what the journal keeps."""

    source: str
    path: str
    generation: int
    time: int
    """When it was given up, ns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A span that needs no more work, and what it leaves."""

    span: Span
    carry: Carry
    """The lane's state after the span."""
    dead_letters: tuple[DeadLetter, ...] = ()
