"""The straight path of the built-in pipelines "text" and "auto" for lines of text: heads, times and levels by columns.

Rule 1: what this makes of a chunk is what the general path makes of it (tests/pipeline/test_compile.py).
Rule 2: one pattern takes the heads of vLLM and uvicorn, alone or behind launcher and process; what it does not take
        goes through the pipeline's own stages, in its place among the others.
Rule 3: a JSON object among the lines, or anything else that text is not, answers None: the general path decides.

Measured: 2.1 µs a line of vLLM with reading and encoding, against 6.6 through the stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shipper.chunk import Carry, Chunk, Joins, Part, Processed
from shipper.config.stages import TEXT
from shipper.delivery.wire import encode_entries
from shipper.pipeline.columns import heads_of, processed
from shipper.pipeline.detect import Head, common_head, prefix_of
from shipper.pipeline.entry import Entry, Work
from shipper.pipeline.instants import Instants
from shipper.pipeline.labels import LEVEL, Labeller
from shipper.pipeline.levels import level_of
from shipper.pipeline.stages.build import build_stages
from shipper.pipeline.stages.detection import record_of
from shipper.pipeline.suspicion import ZoneSuspicion
from shipper.pipeline.timestamps import Times
from shipper.pipeline.tracebacks import CLOSED, HEAD
from shipper.pipeline.window import Window

_ESCAPE: Final = b"\x1b"


class TextColumns:
    """Text by columns."""

    def __init__(
        self, labeller: Labeller, window: Window, suspicion: ZoneSuspicion, timezone: str, *, max_bytes: int
    ) -> None:
        self._labeller = labeller
        self._window = window
        self._suspicion = suspicion
        self._stages = build_stages(TEXT, timezone)
        self._instants = Instants(("auto",), timezone)
        self._max_bytes = max_bytes

    def __call__(self, chunk: Chunk, carry: Carry, joins: Joins) -> Processed | None:
        """What becomes of the chunk; None if it has to take the general path."""
        records = _Records(chunk, joins)
        if records.longest > self._max_bytes:
            return None
        found = self._columns(records, Work(chunk, carry))
        if found is None:
            return None
        own, levels, work = found
        times = Times(carry, chunk.span, chunk.times)
        issued = times.issue(own, records.where)
        if not self._window.holds(min(issued), max(issued), work.clock):
            return None
        parts = self._parts(chunk, records, issued, levels)
        if parts is None:
            return None
        self._suspicion.observe(own, work.clock)
        return processed(chunk, parts, times.carry(work.level, work.record), times.untimed)

    def _columns(self, records: _Records, work: Work) -> tuple[list[int | None], list[str], Work] | None:
        """Times and level labels of the records, and the state after them; None if one is no text, or unreadable."""
        texts = records.texts
        heads = list(map(common_head, texts))
        if _ESCAPE in b"\n".join(texts):
            heads = [None if _ESCAPE in text else head for text, head in zip(texts, heads, strict=True)]
        meanings: dict[Head | None, tuple[int | None, str]] = {None: (None, "")}
        for head in set(heads):
            if head is not None:
                time = self._instants.read(head.time, work.clock, work.latest) if head.time else None
                if head.time and time is None:
                    return None
                meanings[head] = (time, level_of(head.level))
        own = [meanings[head][0] for head in heads]
        levels = [meanings[head][1] for head in heads]
        for place in [place for place, head in enumerate(heads) if head is None]:
            if place:
                _remember(work, heads[place - 1], texts[place - 1])
            entry = Entry(records.where[place], 1, texts[place])
            if not self._through_stages(entry, work):
                return None
            own[place], levels[place] = entry.time, (entry.changes or {}).get(LEVEL, "")
        _remember(work, heads[-1], texts[-1])
        return own, levels, work

    def _through_stages(self, entry: Entry, work: Work) -> bool:
        """Have the stages look at one; False if that is for the general path."""
        if entry.text.lstrip()[:1] == b"{":
            return False
        before = len(work.counts)
        try:
            for stage in self._stages:  # none of them drops
                stage(entry, work)
        except Exception:  # noqa: BLE001  # the general path says what is wrong, and with which line
            return False
        return len(work.counts) == before

    def _parts(
        self, chunk: Chunk, records: _Records, issued: Sequence[int], levels: Sequence[str]
    ) -> list[Part] | None:
        places: dict[str, list[int]] = {level: [] for level in dict.fromkeys(levels)}
        append = {level: members.append for level, members in places.items()}
        for place, level in enumerate(levels):
            append[level](place)
        parts: dict[str, Part] = {}
        for level, members in places.items():
            changes = ((LEVEL, level),) if level else ()
            origin = chunk.span.origin
            stream = self._labeller.stream(origin.path, chunk.span.demoted, changes, origin.facts)
            if stream.metadata or stream.counts or stream.labels in parts:
                return None
            parts[stream.labels] = records.part(stream.labels, members, issued)
        return list(parts.values())


class _Records:
    """The columns of a chunk's records."""

    def __init__(self, chunk: Chunk, joins: Joins) -> None:
        self.texts: Sequence[bytes] = chunk.lines
        self.where: Sequence[int] = range(len(chunk.lines))
        self.weights: Sequence[int] | None = None
        self.longest = 0
        """Bytes of the longest one of several lines."""
        if joins:
            self.where, self.weights, self.texts = heads_of(chunk.lines, joins)
            self.longest = max(len(text) for text, weight in zip(self.texts, self.weights, strict=True) if weight > 1)

    def part(self, labels: str, members: Sequence[int], issued: Sequence[int]) -> Part:
        """The records `members` as entries of one stream."""
        texts = [self.texts[place] for place in members]
        stamps = [issued[place] for place in members]
        weights = None if self.weights is None else [self.weights[place] for place in members]
        lines = len(members) if weights is None else sum(weights)
        return Part(
            tenant="",
            labels=labels,
            body=encode_entries(stamps, texts, list(map(len, texts))),
            entries=len(members),
            lines=lines,
            first=min(stamps),
            last=max(stamps),
            where=[self.where[place] for place in members],
            weights=None if lines == len(members) else weights,
        )


def _remember(work: Work, head: Head | None, text: bytes) -> None:
    """The state after a record whose head was taken by columns; after another one it is there already."""
    if head is not None:
        work.level = head.level
        prefix = text[: prefix_of(text)].strip().decode("utf-8", "replace")
        work.record = record_of(CLOSED if head.access else HEAD, prefix)
