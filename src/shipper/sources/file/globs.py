"""Globs over paths: `*`, `?`, `[a-z]`, `**` (any number of directories), `{a,b}`, `\\` before what is meant as it is.

Rule 1: `*` and `?` never match a `/`; a name that begins with a dot is matched only by a pattern part that does too.
Rule 2: the time a match takes grows with the lengths of pattern and path, and no faster than their product.
Rule 3: text in, text out; no I/O. Paths are absolute and normal, names that are not UTF-8 carry surrogates.
"""

from __future__ import annotations

# ruff: noqa: PTH109, PTH118, PTH119 - thousands of paths a sweep are joined and split here: os.path takes a tenth of pathlib's time
import os.path
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

MAGIC = frozenset("*?[")
ANYWHERE = "**"
_STAR = "[^/]*"


@dataclass(frozen=True)
class Glob:
    """One pattern without braces: a fixed directory, and the parts below it."""

    directory: str
    """The longest leading directory without a pattern in it, as a path."""
    parts: tuple[str, ...]

    @cached_property
    def matchers(self) -> tuple[re.Pattern[str] | None, ...]:
        """A compiled pattern for each part; None for `**`."""
        return tuple(None if part == ANYWHERE else re.compile(_translate(part), re.DOTALL) for part in self.parts)

    def matches(self, path: str) -> bool:
        """Whether the absolute `path` is meant."""
        prefix = self.directory.rstrip("/") + "/"
        return path.startswith(prefix) and _match(self.matchers, tuple(path[len(prefix) :].split("/")))

    @property
    def any_name(self) -> bool:
        """Whether the last part says nothing about the name, so that a directory it meets is no mistake."""
        return self.parts[-1].strip("*") == ""


def parse(pattern: str) -> tuple[Glob, ...]:
    """The globs that `pattern` stands for; a relative one is below the working directory."""
    return tuple(_glob(plain) for plain in expand(pattern))


def expand(pattern: str) -> list[str]:
    """The patterns that one with braces stands for, in order; an unclosed brace is an ordinary character."""
    depth, begin = 0, -1
    commas: list[int] = []
    escaped = False
    for index, char in enumerate(pattern):
        if escaped or char == "\\":
            escaped = not escaped
            continue
        if char == "{":
            depth += 1
            if depth == 1:
                begin, commas = index, []
        elif char == "," and depth == 1:
            commas.append(index)
        elif char == "}" and depth:
            depth -= 1
            if depth == 0 and commas:
                return _alternatives(pattern, [begin, *commas, index])
    return [pattern]


def is_magic(part: str) -> bool:
    """Whether a part of a pattern means more than one name."""
    return not MAGIC.isdisjoint(part)


class Excludes:
    """Patterns of files to leave out: with a `/` they mean a path, without one a name."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        whole = [pattern for pattern in patterns if "/" in pattern]
        names = [plain for pattern in patterns if "/" not in pattern for plain in expand(pattern)]
        self._globs = tuple(glob for pattern in whole for glob in parse(pattern))
        self._names = tuple(re.compile(_translate(name), re.DOTALL) for name in names)

    def __contains__(self, path: str) -> bool:
        name = os.path.basename(path)
        return any(pattern.fullmatch(name) for pattern in self._names) or any(
            glob.matches(path) for glob in self._globs
        )


def _alternatives(pattern: str, marks: list[int]) -> list[str]:
    head, tail = pattern[: marks[0]], pattern[marks[-1] + 1 :]
    middles = [pattern[first + 1 : end] for first, end in pairwise(marks)]
    return [plain for middle in middles for plain in expand(head + middle + tail)]


def _glob(pattern: str) -> Glob:
    parts = [part for part in os.path.join(os.getcwd(), pattern).split("/") if part not in ("", ".")]
    fixed = 0
    while fixed < len(parts) - 1 and not is_magic(parts[fixed]):
        fixed += 1
    directory = os.path.normpath("/" + "/".join(_plain(part) for part in parts[:fixed]))
    return Glob(directory, tuple(parts[fixed:]) or ("*",))


def _plain(part: str) -> str:
    return re.sub(r"\\(.)", r"\1", part)


def _match(matchers: tuple[re.Pattern[str] | None, ...], names: tuple[str, ...]) -> bool:
    places = {0}
    for name in names:
        places = {after for place in places for after in _after(matchers, place, name)}
    return len(matchers) in places


def _after(matchers: tuple[re.Pattern[str] | None, ...], place: int, name: str) -> Iterator[int]:
    """How many parts of the pattern may be behind us after one more name, where `place` were before it."""
    while place < len(matchers) and matchers[place] is None:
        # `**` stands for no directory, or for one that is not hidden and `**` again; at the end for any name, too.
        is_last = place + 1 == len(matchers)
        if not name.startswith("."):
            yield place
            if is_last:
                yield place + 1
        if is_last:
            return
        place += 1
    matcher = matchers[place] if place < len(matchers) else None
    if matcher is not None and matcher.fullmatch(name):
        yield place + 1


def _translate(part: str) -> str:
    """The regular expression of one part.

    Between two `*` the first match is as good as any, so nothing is tried twice (atomic groups): with plain `.*`, a
    name of 60 letters and a pattern of six `*` cost seconds.
    """
    fixed = [""]
    index = 0
    while index < len(part):
        piece, index = _translate_one(part, index)
        if piece == _STAR:
            fixed.append("")
        else:
            fixed[-1] += piece
    head, last = fixed[0], fixed[-1]
    stars = "".join(f"(?>[^/]*?{piece})" for piece in fixed[1:-1])
    hidden = "" if part.startswith((".", "\\.")) else r"(?!\.)"
    return f"{hidden}{head}{stars}{_STAR}{last}" if len(fixed) > 1 else f"{hidden}{head}"


def _translate_one(part: str, index: int) -> tuple[str, int]:
    char = part[index]
    if char == "*":
        while part[index : index + 1] == "*":
            index += 1
        return _STAR, index
    if char == "?":
        return "[^/]", index + 1
    if char == "\\" and index + 1 < len(part):
        return re.escape(part[index + 1]), index + 2
    if char == "[":
        end = part.find("]", index + 3 if part[index + 1 : index + 2] in ("!", "^") else index + 2)
        if end > 0:
            return _set(part[index + 1 : end]), end + 1
    return re.escape(char), index + 1


def _set(inner: str) -> str:
    negated = inner[0] in "!^"
    body = re.sub(r"([\\\[\]^&~|])", r"\\\1", inner[1:] if negated else inner).replace("--", r"-\-")
    text = f"[{'^/' if negated else ''}{body}]"
    try:
        re.compile(text)
    except re.error:
        return re.escape(f"[{inner}]")
    return text
