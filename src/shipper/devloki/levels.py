"""The `detected_level` Loki 3 gives to every entry.

A pure function of the stream's labels, the entry's metadata and its line, so it is worked out when asked for instead of
being stored. A level that stands under one of the usual names wins; otherwise words in the line decide, in Loki's
order (which is why a line with both "info" and "error" is info).
"""

from __future__ import annotations

import re
from typing import Final

import orjson

from shipper.devloki.labels import Labels

DETECTED_LEVEL: Final = "detected_level"
UNKNOWN: Final = "unknown"

_NAMES: Final = (
    *("level", "LEVEL", "Level", "severity", "SEVERITY", "Severity", "lvl", "LVL", "Lvl"),
    *("severity_text", "Severity_Text", "SEVERITY_TEXT"),
)
_LOGFMT: Final = re.compile(rb"(?:^|\s)(?:" + "|".join(_NAMES).encode() + rb')=(?:"([^"]*)"|(\S+))')
_VALUES: Final = {
    "trace": "trace",
    "trc": "trace",
    "debug": "debug",
    "dbg": "debug",
    "info": "info",
    "inf": "info",
    "warn": "warn",
    "wrn": "warn",
    "warning": "warn",
    "error": "error",
    "err": "error",
    "critical": "critical",
    "fatal": "fatal",
}
_WORDS: Final = (
    (re.compile(rb"info|INFO"), "info"),
    (re.compile(rb"err:|ERR:|error|ERROR"), "error"),
    (re.compile(rb"warn:|WARN:|warning|WARNING"), "warn"),
    (re.compile(rb"CRITICAL:|critical:"), "critical"),
    (re.compile(rb"debug:|DEBUG:"), "debug"),
)


def given_level(labels: Labels) -> str | None:
    """The level that stands in labels or metadata, as it is written there."""
    known = dict(labels)
    return next((known[name] for name in (DETECTED_LEVEL, *_NAMES) if name in known), None)


def detect_level(line: bytes) -> str:
    """The level of a line whose labels and metadata name none."""
    stripped = line.strip()
    if stripped.startswith(b"{") and stripped.endswith(b"}"):
        value = _json_level(line)
    elif b"=" in line:
        match = _LOGFMT.search(line)
        value = (match[1] or match[2] or b"").decode("utf-8", "replace") if match else ""
    else:
        value = ""
    return _VALUES.get(value.lower()) or _level_by_words(line)


def _json_level(line: bytes) -> str:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return ""
    value = next((document[name] for name in _NAMES if name in document), "")
    return value if isinstance(value, str) else ""


def _level_by_words(line: bytes) -> str:
    return next((level for words, level in _WORDS if words.search(line)), UNKNOWN)
