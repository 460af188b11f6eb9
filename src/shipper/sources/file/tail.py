"""One generation of one path: bytes read once, in order, as spans that end after an LF.

Rule 1: before anything new is read, the up to 1 KiB before it must still be what was read: a content that was truncated
        and has grown again is never mistaken for the old one.
Rule 2: a span ends after an LF, with a grouper where a record begins; only a final rest ends where the bytes end.
Rule 3: replayed spans come first, exactly `[start, end)`, framed from their start on as they were the first time.
Rule 4: memory is bounded: one block, the lines of one record, and the unterminated rest as `framing` holds it.

It does not know why its content is rotated, deleted or replaced: `roster` does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from shipper.chunk import Chunk, Fingerprint, Joins, Lane, Origin, Span
from shipper.clock import Clock
from shipper.sources.file import fingerprint as identity
from shipper.sources.file.content import Content, GzipBroken, reader
from shipper.sources.file.fingerprint import WINDOW
from shipper.sources.framing import Framed, Framer, Framing, chunk_of, empty, join, split
from shipper.sources.step import Generation, Grouper, Note, OpenSpan, replayed

BLOCK = 1 << 20
"""Bytes read at once at most."""
LEAST = 64 * 1024
"""Bytes read at once at least, however few are asked for, if there are so many: a chunk costs as much as 300 lines."""


class ContentChanged(Exception):
    """The bytes before the read offset are no longer those that were read."""


class SpanGone(Exception):
    """The bytes of an open span are no longer there."""

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What all generations of a source share."""

    framing: Framing
    clock: Clock
    grouper: Grouper | None = None
    epochs: Mapping[str, Framing] = field(default_factory=dict)
    """How spans of earlier configurations were framed."""


