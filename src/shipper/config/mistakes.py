"""Mistakes of a configuration: how one is worded, and all of them with their places.

Rule 1: a mistake says what was expected, what was found, and where there is one, the nearest valid name or a cure.
Rule 2: a value is shown only where it can be no secret: tables, headers and unknown keys are named by their type.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

Path = tuple[str | int, ...]
"""Where a value stands: table keys and list indices from the top of the file."""

LONGEST_SHOWN: Final = 80
SHORTEST_BEGINNING: Final = 3
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Problem(msgspec.Struct, frozen=True):
    """One mistake. `line` is 0 where the file as a whole is meant, `key` empty where no key is."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.key, self.message) if part)


class Wrong(Exception):
    """A value is not what its key expects; the text says what was expected and found. It never leaves this package."""


class Broken:
    """Stands for a value that could not be interpolated; its mistake is already noted."""


BROKEN: Final = Broken()


def expected(what: str, got: object, cure: str = "") -> Wrong:
    """`expected WHAT, got GOT; CURE`."""
    return Wrong(f"expected {what}, got {shown(got)}{f'; {cure}' if cure else ''}")


def shown(value: object) -> str:
    """A value as the user wrote it, shortened; tables and lists by their type only."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = _quoted(value) if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _quoted(text: str) -> str:
    """In single quotes if there are backslashes, as patterns are written in TOML."""
    return f"'{text}'" if "\\" in text and "'" not in text else json.dumps(text, ensure_ascii=False)


def type_of(value: object) -> str:
    """A value's type in the words of TOML, where the value itself must not be shown."""
    words: Mapping[type, str] = {str: "a string", bool: "true or false", int: "a number", float: "a number"}
    return words.get(
        type(value), "a table" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a date"
    )


def nearest(word: str, names: Iterable[str]) -> str:
    """`did you mean "NAME"?`, or nothing if no name is near (or begins with the word); case does not count."""
    by_folded = {name.casefold(): name for name in names}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    if not found and len(word) >= SHORTEST_BEGINNING:
        found = [name for name in by_folded if name.startswith(word.casefold())]
    return f'did you mean "{by_folded[found[0]]}"?' if found else ""


def key_text(path: Path) -> str:
    """A path as text: `source[0].labels.job`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f"{'.' if text else ''}{part if _BARE_KEY.fullmatch(part) else shown(part)}"
    return text


def printable(text: str) -> str:
    """The text with its control characters written out, so that it is harmless on a terminal and one line."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


class Mistakes:
    """The mistakes of one file, gathered while it is read."""

    def __init__(self) -> None:
        self._found: dict[Path, list[str]] = {}

    def note(self, path: Path, message: str) -> None:
        """Adds a mistake, once."""
        messages = self._found.setdefault(path, [])
        if message not in messages:
            messages.append(message)

    def touch(self, *path: str | int) -> bool:
        """Whether a mistake was noted at this path or below: what depends on it need not be looked at."""
        return any(found[: len(path)] == path for found in self._found)

    def __iter__(self) -> Iterator[tuple[Path, str]]:
        return ((path, message) for path, messages in self._found.items() for message in messages)

    def __bool__(self) -> bool:
        return bool(self._found)
