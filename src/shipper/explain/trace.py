"""Lines in, records out: each with every stage's effect, and the entry Loki would get or why there is none.

Rule 1: the entries are the pipeline's own, decoded; nothing is computed a second time.
Rule 2: every physical line is in exactly one record; a blank one that is dropped is a record of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shipper.chunk import Carry, Chunk, Fingerprint, Lane, Origin, Processed, Span
from shipper.clock import Clock
from shipper.config.model import ResolvedSource
from shipper.delivery.wire import iterate_entries
from shipper.explain.watch import History, Outside, State, Step, Watcher
from shipper.pipeline.compile import compile_pipeline
from shipper.sources.framing import chunk_of, framing_of, join

BLANK = "blank"
"""Why a line is dropped that has nothing but white space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Some lines of one origin, as framing makes them."""

    chunk: Chunk
    marks: Mapping[int, tuple[str, ...]]
    """What framing did to which line, by its index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An entry as Loki would get it."""

    timestamp: int
    labels: str
    text: bytes
    metadata: tuple[tuple[str, str], ...] = ()
    tenant: str = ""
    """"": the tenant of the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of the lines of one record."""

    index: int
    """Of its first line in the excerpt."""
    lines: int
    marks: tuple[str, ...]
    begun: State
    steps: tuple[Step, ...] = ()
    entry: Stored | None = None
    outside: Outside | None = None
    dropped: str = ""
    """The reason; "": it is not."""
    refused: str = ""
    """Why it would be a dead letter: the reason and the words; "": it would not."""
    held: bool = False
    """It became part of a later record."""

    @property
    def last(self) -> State:
        """Its state behind all stages."""
        return self.steps[-1].after if self.steps else self.begun

    @property
    def blank(self) -> bool:
        """Whether it is a blank line that never came to the stages."""
        return self.dropped == BLANK


def excerpt(
    resolved: ResolvedSource,
    data: bytes,
    *,
    path: str,
    clock: Clock,
    start: int = 0,
    facts: tuple[tuple[str, str], ...] = (),
    file_changed: int = 0,
    generation: int = 0,
    demoted: tuple[str, ...] = (),
) -> Excerpt:
    """The lines in `data`, which begins at offset `start`; its last one counts as complete.

    `file_changed`: when the file was changed last, ns; it decides a missing year. `generation`: the journal's number
    of the file, if it has one; `sample` decides by it. `demoted`: labels that are metadata by now.
    """
    framer = framing_of(resolved).framer(start)
    framed = join(framer.feed(data), framer.finish())
    span = Span(
        origin=Origin(source=resolved.name, generation=generation, path=path, facts=facts, lasting=not facts),
        start=start,
        end=start + framed.size,
        clock=clock.reserve(len(framed.lines)),
        after_eof=start == 0,
        hit_eof=True,
        fingerprint=Fingerprint(),
        file_changed=file_changed,
        demoted=demoted,
    )
    chunk = chunk_of(framed, span, Lane(resolved.name, path))
    marks: dict[int, tuple[str, ...]] = {}
    for index, reason in framed.marks:
        marks[index] = (*marks.get(index, ()), reason)
    return Excerpt(chunk=chunk, marks=marks)


def trace(resolved: ResolvedSource, excerpt: Excerpt, *, metadata: bool = True) -> list[Record]:
    """Every record of an excerpt, in the order of the lines; `metadata`: whether Loki takes structured metadata."""
    watcher = Watcher(resolved)
    pipeline = compile_pipeline(resolved, metadata=metadata, watch=watcher)
    processed = pipeline(excerpt.chunk, Carry())
    outcome = _Outcome(excerpt, _stored(processed), _refused(processed))
    records = [outcome.record(history) for history in watcher.histories]
    covered = {index for record in records for index in range(record.index, record.index + record.lines)}
    blank = (index for index in range(len(excerpt.chunk.lines)) if index not in covered)
    return sorted([*records, *map(outcome.blank, blank)], key=lambda record: record.index)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a pipeline made of an excerpt, by the index of each entry's first line."""

    excerpt: Excerpt
    stored: Mapping[int, Stored]
    refused: Mapping[int, str]

    def record(self, history: History) -> Record:
        steps, at = tuple(history.steps), history.entry.index
        dropped = steps[-1].dropped if steps else ""
        if history.outside is not None and history.outside.policy == "drop":
            dropped = history.outside.reason
        gone = history.held or bool(dropped)
        return Record(
            index=history.index,
            lines=history.lines,
            marks=self._marks(history.index, history.lines),
            begun=history.begun,
            steps=steps,
            entry=None if gone else self.stored.get(at),
            outside=history.outside,
            dropped=dropped,
            refused="" if gone else self.refused.get(at, ""),
            held=history.held,
        )

    def blank(self, index: int) -> Record:
        line = self.excerpt.chunk.lines[index]
        begun = State(text=line, fields={}, message=None, labels=(), metadata={}, time=None, tenant="")
        return Record(index=index, lines=1, marks=self._marks(index, 1), begun=begun, dropped=BLANK)

    def _marks(self, first: int, lines: int) -> tuple[str, ...]:
        marks = (mark for index in range(first, first + lines) for mark in self.excerpt.marks.get(index, ()))
        return tuple(dict.fromkeys(marks))


def _stored(processed: Processed) -> dict[int, Stored]:
    return {
        where: Stored(
            timestamp=entry.timestamp,
            labels=part.labels,
            text=entry.line,
            metadata=entry.metadata,
            tenant=part.tenant,
        )
        for part in processed.parts
        for where, entry in zip(part.where, iterate_entries(bytes(part.body)), strict=True)
    }


def _refused(processed: Processed) -> dict[int, str]:
    places = {offset: index for index, offset in enumerate(processed.offsets())}
    return {places[refused.offset]: f"{refused.reason}: {refused.words}" for refused in processed.refused}
