"""A stream's labels: read from the text of a push, and written as Loki writes them.

Rule 1: what Loki parses, this parses to the same pairs: sorted by name, without empty values, duplicates kept.
Rule 2: what Loki refuses, this refuses with Loki's words and position.
Rule 3: `format_labels` is the stream's identity; equal labels give equal text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NoReturn

Labels = tuple[tuple[str, str], ...]


class LabelsError(ValueError):
    """The text is not a label set; the message is Loki's, position first."""


_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_OPERATOR: Final = re.compile(r"=~|!=|!~|=")
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_ESCAPED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WRITTEN: Final = {code: f"\\{letter}" for letter, code in _ESCAPED.items()} | {"\\": "\\\\", '"': '\\"'}


def parse_labels(text: str) -> Labels:
    """Read `{name="value", ...}`; raises LabelsError."""
    pairs = _Reader(text).read()
    return tuple(sorted((pair for pair in pairs if pair[1]), key=lambda pair: pair[0]))


def format_labels(labels: Iterable[tuple[str, str]]) -> str:
    """Write `{name="value", ...}`, values quoted as Go quotes them."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels) + "}"


def quote(value: str) -> str:
    """Quote a value as Go does: printable characters as they are, the others escaped."""
    if value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return '"' + "".join(map(_written, value)) + '"'


def _written(character: str) -> str:
    if character in _WRITTEN:
        return _WRITTEN[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unquote(token: str) -> str:
    """The value of a quoted token, `"a\\n"` or a raw one in backquotes."""
    if token[0] == "`":
        return token[1:-1]
    return _ESCAPE.sub(_unescape, token[1:-1]) if "\\" in token else token[1:-1]


def _unescape(match: re.Match[str]) -> str:
    body = match[1]
    if body[0] in "xuU" and len(body) > 1:
        return _character(int(body[1:], 16))
    if len(body) == 3:
        return _character(int(body, 8))
    return _ESCAPED.get(body, body)


def _character(code: int) -> str:
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\N{REPLACEMENT CHARACTER}"


class _Reader:
    """Reads one label set, as the metric grammar of Prometheus has it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self) -> list[tuple[str, str]]:
        pairs = []
        self._skip_space()
        metric = _METRIC.match(self._text, self._at)
        if metric:
            pairs.append(("__name__", metric[0]))
            self._at = metric.end()
            self._skip_space()
        if self._peek() == "{":
            self._at += 1
            pairs += self._pairs()
            self._skip_space()
        if self._at < len(self._text):
            self._unexpected(outside=True)
        return pairs

    def _pairs(self) -> list[tuple[str, str]]:
        pairs: list[tuple[str, str]] = []
        self._skip_space()
        while self._peek() != "}":
            pairs.append(self._pair())
            self._skip_space()
            if self._peek() == ",":
                self._at += 1
                self._skip_space()
            elif self._peek() != "}":
                self._unexpected(context="label set", expected='"," or "}"')
        self._at += 1
        return pairs

    def _pair(self) -> tuple[str, str]:
        name = _NAME.match(self._text, self._at)
        if name is None:
            self._unexpected(context="label set", expected='identifier or "}"')
        self._at = name.end()
        self._skip_space()
        if _OPERATOR.match(self._text, self._at) is None or self._text[self._at] != "=" or self._next() in ("=~",):
            self._unexpected(context="label set", expected='"="')
        self._at += 1
        self._skip_space()
        value = _STRING.match(self._text, self._at)
        if value is None:
            self._no_string()
        self._at = value.end()
        return name[0], unquote(value[0])

    def _no_string(self) -> NoReturn:
        if self._peek() in ('"', "'", "`"):
            self._fail("unterminated " + ("raw string" if self._peek() == "`" else "quoted string"))
        self._unexpected(context="label set", expected="string")

    def _next(self) -> str:
        operator = _OPERATOR.match(self._text, self._at)
        return operator[0] if operator else ""

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _unexpected(self, *, context: str = "", expected: str = "", outside: bool = False) -> NoReturn:
        inside = f" in {context}" if context else ""
        wanted = f", expected {expected}" if expected else ""
        character = self._peek()
        if not character:
            self._fail("unexpected end of input" + (" inside braces" if context else ""))
        name, operator = _NAME.match(self._text, self._at), self._next()
        if name:
            self._fail(f'unexpected identifier "{name[0]}"{inside}{wanted}')
        if operator or character in ",{}":
            self._fail(f'unexpected "{operator or character}"{inside}{wanted}')
        self._fail(f"unexpected character{'' if outside else ' inside braces'}: '{character}'")

    def _fail(self, what: str) -> NoReturn:
        before = self._text[: self._at]
        line, column = before.count("\n") + 1, self._at - (before.rfind("\n") + 1) + 1
        raise LabelsError(f"{line}:{column}: parse error: {what}")
