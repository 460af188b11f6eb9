"""The generated loads: the same bytes each time, and every request accounted for."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from benchmarks.fastapi_load import fastapi_lines
from benchmarks.throughput import written
from benchmarks.vllm_load import request_of, vllm_lines

ACCESS = re.compile(rb'INFO:     (10\.\d+\.\d+\.\d+:\d+) - "POST')


def test_each_request_has_one_access_line_in_order() -> None:
    found = [ACCESS.search(line) for line in vllm_lines(50_000)]
    requests = [request_of(match[1].decode()) for match in found if match]
    assert requests == list(range(len(requests)))


def test_the_same_arguments_make_the_same_bytes_and_others_do_not() -> None:
    digests = [sha256(b"".join(vllm_lines(20_000, seed=seed))).hexdigest() for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]


def test_lines_are_as_many_as_asked_for_and_140_bytes_long_on_average() -> None:
    lines = list(vllm_lines(200_000))
    assert len(lines) == 200_000
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    assert 130 < sum(map(len, lines)) / len(lines) < 150


def test_fastapi_lines_are_json_with_rising_times() -> None:
    documents = [json.loads(line) for line in fastapi_lines(5000)]
    times = [document["timestamp"] for document in documents]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert {document["level"] for document in documents} == {"info", "warning", "debug", "error"}


def test_what_is_written_is_measured_without_line_ends(tmp_path: Path) -> None:
    file = written(tmp_path / "x.log", [b"one\r\n", b"three\n"])
    assert (file.lines, file.text, file.path.read_bytes()) == (2, 8, b"one\r\nthree\n")
