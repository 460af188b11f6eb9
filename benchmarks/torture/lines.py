"""Numbered lines: a line is a pure function of its log's name and its number, so whatever is found can be checked.

Rule 1: `written` is what goes into the file, without LF; `stored` what Loki must have of it.
Rule 2: `number_of` finds the number in what was stored, if any of its beginning is left.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

SECOND = 1_000_000_000
LEVELS = ("debug", "info", "warning", "error", "critical")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 {}[]=,.:;/\"'\\ äöü€漢"


class Lines(Protocol):
    """The lines of one log."""

    def written(self, log: str, number: int) -> bytes:
        """The bytes of a line, without LF."""
        ...

    def stored(self, log: str, number: int) -> str:
        """The text Loki must have."""
        ...

    def labels(self, number: int) -> Mapping[str, str]:
        """Labels that the line itself must give its stream."""
        ...

    def number_of(self, log: str, text: str) -> int | None:
        """The number of a stored line; None if there is none to be read."""
        ...


def payload(log: str, number: int, longest: int = 200) -> str:
    """Text that only this number of this log has; up to `longest` characters."""
    seed = zlib.crc32(f"{log}:{number}".encode())
    length, step = seed % max(1, longest), 1 + seed % 61
    size = len(_ALPHABET)
    return f"{seed:08x}" + "".join([_ALPHABET[(seed + step * place) % size] for place in range(length)])


def numbered(log: str, number: int) -> str:
    """The head of a line."""
    return f"{log}:{number:09d}"


def number_in(log: str, text: str) -> int | None:
    """The number in the head of a line of this log."""
    head = f"{log}:"
    digits = text[len(head) : len(head) + 9]
    return int(digits) if text.startswith(head) and len(digits) == 9 and digits.isdigit() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Lines of text without a time of their own."""

    longest: int = 200

    def written(self, log: str, number: int) -> bytes:
        return self.stored(log, number).encode()

    def stored(self, log: str, number: int) -> str:
        return f"{numbered(log, number)} {payload(log, number, self.longest)}"

    def labels(self, number: int) -> Mapping[str, str]:
        return {}

    def number_of(self, log: str, text: str) -> int | None:
        return number_in(log, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Json:
    """JSON lines with level and time: line `number` is of second `number // per_second`, so several share one."""

    start: int
    """ns since 1970."""
    per_second: float = 20.0
    longest: int = 200

    def written(self, log: str, number: int) -> bytes:
        return self.stored(log, number).encode()

    def stored(self, log: str, number: int) -> str:
        moment = datetime.fromtimestamp(self.start // SECOND + int(number / self.per_second), UTC)
        event = {
            "n": numbered(log, number),
            "event": payload(log, number, self.longest),
            "level": LEVELS[number % len(LEVELS)],
            "timestamp": moment.isoformat().replace("+00:00", "Z"),
        }
        return json.dumps(event, ensure_ascii=False)

    def labels(self, number: int) -> Mapping[str, str]:
        return {"level": LEVELS[number % len(LEVELS)]}

    def number_of(self, log: str, text: str) -> int | None:
        return number_in(log, text.removeprefix('{"n": "'))


@dataclass(frozen=True, slots=True, kw_only=True)
class Traceback:
    """Records of `height` lines as Python writes them: a head, and indented lines that belong to it."""

    height: int = 6
    plain: Plain = field(default_factory=Plain)

    def written(self, log: str, number: int) -> bytes:
        return self.stored(log, number).encode()

    def stored(self, log: str, number: int) -> str:
        text = self.plain.stored(log, number)
        if number % self.height == 0:
            return text
        return "Traceback (most recent call last):  " + text if number % self.height == 1 else "    " + text

    def labels(self, number: int) -> Mapping[str, str]:
        return {}

    def number_of(self, log: str, text: str) -> int | None:
        return number_in(log, text.removeprefix("Traceback (most recent call last):").lstrip(" "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Equal:
    """Each line of `of` as many times as `times`, with the same time: Loki would merge them if they kept it."""

    of: Lines
    times: int = 7

    def written(self, log: str, number: int) -> bytes:
        return self.of.written(log, number - number % self.times)

    def stored(self, log: str, number: int) -> str:
        return self.of.stored(log, number - number % self.times)

    def labels(self, number: int) -> Mapping[str, str]:
        return self.of.labels(number - number % self.times)

    def number_of(self, log: str, text: str) -> int | None:
        return self.of.number_of(log, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nasty:
    """Lines at, one under and one over `limit` bytes, far over it, and with every byte value but LF and CR."""

    limit: int

    def written(self, log: str, number: int) -> bytes:
        head = f"{numbered(log, number)} ".encode()
        kind = number % 8
        if kind < 3:
            return head.ljust(self.limit - 1 + kind, b"x")
        if kind == 3:
            return head.ljust(3 * self.limit + number % 50, b"y")
        every = bytes(value for value in range(256) if value not in b"\r\n")
        return head + every[number % 200 :] + every * (number % 3) + b"."

    def stored(self, log: str, number: int) -> str:
        line = self.written(log, number)
        if number % 8 > 3 or len(line) <= self.limit:
            return line.decode("utf-8", "replace")
        kept = self.limit - len(f" … [cut, {len(line)} bytes]".encode())
        return f"{line[:kept].decode()} … [cut, {len(line) - kept} bytes]"

    def labels(self, number: int) -> Mapping[str, str]:
        return {}

    def number_of(self, log: str, text: str) -> int | None:
        return number_in(log, text)
