"""Joining the lines of one record.

Rule 1: pure: what begins a record is decided from the lines given, the first of which always does.
Rule 2: a record has at most `max_lines` lines and `max_bytes` bytes, newlines included; a longer one is split.
Rule 3: the presets join what one log call wrote and nothing else: lines of other formats, JSON objects and requests'
        access lines stay on their own.
Rule 4: a chunk in which nothing can be joined is recognised as a whole, without a look at each line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import re2

from shipper.config.model import Multiline
from shipper.pipeline.detect import VLLM, head_of, looked_at, prefix_of
from shipper.pipeline.tracebacks import DUMP, EXCEPTION, HEAD, TRACEBACK, TRACEBACK_LINE, begin, follow

_PYTHON_SIGNS: Final = (b"\n ", b"\n\t", b"\n\n", b"\nTraceback (", b"\nFatal Python error: ")


class Grouper:
    """Says where records begin."""

    def __init__(self, multiline: Multiline, starts: Callable[[Sequence[bytes]], Sequence[int]]) -> None:
        self._starts = starts
        self._max_lines = multiline.max_lines
        self._max_bytes = multiline.max_bytes
        self.max_wait = multiline.max_wait
        """A record ends when no line came for so long, ns."""

    def starts(self, lines: Sequence[bytes]) -> list[int]:
        """The indices of the lines that begin a record."""
        starts = self._starts(lines)
        if len(starts) == len(lines):
            return list(starts)
        ends = [*starts[1:], len(lines)]
        return [at for first, end in zip(starts, ends, strict=True) for at in self._split(lines, first, end)]

    def _split(self, lines: Sequence[bytes], first: int, end: int) -> Iterable[int]:
        begun, size = first, -1
        yield first
        for index in range(first, end):
            size += len(lines[index]) + 1
            if index > begun and (size > self._max_bytes or index - begun == self._max_lines):
                begun, size = index, len(lines[index])
                yield index


def compile_multiline(multiline: Multiline | None) -> Grouper | None:
    """The grouper of a configuration; None if lines are not joined."""
    if multiline is None:
        return None
    if multiline.preset == "python":
        return Grouper(multiline, python_starts)
    if multiline.preset == "vllm":
        return Grouper(multiline, vllm_starts)
    return Grouper(multiline, _pattern_starts(multiline.start))


def _pattern_starts(pattern: str) -> Callable[[Sequence[bytes]], Sequence[int]]:
    search: Callable[[bytes], Any] = re2.compile(pattern.encode()).search

    def starts(lines: Sequence[bytes]) -> Sequence[int]:
        return [index for index, line in enumerate(lines) if not index or search(line) is not None]

    return starts


def python_starts(lines: Sequence[bytes]) -> Sequence[int]:
    """Preset "python": indented lines, tracebacks and dumps belong to the line before them."""
    text = b"\n".join(lines)
    if not any(sign in text for sign in _PYTHON_SIGNS):
        return range(len(lines))
    starts: list[int] = []
    record = ""
    for index, line in enumerate(lines):
        state = _python_state(record, line, lines[starts[-1]]) if index else ""
        if not state:
            starts.append(index)
            state = "" if _is_object(line) else begin(line)
        record = state
    return starts


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


def vllm_starts(lines: Sequence[bytes]) -> Sequence[int]:
    """Preset "vllm": exception records, whose lines repeat their head, and raw tracebacks behind one process prefix."""
    if TRACEBACK_LINE not in b"\n".join(lines):
        return range(len(lines))
    joined: set[int] = set()
    for index, line in enumerate(lines):
        if TRACEBACK_LINE in line and index not in joined:
            joined.update(_record_around(lines, index))
    return [index for index in range(len(lines)) if index not in joined]


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
