"""Messages of one stream to lines.

Rule 1: Docker cuts a line after 16 KiB into pieces of the same time; a message without an LF is a piece if the next one
        has its time, or if it is that long. Otherwise it is a line that a container left unfinished when it ended.
        Podman ends each line itself, so there a message without an LF always goes on.
Rule 2: for every way in which the messages are fed the lines are the same, and so are their sizes: those of the texts.
Rule 3: memory is bounded by what `framing` holds of an unterminated line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shipper.chunk import Moment
from shipper.sources.docker.frames import Message
from shipper.sources.framing import Framed, Framer, empty, join, split

PIECE: Final = 16 * 1024


@dataclass(slots=True)
class Lines:
    """Complete lines in a row: when each was written, and the moment behind it."""

    framed: Framed = field(default_factory=empty)
    times: list[int] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.times)


def joined(first: Lines, second: Lines) -> Lines:
    """The lines of both, in order."""
    if not (first and second):
        return first or second
    return Lines(join(first.framed, second.framed), first.times + second.times, first.moments + second.moments)


def parted(lines: Lines, count: int) -> tuple[Lines, Lines]:
    """The first `count` lines, and the others."""
    if count == len(lines.times):
        return lines, Lines()
    first, others = split(lines.framed, count)
    return (
        Lines(first, lines.times[:count], lines.moments[:count]),
        Lines(others, lines.times[count:], lines.moments[count:]),
    )


class Assembly:
    """Puts the pieces of lines together; `always`: a message without an LF always goes on."""

    def __init__(self, framer: Framer, *, always: bool = False) -> None:
        self._framer = framer
        self._always = always
        self._begun: int | None = None
        """When the line that is not complete was begun, ns."""
        self._behind = Moment()
        self._size = 0
        """Bytes of its last piece."""

    @property
    def rest(self) -> int:
        """Bytes held of a line that is not complete."""
        return self._framer.rest_size

    def feed(self, messages: Sequence[Message], moments: Sequence[Moment]) -> Lines:
        """The lines that these messages complete."""
        lines, at = Lines(), 0
        while at < len(messages):
            stop = at if self._begun is not None else _first_piece(messages, at)
            part = self._whole(messages[at:stop], moments[at:stop])
            if stop == at:
                part, stop = self._piece(messages[at], moments[at]), at + 1
            lines, at = joined(lines, part), stop
        return lines

    def finish(self) -> Lines:
        """The line that is not complete, as it is; nothing if there is none."""
        if self._begun is None:
            return Lines()
        framed, begun, self._begun = self._framer.finish(), self._begun, None
        count = len(framed.lines)
        return Lines(framed, [begun] * count, [self._behind] * count)

    def _whole(self, messages: Sequence[Message], moments: Sequence[Moment]) -> Lines:
        """Messages that are a line each."""
        if not messages:
            return Lines()
        framed = self._framer.feed(b"".join([text for _, text in messages]))
        return Lines(framed, [time for time, _ in messages], list(moments))

    def _piece(self, message: Message, moment: Moment) -> Lines:
        time, text = message
        left = Lines() if self._begun is None or self._goes_on(time) else self.finish()
        begun = time if self._begun is None else self._begun
        framed = self._framer.feed(text)
        self._begun, self._behind, self._size = begun, moment, len(text)
        if not framed.lines:
            return left
        self._begun = None
        return joined(left, Lines(framed, [begun], [moment]))

    def _goes_on(self, time: int) -> bool:
        return self._always or time == self._begun or self._size >= PIECE


def _first_piece(messages: Sequence[Message], start: int) -> int:
    """The index of the first message without an LF; their number if there is none."""
    return next((at for at in range(start, len(messages)) if not messages[at][1].endswith(b"\n")), len(messages))