@dataclass(slots=True, kw_only=True, eq=False)
class Tail:
    """One generation, and how far it has been read."""

    reading: Reading
    origin: Origin
    lane: Lane
    seen_at: str
    """Where the file was seen last."""
    target: str
    """The same with symbolic links resolved: where it is opened, and sought when a link leads elsewhere."""
    key: tuple[int, int]
    """Device and inode of that file."""
    size: int
    """Bytes there at the last look."""
    disk: int
    """Bytes the file takes, compressed or not."""
    changed: int
    """When the file was changed last, ns."""
    content: Content | None = None
    offset: int = 0
    """Everything before it is in spans."""
    after_eof: bool = True
    """Whether the end of the file was reached before the line at `offset`."""
    replays: list[OpenSpan] = field(default_factory=list)
    rotated_at: float | None = None
    """When its path was seen to name something else."""
    deleted: bool = False
    absent: bool = False
    """It was not found anywhere, but may be again."""
    gone: bool = False
    """No content is left to read; what is in memory is final."""
    finished: bool = False
    grown_at: float = 0.0
    """When more bytes were seen last."""
    used_at: float = 0.0
    noted_size: int = 0
    known: Fingerprint = field(default_factory=Fingerprint)
    """Of the content up to `scanned`, while no content is open."""
    scanned: int = 0
    """Everything before it has been read."""
    _head: bytes = b""
    """Up to 1 KiB from the start, as far as it was seen: also what was not read yet."""
    _window: bytes = b""
    """Up to 1 KiB before `scanned`."""
    _framer: Framer | None = None
    _held: Framed = field(default_factory=empty)
    _held_at: float = 0.0
    _at_end: bool = False

    # ── state ──

    @property
    def unread(self) -> int:
        """Bytes seen and not read."""
        return max(0, self.size - self.scanned)

    @property
    def rest(self) -> int:
        """Bytes of the unterminated last line."""
        return 0 if self._framer is None else self._framer.rest_size

    @property
    def held(self) -> bool:
        """Whether complete lines are kept back because their record may go on."""
        return bool(self._held.lines)

    @property
    def drained(self) -> bool:
        """Whether everything seen was read and handed on."""
        return not (self.replays or self.unread or self.rest or self.held)

    @property
    def held_deleted(self) -> bool:
        """Whether only this process keeps its bytes on the disk."""
        return self.deleted and self.content is not None

    def is_due(self, now: float) -> bool:
        """Whether the record kept back has waited long enough."""
        grouper = self.reading.grouper
        return grouper is not None and self.held and now - self._held_at >= grouper.max_wait / 1e9

    def note(self, *, start: int = 0, final: int | None = None, lost: int = 0) -> Note:
        """What the journal is to know of it."""
        self.noted_size = self.size
        return Note(
            id=self.origin.generation,
            source=self.origin.source,
            path=self.lane.path,
            seen_at=self.target,
            device=self.key[0],
            inode=self.key[1],
            size=self.size,
            changed=self.changed,
            start=start,
            fingerprint=self.known if start else Fingerprint(),
            final=final,
            gone=self.gone or self.deleted,
            lost=lost,
        )

    # ── content ──

    def accepts(self, content: Content, *, copy: bool = False) -> bool:
        """Whether `content` is this generation: the same as far as it was seen; a `copy` as far as it was read."""
        read = reader(content)
        head = read(0, len(self._head))
        if not (head == self._head or (copy and self._head.startswith(head))):
            return False
        if self.content is None:
            return identity.agrees(self.known, read, self.scanned)
        window = len(self._window)
        return read(self.scanned - window, window) == self._window

    @property
    def linked(self) -> bool:
        """Whether it was seen through a symbolic link."""
        return self.target != self.seen_at

    def attach(self, content: Content) -> None:
        """Read from `content` from now on; it has been accepted."""
        if self.content is not None:
            self.content.close()
        elif not self._window:
            self._look_back(content)
        info = content.stat()
        self.content = content
        self._head = reader(content)(0, WINDOW)
        self.key = (info.st_dev, info.st_ino)
        self.observe(info)

    def attach_again(self, content: Content) -> bool:
        """Read on in a content that has been accepted, unless it was emptied meanwhile: then nothing has happened."""
        self.attach(content)
        if not self.scanned or identity.agrees(self.known, self._remembered, self.scanned):
            return True
        self.content, self._head, self._window = None, b"", b""
        content.close()
        return False

    def _remembered(self, offset: int, size: int) -> bytes:
        """What is kept in memory of the content: its first bytes, or the last before `scanned`."""
        if offset == 0 and size <= len(self._head):
            return self._head[:size]
        begin = self.scanned - len(self._window)
        return self._window[max(0, offset - begin) : offset - begin + size]

    def observe(self, info: os.stat_result) -> None:
        """Take note of size and change time."""
        self.changed, self.disk = info.st_mtime_ns, info.st_size
        self.size = self.content.size() if self.content is not None else info.st_size
        self._see_head()

    def detach(self) -> Content | None:
        """Give the content away; what is known of it stays."""
        content, self.content = self.content, None
        if self._window:
            self.known = identity.fingerprint(self._head[: self.scanned], self._window)
        self._window = b""
        if not self.rest:
            self._framer = None
        return content

    def close(self) -> None:
        """Give the descriptor back; what is known of the content stays."""
        content = self.detach()
        if content is not None:
            content.close()
        if self.scanned:
            self._head = b""

    def resume(self, generation: Generation) -> None:
        """Begin where the journal says that reading ended."""
        self.replays = list(generation.open)
        self.offset = self.scanned = generation.offset
        self.known = identity.of_file(generation.fingerprint)
        self.after_eof = generation.at_eof
        self.noted_size = generation.size

    # ── reading ──

    def read(self, now: float, size: int) -> tuple[Chunk | None, int]:
        """The next chunk, if the next block of about `size` bytes completes one, and the bytes read."""
        assert self.content is not None
        self.used_at = now
        if self.replays:
            return self._replay()
        base = self.scanned
        size = min(max(size, LEAST), BLOCK)
        if self._held.lines:
            size -= min(self._held.size, size // 2)
        try:
            data = self.content.read(base, min(size, self.unread))
        except GzipBroken:
            self.size = base
            raise
        if not self.accepts(self.content):
            raise ContentChanged
        framed = self._take(base, data)
        if framed.lines:
            self._held_at = now
            self._held = join(self._held, framed)
        if not data:
            self.size = base
        elif not self.unread:
            self.size = max(self.size, self.content.size())
        self._at_end = not self.unread
        return self._ripe(now, base, data), len(data)

    def flush(self) -> Chunk | None:
        """Everything that is in memory, as final: lines kept back and the unterminated rest."""
        if self._framer is not None:
            self._held = join(self._held, self._framer.finish())
        self._at_end = True
        return self._emit(len(self._held.lines), b"", self.scanned) if self._held.lines else None

    def cut_rest(self) -> None:
        """What follows is lost: forget the part of a line before it, as if it had not been read."""
        self._framer = None
        self.scanned = self.offset + self._held.size

    def take_due(self) -> Chunk:
        """The record kept back."""
        return self._emit(len(self._held.lines), b"", self.scanned)

    def _see_head(self) -> None:
        if len(self._head) < min(WINDOW, self.size) and self.content is not None:
            self._head = reader(self.content)(0, WINDOW)

    def _look_back(self, content: Content) -> None:
        """Take in what stands before `scanned`."""
        begin = max(0, self.scanned - WINDOW)
        self._window = reader(content)(begin, self.scanned - begin)

    def _take(self, base: int, data: bytes) -> Framed:
        if self._framer is None:
            self._framer = self.reading.framing.framer(base)
        self.scanned = base + len(data)
        if base + len(data) > len(self._head):
            self._see_head()
        self._window = data[-WINDOW:] if len(data) >= WINDOW else (self._window + data)[-WINDOW:]
        return self._framer.feed(data)

    def _ripe(self, now: float, base: int, data: bytes) -> Chunk | None:
        count = len(self._held.lines)
        grouper = self.reading.grouper
        joins: Joins | None = None
        if count and grouper is not None:
            count, joins = grouper.whole(self._held.lines)
        if count:
            return self._emit(count, data, base, joins)
        if self._at_end and not self.held:
            self.after_eof = True
        return None

    def _emit(self, count: int, data: bytes, base: int, joins: Joins | None = None) -> Chunk:
        """The first `count` held lines as a chunk; `data` was read at `base` just now."""
        framed, self._held = split(self._held, count) if count < len(self._held.lines) else (self._held, empty())
        start, end = self.offset, self.scanned - self.rest - self._held.size
        span = Span(
            origin=self.origin,
            start=start,
            end=end,
            clock=self.reading.clock.reserve(len(framed.lines)),
            after_eof=self.after_eof,
            hit_eof=self._at_end and not self.held,
            fingerprint=self._fingerprint(end, data, base),
            file_changed=self.changed,
        )
        self.offset, self.after_eof = end, span.hit_eof
        return self._chunk(span, framed, joins)

    def _fingerprint(self, end: int, data: bytes, base: int) -> Fingerprint:
        """Of the content up to `end`; of one that is gone, what was known of it when it went."""
        went = self.content is None and end == self.scanned
        return self.known if went else identity.fingerprint(self._head[:end], self._before(end, data, base))

    def _before(self, end: int, data: bytes, base: int) -> bytes:
        """Up to 1 KiB before offset `end`, from memory where it is there."""
        begin = max(0, end - WINDOW)
        if begin >= base and end - base <= len(data):
            return data[begin - base : end - base]
        if end == self.scanned:
            return self._window
        return b"" if self.content is None else reader(self.content)(begin, end - begin)

    def _chunk(self, span: Span, framed: Framed, joins: Joins | None = None) -> Chunk:
        return chunk_of(framed, span, self.lane, joins=joins)

    def _replay(self) -> tuple[Chunk | None, int]:
        assert self.content is not None
        known = self.replays.pop(0)
        span = replayed(known, self.origin)
        framed, intact = (empty(), True) if known.settled else self._frame_again(self.content, known)
        self.offset = self.scanned = known.end
        self.after_eof, self.known = known.hit_eof, identity.of_file(known.fingerprint)
        self._head = reader(self.content)(0, WINDOW)
        self._look_back(self.content)
        if not self.unread:  # of a compressed content no more is known than was decompressed at the last look
            self.size = max(self.size, self.content.size())
        if known.settled:
            return None, 0
        if not intact:
            raise SpanGone(span)
        return self._chunk(span, framed), known.end - known.start

    def _frame_again(self, content: Content, known: OpenSpan) -> tuple[Framed, bool]:
        """The lines of an open span as they were the first time, and whether its bytes are still those."""
        read = reader(content)
        if not identity.agrees(identity.of_file(known.fingerprint), read, known.end):
            return empty(), False
        framer = self.reading.epochs.get(known.epoch, self.reading.framing).framer(known.start)
        framed, at = empty(), known.start
        while at < known.end:
            data = read(at, min(BLOCK, known.end - at))
            if not data:
                return empty(), False
            framed = join(framed, framer.feed(data))
            at += len(data)
        return join(framed, framer.finish()), True
