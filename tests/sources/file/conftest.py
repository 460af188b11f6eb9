"""A scripted directory, a source that is stepped by hand, and a journal that fits on a page."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shipper.chunk import Carry, Chunk, Span, line_sizes
from shipper.clock import Clock
from shipper.config.model import FileSource as FileConfig
from shipper.config.model import ResolvedSource
from shipper.failures import Failures
from shipper.sources.file.held import HeldDeleted
from shipper.sources.file.source import FileSource
from shipper.sources.step import Generation, Note, OpenSpan, Step, handed_over

PLENTY = 1 << 30


class Journal:
    """Generations by id, with their spans: what the real journal keeps of notes and spans."""

    def __init__(self) -> None:
        self.generations: dict[int, Generation] = {}
        self.spans: dict[int, list[Span]] = {}
        self.settled: set[int] = set()
        self.final: dict[int, int] = {}
        self.carries: dict[int, Carry] = {}
        """The lane's state after a span, by row; the clock of the span for others."""
        self.lost = 0
        """Bytes gone before they were read."""
        self.missing = 0
        """Bytes of spans that were closed because they could not be read again."""
        self._row = 0
        self._id = 0

    def new_generation(self) -> int:
        self._id += 1
        return self._id

    def note(self, note: Note) -> None:
        known = self.generations.get(note.id)
        if known is None:
            known = Generation(
                id=note.id,
                source=note.source,
                path=note.path,
                seen_at=note.seen_at,
                device=note.device,
                inode=note.inode,
                offset=note.start,
                size=note.size,
                changed=note.changed,
                fingerprint=note.fingerprint,
                at_eof=True,
                carry=Carry(),
                finished=False,
            )
        self.generations[note.id] = replace(
            known,
            seen_at=note.seen_at,
            device=note.device,
            inode=note.inode,
            size=note.size,
            changed=max(known.changed, note.changed),
            gone=note.gone,
        )
        self.lost += note.lost
        if note.final is not None:
            self.final[note.id] = note.final
        self._advance(note.id)

    def begin(self, span: Span) -> None:
        if span.replay:
            return
        self._row += 1
        span.row = self._row
        spans = self.spans.setdefault(span.origin.generation, [])
        end = spans[-1].end if spans else self.generations[span.origin.generation].offset
        assert span.start == end, "spans of a generation are contiguous"
        spans.append(span)

    def commit(self, span: Span) -> None:
        self.settled.add(span.row)
        self._advance(span.origin.generation)

    def abandon(self, span: Span) -> None:
        self.missing += span.size
        self.commit(span)

    def known(self) -> list[Generation]:
        return [replace(known, open=self._open(known)) for known in self.generations.values()]

    def _open(self, known: Generation) -> tuple[OpenSpan, ...]:
        return tuple(
            OpenSpan(
                row=span.row,
                start=span.start,
                end=span.end,
                clock=span.clock,
                after_eof=span.after_eof,
                hit_eof=span.hit_eof,
                fingerprint=span.fingerprint,
                file_changed=span.file_changed,
                carry=span.carry,
                demoted=span.demoted,
                epoch=span.epoch,
                settled=span.row in self.settled,
                carry_after=self._carry(span),
            )
            for span in self.spans.get(known.id, [])
        )

    def _carry(self, span: Span) -> Carry:
        return self.carries.get(span.row, Carry(issued=span.clock))

    def _advance(self, id_: int) -> None:
        spans = self.spans.setdefault(id_, [])
        while spans and spans[0].row in self.settled:
            span = spans.pop(0)
            known = self.generations[id_]
            self.generations[id_] = replace(
                known,
                changed=max(known.changed, span.file_changed),
                size=max(known.size, span.end),
                offset=span.end,
                fingerprint=span.fingerprint,
                at_eof=span.hit_eof,
                carry=self._carry(span),
                settled_row=span.row,
            )
        known = self.generations[id_]
        if not spans and self.final.get(id_, known.offset + 1) <= known.offset:
            self.generations[id_] = replace(known, finished=True)


