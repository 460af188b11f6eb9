"""The services that log: what they wrote, where it lies now, and what must become of it.

Rule 1: a content is what was written from one creation (or truncation) of a file to the next; its lines are known with
        their bytes and with the text they are to arrive as.
Rule 2: a line must arrive once as long as its bytes are anywhere; one whose bytes are gone may, if it had been read.
Rule 3: files have the change times of the model's clock, so the same actions always make the same world.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.model.clockwork import Time
from tests.model.life import MAX_LINE

from shipper.sources.line import tidy

Fate = Literal["must", "may", "gone"]


@dataclass(frozen=True, slots=True)
class Raw:
    """A line as a service writes it, without its LF."""

    data: bytes
    time: int | None = None
    """The time in it, ns; None: it has none that anybody reads."""


@dataclass(slots=True, eq=False)
class Line:
    """A line as it is to arrive; blank ones are not to."""

    text: bytes
    start: int
    end: int
    time: int | None
    earlier: bool
    """Its own time is before the one of a line before it, so nothing is said about its place."""
    fate: Fate = "must"


@dataclass(slots=True, eq=False)
class Content:
    """What was written from one creation of a file to the next."""

    size: int = 0
    lines: list[Line] = field(default_factory=list)
    is_gone: bool = False
    """No file holds it any more."""


class Service:
    """One log file and its rotated generations."""

    def __init__(self, root: Path, name: str, time: Time) -> None:
        self.path = root / name
        self.contents: list[Content] = []
        """In the order they were written."""
        self._time = time
        self._live: Content | None = None
        self._partial = b""
        self._latest = 0

    @property
    def lines(self) -> list[Line]:
        """Everything written so far, in order."""
        return [line for content in self.contents for line in content.lines]

    @property
    def live(self) -> Content | None:
        """What is at the path itself."""
        return self._live

    @property
    def rotated(self) -> list[Path]:
        """The rotated files, newest first."""
        pattern = re.compile(re.escape(self.path.name) + r"\.\d+(\.gz)?")
        found = [path for path in self.path.parent.iterdir() if pattern.fullmatch(path.name)]
        return sorted(found, key=_number)

    # ── writing ──

    def write(self, raws: Sequence[Raw]) -> None:
        """Append whole lines; the first one ends what was begun."""
        for raw in raws:
            self._append(raw.data + b"\n")
            self._end_line(raw.time if not self._partial else None, raw.data, newline=1)
        self._stamp()

    def begin_line(self, data: bytes) -> None:
        """Append the beginning of a line, or more of it."""
        self._append(data)
        self._partial += data
        self._stamp()

    def end_line(self) -> None:
        """End the line that was begun, if one was."""
        if self._partial:
            self._append(b"\n")
            self._end_line(None, b"", newline=1)
            self._stamp()

    # ── what happens to the files ──

    def rotate(self, *, ending: bytes | None = None) -> None:
        """Rename the file away; `ending`: what the service still writes to it before it opens the new one."""
        if self._live is None:
            return
        self._shift()
        old = self.path.rename(self._name(1))
        if ending is not None:
            with old.open("ab") as file:
                file.write(ending + b"\n")
            self._live.size += len(ending) + 1
            self._end_line(None, ending, newline=1)
            os.utime(old, ns=(self._time.changed(),) * 2)
        self._leave()

    def copy(self) -> bool:
        """The first half of copy-and-truncate."""
        if self._live is None or not self._live.size:
            return False
        self._shift()
        shutil.copyfile(self.path, self._name(1))
        os.utime(self._name(1), ns=(self._time.changed(),) * 2)
        return True

    def truncate(self) -> None:
        """The second half, or all of it."""
        os.truncate(self.path, 0)
        self._leave()
        self._live = self._new()
        self._stamp()

    def delete(self) -> None:
        """Delete the file."""
        assert self._live is not None
        self.path.unlink()
        self._live.is_gone = True
        self._leave()

    def compress(self, path: Path) -> None:
        """Compress a rotated file, as gzip does it: the change time stays."""
        info = path.stat()
        packed = path.with_name(path.name + ".gz")
        with gzip.GzipFile(packed, "wb", mtime=0) as out:
            out.write(path.read_bytes())
        os.utime(packed, ns=(info.st_mtime_ns, info.st_mtime_ns))
        path.unlink()

    # ── the model ──

    def _new(self) -> Content:
        content = Content()
        self.contents.append(content)
        return content

    def _append(self, data: bytes) -> None:
        if self._live is None:
            self._live = self._new()
        with self.path.open("ab") as file:
            file.write(data)
        self._live.size += len(data)

    def _stamp(self) -> None:
        os.utime(self.path, ns=(self._time.changed(),) * 2)

    def _end_line(self, time: int | None, data: bytes, *, newline: int) -> None:
        """A line is complete, if it is not blank."""
        assert self._live is not None
        raw, self._partial = self._partial + data, b""
        text, _ = tidy(raw, MAX_LINE)
        earlier = time is not None and time < self._latest
        self._latest = self._latest if time is None else time
        if text.strip():
            start = self._live.size - len(raw) - newline
            self._live.lines.append(Line(text, start, self._live.size, time, earlier))

    def _leave(self) -> None:
        """The content at the path is what it is from now on."""
        if self._partial:
            self._end_line(None, b"", newline=0)
        self._live = None

    def _name(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _shift(self) -> None:
        """Make room for `.1`."""
        for path in reversed(self.rotated):
            suffix = ".gz" if path.suffix == ".gz" else ""
            path.rename(self._name(_number(path) + 1).with_name(f"{self.path.name}.{_number(path) + 1}{suffix}"))


def _number(path: Path) -> int:
    return int(path.name.removesuffix(".gz").rpartition(".")[2])
