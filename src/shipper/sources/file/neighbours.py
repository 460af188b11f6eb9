"""What lies beside a file: the candidates for its rotated generations.

Rule 1: a directory is listed at most once a step, however many of its files ask; but until two listings agree, since
        one that is made while files are renamed may miss some of them and show others twice.
Rule 2: only regular files; `exclude` hides none of them.
"""

from __future__ import annotations

# ruff: noqa: PTH118 - thousands of paths a sweep are joined and split here: os.path takes a tenth of pathlib's time
import os
import stat
from collections import defaultdict

from shipper.sources.file.recall import Place
from shipper.sources.file.siblings import age, originals

ATTEMPTS = 20
"""Listings that may disagree in a row: renaming a chain of backups takes about as long as a few of them."""
Listing = dict[str, list[tuple[str, int]]]


class Neighbours:
    """Rotated names by the name they may have been written under."""

    def __init__(self) -> None:
        self._listed: dict[str, Listing] = {}

    def forget(self) -> None:
        """List every directory anew when asked next."""
        self._listed.clear()

    def of(self, path: str) -> list[Place]:
        """The files that may be rotated generations of `path`, those changed first before the others."""
        directory, name = os.path.split(path)
        places: list[Place] = []
        for _ in range(ATTEMPTS):
            if directory not in self._listed:
                self._listed[directory] = _list(directory)
            listed = self._listed[directory].get(name)
            if listed is None:
                return []
            joined = ((os.path.join(directory, other), inode) for other, inode in listed)
            places = [place for path, inode in joined for place in place_at(path) if place.key[1] == inode]
            if len(places) == len(listed):
                break
            del self._listed[directory]
        return sorted(places, key=lambda place: (place.changed, -age(place.path)))


def _list(directory: str) -> Listing:
    """Rotated names and their inodes, by original name; listed until two listings agree."""
    names = _scan(directory)
    for _ in range(ATTEMPTS):
        again = _scan(directory)
        if again == names:
            break
        names = again
    listing: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for name, inode in names.items():
        for original in originals(name):
            listing[original].append((name, inode))
    return listing


def _scan(directory: str) -> dict[str, int]:
    """Regular files and their inodes."""
    try:
        with os.scandir(directory) as entries:
            return {entry.name: entry.inode() for entry in entries if entry.is_file(follow_symlinks=False)}
    except OSError:
        # An unreadable directory is named by the sweep; here it has nothing to offer.
        return {}


def place_at(path: str) -> list[Place]:
    """The regular file at a path, if there is one."""
    try:
        info = os.lstat(path)
    except OSError:
        return []
    if not stat.S_ISREG(info.st_mode):
        return []
    return [Place(path, path, (info.st_dev, info.st_ino), info.st_mtime_ns, info.st_size)]
