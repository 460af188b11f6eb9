"""The straight paths: whole columns of a chunk instead of one line after the other, with equal results.

Rule 1: what these make of a chunk is what the general path makes of it (tests/pipeline/test_columns.py compares them).
Rule 2: anything odd in a chunk (a line that is no JSON object, a field of another type, a time outside the window)
        answers None, and the chunk takes the general path.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, TypeVar

import msgspec

from shipper.chunk import Carry, Chunk, Joins, Part, Processed, Span
from shipper.config.model import AnyStage, Json, Labels, Timestamp
from shipper.delivery.wire import encode_column, encode_sparse_column
from shipper.pipeline.containers import Facts
from shipper.pipeline.instants import Instants
from shipper.pipeline.labels import LEVEL, Changes, Labeller, label_name
from shipper.pipeline.levels import level_of
from shipper.pipeline.parts import encode_part, encode_parts
from shipper.pipeline.suspicion import ZoneSuspicion
from shipper.pipeline.timestamps import Times
from shipper.pipeline.window import Window

T = TypeVar("T")

_CACHED: Final = 4096
"""Rows whose labels are kept."""

Row = tuple[str | None, ...]


def processed(chunk: Chunk, parts: list[Part], carry: Carry, untimed: Collection[int]) -> Processed:
    """What became of a chunk of which nothing was dropped or refused."""
    return Processed(
        span=chunk.span,
        lines=len(chunk.lines),
        parts=parts,
        carry=carry,
        lengths=chunk.lengths,
        surplus=chunk.surplus,
        fallbacks=dict(chunk.fallbacks),
        untimed=untimed,
    )


def whole_column(chunk: Chunk, carry: Carry, labels: str) -> Processed:
    """All lines of a chunk as they are, in one stream, at the clock: 80 ns a line."""
    count, clock = len(chunk.lines), chunk.span.clock
    body = encode_column(clock, chunk.lines, chunk.lengths)
    part = Part(
        tenant="",
        labels=labels,
        body=body,
        entries=count,
        lines=count,
        first=clock,
        last=clock + count - 1,
        where=range(count),
    )
    after = Carry(clock + count - 1, carry.parsed, carry.recent, carry.level, carry.record)
    return processed(chunk, [part], after, range(count))


def joined_column(chunk: Chunk, carry: Carry, labels: str, joins: Joins, max_bytes: int) -> Processed | None:
    """The same with records of several lines: 170 ns a line; None if one of them is too long."""
    where, weights, lines = heads_of(chunk.lines, joins)
    lengths, clock = list(map(len, lines)), chunk.span.clock
    if any(length > max_bytes for length, weight in zip(lengths, weights, strict=True) if weight > 1):
        return None
    part = Part(
        tenant="",
        labels=labels,
        body=encode_sparse_column(clock, where, lines, lengths),
        entries=len(where),
        lines=len(chunk.lines),
        first=clock + where[0],
        last=clock + where[-1],
        where=where,
        weights=weights,
    )
    after = Carry(part.last, carry.parsed, carry.recent, carry.level, carry.record)
    return processed(chunk, [part], after, range(len(chunk.lines)))


def heads_of(lines: Sequence[bytes], joins: Joins) -> tuple[list[int], list[int], list[bytes]]:
    """Of each record where it begins, its lines and its text; no line is blank."""
    where, texts = _heads(range(len(lines)), joins), _heads(lines, joins)
    weights, joined = [1] * len(where), 0
    for first, end in joins:
        place = first - joined
        texts[place], weights[place] = b"\n".join(lines[first:end]), end - first
        joined += end - first - 1
    return where, weights, texts


def _heads(column: Sequence[T], joins: Joins) -> list[T]:
    """Of a column with a value for each line, those of the lines that begin a record."""
    heads: list[T] = []
    at = 0
    for first, end in joins:
        heads += column[at : first + 1]
        at = end
    heads += column[at:]
    return heads


def timed_column(chunk: Chunk, carry: Carry, labels: str, window: Window) -> Processed | None:
    """The same where the origin says when each line was written; None if the window needs a closer look."""
    count = len(chunk.lines)
    times = Times(carry, chunk.span, chunk.times)
    issued = times.issue([None] * count, range(count))
    if not window.holds(min(issued), max(issued), chunk.span.clock):
        return None
    part = encode_part(labels, issued, chunk.lines, range(count), rising=times.rising)
    return processed(chunk, [part], times.carry(carry.level, carry.record), times.untimed)


@dataclass(frozen=True, slots=True)
class JsonPlan:
    """What the common JSON pipeline takes from each object."""

    names: tuple[str, ...]
    """Fields, each once: first the one with the time, if there is a `timestamp` stage."""
    formats: tuple[str, ...]
    labels: tuple[tuple[str, int], ...]
    """Labels, each with the place of its field among the label fields."""
    closes_record: bool = False
    """Whether JSON lines end what text lines before them began (pipeline "auto")."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """The fields that labels are made of."""
        return self.names[1:] if self.formats else self.names


def plan_of(stages: Sequence[AnyStage], *, closes_record: bool = False) -> JsonPlan | None:
    """The plan for `json`, then at most one `timestamp` and any `labels`; None for all other pipelines."""
    if not stages or not isinstance(stages[0], Json):
        return None
    times = [stage for stage in stages[1:] if isinstance(stage, Timestamp)]
    promotions = [stage.from_ for stage in stages[1:] if isinstance(stage, Labels)]
    if len(times) > 1 or 1 + len(times) + len(promotions) != len(stages):
        return None
    wanted = [(label_name(label), field) for promotion in promotions for label, field in promotion.items()]
    if len({label for label, _ in wanted}) != len(wanted):
        return None
    fields = tuple(dict.fromkeys(field for _, field in wanted))
    labels = tuple((label, fields.index(field)) for label, field in wanted)
    timed = (times[0].from_,) if times else ()
    return JsonPlan(timed + fields, times[0].format if times else (), labels, closes_record)


class JsonColumns:
    """The common JSON pipeline by columns: the few fields it needs are decoded, the rest is only checked.

    msgspec skips what is not asked for with the same strictness as orjson reads it (0.18 µs a line of 280 bytes,
    against 0.69 µs), and refuses more, which is no harm: the general path decides then.
    """

    def __init__(
        self, plan: JsonPlan, labeller: Labeller, window: Window, suspicion: ZoneSuspicion, timezone: str
    ) -> None:
        self._plan = plan
        self._suspicion = suspicion
        self._streams = _Streams(labeller, plan.labels)
        self._window = window
        self._instants = Instants(plan.formats, timezone)
        columns = [f"column{number}" for number in range(len(plan.names))]
        row: Any = msgspec.defstruct(
            "Row",
            [(column, str | None, None) for column in columns],
            rename=dict(zip(columns, plan.names, strict=True)),
            gc=False,
        )
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(row).decode
        self._time = attrgetter(columns[0]) if plan.formats else None
        label_columns = columns[1:] if plan.formats else columns
        self._key: Callable[[Any], Any] | None = attrgetter(*label_columns) if label_columns else None

    def __call__(self, chunk: Chunk, carry: Carry) -> Processed | None:
        """What becomes of the chunk; None if it has to take the general path."""
        try:
            rows = list(map(self._decode, chunk.lines))
        except (ValueError, RecursionError):  # msgspec's and Unicode's errors are ValueErrors
            return None
        times = Times(carry, chunk.span, chunk.times)
        timestamps = self._timestamps(rows, times, chunk)
        if timestamps is None:
            return None
        parts = self._parts(rows, chunk, timestamps, rising=times.rising)
        if parts is None:
            return None
        level, record = ("", "") if self._plan.closes_record else (carry.level, carry.record)
        untimed = range(len(rows)) if self._time is None and chunk.times is None else times.untimed
        return processed(chunk, parts, times.carry(level, record), untimed)

    def _timestamps(self, rows: list[Any], times: Times, chunk: Chunk) -> list[int] | None:
        """The timestamps of the rows; None if one of their times, or the window, needs a closer look."""
        count, clock = len(rows), chunk.span.clock
        own: Sequence[int | None] | None = [None] * count
        if self._time is not None:
            own = self._instants.column(list(map(self._time, rows)), clock, chunk.span.latest)
        elif chunk.times is None:
            return times.by_the_clock(list(range(clock, clock + count)))
        if own is None:
            return None
        issued = times.issue(own, range(count))
        first, last = (issued[0], issued[-1]) if times.rising else (min(issued), max(issued))
        if not self._window.holds(first, last, clock):
            return None
        if not (times.rising and self._suspicion.calmed(last, clock)):
            self._suspicion.observe(own, clock)
        return issued

    def _parts(self, rows: list[Any], chunk: Chunk, timestamps: list[int], *, rising: bool) -> list[Part] | None:
        streams = self._streams.at(chunk.span)
        try:
            if self._key is None:
                whole = range(len(rows))
                return [encode_part(streams[()], timestamps, chunk.lines, whole, rising=rising)]
            labels = list(map(streams.__getitem__, map(self._key, rows)))
            return encode_parts(labels, timestamps, chunk.lines, chunk.lengths, rising=rising)
        except _Aside:
            return None


class _Aside(Exception):
    """Some of a row's labels would have to become metadata."""


