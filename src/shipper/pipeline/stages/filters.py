"""Stages that let entries through or drop them: `drop`, `keep`, `sample`.

Rule 1: the reason of a drop is the stage's name; every physical line of the entry is counted under it.
Rule 2: `sample` decides by generation and byte offset, so a replay drops the same lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from shipper.config.model import Drop, Keep, Sample
from shipper.pipeline.entry import Entry, Work
from shipper.pipeline.patterns import Pattern
from shipper.pipeline.stages.extraction import text_to_search

_HASHES: Final = 1 << 64


class Condition:
    """What `drop` and `keep` ask of an entry: every part that is configured must hold."""

    def __init__(self, stage: Drop | Keep) -> None:
        self._pattern = Pattern(stage.pattern) if stage.pattern is not None else None
        self._field = stage.field
        self._values = frozenset(value.encode() for value in stage.value)
        self._texts = frozenset(stage.value)

    def holds(self, entry: Entry) -> bool:
        """Whether the entry is meant."""
        text = text_to_search(entry, self._field)
        if text is None:
            return False
        if self._values and text not in self._values:
            return False
        return self._pattern is None or self._pattern.search(text) is not None

    def sift(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those of the entries for which it may hold."""
        if self._field is not None:
            return entries if not self._values else [entry for entry in entries if self._may_have(entry, self._field)]
        if self._pattern is None:
            return entries
        return [entries[index] for index in self._pattern.among([entry.text for entry in entries])]

    def _may_have(self, entry: Entry, field: str) -> bool:
        """Whether the field may have one of the values; false for the text in ASCII that it has otherwise."""
        value = entry.fields.get(field) if entry.fields is not None else None
        return type(value) is not str or value in self._texts or not value.isascii()


class DropEntries:
    """The stage `drop`."""

    name = "drop"

    def __init__(self, stage: Drop) -> None:
        self._condition = Condition(stage)

    def __call__(self, entry: Entry, work: Work) -> str:
        return "drop" if self._condition.holds(entry) else ""

    def sift(self, entries: Sequence[Entry], work: Work) -> Sequence[Entry]:
        """Only those that may be dropped have to be looked at."""
        return self._condition.sift(entries)


class KeepEntries:
    """The stage `keep`."""

    name = "keep"

    def __init__(self, stage: Keep) -> None:
        self._condition = Condition(stage)

    def __call__(self, entry: Entry, work: Work) -> str:
        return "" if self._condition.holds(entry) else "keep"


class SampleEntries:
    """The stage `sample`."""

    name = "sample"

    def __init__(self, stage: Sample) -> None:
        self._below = int(stage.rate * _HASHES)

    def __call__(self, entry: Entry, work: Work) -> str:
        place = f"{work.chunk.span.origin.generation}:{work.offset(entry.index)}"
        drawn = int.from_bytes(blake2b(place.encode(), digest_size=8).digest(), "big")
        return "" if drawn < self._below else "sample"
