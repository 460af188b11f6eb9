"""The bytes of a container's log as the Engine sends them, cut into messages, each with its time.

Rule 1: for every way to cut the bytes into feeds the messages are the same.
Rule 2: a message ends with an LF or has none: then it is a piece of a longer line, or what a container left unfinished.
Rule 3: at most one message that is not complete is held.
Rule 4: bytes in, messages out; no I/O, no clock. Which messages make a line is not known here.

The Engine API ("Attach to a container") knows two forms, and with `timestamps` each message begins with its time and a
space in both. Without a TTY each message is a frame: one byte that names the stream, three zeros, the length in four
bytes. With a TTY there is nothing around the messages, so one without an LF ends where the time of the next stands:
that is never before its own, while a time that the program itself printed always is.
"""

from __future__ import annotations

import calendar
import re
import struct
import time
from collections.abc import Iterator
from typing import Final, Protocol

from shipper.errors import WireError

Message = tuple[int, bytes]
"""When it was written, ns, and its bytes."""

SECOND: Final = 1_000_000_000
SYSTEM: Final = 3
"""The stream by which the Engine itself says what went wrong."""
LARGEST: Final = 16 << 20
"""Frames are 16 KiB with most drivers and 1 MB with `local`; more is no frame."""
_HEADER: Final = struct.Struct(">B3sI")
_ZEROS: Final = b"\0\0\0"
_STAMP: Final = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_STAMP_WITHIN: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d) ")
_LINE: Final = re.compile(rb"[^\n]*\n|[^\n]+")
_SECONDS_KEPT: Final = 4096


class Codec(Protocol):
    """One connection's bytes."""

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete with `data`; raises WireError for what is no log."""
        ...

    def finish(self) -> list[Message]:
        """What is left when the Engine has ended the connection in order."""
        ...


class Frames:
    """The form without a TTY."""

    def __init__(self) -> None:
        self._rest = b""
        self._stamps = Stamps()

    def feed(self, data: bytes) -> list[Message]:
        """The messages whose frames are complete."""
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        messages: list[Message] = []
        while end - at >= _HEADER.size:
            kind, zeros, size = _HEADER.unpack_from(data, at)
            if zeros != _ZEROS or kind > SYSTEM or size > LARGEST:
                raise WireError(f"no frame of a log: {data[at : at + 8]!r}")
            stop = at + _HEADER.size + size
            if stop > end:
                break
            payload = data[at + _HEADER.size : stop]
            if kind == SYSTEM:
                raise WireError(payload.decode("utf-8", "replace").strip())
            messages.append(self._stamps.message(payload))
            at = stop
        self._rest = data[at:]
        return _one_line_each(messages)

    def finish(self) -> list[Message]:
        """Nothing: a frame is there as a whole or not at all."""
        if self._rest:
            raise WireError("the log ends within a frame")
        return []


class Terminal:
    """The form with a TTY."""

    def __init__(self) -> None:
        self._rest = b""
        self._stamps = Stamps()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that an LF or the time of the next one ends."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        messages = [message for line in lines for message in self._messages(line + b"\n")]
        *whole, last = self._texts(self._rest)
        self._rest = last
        return messages + [self._stamps.message(text) for text in whole]

    def finish(self) -> list[Message]:
        """The message that nothing ended."""
        rest, self._rest = self._rest, b""
        return list(self._messages(rest)) if rest else []

    def _messages(self, line: bytes) -> Iterator[Message]:
        return map(self._stamps.message, self._texts(line))

    def _texts(self, line: bytes) -> list[bytes]:
        """What stands before an LF, cut before each time that is not before the one at its beginning."""
        first = _STAMP_WITHIN.match(line)
        if first is None:
            return [line]
        texts, begun, current = [], 0, self._stamps.parse(first[0][:-1])
        for found in _STAMP_WITHIN.finditer(line, first.end()):
            stamp = self._stamps.parse(found[0][:-1])
            if stamp >= current:
                texts.append(line[begun : found.start()])
                begun, current = found.start(), stamp
        return [*texts, line[begun:]]


class Stamps:
    """Reads times; the seconds are kept, for they are the same in most messages: 0.5 µs a message."""

    def __init__(self) -> None:
        self._seconds: dict[bytes, int] = {}

    def message(self, payload: bytes) -> Message:
        """The time at the head of a payload, and what follows it."""
        stamp, _, text = payload.partition(b" ")
        return self.parse(stamp), text

    def parse(self, stamp: bytes) -> int:
        """An RFC 3339 time, ns; raises WireError."""
        if len(stamp) == 30 and stamp[29] == 0x5A and stamp[20:29].isdigit():
            second = self._seconds.get(stamp[:20])
            if second is not None:
                return second + int(stamp[20:29])
        return self._parse(stamp)

    def _parse(self, stamp: bytes) -> int:
        match = _STAMP.fullmatch(stamp)
        try:
            whole = calendar.timegm(time.strptime(match[1].decode(), "%Y-%m-%dT%H:%M:%S")) if match else None
        except ValueError:
            whole = None
        if match is None or whole is None:
            raise WireError(f"no time at the head of a message: {stamp[:40]!r}")
        seconds = (whole - _offset(match[3])) * SECOND
        if len(stamp) == 30 and match[3] == b"Z":
            if len(self._seconds) >= _SECONDS_KEPT:
                self._seconds.clear()
            self._seconds[stamp[:20]] = seconds
        return seconds + int((match[2] or b"").ljust(9, b"0"))


def _offset(zone: bytes) -> int:
    """Seconds that a zone is ahead of UTC."""
    if zone == b"Z":
        return 0
    size = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
    return -size if zone[:1] == b"-" else size


def _one_line_each(messages: list[Message]) -> list[Message]:
    """Messages as they are, but one with an LF inside as several of its time."""
    if all(text.find(b"\n", 0, -1) < 0 for _, text in messages):
        return messages
    return [(stamp, line) for stamp, text in messages for line in _LINE.findall(text)]
