"""The generated loads: FastAPI's JSON, and what is said of a written file."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from benchmarks.fastapi_load import fastapi_lines
from benchmarks.loads import written


def test_fastapi_lines_are_json_with_rising_times() -> None:
    documents = [json.loads(line) for line in fastapi_lines(5000)]
    times = [document["timestamp"] for document in documents]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert {document["level"] for document in documents} == {"info", "warning", "debug", "error"}


def test_what_is_written_is_measured_without_line_ends(tmp_path: Path) -> None:
    file = written(tmp_path / "x.log", [b"one\r\n", b"three\n"])
    assert (file.lines, file.text, file.path.read_bytes()) == (2, 8, b"one\r\nthree\n")
