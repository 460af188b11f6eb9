"""How near a glob is to a path that it does not match.

Rule 1: text in, text out, but for the working directory that relative patterns are seen from.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from shipper.sources.file.globs import ANYWHERE, Glob, parse
from shipper.sources.file.paths import label

SAME_DIRECTORY: Final = 4
OTHER_DEPTH: Final = 3
OTHER_DIRECTORY: Final = 2
BELOW: Final = 1


@dataclass(frozen=True, slots=True, order=True)
class Miss:
    """Why a pattern does not match."""

    near: int
    why: str


def miss(pattern: str, path: str) -> Miss:
    """Why `pattern` does not match `path`, by the nearest of the globs it stands for."""
    return max(_miss(pattern, glob, PurePath(path)) for glob in parse(pattern))


def addition(paths: Sequence[str], path: str) -> str:
    """The line of TOML that adds a path, and others of its kind, to those of a source."""
    return f"paths = {json.dumps([*paths, glob_for(path)], ensure_ascii=False)}"


def glob_for(path: str) -> str:
    """A glob for a file and others of its kind beside it."""
    name = PurePath(path)
    return label(str(name.with_name(f"*{name.suffix}") if name.suffix and not name.name.startswith(".") else name))


def _miss(pattern: str, glob: Glob, path: PurePath) -> Miss:
    last = glob.matchers[-1]
    fits = last is None or last.fullmatch(path.name) is not None
    below = path.is_relative_to(glob.directory)
    shown = f"{pattern!r}"
    if below and not fits and _is_home(glob, str(path.parent)):
        hidden = "; a name that begins with a dot has to be matched by one" if path.name.startswith(".") else ""
        return Miss(SAME_DIRECTORY, f"{shown} looks in its directory, but not for names like {path.name!r}{hidden}")
    if below and fits:
        return Miss(
            OTHER_DEPTH,
            f"{shown} means such names, but not in {label(str(path.parent))}: * stands for one directory, ** for any "
            "number of them",
        )
    if fits:
        return Miss(OTHER_DIRECTORY, f"{shown} means such names, but in {_place(pattern, glob)}")
    return Miss(BELOW if below else 0, f"{shown} means other names in {_place(pattern, glob)}")


def _is_home(glob: Glob, parent: str) -> bool:
    """Whether a file in `parent` is where the glob looks."""
    above = glob.parts[:-1]
    if all(part == ANYWHERE for part in above):
        return parent == glob.directory or bool(above)
    return Glob(glob.directory, above).matches(parent)


def _place(pattern: str, glob: Glob) -> str:
    missing = "" if Path(glob.directory).is_dir() else ", which does not exist"
    seen = "" if pattern.startswith("/") else f" (seen from {label(str(Path.cwd()))})"
    return f"{label(glob.directory)}{missing}{seen}"
