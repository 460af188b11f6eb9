"""The line that is meant, found among its neighbours, in plain and compressed files of any size."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from shipper.clock import Clock
from shipper.config.model import ResolvedSource
from shipper.errors import UsageError
from shipper.explain import lines as module
from shipper.explain.lines import AFTER, BEFORE, find_line
from shipper.sources.file.content import open_content

RESOLVED = ResolvedSource(name="app", type="file", labels={"job": "app"}, stages=())
MANY = [b"line %d %s" % (number, b"." * (number % 97)) for number in range(1, 30_001)]
CONTENTS = {
    "many": b"\n".join(MANY) + b"\n",
    "unterminated": b"one\ntwo\nthr",
    "blank end": b"one\n\n \n\n",
    "one": b"one\n",
    "empty": b"",
    "no newline": b"one",
}


def _found(path: Path, number: int | None) -> tuple[bytes, int] | None:
    content = open_content(str(path))
    try:
        found = find_line(RESOLVED, content, str(path), number, Clock())
    finally:
        content.close()
    if found is None:
        return None
    assert len(found.excerpt.chunk.lines) <= BEFORE + 1 + AFTER or number is None
    return found.excerpt.chunk.lines[found.index], found.offset


@pytest.fixture(params=["plain", "gzip"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes a content, plain or compressed."""

    def write(content: bytes) -> Path:
        path = tmp_path / "app.log"
        path.write_bytes(content if request.param == "plain" else gzip.compress(content, 1))
        return path

    return write


@pytest.mark.parametrize("number", [1, 2, BEFORE, BEFORE + 1, 17_000, 29_999, 30_000])
def test_line_n_is_found_with_its_offset(written: Callable[[bytes], Path], number: int) -> None:
    path = written(CONTENTS["many"])
    assert _found(path, number) == (MANY[number - 1], sum(len(line) + 1 for line in MANY[: number - 1]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("many", (MANY[-1], len(CONTENTS["many"]) - len(MANY[-1]) - 1)),
        ("unterminated", (b"two", 4)),
        ("blank end", (b"one", 0)),
        ("one", (b"one", 0)),
        ("empty", None),
        ("no newline", None),
    ],
)
def test_without_a_number_the_last_complete_line_that_is_not_blank(
    written: Callable[[bytes], Path], name: str, expected: tuple[bytes, int] | None
) -> None:
    assert _found(written(CONTENTS[name]), None) == expected


def test_an_unterminated_line_can_be_asked_about_by_its_number(written: Callable[[bytes], Path]) -> None:
    assert _found(written(CONTENTS["unterminated"]), 3) == (b"thr", 8)


@pytest.mark.parametrize("name", CONTENTS)
def test_a_line_that_is_not_there_is_named(written: Callable[[bytes], Path], name: str) -> None:
    content = CONTENTS[name]
    beyond = content.count(b"\n") + (1 if content.endswith(b"\n") or not content else 2)
    with pytest.raises(UsageError, match=f"has no line {beyond}"):
        _found(written(content), beyond)


def test_lines_larger_than_the_window_of_neighbours_are_found_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW", 5000)
    monkeypatch.setattr(module, "TAIL", 100)
    path = tmp_path / "app.log"
    path.write_bytes(b"".join(b"%d" % number * 1000 + b"\n" for number in range(8)))
    assert _found(path, 7) == (b"6" * 1000, 6006)
    assert _found(path, None) == (b"7" * 1000, 7007)
