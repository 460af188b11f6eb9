"""On which line of a TOML text each key and each list element stands.

Rule 1: it is asked only about texts that `tomllib` has accepted, so it follows the grammar without checking it.
Rule 2: every path of the parsed document has a line (tests/config/test_positions.py).
Rule 3: no recursion, so no text is nested too deep.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from shipper.config.mistakes import Path

_SPACE = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*""")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'"
)
_BARE = re.compile(r"[^\n#,\]}]*")


def lines_of(text: str) -> Mapping[Path, int]:
    """The line, from 1, of every path in a valid TOML text; the top of the file is `()`."""
    return _Scan(text.replace("\r\n", "\n")).lines


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """The line of a path, or of the nearest table around it that is written out."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Scan:
    """One pass over the text. `_open` holds what is open around a value: lists (next index), inline tables (None)."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {(): 1}
        self._text = text
        self._at = 0
        self._line = 1
        self._arrays: dict[Path, int] = {}
        self._open: list[tuple[Path, int | None]] = []
        self._table: Path = ()
        self._statements()

    def _statements(self) -> None:
        self._skip()
        while self._at < len(self._text):
            if self._text.startswith("[", self._at):
                self._header()
            else:
                self._value(self._key(self._table))
                while self._open:
                    self._inside()
            self._skip()

    def _header(self) -> None:
        array = self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        path: Path = ()
        parts = self._parts()
        for part in parts[:-1]:
            path = self._latest((*path, part))
            self.lines.setdefault(path, self._line)
        self._at += 2 if array else 1
        path = (*path, parts[-1])
        self.lines.setdefault(path, self._line)
        if array:
            self._arrays[path] = self._arrays.get(path, -1) + 1
            path = self._latest(path)
        self.lines[path] = self._line
        self._table = path

    def _latest(self, path: Path) -> Path:
        return (*path, self._arrays[path]) if path in self._arrays else path

    def _key(self, table: Path) -> Path:
        """Reads `a.b =` and notes its line; gives the whole path."""
        path = table
        for part in self._parts():
            path = (*path, part)
            self.lines.setdefault(path, self._line)
        self._at += 1
        self._skip()
        return path

    def _parts(self) -> list[str]:
        parts = []
        while True:
            found = _KEY_PART.match(self._text, self._at)
            assert found
            self._at = found.end()
            parts.append(_unquoted(found[1]))
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _value(self, path: Path) -> None:
        """Reads a value that is no list or table; opens one that is."""
        self.lines.setdefault(path, self._line)
        first = self._text[self._at]
        if first in "[{":
            self._at += 1
            self._open.append((path, 0 if first == "[" else None))
            return
        found = (_STRING if first in "\"'" else _BARE).match(self._text, self._at)
        assert found
        self._move(found.end())

    def _inside(self) -> None:
        """One step within the innermost open list or inline table: its end, a comma, or a value."""
        self._skip()
        path, index = self._open[-1]
        first = self._text[self._at]
        if first in "]}":
            self._at += 1
            self._open.pop()
        elif first == ",":
            self._at += 1
        elif index is None:
            self._value(self._key(path))
        else:
            self._open[-1] = (path, index + 1)
            self._value((*path, index))

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found
        self._move(found.end())

    def _move(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end


def _unquoted(part: str) -> str:
    if part.startswith("'"):
        return part[1:-1]
    if part.startswith('"'):
        return str(tomllib.loads(f"x = {part}")["x"])
    return part
