"""Answers to log queries: entries in order of time, up to a limit, gathered by their labels.

Rule 1: a stream shows each (time, line, metadata) once, however often it was stored; two shards are two streams.
Rule 2: entries of one time keep the order they were stored in; backward is forward turned round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from shipper.devloki.block import Entry
from shipper.devloki.labels import Labels, format_labels
from shipper.devloki.logql.pipeline import Row, Source, run
from shipper.devloki.logql.syntax import LogQuery, Matcher

Direction = Literal["forward", "backward"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultStream:
    """Entries with equal labels: (nanoseconds, line) in the query's direction."""

    labels: dict[str, str]
    values: list[tuple[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Once:
    """A source that shows each entry of a stream once."""

    source: Source

    @property
    def detects_levels(self) -> bool:
        return self.source.detects_levels

    def select(self, matchers: Iterable[Matcher], start: int, end: int) -> Iterator[tuple[Labels, Iterable[Entry]]]:
        for labels, entries in self.source.select(matchers, start, end):
            yield labels, dict.fromkeys(entries)


def run_log_query(
    query: LogQuery, source: Source, *, start: int, end: int, limit: int, direction: Direction
) -> list[ResultStream]:
    """The first `limit` entries with start <= time < end in the given direction."""
    rows = sorted(run(query, _Once(source=source), start, end), key=lambda row: row.entry.time)
    if direction == "backward":
        rows.reverse()
    return gathered(rows[:limit])


def gathered(rows: Iterable[Row]) -> list[ResultStream]:
    """Rows by their labels, sorted by them."""
    streams: dict[str, ResultStream] = {}
    for row in rows:
        text = format_labels(sorted(row.labels.items()))
        stream = streams.get(text)
        if stream is None:
            stream = streams[text] = ResultStream(labels=row.labels, values=[])
        stream.values.append((row.entry.time, row.text))
    return [streams[text] for text in sorted(streams)]
