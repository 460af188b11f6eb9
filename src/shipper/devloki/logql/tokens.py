"""A query's text as tokens, each with its place.

Rule: an error names line and column, counted from 1, as Loki does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from shipper.devloki.logql.syntax import QueryError

Kind = Literal["string", "duration", "bytes", "number", "name", "operator", "end"]

_UNIT: Final = r"(?:ns|us|µs|ms|s|m|h|d|w|y)"
_TOKEN: Final = re.compile(
    r"(?P<space>(?:[ \t\r\n]|\#[^\n]*)+)"
    r'|(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)'
    rf"|(?P<duration>(?:\d+(?:\.\d+)?{_UNIT})+(?![a-zA-Z0-9_]))"
    r"|(?P<bytes>\d+(?:\.\d+)?(?:[kKMGTP]i?)?[bB](?![a-zA-Z0-9_]))"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![a-zA-Z0-9_.])|0x[0-9a-fA-F]+)"
    r"|(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)"
    r"|(?P<operator>\|=|\|~|!=|!~|=~|==|>=|<=|[|=<>{}()\[\],+\-*/%^])"
)

_DURATION_PART: Final = re.compile(rf"(\d+(?:\.\d+)?)({_UNIT})")
_NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
    "y": 31_536_000_000_000_000,
}
_BYTES: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGTP]?)(i?)[bB]")
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token; `at` is its offset in the text."""

    kind: Kind
    text: str
    at: int


def tokens_of(text: str) -> list[Token]:
    """All tokens, an `end` token last; raises QueryError."""
    tokens = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise error_at(text, at, f"unexpected character {text[at]!r}")
        if match.lastgroup != "space":
            kind: Kind = match.lastgroup  # type: ignore[assignment]  # the group names are the kinds
            tokens.append(Token(kind=kind, text=match[0], at=at))
        at = match.end()
    tokens.append(Token(kind="end", text="end of input", at=at))
    return tokens


def error_at(text: str, at: int, what: str) -> QueryError:
    """An error that names the place."""
    before = text[:at]
    line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
    return QueryError(f"parse error at line {line}, col {column}: {what}")


def duration_ns(text: str) -> int:
    """`1h30m` in nanoseconds; raises ValueError."""
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text)
    parts = _DURATION_PART.findall(body)
    if "".join(number + unit for number, unit in parts) != body or not parts:
        raise ValueError(f"not a duration: {text}")
    return sign * sum(round(float(number) * _NANOSECONDS[unit]) for number, unit in parts)


def duration_seconds(text: str) -> float:
    """`1h30m` in seconds; raises ValueError."""
    return duration_ns(text) / 1_000_000_000


def byte_count(text: str) -> float:
    """`5KB` or `5KiB` in bytes; raises ValueError."""
    match = _BYTES.fullmatch(text)
    if match is None:
        raise ValueError(f"not a size: {text}")
    base = 1024 if match[3] else 1000
    return float(match[1]) * float(base ** _POWERS[match[2].lower()])
