"""The values of the `level` label: seven words for everything that programs write.

Rule 1: the result is one of `LEVELS` or "" (no label), so no log line can invent a value.
Rule 2: 10, 20, 30, 40 and 50 are Python's numbers; 1 to 24, except 10 and 20, are OpenTelemetry's severity numbers.
        (Python's 20 would be OpenTelemetry's ERROR4, its 10 INFO2: rare enough to give way to `logging`.)
Rule 3: case, padding, brackets and a trailing colon do not matter; a word inside a longer text never counts.
"""

from __future__ import annotations

from typing import Final

LEVELS: Final = ("trace", "debug", "info", "warning", "error", "critical")

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "trace": ("trace", "trc", "finest"),
    "debug": ("debug", "dbg", "d", "verbose", "fine"),
    "info": ("info", "information", "informational", "inf", "i", "notice"),
    "warning": ("warning", "warn", "warni", "wrn", "w"),
    "error": ("error", "err", "eror", "e", "exception", "severe"),
    "critical": ("critical", "criti", "crit", "c", "fatal", "f", "panic", "alert", "emerg", "emergency"),
}
_TELEMETRY: Final = ("trace", "debug", "info", "warning", "error", "critical")
_TELEMETRY_NAMES: Final = ("trace", "debug", "info", "warn", "error", "fatal")
_PYTHON: Final = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
_PADDING: Final = " \t\r\n:[]<>()|"


def _numbers() -> dict[int, str]:
    telemetry = {number: _TELEMETRY[(number - 1) // 4] for number in range(1, 25)}
    return telemetry | _PYTHON


def _table() -> dict[str, str]:
    words = {word: level for level, spellings in _WORDS.items() for word in spellings}
    numbered = {
        f"{name}{number}": level
        for name, level in zip(_TELEMETRY_NAMES, _TELEMETRY, strict=True)
        for number in range(2, 5)
    }
    return words | numbered | {str(number): level for number, level in _NUMBERS.items()}


_NUMBERS: Final = _numbers()
_TABLE: Final = _table()


def level_of(value: object) -> str:
    """The level a field's value means, one of `LEVELS`; "" if it means none."""
    if isinstance(value, str):
        return _TABLE.get(value) or _TABLE.get(value.strip(_PADDING).lower(), "")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return _NUMBERS.get(value, "")  # type: ignore[arg-type]  # 30.0 == 30, and NaN is in no table
