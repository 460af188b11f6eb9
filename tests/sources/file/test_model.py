"""Random lives of a file, driven against a list of the lines that were written to it.

After any mix of writes, rotations (rename, copy and truncate, compression), deletions, restarts, crashes and
settlements, the lines that arrived are the lines that were written: each once, in order.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.sources.file.conftest import Bench

BANNER = [f"banner {index} of every generation, always the same" for index in range(30)]


class Life(RuleBasedStateMachine):
    """One file, its rotated generations, and the agent that follows it."""

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.bench = Bench(self.root)
        self.written = []
        self.count = 0
        self.partial = ""

    @property
    def path(self):
        return self.root / "app.log"

    @initialize(
        pattern=st.sampled_from(["app.log", "app.log*", "*"]),
        exclude=st.sampled_from([(), ("*.gz",)]),
        copies=st.booleans(),
    )
    def begin(self, pattern, exclude, copies):
        self.copies = copies
        self.bench.start(pattern, exclude=exclude)
        self.append(1, banner=False)
        self.bench.later()

    # ── the writer ──

    @rule(lines=st.integers(1, 60), banner=st.booleans())
    def append(self, lines, banner):
        if banner and not self.path.exists():
            self._write_lines(BANNER)
        self._write_lines([f"line {self.count + index}" for index in range(lines)])
        self.count += lines

    @rule()
    def append_partial(self):
        self.count += 1
        text = f"part {self.count} "
        self.bench.write("app.log", text)
        self.partial += text

    @rule()
    def rotate(self):
        if self.copies or not self.path.exists():
            return
        self._shift()
        self.path.rename(self.root / "app.log.1")
        self._end_partial()

    @rule(look=st.booleans())
    def copy_and_truncate(self, look):
        if not self.copies or not self.path.exists() or self.path.stat().st_size == 0:
            return
        self._shift()
        shutil.copy(self.path, self.root / "app.log.1")
        if look:
            self.look()
        os.truncate(self.path, 0)
        self._end_partial()
        self.bench.now += 1
        self.bench.step(0)

    @rule()
    def truncate_what_was_read(self):
        if not self.path.exists():
            return
        self._complete()
        self.read_all()
        self.bench.settle()
        os.truncate(self.path, 0)
        self.append(5, banner=False)
        self.bench.now += 1
        self.bench.step(0)

    @rule()
    def delete_what_was_read(self):
        if not self.path.exists():
            return
        self._complete()
        self.read_all()
        self.path.unlink()
        self.bench.settle()

    @rule(number=st.integers(1, 3), met_at=st.none() | st.sampled_from([0, 2, 15, 1000]))
    def compress(self, number, met_at):
        """`met_at`: how many bytes the compressor has written when the agent looks, if it does."""
        path = self.root / f"app.log.{number}"
        if not path.exists():
            return
        if self.copies:
            # A copy of which nothing was read is known by nothing but its inode: compressed, it is another file.
            self.read_all()
            self.bench.settle()
        packed = path.with_name(path.name + ".gz")
        info = path.stat()
        content = gzip.compress(path.read_bytes())
        if met_at is not None:
            packed.write_bytes(content[:met_at])
            self.bench.later(1)
        packed.write_bytes(content)
        os.utime(packed, ns=(info.st_atime_ns, info.st_mtime_ns))
        path.unlink()

    # ── the agent ──

    @rule()
    def look(self):
        self.bench.now += 1
        self.bench.step(0)

    @rule(budget=st.sampled_from([1, 100, 1 << 20]))
    def read_some(self, budget):
        self.bench.now += 1
        self.bench.step(budget)

    @rule(seconds=st.sampled_from([1, 6, 11, 70]))
    def read_all(self, seconds=11):
        self.bench.later(seconds, steps=3)

    @rule(commits=st.booleans())
    def let_loki_answer(self, commits):
        self.bench.commits = commits
        if commits:
            self.bench.settle()

    @rule()
    def restart(self):
        self.bench.crash()

    @rule()
    def idle(self):
        self.bench.later(11, steps=8)

    def teardown(self):
        try:
            self._end()
        finally:
            self.bench.source.close()
            shutil.rmtree(self.root)

    # ── the model ──

    def _end(self):
        self._complete()
        self.read_all()
        self.bench.settle()
        self.restart()
        self.read_all()
        arrived = [line.decode() for lines in self.bench.lines.values() for line in lines]
        assert arrived == self.written
        assert (self.bench.unread, self.bench.abandoned) == (0, [])

    def _write_lines(self, lines):
        self.bench.write("app.log", "".join(f"{line}\n" for line in lines))
        self.written += [self.partial + lines[0], *lines[1:]]
        self.partial = ""

    def _complete(self):
        if self.partial:
            self.bench.write("app.log", "\n")
            self._end_partial()

    def _end_partial(self):
        if self.partial:
            self.written.append(self.partial)
            self.partial = ""

    def _shift(self):
        names = [path.name for path in self.root.iterdir() if re.fullmatch(r"app\.log\.\d+(\.gz)?", path.name)]
        for name in sorted(names, key=lambda name: -int(name.split(".")[2])):
            number, *rest = name.split(".")[2:]
            (self.root / name).rename(self.root / ".".join(["app.log", str(int(number) + 1), *rest]))


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=settings().max_examples // 2, stateful_step_count=30, suppress_health_check=list(HealthCheck)
)
