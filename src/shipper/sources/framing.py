"""Bytes to lines: only LF ends one.

Rule 1: for every way to cut the bytes into feeds the lines are the same, and so are their sizes in the content.
Rule 2: at most `hold` bytes of an unterminated line are held as they are; a longer one is held as `line.Unfinished`.
Rule 3: bytes in, lines out; no I/O, no clock. What a line means is not known here.

The hot path is `_frame`: on a block without CR, NUL, bad bytes or overlong lines it makes one split and one map, and
nothing per line in Python. Measured: 30 MB in 200,000 lines in 23 ms.
"""

from __future__ import annotations

import codecs
from codecs import utf_8_decode
from collections import Counter
from dataclasses import dataclass, field

from shipper.chunk import Chunk, Joins, Lane, Span
from shipper.config.model import ResolvedSource
from shipper.lines import lines_with
from shipper.sources.line import Unfinished, tidy

BOM = b"\xef\xbb\xbf"
HOLD = 64 * 1024
SHIFTING = ("utf-7", "hz", "iso2022")
"""Encodings in which ASCII bytes may stand for other characters."""
_WINDOW = 4096
"""Bytes looked at together when UTF-8 is checked."""


@dataclass(slots=True, kw_only=True, eq=False)
class Framed:
    """Complete lines in a row."""

    lines: list[bytes]
    lengths: list[int]
    sizes: list[int] | None
    """Bytes each line takes in the content; None: `length + 1` each."""
    plain: bool
    """No line is blank."""
    marks: list[tuple[int, str]] = field(default_factory=list)
    """What was done to which line: (index, reason), by index."""

    @property
    def size(self) -> int:
        """Bytes the lines take in the content."""
        return sum(self.lengths) + len(self.lengths) if self.sizes is None else sum(self.sizes)

    def fallbacks(self) -> dict[str, int]:
        """Lines by reason for which they were changed."""
        return dict(Counter(reason for _, reason in self.marks))


def empty() -> Framed:
    """No lines."""
    return Framed(lines=[], lengths=[], sizes=None, plain=True)


def join(first: Framed, second: Framed) -> Framed:
    """The lines of both, in order."""
    if not first.lines:
        return second
    if not second.lines:
        return first
    sizes = None
    if first.sizes is not None or second.sizes is not None:
        sizes = _sizes(first) + _sizes(second)
    count = len(first.lines)
    return Framed(
        lines=first.lines + second.lines,
        lengths=first.lengths + second.lengths,
        sizes=sizes,
        plain=first.plain and second.plain,
        marks=first.marks + [(index + count, reason) for index, reason in second.marks],
    )


def split(framed: Framed, count: int) -> tuple[Framed, Framed]:
    """The first `count` lines, and the others."""
    return _part(framed, 0, count), _part(framed, count, len(framed.lines))


