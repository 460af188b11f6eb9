"""Joining the lines of one record.

Rule 1: pure: what begins a record is decided from the lines given, the first of which always does.
Rule 2: a record has at most `max_lines` lines and `max_bytes` bytes, newlines included; a longer one is split.
Rule 3: the presets join what one log call wrote and nothing else: lines of other formats, JSON objects and requests'
        access lines stay on their own.
Rule 4: no line decides over an earlier one: what is joined among the first lines is what is joined among all.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import compress, count
from typing import Any, Final, NamedTuple

import re2

from shipper.chunk import Chunk, Joins
from shipper.config.model import Multiline
from shipper.lines import lines_with
from shipper.pipeline.detect import VLLM, head_of, looked_at, prefix_of
from shipper.pipeline.tracebacks import DUMP, EXCEPTION, HEAD, TRACEBACK, TRACEBACK_LINE, begin, follow

_PYTHON_SIGNS: Final = (b"Traceback (", b"Fatal Python error: ")
_PRINTED: Final = b"!"
"""The first byte that is neither blank nor a control character: what sorts before it is indented, or empty."""


class Grouper:
    """Says which lines are one record."""

    def __init__(self, multiline: Multiline, joined: Callable[[Sequence[bytes]], Sequence[int]]) -> None:
        self._joined = joined
        self._max_lines = multiline.max_lines
        self._max_bytes = multiline.max_bytes
        self.max_wait = multiline.max_wait
        """A record ends when no line came for so long, ns."""

    def joins(self, lines: Sequence[bytes]) -> list[tuple[int, int]]:
        """The records of several lines."""
        joins: list[tuple[int, int]] = []
        first = end = -1
        for index in self._joined(lines):
            if index != end:
                self._add(joins, lines, first, end)
                first = index - 1
            end = index + 1
        self._add(joins, lines, first, end)
        return joins

    def whole(self, lines: Sequence[bytes]) -> tuple[int, Joins]:
        """Where the last record begins, which may go on, and the records of several lines before it: those of the
        lines before it, too, since no line decides over an earlier one."""
        joins = self.joins(lines)
        if joins and joins[-1][1] == len(lines):
            return joins[-1][0], joins[:-1]
        return len(lines) - 1, joins

    def _add(self, joins: list[tuple[int, int]], lines: Sequence[bytes], first: int, end: int) -> None:
        """Take the record [first, end), split where it grows too long; what is left of one line is no join."""
        begun, size = first, -1
        for index in range(first, end):
            size += len(lines[index]) + 1
            if index > begun and (size > self._max_bytes or index - begun == self._max_lines):
                if index - begun > 1:
                    joins.append((begun, index))
                begun, size = index, len(lines[index])
        if end - begun > 1:
            joins.append((begun, end))


def compile_multiline(multiline: Multiline | None) -> Grouper | None:
    """The grouper of a configuration; None if lines are not joined."""
    if multiline is None:
        return None
    if multiline.preset == "python":
        return Grouper(multiline, python_joined)
    if multiline.preset == "vllm":
        return Grouper(multiline, vllm_joined)
    return Grouper(multiline, _pattern_joined(multiline.start))


def joins_of(chunk: Chunk, grouper: Grouper | None) -> Joins:
    """The records of several lines in a chunk; none without a grouper."""
    if grouper is None:
        return ()
    return grouper.joins(chunk.lines) if chunk.joins is None else chunk.joins


def extents(joins: Joins, count: int) -> Iterator[tuple[int, int]]:
    """[first, end) of every record of `count` lines."""
    at = 0
    for first, end in joins:
        yield from ((index, index + 1) for index in range(at, first))
        yield first, end
        at = end
    yield from ((index, index + 1) for index in range(at, count))


def _pattern_joined(pattern: str) -> Callable[[Sequence[bytes]], Sequence[int]]:
    search: Callable[[bytes], Any] = re2.compile(pattern.encode()).search

    def joined(lines: Sequence[bytes]) -> Sequence[int]:
        return [index for index, line in enumerate(lines) if index and search(line) is None]

    return joined


def python_joined(lines: Sequence[bytes]) -> Sequence[int]:
    """Preset "python": indented lines, tracebacks and dumps belong to the line before them.

    Only what follows such a line has to be looked at: 45 ns a line for the others.
    """
    joined: list[int] = []
    odd = _python_odd(lines)
    known, begun = frozenset(odd), -1
    for index in odd:
        if index > begun:
            begun = _python_record(lines, max(index - 1, 0), known, joined)
    return joined


def _python_odd(lines: Sequence[bytes]) -> list[int]:
    """The lines that may continue a record whatever it is, or begin one that lines like any other continue."""
    odd = list(compress(count(), map(_PRINTED.__gt__, lines)))
    text = b"\n".join(lines)
    if not any(sign in text for sign in _PYTHON_SIGNS):
        return odd
    return sorted({*odd, *(index for index, line in enumerate(lines) if line.startswith(_PYTHON_SIGNS))})


def _python_record(lines: Sequence[bytes], first: int, odd: Container[int], joined: list[int]) -> int:
    """Follow what line `first` begins until nothing is open any more; return the last line looked at."""
    record = _python_begin(lines[first])
    for index in range(first + 1, len(lines)):
        if record in ("", HEAD) and index not in odd:
            return index - 1
        state = _python_state(record, lines[index], lines[first])
        if state:
            joined.append(index)
        else:
            first, state = index, _python_begin(lines[index])
        record = state
    return len(lines)


def _python_begin(line: bytes) -> str:
    return "" if _is_object(line) else begin(line)


def _python_state(record: str, line: bytes, first: bytes) -> str:
    """The state after a line that continues a record; "" if it begins one."""
    state = follow(record, line)
    if not state or line[:1] in (b" ", b"\t", b""):
        return state
    if record == HEAD and state == TRACEBACK:
        head = head_of(first)
        return "" if head is not None and head.access else state
    return "" if head_of(line) is not None else state


def _is_object(line: bytes) -> bool:
    return line[:1] == b"{" and line.rstrip()[-1:] == b"}"


class _Headed(NamedTuple):
    owner: bytes
    """Prefix and head: the same on all lines of one record."""
    has_head: bool
    text: bytes


def vllm_joined(lines: Sequence[bytes]) -> Sequence[int]:
    """Preset "vllm": exception records, whose lines repeat their head, and raw tracebacks behind one process prefix."""
    joined: set[int] = set()
    for index in lines_with(TRACEBACK_LINE, b"\n".join(lines), list(map(len, lines))):
        if index not in joined:
            joined.update(_record_around(lines, index))
    return sorted(joined)


def _record_around(lines: Sequence[bytes], at: int) -> Iterable[int]:
    """The lines that belong to the record of a traceback's first line, but for the one that begins it."""
    mark = _headed(lines[at])
    if not mark.text.startswith(TRACEBACK_LINE):
        return
    if at and _leads(_headed(lines[at - 1]), mark):
        yield at
    state = TRACEBACK
    for index in range(at + 1, len(lines)):
        line = _headed(lines[index])
        state = _vllm_state(state, line) if line.owner == mark.owner else ""
        if not state:
            return
        yield index


def _vllm_state(state: str, line: _Headed) -> str:
    if line.has_head:  # the head says that it is one record: an exception's message may have any lines
        return follow(state, line.text) or (EXCEPTION if state == EXCEPTION else "")
    return "" if head_of(line.text) is not None else follow(state, line.text)


def _leads(before: _Headed, mark: _Headed) -> bool:
    """Whether a traceback belongs to the line before it."""
    if before.owner != mark.owner or before.text.startswith(TRACEBACK_LINE):
        return False
    head = None if before.has_head else head_of(before.text)
    return (head is None or not head.access) and begin(before.text) != DUMP


def _headed(line: bytes) -> _Headed:
    text = looked_at(line)
    at = prefix_of(text)
    end = VLLM.end(text, at)
    if not end:
        return _Headed(text[:at], False, text[at:])
    return _Headed(text[:end], True, text[end:].removeprefix(b" "))
