"""Sees what the agent makes of which bytes, over all its lives, and what of it ever left the machine.

Rule 1: an origin is a generation and an offset in it; an entry is its stream, time and text.
Rule 2: what was made and never sent is no promise: read again, it may come out differently. What was sent is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shipper.chunk import Processed, Span
from shipper.delivery.wire import iterate_entries, parse_labels


class Entry(NamedTuple):
    """One entry as Loki knows it; labels that Loki adds by itself are left out."""

    labels: tuple[tuple[str, str], ...]
    time: int
    text: bytes


Origin = tuple[int, int]


def entry(labels: str, time: int, text: bytes) -> Entry:
    """An entry of the stream whose labels are written like this."""
    known = parse_labels(labels)
    known.pop("service_name", None)
    return Entry(tuple(sorted(known.items())), time, text)


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as it was read and processed."""

    end: int
    entries: tuple[tuple[Origin, Entry], ...]
    gone: bool = False
    """Its bytes could not be read again, so it was closed without them."""


class Witness:
    """What was made, by origin and by value."""

    def __init__(self) -> None:
        self.life = 0
        self.spans: dict[int, dict[int, Seen]] = {}
        """By generation and start."""
        self.sent: dict[Origin, Entry] = {}
        self.lines = 0
        """Physical lines read in this life."""
        self.violations: list[str] = []
        self._made: dict[Entry, tuple[Origin, int]] = {}

    def reborn(self) -> None:
        """The agent starts (again)."""
        self.life += 1
        self.lines = 0

    def saw(self, processed: Processed) -> None:
        """A span was read, for the first time or again; to be called before its parts are taken from it."""
        span = processed.span
        offsets = processed.offsets()
        entries = tuple(
            ((span.origin.generation, offsets[where]), entry(part.labels, raw.timestamp, raw.line))
            for part in processed.parts
            for where, raw in zip(part.where, iterate_entries(bytes(part.body)), strict=True)
        )
        self.lines += processed.lines
        self._enter(span, Seen(span.end, entries))
        for origin, made in entries:
            self._make(origin, made)

    def saw_gone(self, spans: Iterable[Span]) -> None:
        """Spans were given up: their bytes are gone."""
        for span in spans:
            self._enter(span, Seen(span.end, (), gone=True))

    def saw_sent(self, entries: Sequence[Entry]) -> None:
        """Entries arrived at the server."""
        for one in entries:
            known = self._made.get(one)
            if known is None:
                self.violations.append(f"invented: {one}")
            elif self.sent.setdefault(known[0], one) != one:
                self.violations.append(f"{known[0]} was {self.sent[known[0]]} and is {one}")

    def made_at(self, origin: Origin) -> Entry:
        """What was made of an origin last."""
        return next(made for made, (where, _) in reversed(self._made.items()) if where == origin)

    def _enter(self, span: Span, seen: Seen) -> None:
        """Keep a span; a fresh one replaces what was read from there on and never written down."""
        spans = self.spans.setdefault(span.origin.generation, {})
        if not span.replay:
            for start in [start for start in spans if start >= span.start]:
                del spans[start]
        spans[span.start] = seen

    def _make(self, origin: Origin, made: Entry) -> None:
        earlier = self._made.pop(made, None)
        if earlier is not None and earlier[0] != origin and (earlier[1] == self.life or earlier[0] in self.sent):
            self.violations.append(f"{earlier[0]} and {origin} are one entry to Loki: {made}")
        self._made[made] = (origin, self.life)
