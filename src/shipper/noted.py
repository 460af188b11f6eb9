"""What waits for the journal's next transaction.

Rule 1: noted in the event loop, written in the journal's thread: every method takes the lock.
Rule 2: what is written is forgotten, and only that: a loss noted while a transaction runs is written once, by the next.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shipper.chunk import Span
from shipper.sources.step import Note


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one transaction writes."""

    notes: dict[int, Note]
    """The latest of each generation; what it lost is the sum since the last transaction."""
    sources: frozenset[str]
    epochs: dict[str, bytes]
    abandoned: tuple[Span, ...]


class Noted:
    """Notes by generation, sources, epochs and spans to be closed, until they are written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notes: dict[int, Note] = {}
        self._sources: set[str] = set()
        self._epochs: dict[str, bytes] = {}
        self._abandoned: list[Span] = []

    def __bool__(self) -> bool:
        return bool(self._notes or self._sources or self._epochs or self._abandoned)

    def open_source(self, source: str, epoch: str, config: bytes) -> None:
        """A source runs under an epoch."""
        with self._lock:
            self._sources.add(source)
            self._epochs[epoch] = config

    def note(self, notes: Iterable[Note]) -> None:
        """Something changed of generations."""
        with self._lock:
            for note in notes:
                earlier = self._notes.get(note.id)
                self._notes[note.id] = note if earlier is None else _merged(earlier, note)
                self._sources.add(note.source)

    def abandon(self, spans: Sequence[Span]) -> None:
        """The bytes of these open spans are gone."""
        with self._lock:
            self._abandoned += spans
            self._sources.update(span.origin.source for span in spans)

    def waiting(self) -> Waiting:
        """All of it, as it is now."""
        with self._lock:
            return Waiting(dict(self._notes), frozenset(self._sources), dict(self._epochs), tuple(self._abandoned))

    def forget(self, written: Waiting) -> None:
        """A transaction has written this."""
        with self._lock:
            for identity, note in written.notes.items():
                current = self._notes.pop(identity)
                if current is not note:
                    self._notes[identity] = replace(current, lost=current.lost - note.lost)
            self._sources -= written.sources
            for name in written.epochs:
                self._epochs.pop(name, None)
            del self._abandoned[: len(written.abandoned)]


def _merged(earlier: Note, later: Note) -> Note:
    """One note of both: where a generation began is in its first one, where it ends in whichever says so."""
    return replace(
        later,
        start=earlier.start,
        fingerprint=earlier.fingerprint,
        final=earlier.final if later.final is None else later.final,
        lost=earlier.lost + later.lost,
    )