class Framer:
    """Cuts the bytes of one content into lines; `at_start`: they begin at its offset 0, where a BOM is skipped."""

    def __init__(
        self, max_line_bytes: int, encoding: str = "utf-8", *, at_start: bool = True, hold: int = HOLD
    ) -> None:
        name = codecs.lookup(encoding).name
        self._encoding = "utf-8" if name in ("utf-8", "utf-8-sig", "ascii") else name
        self._shifting = self._encoding.startswith(SHIFTING)
        self._limit = max_line_bytes
        self._at_start = at_start
        self._hold = max(len(BOM), hold)
        self._rest = b""
        self._long: Unfinished | None = None
        self._skipped = 0

    @property
    def rest_size(self) -> int:
        """Bytes held of the line that has no LF yet."""
        return len(self._rest) if self._long is None else self._long.size + self._skipped

    def feed(self, data: bytes) -> Framed:
        """The lines that end in `data`."""
        if self._long is None:
            return self._frame(data)
        end = data.find(b"\n")
        if end < 0:
            self._long.add(data)
            return empty()
        self._long.add(data[:end])
        first = self._end_long(newline=1)
        return join(first, self._frame(data[end + 1 :])) if end + 1 < len(data) else first

    def finish(self) -> Framed:
        """The rest as a last line, though no LF ends it; nothing if there is none."""
        if self._long is not None:
            return self._end_long(newline=0)
        if not self._rest:
            return empty()
        raw, self._rest = self._rest, b""
        return self._single(*tidy(self._without_bom(raw), self._limit, self._encoding), size=len(raw))

    def _frame(self, data: bytes) -> Framed:
        lines = data.split(b"\n")
        if self._rest:
            # Not `rest + data`: a copy of each block costs more than its split (21 ms against 14 for 30 MB).
            lines[0] = self._rest + lines[0]
        self._rest = lines.pop()
        lengths = list(map(len, lines))
        sizes: list[int] | None = None
        marks: list[tuple[int, str]] = []
        if lines and not self._is_clean(data, lines, lengths):
            sizes, marks = self._mend(data, lines, lengths)
        if len(self._rest) > self._hold:
            self._begin_long()
        return Framed(lines=lines, lengths=lengths, sizes=sizes, plain=all(map(bytes.strip, lines)), marks=marks)

    def _is_clean(self, data: bytes, lines: list[bytes], lengths: list[int]) -> bool:
        """Whether `lines` are to be shipped as they are in `data`; the first may have begun before it."""
        first = lines[0]
        if self._shifting or b"\r" in data or b"\0" in data or self._has_overlong(data, lengths):
            return False
        if b"\r" in first or b"\0" in first or (self._at_start and first.startswith(BOM)):
            return False
        if not (data.isascii() and first.isascii()) and not self._is_utf8(data, first):
            return False
        self._at_start = False
        return True

    def _has_overlong(self, data: bytes, lengths: list[int]) -> bool:
        """Whether a line is longer than the limit: the first one may have begun before `data`, another one leaves some
        stretch of half the limit without an LF."""
        if lengths[0] > self._limit:
            return True
        half = max(1, self._limit // 2)
        stretches = range(0, len(data), half) if len(data) > self._limit else ()
        return any(data.find(b"\n", at, at + half) < 0 for at in stretches) and max(lengths) > self._limit

    def _is_utf8(self, data: bytes, first: bytes) -> bool:
        """Whether the lines that end in `data` are to be UTF-8 and are; `first` may have begun before it."""
        if self._encoding != "utf-8" or not is_utf8(first, 0, len(first)):
            return False
        return is_utf8(data, data.find(b"\n") + 1, data.rfind(b"\n") + 1)

    def _mend(
        self, data: bytes, lines: list[bytes], lengths: list[int]
    ) -> tuple[list[int] | None, list[tuple[int, str]]]:
        """Put the text of each odd line into `lines`, and its length into `lengths`; return sizes and marks."""
        marks: list[tuple[int, str]] = []
        texts: dict[int, bytes] = {}
        first = self._without_bom(lines[0])
        if first is not lines[0]:
            lines[0] = texts[0] = first
        for index in self._odd(data, lines, lengths):
            text, reasons = tidy(lines[index], self._limit, self._encoding)
            if text != lines[index]:
                texts[index] = text
            marks.extend((index, reason) for reason in reasons)
        if not texts:
            return None, marks
        sizes = [length + 1 for length in lengths]
        for index, text in texts.items():
            lines[index], lengths[index] = text, len(text)
        return sizes, marks

    def _odd(self, data: bytes, lines: list[bytes], lengths: list[int]) -> list[int]:
        """Indices of the lines that may have to be changed."""
        if self._shifting or self._encoding != "utf-8":
            return list(range(len(lines)))
        begin = data.find(b"\n") - lengths[0]
        odd = {0, *lines_with(b"\r", data, lengths, begin), *lines_with(b"\0", data, lengths, begin)}
        if self._has_overlong(data, lengths):
            odd.update(index for index, length in enumerate(lengths) if length > self._limit)
        if not data.isascii() and not self._is_utf8(data, lines[0]):
            odd.update(index for index, line in enumerate(lines) if not line.isascii())
        return sorted(odd)

    def _without_bom(self, raw: bytes) -> bytes:
        """`raw`, without the BOM if it is the first line of the content."""
        at_start, self._at_start = self._at_start, False
        return raw[len(BOM) :] if at_start and raw.startswith(BOM) else raw

    def _begin_long(self) -> None:
        raw = self._without_bom(self._rest)
        self._skipped = len(self._rest) - len(raw)
        self._long = Unfinished(self._limit, self._encoding)
        self._long.add(raw)
        self._rest = b""

    def _end_long(self, newline: int) -> Framed:
        assert self._long is not None
        size = self.rest_size + newline
        text, reasons = self._long.finish()
        self._long = None
        return self._single(text, reasons, size=size)

    def _single(self, text: bytes, reasons: tuple[str, ...], *, size: int) -> Framed:
        marks = [(0, reason) for reason in reasons]
        return Framed(lines=[text], lengths=[len(text)], sizes=[size], plain=bool(text.strip()), marks=marks)


def chunk_of(
    framed: Framed, span: Span, lane: Lane, *, joins: Joins | None = None, times: list[int] | None = None
) -> Chunk:
    """The lines of a span as a chunk; `joins`: which of them are one record, `times`: their own, ns, if any."""
    return Chunk(
        span=span,
        lane=lane,
        lines=framed.lines,
        lengths=framed.lengths,
        sizes=framed.sizes,
        plain=framed.plain,
        times=times,
        joins=joins,
        fallbacks=framed.fallbacks(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How the bytes of one source become lines."""

    max_line_bytes: int
    encoding: str

    def framer(self, start: int) -> Framer:
        """A framer for a content from offset `start` on."""
        return Framer(self.max_line_bytes, self.encoding, at_start=start == 0)


def framing_of(resolved: ResolvedSource) -> Framing:
    """How the lines of a source are framed."""
    return Framing(max_line_bytes=resolved.max_line_bytes, encoding=resolved.encoding)


def _sizes(framed: Framed) -> list[int]:
    return framed.sizes if framed.sizes is not None else [length + 1 for length in framed.lengths]


def _part(framed: Framed, first: int, end: int) -> Framed:
    lines = framed.lines[first:end]
    marks = [(index - first, reason) for index, reason in framed.marks if first <= index < end]
    sizes = None if framed.sizes is None else framed.sizes[first:end]
    lengths = framed.lengths[first:end]
    if sizes is not None and not marks and all(map(int.__eq__, sizes, [length + 1 for length in lengths])):
        sizes = None
    plain = framed.plain or all(map(bytes.strip, lines))
    return Framed(lines=lines, lengths=lengths, sizes=sizes, plain=plain, marks=marks)


def is_utf8(data: bytes, start: int, end: int) -> bool:
    """Whether `data[start:end]` is valid UTF-8.

    Window by window, since only those that are not ASCII have to be decoded: 4 ns a line where one line in 500 is not,
    against 50 ns for asking each line, or for decoding all of it.
    """
    at = start
    while at < end:
        window = data[at : min(end, at + _WINDOW)]
        if window.isascii():
            at += len(window)
            continue
        try:
            at += utf_8_decode(window, "strict", at + len(window) == end)[1]
        except UnicodeDecodeError:
            return False
    return True
