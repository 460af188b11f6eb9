"""Looking at files: both ends of large ones, nothing but complete lines, and no trace of having looked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shipper.clock import Clock
from shipper.config.model import FileSource, ResolvedSource
from shipper.preview import look as module
from shipper.preview.look import END, Look, Looker, Trouble

RESOLVED = ResolvedSource(name="app", type="file", labels={"job": "app"})


def _looks(directory: Path, *globs: str) -> tuple[list[Look], list[Trouble]]:
    source = FileSource(name="app", paths=tuple(str(directory / glob) for glob in globs))
    looker = Looker(RESOLVED, source, Clock(lambda: 1_700_000_000_000_000_000))
    return list(looker.looks()), looker.troubles


def _lines(look: Look) -> list[bytes]:
    return [line for chunk in look.chunks for line in chunk.lines]


def test_a_small_file_is_looked_at_whole_but_for_its_unterminated_line(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"one\ntwo\nthr")
    (look,), troubles = _looks(tmp_path, "*.log")
    assert (_lines(look), look.lines, look.looked_at, look.size, look.unterminated) == ([b"one", b"two"], 2, 8, 11, 3)
    assert troubles == []


def test_of_a_large_file_both_ends_are_looked_at_and_every_line_is_whole(tmp_path: Path) -> None:
    lines = [b"%07d %s" % (number, b"x" * 60) for number in range(50_000)]
    (tmp_path / "a.log").write_bytes(b"\n".join(lines) + b"\n")
    (look,), _ = _looks(tmp_path, "*.log")
    seen = _lines(look)
    assert set(seen) <= set(lines)
    assert (seen[0], seen[-1]) == (lines[0], lines[-1])
    assert 2 * END - 200 < look.looked_at <= 2 * END
    for chunk in look.chunks:
        data = (tmp_path / "a.log").read_bytes()[chunk.span.start : chunk.span.end]
        assert data == b"".join(line + b"\n" for line in chunk.lines)


def test_the_latest_files_are_looked_at_first_and_the_rest_only_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        path = tmp_path / f"{number}.log"
        path.write_bytes(b"0123456\n" * 10)
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    monkeypatch.setattr(module, "BUDGET", 100)
    looks, _ = _looks(tmp_path, "*.log")
    assert [(Path(look.path).name, look.looked_at) for look in looks] == [("2.log", 80), ("1.log", 80), ("0.log", 0)]


def test_what_cannot_be_read_is_a_trouble_and_the_others_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"one\n")
    (tmp_path / "b.log").mkdir()
    (tmp_path / "c.log").symlink_to(tmp_path / "gone")
    looks, troubles = _looks(tmp_path, "*.log")
    assert [Path(look.path).name for look in looks] == ["a.log"]
    assert sorted((Path(trouble.path).name, trouble.name) for trouble in troubles) == [
        ("b.log", "not_a_regular_file"),
        ("c.log", "symlink_dangling"),
    ]
    assert all(trouble.hint for trouble in troubles)
