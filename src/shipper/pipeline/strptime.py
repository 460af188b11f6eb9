"""strptime formats, compiled once to one regular expression.

Rule 1: `%f` takes one to nine digits (further ones are cut off), `%z` also `Z` and `+09:00`, `%e` a padded day.
Rule 2: what a format does not say: the year is the nearest (instants.py, Rule 3), month and day 1, the time midnight,
        the zone the source's.
Rule 3: white space stands for any white space; letters match in either case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shipper.pipeline.instants import Zone

_SECOND: Final = 1_000_000_000
MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH_NAMES: Final = "|".join(MONTHS)
_SHORT_MONTHS: Final = "|".join(name[:3] for name in MONTHS)
_DIRECTIVES: Final[dict[str, str]] = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d\d)",
    "m": r"(?P<m>1[0-2]|0?[1-9])",
    "B": rf"(?P<B>{_MONTH_NAMES})",
    "b": rf"(?P<B>{_SHORT_MONTHS})",
    "h": rf"(?P<B>{_SHORT_MONTHS})",
    "d": r" ?(?P<d>3[01]|[12]\d|0?[1-9])",
    "e": r" ?(?P<d>3[01]|[12]\d|0?[1-9])",
    "j": r"(?P<j>\d{1,3})",
    "H": r"(?P<H>2[0-3]|[01]?\d)",
    "I": r"(?P<I>1[0-2]|0?[1-9])",
    "p": r"(?P<p>[ap]m)",
    "M": r"(?P<M>[0-5]?\d)",
    "S": r"(?P<S>6[01]|[0-5]?\d)",
    "f": r"(?P<f>\d{1,30})",
    "z": r"(?P<z>Z|[+-]\d\d(?::?\d\d)?)",
    "Z": r"(?P<Z>[A-Za-z]{1,9})",
    "s": r"(?P<s>\d{1,12})",
    "a": "(?:" + "|".join(name[:3] for name in _DAYS) + ")",
    "A": "(?:" + "|".join(_DAYS) + ")",
    "%": "%",
}
_SHORTHANDS: Final = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%D": "%m/%d/%y", "%R": "%H:%M"}

Parts = dict[str, str | None]


def compile_strptime(text: str, zone: Zone) -> Callable[[str, int], int | None]:
    """A reader (text, clock in ns) -> ns of times in this format; ValueError for an unknown directive."""
    pattern = re.compile(pattern_of(text), re.IGNORECASE | re.ASCII)

    def read(value: str, clock: int) -> int | None:
        match = pattern.fullmatch(value)
        return None if match is None else _instant(match.groupdict(), clock, zone)

    return read


def pattern_of(text: str) -> str:
    """The regular expression of a strptime format."""
    for short, long in _SHORTHANDS.items():
        text = text.replace(short, long)
    pieces: list[str] = []
    seen: set[str] = set()
    for piece in re.findall(r"%.?|\s+|[^%\s]+", text.strip()):
        if piece[0] != "%":
            pieces.append(r"\s+" if piece.isspace() else re.escape(piece))
        elif piece[1:] not in _DIRECTIVES:
            raise ValueError(f"unknown directive {piece!r} in the time format {text!r}")
        else:
            pieces.append(_unnamed_if_seen(_DIRECTIVES[piece[1:]], seen))
    return "".join(pieces)


def _unnamed_if_seen(pattern: str, seen: set[str]) -> str:
    name = re.search(r"\?P<(\w)>", pattern)
    if name is None:
        return pattern
    if name[1] in seen:
        return pattern.replace(f"?P<{name[1]}>", "?:")
    seen.add(name[1])
    return pattern


def _instant(parts: Parts, clock: int, zone: Zone) -> int | None:
    fraction = parts.get("f")
    nanos = int(fraction[:9].ljust(9, "0")) if fraction else 0
    seconds = int(parts["s"] or 0) if parts.get("s") else _seconds(parts, clock, zone)
    return None if seconds is None else seconds * _SECOND + nanos


def _seconds(parts: Parts, clock: int, zone: Zone) -> int | None:
    month, day = _month(parts), int(parts.get("d") or 1)
    time = _hour(parts) * 3600 + int(parts.get("M") or 0) * 60 + int(parts.get("S") or 0)
    offset = parts.get("z") or ("Z" if (parts.get("Z") or "").upper() in ("Z", "UTC", "GMT") else None)
    year = _year(parts)
    if parts.get("j"):
        month, day, time = 1, 1, time + (int(parts["j"] or 1) - 1) * 86_400
    if year is not None:
        return zone.seconds(year, month, day, time, offset)
    return zone.nearest(month, day, time, clock, offset)


def _month(parts: Parts) -> int:
    name = (parts.get("B") or "").lower()
    if name:
        return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name))
    return int(parts.get("m") or 1)


def _year(parts: Parts) -> int | None:
    if parts.get("Y"):
        return int(parts["Y"] or 0)
    if not parts.get("y"):
        return None
    short = int(parts["y"] or 0)
    return short + (2000 if short < 69 else 1900)


def _hour(parts: Parts) -> int:
    if not parts.get("I"):
        return int(parts.get("H") or 0)
    afternoon = (parts.get("p") or "").lower() == "pm"
    return int(parts["I"] or 0) % 12 + (12 if afternoon else 0)
