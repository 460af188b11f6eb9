"""Why a source ships a file, or does not.

Rule 1: what decides is asked itself: the globs, the excludes, and the discovery that the agent finds files with.
Rule 2: reading only, and only the names, the links and the first bytes of what is asked about.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from shipper.config.model import FileSource
from shipper.explain.nearby import addition, miss
from shipper.explain.verdict import Verdict
from shipper.failures import HINTS
from shipper.sources.file.content import open_content, trouble
from shipper.sources.file.discovery import Discovery, Found
from shipper.sources.file.globs import Excludes, parse
from shipper.sources.file.paths import label
from shipper.sources.file.siblings import originals

MATCHED = 9
"""How near a source is whose glob means the path."""
SIBLING = 8


def judge(source: FileSource, path: str) -> Verdict:
    """What a source does with the file at the absolute `path`."""
    pattern = _matching(source, path)
    if not pattern:
        return _by_another_name(source, path) or _rotated(source, path) or _missed(source, path)
    excluded = _excluding(source, path)
    if excluded:
        return _no(
            source,
            f"paths {pattern!r} means it, but exclude {excluded!r} leaves it out{_still_finished(source, path)}",
            f"take {excluded!r} out of exclude, or write it so that it does not match this path",
            MATCHED,
        )
    found, problems = Discovery(source.paths, source.exclude, source.link_roots).judge(path, linked=True)
    if problems:
        return _trouble(source, problems[0].name, problems[0].detail)
    return _absent(source, pattern, path) if found is None else _readable(source, pattern, found)


def _matching(source: FileSource, path: str) -> str:
    """The first pattern that means a path; "": none does."""
    return next((pattern for pattern in source.paths if any(glob.matches(path) for glob in parse(pattern))), "")


def _excluding(source: FileSource, path: str) -> str:
    """The first exclude that leaves a path out; "": none does."""
    return next((exclude for exclude in source.exclude if path in Excludes((exclude,))), "")


def _adding(source: FileSource, path: str) -> str:
    """What to write so that the source means a path."""
    excluded = _excluding(source, path)
    return addition(source.paths, path) + (f", and take {excluded!r} out of exclude" if excluded else "")


def _readable(source: FileSource, pattern: str, found: Found) -> Verdict:
    try:
        open_content(found.target).close()
    except OSError as error:
        return _trouble(source, trouble(error), error.strerror or "")
    link = f"; it is read at {label(found.target)}, where a symbolic link leads" if found.target != found.path else ""
    return Verdict(source=source.name, shipped=True, why=f"paths {pattern!r} means it{_seen_from(pattern)}{link}")


def _seen_from(pattern: str) -> str:
    return "" if pattern.startswith("/") else f", seen from {label(str(Path.cwd()))}, where the agent has to be started"


def _trouble(source: FileSource, name: str, detail: str) -> Verdict:
    return _no(source, f"a glob means it, but {name}{f': {detail}' if detail else ''}", HINTS[name], MATCHED)


def _absent(source: FileSource, pattern: str, path: str) -> Verdict:
    try:
        Path(path).lstat()
    except PermissionError:
        return _trouble(source, "file_unreadable", "a directory on the way to it cannot be searched")
    except OSError:
        return _no(source, f"there is no such file now; once there is, paths {pattern!r} finds it", "", MATCHED)
    return _no(source, "it went away while it was looked at", "ask again", MATCHED)


def _by_another_name(source: FileSource, path: str) -> Verdict | None:
    """The same file under a name that a glob means."""
    try:
        info = Path(path).stat()
    except OSError:
        return None
    for found in Discovery(source.paths, source.exclude, source.link_roots).sweep():
        if found.key == (info.st_dev, info.st_ino):
            pattern = _matching(source, found.path)
            why = f"it is read under its other name {label(found.path)}, which paths {pattern!r} means"
            return Verdict(source=source.name, shipped=True, why=why, path=found.path)
    return None


def _rotated(source: FileSource, path: str) -> Verdict | None:
    """A rotated generation of a file that a glob means."""
    directory, name = os.path.split(path)
    for original in sorted(_meant(source, directory, name)):
        why = (
            f"it may be a rotated generation of {original}, which a glob means: what was not read of that when it was "
            "renamed or copied is finished here, but a generation that was never seen is not looked for"
        )
        return _no(source, why, _adding(source, path), SIBLING)
    return None


def _meant(source: FileSource, directory: str, name: str) -> Iterator[str]:
    """The names a file may have been rotated from, if a glob means them."""
    yield from (original for original in originals(name) if _matching(source, f"{directory.rstrip('/')}/{original}"))


def _still_finished(source: FileSource, path: str) -> str:
    directory, name = os.path.split(path)
    original = next(iter(sorted(_meant(source, directory, name))), "")
    return f"; if it is a rotated generation of {original}, what was not read of that is finished" if original else ""


def _missed(source: FileSource, path: str) -> Verdict:
    nearest = max(miss(pattern, path) for pattern in source.paths)
    return _no(source, nearest.why, _adding(source, path), nearest.near)


def _no(source: FileSource, why: str, cure: str, near: int) -> Verdict:
    return Verdict(source=source.name, shipped=False, why=why, cure=cure, near=near)
