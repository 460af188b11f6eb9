"""Rotations in the middle of a look: at each call by which a look asks the system for something.

A look asks dozens of times, and each answer may be out of date when the next one comes. Every line arrives all the
same, once and in order.
"""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.sources.file.conftest import Bench

CALLS = ("stat", "lstat", "fstat", "open", "scandir", "pread", "close")
APART = 0.006
"""Seconds between two rotations: more than a tick of the kernel's clock, by which files tell their age."""
LOOKS = 3
WAIT = 13
"""Seconds until all is found: a sweep is due every ten."""


class Interruption:
    """Does something once, before the call number `at`."""

    def __init__(self, at: int, do: Callable[[], None]) -> None:
        self.done = False
        self._left = at
        self._do = do
        self._within = False

    @contextmanager
    def of_calls(self) -> Iterator[None]:
        real = {name: getattr(os, name) for name in CALLS}
        for name, call in real.items():
            setattr(os, name, self._before(call))
        try:
            yield
        finally:
            for name, call in real.items():
                setattr(os, name, call)

    def _before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            if not self._within:
                self._within = True
                self._count()
                self._within = False
            return call(*arguments, **named)

        return counted

    def _count(self) -> None:
        if self._left == 0:
            self._do()
            self.done = True
        self._left -= 1


class Log:
    """Numbered lines in app.log, of which every ten begin a new file if asked for."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.lines: list[bytes] = []

    def write(self, count: int = 10) -> None:
        new = [b"line %05d of the log, and some text" % (len(self.lines) + number) for number in range(count)]
        self._bench.write("app.log", b"".join(line + b"\n" for line in new))
        self.lines += new

    def rename(self) -> None:
        """As logrotate does it: the backups first, then the file, then a new one."""
        self._shift()
        (self._bench.root / "app.log").rename(self._bench.root / "app.log.1")
        self.write()

    def renames(self) -> None:
        """Twice in a moment."""
        self.rename()
        self.rename()

    def pack(self) -> None:
        """As RotatingFileHandler does it with a rotator: more lines, renamed, and compressed at once."""
        self.write()
        self._shift()
        root = self._bench.root
        first, packed = root / "app.log.1", root / "app.log.1.gz"
        (root / "app.log").rename(first)
        packed.write_bytes(gzip.compress(first.read_bytes()))
        info = first.stat()
        os.utime(packed, ns=(info.st_atime_ns, info.st_mtime_ns))
        first.unlink()
        self.write()

    def copy(self) -> None:
        """As logrotate does it with copytruncate."""
        self._shift()
        path = self._bench.root / "app.log"
        (self._bench.root / "app.log.1").write_bytes(path.read_bytes())
        os.truncate(path, 0)
        self.write()

    def _shift(self) -> None:
        time.sleep(APART)
        for number in range(5, 0, -1):
            if (self._bench.root / f"app.log.{number}").exists():
                (self._bench.root / f"app.log.{number}").rename(self._bench.root / f"app.log.{number + 1}")


BEFORE: dict[str, Callable[[Log], None]] = {
    "grown": lambda log: log.write(),
    "rotated": lambda log: (log.write(), log.rename())[0],
    "rotated twice": lambda log: (log.write(), log.renames())[0],
}
DURING: dict[str, Callable[[Log], None]] = {
    "renamed": Log.rename,
    "renamed twice": Log.renames,
    "packed": Log.pack,
    "copied": Log.copy,
}
# Left out: a file emptied before anything of it was read has nothing to be known by: the copy comes after what is new.
CASES = [
    (before, during, restart)
    for before in BEFORE
    for during in DURING
    for restart in (True, False)
    if during != "copied" or before == "grown" or (before, restart) == ("rotated", True)
]


def _play(root: Path, before: str, during: str, at: int, *, restart: bool) -> tuple[bool, list[bytes], list[bytes]]:
    """Whether there was a call number `at` in the first looks; what was written, and what arrived."""
    bench = Bench(root)
    log = Log(bench)
    log.write(200)
    bench.start("app.log")
    bench.step()
    BEFORE[before](log)
    interruption = Interruption(at, lambda: DURING[during](log))
    with interruption.of_calls():
        if restart:
            bench.start()
        else:
            bench.now += 1.0
        for _ in range(LOOKS):
            bench.step()
    for _ in range(WAIT):
        bench.now += 1.0
        bench.step()
    assert bench.source is not None
    bench.source.close()
    (arrived,) = bench.lines.values()
    return interruption.done, log.lines, arrived


@pytest.mark.parametrize(("before", "during", "restart"), CASES)
def test_every_line_arrives_once_and_in_order(tmp_path, before, during, restart):
    wrong = []
    for at in range(1000):
        root = tmp_path / str(at)
        root.mkdir()
        there, written, arrived = _play(root, before, during, at, restart=restart)
        if not there:
            break
        if arrived != written:
            wrong.append((at, "another order" if sorted(arrived) == sorted(written) else "other lines"))
    assert there is False
    assert at >= 10
    assert wrong == []
