"""`${NAME}`, `${NAME:-default}` and `$${` in the string values of a parsed file.

Rule 1: values are replaced after parsing, so no value of the environment can change the file's structure.
Rule 2: the default stands in for a variable that is not set or empty, as in a shell; HOSTNAME falls back to the name of
the host.
Rule 3: keys are not interpolated.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Final

from shipper.config.mistakes import BROKEN, Mistakes, Path, nearest, shown

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}$]*))?\}|\$\{")
_BEGUN = re.compile(r"\$\{[A-Za-z0-9_]*")
_SECRET_NAME = re.compile(r"PASS|PWD|TOKEN|SECRET|KEY|AUTH|CREDENTIAL|PRIVATE|COOKIE|SESSION", re.IGNORECASE)
_PLACE_NAME = re.compile(r"_(FILE|PATH|DIR|HOST|PORT|USER|USERNAME)$", re.IGNORECASE)
LARGEST_INTEGER: Final = 2**63
"""TOML promises integers of 64 bits; Python's parser takes more, which neither JSON nor SQLite would."""

SHORTEST_SECRET: Final = 4
"""Shorter values of the environment ("true", "1") are not hidden: masking them would only mangle texts."""


class Interpolation:
    """Replaces variables in a tree of TOML values; remembers the values that must be masked."""

    def __init__(self, environ: Mapping[str, str], mistakes: Mistakes) -> None:
        self._environ = environ
        self._mistakes = mistakes
        self.secrets: dict[str, None] = {}

    def tree(self, value: object, path: Path = ()) -> object:
        """The value with every string in it replaced; BROKEN in place of one that could not be."""
        if isinstance(value, str):
            return self._text(value, path) if "${" in value else value
        if isinstance(value, dict):
            return {name: self.tree(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.tree(inner, (*path, index)) for index, inner in enumerate(value)]
        if isinstance(value, int) and not -LARGEST_INTEGER <= value < LARGEST_INTEGER:
            self._mistakes.note(path, "expected a number of 64 bits, got a larger one")
            return BROKEN
        return value

    def _text(self, text: str, path: Path) -> object:
        pieces: list[str] = []
        position, whole = 0, True
        for found in _REFERENCE.finditer(text):
            piece = self._piece(found, path)
            whole = whole and piece is not None
            pieces += text[position : found.start()], piece or ""
            position = found.end()
        return "".join((*pieces, text[position:])) if whole else BROKEN

    def _piece(self, found: re.Match[str], path: Path) -> str | None:
        name = found[1]
        if name is None:
            if found[0].startswith("$$"):
                return "${"
            self._malformed(found, path)
            return None
        value = self._environ.get(name, "") or found[2]
        if value is None:
            value = socket.gethostname() if name == "HOSTNAME" else self._environ.get(name)
        if value is None:
            self._undefined(name, path)
            return None
        return self._checked(name, value, path)

    def _checked(self, name: str, value: str, path: Path) -> str | None:
        try:
            value.encode()
        except UnicodeEncodeError:
            self._mistakes.note(path, f"expected UTF-8 text in the environment variable {name}, got other bytes")
            return None
        if len(value) >= SHORTEST_SECRET and _SECRET_NAME.search(name) and not _PLACE_NAME.search(name):
            self.secrets[value] = None
        return value

    def _undefined(self, name: str, path: Path) -> None:
        near = nearest(name, self._environ)
        cure = f"{near} " if near else ""
        self._mistakes.note(
            path,
            f"expected the environment variable {name}, got none; {cure}set it, or write ${{{name}:-default}}",
        )

    def _malformed(self, found: re.Match[str], path: Path) -> None:
        begun = _BEGUN.match(found.string, found.start())
        cure = "write $${ for the two characters themselves; a default cannot hold another variable"
        got = shown(f"{begun[0]}…" if begun else found[0])
        self._mistakes.note(path, f"expected ${{NAME}} or ${{NAME:-default}}, got {got}; {cure}")
