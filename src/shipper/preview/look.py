"""Looks at a source's files as the agent would find them: the whole of small ones, both ends of large ones.

Rule 1: at most `END` bytes from either end of a file are read, and at most `BUDGET` of a source.
Rule 2: reading only; a file that cannot be read is a problem with a name, and the others are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from shipper.chunk import Chunk, Fingerprint, Lane, Origin, Span
from shipper.clock import Clock
from shipper.collector import FIRST
from shipper.config.model import FileSource, ResolvedSource
from shipper.failures import HINTS
from shipper.sources.file.content import Content, open_content, reader, trouble
from shipper.sources.file.discovery import Discovery, Found, Problem
from shipper.sources.file.paths import label
from shipper.sources.framing import Framed, Framer, chunk_of

END = 1 << 20
BUDGET = 64 << 20
PIECE = FIRST
"""What the agent reads at first, so that chunks end where they would there."""
TAIL = 1000
"""Lines at the end of each container's stream that are looked at."""

Reader = Callable[[int, int], bytes]


@dataclass(slots=True, kw_only=True)
class Look:
    """What was seen of one file."""

    path: str
    size: int
    looked_at: int = 0
    """Bytes of complete lines that were read."""
    unterminated: int = 0
    """Bytes at the end that no newline ends."""
    lines: int = 0
    key: tuple[int, int] = (0, 0)
    """Device and inode; zeros: it is no file."""
    changed: int = 0
    """When it was written last, ns; 0: not known."""
    parsed: int = 0
    """The time that the last line has of its own, ns, once a pipeline has read it; 0: it has none."""
    timed: int = 0
    """The last time that any of its lines has of its own, ns, as soon as `parsed`; 0: none has one."""
    chunks: list[Chunk] = field(default_factory=list)
    """The lines; emptied by who has used them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something a glob names that cannot be read."""

    path: str
    name: str
    """A name of the failure catalogue."""
    detail: str
    hint: str


class Looker:
    """Looks at the files of one source; `troubles` are those met so far."""

    def __init__(self, resolved: ResolvedSource, source: FileSource, clock: Clock) -> None:
        self._resolved = resolved
        self._clock = clock
        self._discovery = Discovery(source.paths, source.exclude, source.link_roots)
        self._left = BUDGET
        self.found = ()
        self.troubles: list[Trouble] = []

    def looks(self) -> Iterator[Look]:
        """Every file, the latest changed first, since these are the ones that count when there are too many."""
        found = self._discovery.sweep()
        self.troubles += map(_trouble, self._discovery.problems)
        for number, file in enumerate(sorted(found, key=lambda file: -file.info.st_mtime_ns)):
            look = self._look(file, number)
            if look is not None:
                yield look

    def _look(self, found: Found, number: int) -> Look | None:
        try:
            content = open_content(found.target)
        except OSError as error:
            self.troubles.append(_trouble(Problem(trouble(error), found.path, error.strerror or "")))
            return None
        try:
            return self._ends(content, found, number)
        except OSError as error:
            self.troubles.append(_trouble(Problem(trouble(error), found.path, error.strerror or "")))
            return None
        finally:
            content.close()

    def _ends(self, content: Content, found: Found, number: int) -> Look:
        """The beginning, and the end if they do not meet."""
        info = found.info
        look = Look(path=label(found.path), size=info.st_size, key=found.key, changed=info.st_mtime_ns)
        if self._left <= 0:
            return look
        origin = Origin(source=self._resolved.name, generation=number, path=look.path)
        lane = Lane(source=origin.source, path=origin.path)
        size = info.st_size
        if size <= 2 * END:
            self._take(look, content, (0, size), origin, lane, last=True)
        else:
            self._take(look, content, (0, END), origin, lane, last=False)
            self._take(look, content, (size - END, size), origin, lane, last=True)
        self._left -= look.looked_at
        return look

    def _take(
        self, look: Look, content: Content, place: tuple[int, int], origin: Origin, lane: Lane, *, last: bool
    ) -> None:
        """Add the complete lines in the bytes `place` as a chunk."""
        start, end = place
        framer = Framer(self._resolved.max_line_bytes, self._resolved.encoding, at_start=start == 0)
        read = reader(content)
        if start:
            start = _after_newline(read(start, PIECE), start)
        framed = [framer.feed(data) for data in _pieces(read, start, end)]
        if last:
            look.unterminated = framer.rest_size
        for part in framed:
            if part.lines:
                look.chunks.append(self._chunk(part, origin, lane, start))
                start += part.size
                look.looked_at += part.size
                look.lines += len(part.lines)

    def _chunk(self, framed: Framed, origin: Origin, lane: Lane, start: int) -> Chunk:
        span = Span(
            origin=origin,
            start=start,
            end=start + framed.size,
            clock=self._clock.reserve(len(framed.lines)),
            after_eof=start == 0,
            hit_eof=False,
            fingerprint=Fingerprint(),
        )
        return chunk_of(framed, span, lane)


def _pieces(read: Reader, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        data = read(start, min(PIECE, end - start))
        if not data:
            return
        yield data
        start += len(data)


def _after_newline(data: bytes, start: int) -> int:
    """The offset of the first line that begins in `data`, which begins at `start`."""
    return start + data.find(b"\n") + 1 if b"\n" in data else start + len(data)


def _trouble(problem: Problem) -> Trouble:
    return Trouble(path=label(problem.path), name=problem.name, detail=problem.detail, hint=HINTS[problem.name])


def looked_at(looks: Sequence[Look]) -> tuple[int, int]:
    """Bytes looked at, and bytes there are."""
    return sum(look.looked_at for look in looks), sum(look.size for look in looks)
