"""Checks of names that other registries define: time zones, encodings, time formats.

Rule 1: what passes here can be used by the agent without a further check.
"""

from __future__ import annotations

import codecs
import re
import warnings
import zoneinfo
from typing import Final

from shipper.config.mistakes import expected, nearest
from shipper.config.schema import Kind

NAMED_FORMATS: Final = ("auto", "rfc3339", "unix", "unix_ms", "unix_us", "unix_ns")

_DIRECTIVES: Final = frozenset("aAbBdDeFfhHIjmMpRsSTyYzZ%")
"""What `pipeline.strptime` reads (tests/config/test_texts.py compares)."""

_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_GO_LAYOUT = re.compile(r"2006|Jan|15:04|_2")
_ENCODING = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,40}")
_ASCII: Final = bytes(range(128))
_PROBE: Final = rb"\u0041 \x41 +AGE- ~{!!~} -a.xn--mnchen-3ya." + b"\x1b$B!!\x1b(B\x1b$)C\x0e!!\x0f"
"""Text that escaping encodings (utf-7, hz, unicode_escape, punycode, idna, iso-2022, …) do not leave alone."""


def check_timezone(value: str) -> str:
    """A zone that the system's time zone database knows; UTC needs none."""
    if value == "UTC":
        return value
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        cure = nearest(value, zoneinfo.available_timezones()) or 'names are like "Europe/Berlin"'
        raise expected(Kind.TIMEZONE.value, value, cure) from None
    return value


def check_encoding(value: str) -> str:
    """An encoding in which every ASCII byte is itself, so that byte 0x0A is always the end of a line."""
    if not _ENCODING.fullmatch(value) or not _is_text_encoding(value):
        raise expected("a text encoding that Python knows", value, nearest(value, _COMMON_ENCODINGS))
    if not _contains_ascii(value):
        cure = "write the log as UTF-8, or convert it before it is read: a line's end must be the one byte 0x0A"
        raise expected(Kind.ENCODING.value, value, cure)
    return value


_COMMON_ENCODINGS: Final = (
    "utf-8",
    "ascii",
    "latin-1",
    "cp1252",
    "euc-kr",
    "cp949",
    "shift_jis",
    "euc-jp",
    "gb18030",
    "big5",
)


def check_format(value: str) -> str:
    """One of the named formats, or a strptime format that holds a date."""
    if value in NAMED_FORMATS:
        return value
    if "%" not in value:
        cure = nearest(value, NAMED_FORMATS)
        if _GO_LAYOUT.search(value):
            cure = 'this is a Go layout; in strptime it begins like "%Y-%m-%d %H:%M:%S"'
        raise expected(Kind.FORMATS.value, value, cure)
    directives = _DIRECTIVE.findall(value)
    unknown = [directive for directive in directives if directive not in _DIRECTIVES]
    if unknown:
        cure = f"%{unknown[0]} is no directive" if unknown[0] else "a lone % ends it"
        raise expected("a strptime format", value, cure)
    if not _has_date(set(directives)):
        raise expected("a strptime format with month and day", value, "a time without its date is ambiguous")
    return value


def _has_date(directives: set[str]) -> bool:
    month, day = directives & set("mbBh"), directives & set("de")
    return bool(month and day) or bool(directives & set("jsDF"))


def _is_text_encoding(value: str) -> bool:
    try:
        codecs.lookup(value)
        "".encode(value)
    except (LookupError, ValueError, ImportError):
        return False
    return True


def _contains_ascii(value: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return all(text.decode(value) == text.decode("ascii") for text in (_ASCII, _PROBE))
        except ValueError:
            return False
