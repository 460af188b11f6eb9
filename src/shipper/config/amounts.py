"""Durations and sizes: text to whole nanoseconds or bytes, and back.

Rule 1: `parse(format(n)) == n` for every n that `parse` can give.
Rule 2: exact arithmetic; a fraction of a nanosecond or a byte is cut off.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from shipper.config.mistakes import expected
from shipper.config.schema import Kind

LARGEST: Final = 2**62
"""No duration (146 years) and no size goes beyond: both fit SQLite's and JSON's integers."""

_NANOSECONDS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 604_800 * 10**9,
}
_BYTES: Final = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_LONG_UNITS: Final = {
    "sec": "s",
    "second": "s",
    "min": "m",
    "minute": "m",
    "hr": "h",
    "hour": "h",
    "day": "d",
    "week": "w",
    "msec": "ms",
    "millisecond": "ms",
    "usec": "us",
    "k": "KiB",
    "m": "MiB",
    "g": "GiB",
    "ki": "KiB",
    "mi": "MiB",
    "gi": "GiB",
}
_AMOUNT = r"[0-9]{1,19}(?:\.[0-9]{1,9})?"
_TERM = re.compile(rf"({_AMOUNT})(ns|us|µs|μs|ms|s|m|h|d|w)")
_TERMS = re.compile(rf"(?:{_TERM.pattern})+")
_SIZE = re.compile(rf"({_AMOUNT}) ?([A-Za-z]*)")
DURATION_PATTERN: Final = rf"0|{_TERMS.pattern}"
"""All durations as text, for engines of regular expressions other than Python's."""
SIZE_PATTERN: Final = rf"{_AMOUNT} ?(?:[kKmMgGtT][iI]?[bB]|[bB])?"
"""All sizes as text."""


def parse_duration(value: object) -> int:
    """Nanoseconds of `"1h30m"`, `"500ms"`, `"0"`; Wrong if it is no duration. A number other than 0 lacks its unit."""
    if value in ("0", 0) and not isinstance(value, bool):
        return 0
    if not isinstance(value, str) or not _TERMS.fullmatch(value):
        raise expected(Kind.DURATION.value, value, _duration_cure(value))
    total = sum(Fraction(term[1]) * _NANOSECONDS[term[2].replace("μ", "µ")] for term in _TERM.finditer(value))
    if total > LARGEST:
        raise expected("a duration of at most 146 years", value)
    return int(total)


def parse_size(value: object) -> int:
    """Bytes of `"256KiB"`, `"1.5 MB"`, `"4096"` or 4096; Wrong if it is no size. Upper and lower case are the same."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    found = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if not found or found[2].casefold() not in _BYTES:
        raise expected(Kind.SIZE.value, value, _cure(found))
    total = Fraction(found[1]) * _BYTES[found[2].casefold()]
    if total > LARGEST:
        raise expected("a size of at most 4 EiB", value)
    return int(total)


def format_duration(nanoseconds: int) -> str:
    """The shortest exact text in descending units: `"1h30m"`, `"500ms"`; `"0"` for none."""
    text = ""
    for unit in ("h", "m", "s", "ms", "us", "ns"):
        count, nanoseconds = divmod(nanoseconds, _NANOSECONDS[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0"


def format_size(size: int) -> str:
    """The exact text with at most one decimal, in the largest binary unit that allows it: `"3.5MiB"`; `"0"` for 0."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        tenths, rest = divmod(size * 10, _BYTES[unit.casefold()])
        if tenths >= 10 and not rest:
            return f"{tenths // 10}{f'.{tenths % 10}' if tenths % 10 else ''}{unit}"
    return str(size)


def _duration_cure(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f'did you mean "{value}s"?' if value > 0 else ""
    return _cure(re.fullmatch(rf"({_AMOUNT}) ?([A-Za-z]*)", value)) if isinstance(value, str) else ""


def _cure(found: re.Match[str] | None) -> str:
    if not found:
        return ""
    unit = found[2].casefold()
    known = _LONG_UNITS.get(unit.removesuffix("s")) or (unit if unit in _NANOSECONDS else "" if unit else "s")
    return f'did you mean "{found[1]}{known}"?' if known else ""
