"""Checks of RE2 patterns, with the cures for what other engines allow and RE2 does not.

Rule 1: a pattern is compiled by google-re2 itself; what passes here compiles in the agent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import re2

from shipper.config.mistakes import Wrong, expected, shown

_CURES: Final = (
    (r"\(\?<?[=!]", "RE2 has no look-around; match what stands there, or use a second stage"),
    (r"\\[1-9]|\(\?P=|\\g<|\\k<", "RE2 has no back-references; write the repeated part out"),
    (r"\(\?>|[*+?}]\+", "RE2 needs no atomic groups or possessive quantifiers; leave them out"),
    (r"\\Z", r"write \z"),
)
_REFERENCE = re.compile(r"\\(?:([0-9])|g<(\w+)>|\\)")
"""A group in a replacement; two backslashes are one, whatever stands behind them."""


def compiled(value: str) -> Any:
    """The pattern, compiled; Wrong with RE2's own words and a cure if it is none."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(value, options=options)
    except re2.error as error:
        raise Wrong(f"expected an RE2 pattern, got {shown(value)}: {_words(error)}{_cure(value)}") from None


def groups_of(value: str) -> Mapping[str, int]:
    """The named groups of a valid pattern and their numbers."""
    names: Mapping[str, int] = compiled(value).groupindex
    return names


def check_fields(value: str) -> str:
    """The pattern if it has named groups."""
    if not groups_of(value):
        raise expected("an RE2 pattern with named groups", value, "write (?P<name>…) around what to take")
    return value


def check_capture(value: str) -> str:
    """The pattern if it has exactly one group."""
    if compiled(value).groups != 1:
        raise expected("an RE2 pattern with exactly one group", value, "write (?:…) around what must not be taken")
    return value


def check_replacement(pattern: str, replacement: str) -> None:
    """Wrong if the replacement names a group that the pattern has not."""
    expression = compiled(pattern)
    for number, name in _REFERENCE.findall(replacement):
        if (number and int(number) > expression.groups) or (name and not _has(expression, name)):
            raise expected(f"groups of {shown(pattern)}", f"\\{number or f'g<{name}>'}")


def _has(expression: Any, name: str) -> bool:
    return name in expression.groupindex or (name.isdecimal() and int(name) <= expression.groups)


def _words(error: Exception) -> str:
    words = error.args[0] if error.args else "not valid"
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)


def _cure(pattern: str) -> str:
    return next((f"; {cure}" for sign, cure in _CURES if re.search(sign, pattern)), "")
