"""Log files under writing, and every way in which they are rotated.

Rule 1: numbers are written in rising order, each once; `count` says how many, so `range(count)` is what was written.
Rule 2: what the file system itself threw away before anybody could read it is in `at_risk`, by number.
Rule 3: a rotation moves what is there; it writes nothing and loses nothing unless it says so.
"""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path
from typing import BinaryIO

from benchmarks.torture.lines import Lines


class Log:
    """One path that a service writes to."""

    def __init__(self, path: Path, lines: Lines, *, head: bytes = b"") -> None:
        self.path = path
        self.name = path.name.removesuffix(".log")
        self.lines = lines
        self.count = 0
        self.at_risk: set[int] = set()
        self._head = head
        """What each new file begins with."""
        self._half = b""
        """What is still to be written of line `count`."""
        self.first = 0
        """The number that the present file begins with."""
        self._file: BinaryIO | None = self._open()

    def close(self) -> None:
        """Close the file under writing; it is opened again when something is written."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def rotated(self) -> list[Path]:
        """The rotated files, newest first."""
        names = {path: path.name.removeprefix(f"{self.path.name}.").split(".")[0] for path in self._siblings()}
        return sorted((path for path, number in names.items() if number.isdigit()), key=lambda path: int(names[path]))

    # writing ---------------------------------------------------------------------------------------------------------

    def write(self, count: int) -> None:
        """Write that many whole lines in one go."""
        if count <= 0:
            return
        self.end_part()
        numbers = range(self.count, self.count + count)
        self._put(b"".join([self.lines.written(self.name, number) + b"\n" for number in numbers]))
        self.count += count

    def write_part(self) -> None:
        """Write the first half of a line, unless one is begun already."""
        if self._half:
            return
        line = self.lines.written(self.name, self.count) + b"\n"
        middle = len(line) // 2
        self._put(line[:middle])
        self._half = line[middle:]

    def end_part(self) -> None:
        """Write the rest of a line that was begun."""
        if self._half:
            self._put(self._half)
            self._half = b""
            self.count += 1

    # rotating --------------------------------------------------------------------------------------------------------

    def rename(self, *, late: int = 0, packed: bool = False) -> None:
        """Rename to `.1`, the older ones one further; the writer may go on in the old file for `late` lines."""
        self._shift()
        first = self.path.with_name(f"{self.path.name}.1")
        self.path.rename(first)
        if late:
            self.write(late)
        self.end_part()
        self._reopen()
        if packed:
            pack(first)

    def copy_and_truncate(self, *, packed: bool = False) -> None:
        """Copy to `.1` and truncate, as logrotate does with services that keep their file open."""
        self.end_part()
        self._shift()
        first = self.path.with_name(f"{self.path.name}.1")
        shutil.copy2(self.path, first)
        self.truncate(copied=True)
        if packed:
            pack(first)

    def truncate(self, *, copied: bool = False) -> None:
        """Cut the file to nothing; what was not read and not copied is lost."""
        if not copied:
            self.at_risk.update(range(self.first, self.count))
        os.truncate(self.path, 0)
        self.first = self.count
        self._put(self._head)

    def recreate(self) -> None:
        """Delete the file and begin a new one, likely with the same inode."""
        self.end_part()
        self.path.unlink()
        self._reopen()

    def repoint(self) -> None:
        """Write to a new file and point the path, a symbolic link, to it."""
        self.end_part()
        self.close()
        target = self.path.with_name(f"{self.name}_{self.count:09d}.txt")
        self._file = target.open("ab", buffering=0)
        link = self.path.with_name(f"{self.path.name}.new")
        link.symlink_to(target)
        link.replace(self.path)
        self.first = self.count

    # ------------------------------------------------------------------------------------------------------------------

    def _open(self) -> BinaryIO:
        file = self.path.open("ab", buffering=0)
        file.write(self._head)
        return file

    def _reopen(self) -> None:
        self.close()
        self._file = self._open()
        self.first = self.count

    def _put(self, data: bytes) -> None:
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
        written = self._file.write(data)
        assert written == len(data), "a short write"

    def _shift(self) -> None:
        for path in reversed(self.rotated):
            number, _, ending = path.name.removeprefix(f"{self.path.name}.").partition(".")
            path.rename(path.with_name(f"{self.path.name}.{int(number) + 1}" + (f".{ending}" if ending else "")))

    def _siblings(self) -> list[Path]:
        return [path for path in self.path.parent.iterdir() if path.name.startswith(f"{self.path.name}.")]


def pack(path: Path) -> None:
    """Compress a file as `gzip` does: into a new one with its time, which replaces it."""
    packed = path.with_name(f"{path.name}.gz")
    info = path.stat()
    with gzip.open(packed, "wb") as out:
        out.write(path.read_bytes())
    os.utime(packed, ns=(info.st_atime_ns, info.st_mtime_ns))
    path.unlink()
