"""The rules for one physical line: what stands between two LFs becomes the text that is shipped.

Rule 1: a NUL hole at the start is cut off, one trailing CR is stripped, a CR elsewhere is a redraw (the last state that
        is not blank stays, with the fixed prefix before the first CR), bad bytes become U+FFFD, and the result is never
        longer than the limit: it is cut on a character boundary and says so.
Rule 2: `tidy` (a whole line at once) and `Unfinished` (a line that arrives in pieces) give the same text for the same
        bytes; `Unfinished` holds at most three states of at most `limit` bytes, however long the line grows.
Rule 3: bytes in, bytes out; no I/O.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

import orjson

PREFIX_LIMIT = 1024
"""A text longer than this before the first CR is a state of the bar, never a fixed prefix."""

REPLACEMENT = "�".encode()


@dataclass(frozen=True, slots=True)
class State:
    """What stood between two CRs: UTF-8 text, its first `limit` bytes at least, and the size of the whole."""

    text: bytes
    size: int
    invalid: bool


def mark(size: int) -> bytes:
    """What stands at the end of a cut line: how many bytes of its text are missing."""
    return f" … [cut, {size} bytes]".encode()


def cut(text: bytes, size: int, limit: int) -> bytes:
    """The first characters of a text of `size` bytes and the mark, within `limit` bytes."""
    kept = _whole_characters(text[: max(0, limit - len(mark(size)))])
    return _whole_characters((kept + mark(size - len(kept)))[:limit])


def tidy(raw: bytes, limit: int, encoding: str = "utf-8") -> tuple[bytes, tuple[str, ...]]:
    """The text of a whole line (without its LF), and the reasons for which it was changed (see `Chunk.fallbacks`)."""
    line = raw.lstrip(b"\0")
    parts = line.split(b"\r")
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    last = next((part for part in reversed(parts[1:]) if part.strip()), None)
    return _compose(
        _state(parts[0], encoding),
        None if last is None else _state(last, encoding),
        limit=limit,
        redrawn=len(parts) > 1,
        holed=len(line) != len(raw),
    )


class Unfinished:
    """A line whose LF has not come yet, in bounded memory."""

    def __init__(self, limit: int, encoding: str = "utf-8") -> None:
        self.size = 0
        """Bytes the line takes so far."""
        self._limit = limit
        self._encoding = encoding
        self._holed = False
        self._begun = False
        self._closed = 0
        self._first: State | None = None
        self._kept: State | None = None
        self._open = _Growing(limit, encoding)

    def add(self, raw: bytes) -> None:
        """Take more bytes of the line; `raw` holds no LF."""
        self.size += len(raw)
        if not self._begun:
            begun = raw.lstrip(b"\0")
            self._holed = self._holed or len(begun) != len(raw)
            self._begun = bool(begun)
            raw = begun
        head, *middle = raw.split(b"\r")
        self._open.add(head)
        if not middle:
            return
        self._close()
        last = middle.pop()
        state = next((part for part in reversed(middle) if part.strip()), None)
        if state is not None:
            self._open.add(state)
        if middle:
            self._close()
        self._open.add(last)

    def finish(self) -> tuple[bytes, tuple[str, ...]]:
        """The line's text, and the reasons for which it was changed."""
        if self._open.size or not self._closed:
            self._close()
        first = self._first or State(b"", 0, False)
        return _compose(first, self._kept, limit=self._limit, redrawn=self._closed > 1, holed=self._holed)

    def _close(self) -> None:
        blank, state = self._open.blank, self._open.finish()
        if not self._closed:
            self._first = state
        elif not blank:
            self._kept = state
        self._closed += 1
        self._open = _Growing(self._limit, self._encoding)


class _Growing:
    """One state that arrives in pieces: decoded as it comes, held up to the limit."""

    def __init__(self, limit: int, encoding: str) -> None:
        self.size = 0
        self.blank = True
        self._limit = max(limit, PREFIX_LIMIT)
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._utf8 = encoding == "utf-8"
        self._text = bytearray()
        self._total = 0
        self._replaced = 0
        self._edge = b""

    def add(self, raw: bytes) -> None:
        if not raw:
            return
        self.size += len(raw)
        self.blank = self.blank and not raw.strip()
        if self._utf8:
            # A U+FFFD that is in the bytes is no fault of it: it is three bytes, and may arrive in two pieces.
            edge = self._edge + raw
            self._replaced -= edge.count(REPLACEMENT)
            self._edge = edge[-2:]
        self._take(self._decoder.decode(raw))

    def finish(self) -> State:
        self._take(self._decoder.decode(b"", True))
        return State(bytes(self._text), self._total, self._replaced > 0)

    def _take(self, decoded: str) -> None:
        text = decoded.encode("utf-8", "replace")
        self._replaced += text.count(REPLACEMENT)
        self._total += len(text)
        room = self._limit - len(self._text)
        if room > 0:
            self._text += text[:room]


def _state(raw: bytes, encoding: str) -> State:
    if encoding == "utf-8":
        try:
            raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "replace").encode()
            return State(text, len(text), True)
        return State(raw, len(raw), False)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = (decoder.decode(raw) + decoder.decode(b"", True)).encode("utf-8", "replace")
    return State(text, len(text), REPLACEMENT in text)


def _compose(
    first: State, last: State | None, *, limit: int, redrawn: bool, holed: bool
) -> tuple[bytes, tuple[str, ...]]:
    """The text of a line made of what stood before its first CR and of its last state that is not blank."""
    if last is None:
        chosen = [first]
    elif not _is_object(last, limit) and _is_prefix(first, last):
        chosen = [first, last]
    else:
        chosen = [last]
    text = b"".join(state.text for state in chosen)
    size = sum(state.size for state in chosen)
    reasons = {
        "nul_hole": holed,
        "redraw": redrawn,
        "invalid_utf8": any(state.invalid for state in chosen),
        "cut": size > limit,
    }
    said = tuple(reason for reason, true in reasons.items() if true)
    return (cut(text, size, limit) if size > limit else text), said


def _is_object(state: State, limit: int) -> bool:
    """Whether a state is a JSON object; one over the limit is never read as one."""
    text = state.text.strip()
    if state.size > limit or not (text.startswith(b"{") and text.endswith(b"}")):
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _is_prefix(first: State, last: State) -> bool:
    """Whether the text before the first CR stays before every state: `[Model1] (EngineCore pid=2) `, not `10% `."""
    if not 0 < first.size <= PREFIX_LIMIT or not first.text[-1:].isspace():
        return False
    return bool(first.text.strip()) and _beginning(first.text) != _beginning(last.text[:PREFIX_LIMIT])


def _beginning(text: bytes) -> bytes:
    """The first word without its digits: equal for two states of one bar; empty if only blanks were looked at."""
    return b"".join(text.split(None, 1)[:1]).translate(None, b"0123456789")


def _whole_characters(text: bytes) -> bytes:
    return text.decode("utf-8", "ignore").encode()