class Bench:
    """One source over `root`, stepped by hand; time moves only when told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = 1000.0
        self.journal = Journal()
        self.failures = Failures()
        self.chunks: list[Chunk] = []
        self.lines: defaultdict[str, list[bytes]] = defaultdict(list)
        """Lines by the name of the file they were written under, in order of arrival."""
        self.unread = 0
        self.abandoned: list[Span] = []
        self.source: FileSource | None = None
        self.config: dict[str, Any] = {}
        self.resolved: dict[str, Any] = {}
        self.grouper: Any = None
        self.epochs: dict[str, ResolvedSource] = {}
        self.held: HeldDeleted | None = None
        self.commits = True
        self.cpu: Callable[[], float] = lambda: 0.0
        self._starts = 0
        self._arrived: set[int] = set()

    def write(self, name: str, data: bytes | str) -> Path:
        """Append to a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        return path

    def start(self, *paths: str, before: FileSource | None = None, **config: Any) -> Bench:
        """Start (again) with what the journal knows; `before`: in the place of a source whose lines are under way."""
        if paths:
            config["paths"] = tuple(f"{self.root}/{path}" for path in paths)
        self.config.update(config)
        if self.source is not None:
            self.source.close()
        self.source = FileSource(
            ResolvedSource(name="src", type="file", labels={}, **self.resolved),
            FileConfig(name="src", **self.config),
            handed_over(self.journal.known(), self._carries() if before is not None else {}),
            clock=Clock(),
            failures=self.failures,
            new_generation=self.journal.new_generation,
            grouper=self.grouper,
            epochs=self.epochs,
            first_start=self._starts == 0,
            held=self.held,
            before=before,
            wall=lambda: self.now,
            cpu=lambda: self.cpu(),
        )
        self._starts += 1
        return self

    def change(self, *paths: str, **config: Any) -> Bench:
        """Go on under another configuration."""
        assert self.source is not None
        before, self.source = self.source, None
        self.start(*paths, before=before, **config)
        before.close()
        return self

    def _carries(self) -> dict[int, Carry]:
        return {span.row: self.journal._carry(span) for spans in self.journal.spans.values() for span in spans}

    def crash(self) -> Bench:
        """Die and start again: open spans were never settled, what they brought never arrived."""
        for spans in self.journal.spans.values():
            for span in spans:
                if span.row not in self.journal.settled:
                    self._forget(span)
        self._arrived.clear()
        return self.start()

    def step(self, budget: int = PLENTY) -> Step:
        """One step; its news go to the journal, its lines to `lines`."""
        assert self.source is not None
        step = self.source.step(budget)
        for note in step.notes:
            self.journal.note(note)
        for chunk in step.chunks:
            self._arrive(chunk)
        for span in step.abandoned:
            self.abandoned.append(span)
            self.journal.abandon(span)
        self.unread += step.truncated_unread
        return step

    def later(self, seconds: float = 1.0, *, steps: int = 1, budget: int = PLENTY) -> Bench:
        """Let time pass, and step until nothing more is to be read."""
        for _ in range(steps):
            self.now += seconds
            while self.step(budget).more:
                pass
        return self

    def settle(self) -> None:
        """Everything that arrived since the last start was accepted."""
        for spans in list(self.journal.spans.values()):
            for span in list(spans):
                if span.row in self._arrived:
                    self.journal.commit(span)

    def texts(self, name: str = "app.log") -> list[str]:
        """The lines that arrived from the file of this name."""
        return [line.decode() for line in self.lines[str(self.root / name)]]

    def failing(self) -> dict[str, int]:
        """Failures by name."""
        return dict(Counter(failure.name for failure in self.failures.current()))

    def _arrive(self, chunk: Chunk) -> None:
        self.journal.begin(chunk.span)
        self._arrived.add(chunk.span.row)
        self.chunks.append(chunk)
        assert chunk.span.end - chunk.span.start == sum(line_sizes(chunk.lengths, chunk.surplus)), (
            "the sizes of the lines are the size of the span"
        )
        self.lines[chunk.lane.path].extend(chunk.lines)
        if self.commits:
            self.journal.commit(chunk.span)

    def _forget(self, span: Span) -> None:
        """Take back what an unsettled span brought."""
        chunk = next((chunk for chunk in reversed(self.chunks) if chunk.span.row == span.row), None)
        if chunk is None:
            return
        self.chunks.remove(chunk)
        lines = self.lines[chunk.lane.path]
        for line in reversed(chunk.lines):
            del lines[len(lines) - 1 - lines[::-1].index(line)]


@pytest.fixture
def bench(tmp_path: Path) -> Callable[[], Bench] | Bench:
    """A source over the test's own directory."""
    made = Bench(tmp_path)
    yield made
    if made.source is not None:
        made.source.close()
