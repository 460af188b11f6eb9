"""How a log file is written and rotated, as real writers and logrotate do it.

Rule 1: a file is opened for appending, and never truncated by its writer.
Rule 2: nothing is written between a copy and the truncation after it, so what is missing later was not lost here.
"""

from __future__ import annotations

import os
import shutil
from enum import StrEnum
from pathlib import Path

BACKUPS = 5


class Style(StrEnum):
    """The ways a file rotates."""

    RENAME = "rename"
    """`app.log.1` to `app.log.2`, `app.log` to `app.log.1`, then a new `app.log`: Python's RotatingFileHandler."""
    LATE_RENAME = "rename, late writer"
    """The same, but the writer goes on in the renamed file for a while, until it is told: rsyslogd."""
    COPY_TRUNCATE = "copytruncate"
    """Copied to `.1`, then truncated to nothing under its writer: logrotate for what cannot reopen its log."""


class LogFile:
    """One log of one service, its descriptor held open as a service would."""

    def __init__(self, path: Path, style: Style) -> None:
        self.path = path
        self.style = style
        self.rotations = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = self._open()
        self._late = False

    def write(self, data: bytes) -> None:
        """Append in one write."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def rotate(self) -> None:
        """Rotate once."""
        self.rotations += 1
        self._shift()
        first = self._backup(1)
        if self.style is Style.COPY_TRUNCATE:
            shutil.copyfile(self.path, first)
            os.ftruncate(self._descriptor, 0)
            return
        self.path.rename(first)
        self._late = True
        if self.style is Style.RENAME:
            self.reopen()

    def reopen(self) -> None:
        """Go over to the new file, if the old one was renamed and is still being written."""
        if self._late:
            os.close(self._descriptor)
            self._descriptor = self._open()
            self._late = False

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _backup(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _shift(self) -> None:
        """Make room for a new first backup; the oldest goes."""
        self._backup(BACKUPS).unlink(missing_ok=True)
        for number in range(BACKUPS - 1, 0, -1):
            if self._backup(number).exists():
                self._backup(number).rename(self._backup(number + 1))
