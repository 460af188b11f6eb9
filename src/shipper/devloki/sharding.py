"""Loki 3 splits a busy stream over shards: streams of their own, told apart by `__stream_shard__`.

Rule 1: the first push of a stream is never split; its rate is not known yet.
Rule 2: after it, a stream is split where its rate and the push together exceed 1536 KB/s, entry by entry in turn.
Rule 3: each split push begins one shard further, so a push repeated at once never finds its duplicates
(loki/README.md, fact 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shipper.devloki.block import Entry
from shipper.devloki.labels import Labels, format_labels
from shipper.devloki.limits import KIB, SECOND

SHARD_LABEL: Final = "__stream_shard__"
DESIRED_RATE: Final = 1536 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledStream:
    """A validated stream of a push: its labels, their text, its entries."""

    labels: Labels
    text: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """A stream's bytes in one second and in the one before it, and the shard its next split push begins at."""

    second: int
    size: int
    before: int
    turn: int


class StreamRates:
    """How fast each stream of a tenant is: bytes over the last second, the one before it counted in part."""

    __slots__ = ("_windows",)

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def shards(self, text: str, size: int, now: int) -> tuple[int, int]:
        """Count a push of `size` bytes; returns into how many shards it goes and the first of them."""
        known = self._windows.get(text)
        second = now // SECOND
        window = _moved(known, second)
        part = 1 - (now % SECOND) / SECOND
        count = 1 if known is None else -(-int(window.size + window.before * part + size) // DESIRED_RATE)
        turn = window.turn + (count > 1)
        self._windows[text] = _Window(second=second, size=window.size + size, before=window.before, turn=turn)
        return count, window.turn


def _moved(window: _Window | None, second: int) -> _Window:
    if window is None:
        return _Window(second=second, size=0, before=0, turn=0)
    if window.second == second:
        return window
    before = window.size if window.second == second - 1 else 0
    return _Window(second=second, size=0, before=before, turn=window.turn)


def split(stream: LabelledStream, count: int, first: int) -> list[LabelledStream]:
    """Spread a stream over `count` shards, one entry after the other, beginning at shard `first`."""
    pieces = min(count, len(stream.entries))
    if pieces <= 1:
        return [stream]
    return [_shard(stream.labels, (first + piece) % count, stream.entries[piece::pieces]) for piece in range(pieces)]


def _shard(labels: Labels, number: int, entries: Sequence[Entry]) -> LabelledStream:
    sharded = tuple(sorted((*labels, (SHARD_LABEL, str(number)))))
    return LabelledStream(labels=sharded, text=format_labels(sharded), entries=entries)
