"""A line of a file with what stands around it, for levels are inherited and records joined.

Rule 1: at most WINDOW bytes are held, whatever the file is; finding line N reads what is before it, and nothing more.
Rule 2: lines count from 1, as editors count them: LF ends one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shipper.clock import Clock
from shipper.config.model import ResolvedSource
from shipper.errors import UsageError
from shipper.explain.trace import Excerpt, excerpt
from shipper.sources.file.content import Content, reader

PIECE: Final = 1 << 20
WINDOW: Final = 4 << 20
"""More than the longest line there may be (3 MiB)."""
TAIL: Final = 128 * 1024
"""At the end of a file, where the last record is looked for first."""
BEFORE: Final = 200
"""Lines before the one that is asked about."""
AFTER: Final = 500
"""Lines behind it that may belong to its record."""

Read = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A line among its neighbours."""

    excerpt: Excerpt
    index: int
    """Of the line in the excerpt."""

    @property
    def offset(self) -> int:
        """Where the line begins in the content."""
        return self.excerpt.chunk.offsets()[self.index]


def find_line(
    resolved: ResolvedSource,
    content: Content,
    path: str,
    number: int | None,
    clock: Clock,
    *,
    generation: int = 0,
    demoted: tuple[str, ...] = (),
) -> Found | None:
    """Line `number` of a file; without a number the last one that is complete and not blank, None if there is none.

    Raises UsageError if the file has fewer lines.
    """
    read = reader(content)
    found = _last(read, _size(content, read)) if number is None else _numbered(read, number)
    if found is None:
        if number is None:
            return None
        raise UsageError(f"{path} has no line {number}", hint="leave out --line to see its last one")
    start, data, index = found
    changed = content.stat().st_mtime_ns
    seen = excerpt(
        resolved,
        data,
        path=path,
        clock=clock,
        start=start,
        file_changed=changed,
        generation=generation,
        demoted=demoted,
    )
    return Found(excerpt=seen, index=index)


Place = tuple[int, bytes, int]
"""Where some bytes begin, the bytes, and the index of the line that is meant among theirs."""


def _last(read: Read, size: int) -> Place | None:
    for most in (TAIL, WINDOW):
        start = max(0, size - most)
        data = _bytes(read, start, size - start)
        if start:
            skipped = data.find(b"\n") + 1
            start, data = start + skipped, data[skipped:]
        data = data[: data.rfind(b"\n") + 1]
        lines = data.split(b"\n")
        index = next((index for index in reversed(range(len(lines))) if lines[index].strip()), None)
        if index is not None:
            return start, data, index
    return None


def _numbered(read: Read, number: int) -> Place | None:
    for before in (min(BEFORE, number - 1), 0):  # without its neighbours if these are too large
        start = _offset(read, number - before)
        data = _bytes(read, start, WINDOW)
        *lines, rest = data.split(b"\n", before + 1 + AFTER)
        if len(lines) > before:
            return start, data[: len(data) - len(rest)], before
        if len(lines) == before and rest and len(data) < WINDOW:  # the last one, which has no end yet
            return start, data, before
    return None


def _offset(read: Read, number: int) -> int:
    """Where line `number` begins; the end of the content if it has fewer."""
    left, at = number - 1, 0
    while left:
        data = read(at, PIECE)
        if not data:
            break
        count = data.count(b"\n")
        if count >= left:
            place = 0
            for _ in range(left):
                place = data.index(b"\n", place) + 1
            return at + place
        left, at = left - count, at + len(data)
    return at


def _bytes(read: Read, start: int, most: int) -> bytes:
    """Up to `most` bytes from `start` on."""
    pieces: list[bytes] = []
    while most > 0 and (data := read(start, min(PIECE, most))):
        pieces.append(data)
        start, most = start + len(data), most - len(data)
    return b"".join(pieces)


def _size(content: Content, read: Read) -> int:
    """Bytes there are; of a compressed content only reading through it tells."""
    at = max(0, content.size() - 1)
    while data := read(at, PIECE):
        at += len(data)
    return at