class _Streams(dict[Any, str]):
    """The labels of one place's lines by the row of fields they are made of, so that a line costs one look-up."""

    def __init__(self, labeller: Labeller, labels: Sequence[tuple[str, int]]) -> None:
        self._labeller = labeller
        self._labels = labels
        self._single = len({place for _, place in labels}) == 1
        """A row of one field is that field."""
        self._place: tuple[str, tuple[str, ...], Facts] = "", (), ()

    def at(self, span: Span) -> _Streams:
        """The same for the place that a span is of."""
        place = span.origin.path, span.demoted, span.origin.facts
        if place != self._place or len(self) >= _CACHED:
            self.clear()
            self._place = place
        return self

    def __missing__(self, key: Any) -> str:
        path, demoted, facts = self._place
        changes = changes_of(self._labels, (key,) if self._single else key)
        stream = self._labeller.stream(path, demoted, changes, facts)
        if stream.metadata or stream.counts:
            raise _Aside
        self[key] = stream.labels
        return stream.labels


def changes_of(labels: Sequence[tuple[str, int]], row: Row) -> Changes:
    """The labels that a row of fields asks for."""
    pairs = ((label, row[place] or "") for label, place in labels)
    named = ((label, level_of(value) if label == LEVEL else value) for label, value in pairs)
    return tuple((label, value) for label, value in named if value)
