"""What many files cost, counted: calls of the file system, questions to paths, looks a minute."""

from __future__ import annotations

import os
from collections import Counter
from itertools import count

import pytest

from shipper.sources.file.trail import Trail


@pytest.fixture
def calls(monkeypatch):
    """How often the file system was asked for what, since this was cleared."""
    counted = Counter()

    def counting(name, real):
        def call(*arguments, **options):
            counted[name] += 1
            return real(*arguments, **options)

        return call

    for name in ("lstat", "stat", "fstat", "open", "pread", "scandir", "readlink"):
        monkeypatch.setattr(os, name, counting(name, getattr(os, name)))
    return counted


def test_a_look_at_quiet_files_is_one_lstat_each(bench, calls):
    for number in range(30):
        bench.write(f"{number}.log", "line\n")
    bench.start("*.log").later()
    calls.clear()
    bench.later()
    assert calls == {"lstat": 30}


def test_what_a_look_finds_changed_is_read(bench):
    bench.write("grown.log", "one\n")
    bench.write("replaced.log", "one\n")
    bench.write("removed.log", "one\n")
    bench.start("*.log").later()
    bench.write("grown.log", "two\n")
    bench.write("new", "other\n").replace(bench.root / "replaced.log")
    (bench.root / "removed.log").unlink()
    bench.later()
    assert bench.texts("grown.log") == ["one", "two"]
    assert bench.texts("replaced.log") == ["one", "other"]
    assert {file.path: file.deleted for file in bench.source.files()}[str(bench.root / "removed.log")]


def test_between_two_looks_only_paths_with_news_are_asked_what_they_have(bench, monkeypatch):
    asked, current = Counter(), Trail.current

    def asking(trail, *arguments):
        asked[trail.path] += 1
        return current(trail, *arguments)

    monkeypatch.setattr(Trail, "current", asking)
    for number in range(200):
        bench.write(f"{number}.log", "line\n")
    bench.start("*.log").later(budget=1)
    assert sum(map(len, bench.lines.values())) == 200
    assert max(asked.values()) <= 4, "found, taken, asked for more, and at the next look"


def test_looks_that_are_dear_are_rare(bench):
    bench.write("app.log", "one\n")
    bench.start("*.log").later()
    assert bench.step(0).look_in == 1.0
    spent = count(step=0.06)
    bench.cpu = lambda: next(spent)
    bench.now += 1.0
    assert bench.step(0).look_in == pytest.approx(6.0), "a hundredth of a core"
    bench.cpu = lambda: 0.0
    bench.now += 6.0
    assert bench.step(0).look_in == 1.0
