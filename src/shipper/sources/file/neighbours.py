"""What lies beside a file: the candidates for its rotated generations.

Rule 1: a directory is listed at most once a step, however many of its files ask.
Rule 2: only regular files; `exclude` hides none of them.
"""

from __future__ import annotations

# ruff: noqa: PTH118 - thousands of paths a sweep are joined and split here: os.path takes a tenth of pathlib's time
import os
import stat
from collections import defaultdict
from functools import lru_cache

from shipper.sources.file.recall import Place
from shipper.sources.file.siblings import age, originals

_originals = lru_cache(maxsize=65536)(originals)


class Neighbours:
    """Rotated names by the name they may have been written under."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, list[str]]] = {}

    def forget(self) -> None:
        """List every directory anew when asked next."""
        self._names.clear()

    def of(self, path: str) -> list[Place]:
        """The files that may be rotated generations of `path`, those changed first before the others."""
        directory, name = os.path.split(path)
        if directory not in self._names:
            self._names[directory] = _list(directory)
        places = [_place(os.path.join(directory, other)) for other in self._names[directory].get(name, ())]
        return sorted((place for place in places if place), key=lambda place: (place.changed, -age(place.path)))


def _list(directory: str) -> dict[str, list[str]]:
    names: defaultdict[str, list[str]] = defaultdict(list)
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                for original in _originals(entry.name):
                    names[original].append(entry.name)
    except OSError:
        # An unreadable directory is named by the sweep; here it has nothing to offer.
        return {}
    return names


def _place(path: str) -> Place | None:
    try:
        info = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(info.st_mode):
        return None
    return Place(path, path, (info.st_dev, info.st_ino), info.st_mtime_ns, info.st_size)
