"""Measuring: loads, processes, the writer, and one experiment from the command line to the page."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
from hashlib import sha256
from pathlib import Path

import pytest
from benchmarks.agent import receiver
from benchmarks.experiments import PLAIN, Bench, Settings
from benchmarks.experiments.startup import ReadWatch
from benchmarks.host_load import LOGS, host
from benchmarks.loads import File, dealt, repeated, written
from benchmarks.peers import KINDS, PEERS, environment
from benchmarks.processes import Failed, Process
from benchmarks.writer import block, write

LINES = [b"line %d\n" % number for number in range(100)]


def test_lines_dealt_out_to_files_are_the_same_lines(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.log", LINES)
    parts = dealt(tmp_path / "parts", LINES, 7, 100)
    files = [path.read_bytes() for path in sorted(parts.path.parent.iterdir())]
    assert b"".join(files) == b"".join(LINES)
    assert sorted(file.count(b"\n") for file in files) == [14] * 5 + [15] * 2
    assert (parts.lines, parts.text, parts.checksum) == (whole.lines, whole.text, whole.checksum)


def test_a_repeated_file_is_measured_as_if_it_had_been_written(tmp_path: Path) -> None:
    once = written(tmp_path / "once.log", LINES)
    thrice = repeated(tmp_path / "thrice.log", once, 3)
    assert thrice == written(thrice.path, LINES * 3)


def test_a_host_is_the_same_each_time(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        lines = host(tmp_path / name, 2000)
        data = b"".join((tmp_path / name / log).read_bytes() for log, *_ in LOGS)
        digests.add((lines, sha256(data).hexdigest()))
    assert len(digests) == 1
    assert 1900 < lines <= 2000


def test_the_writer_says_what_it_wrote_and_when(tmp_path: Path) -> None:
    assert block([b"a", b"b"], 17, timed=True) == b"a w=17\nb w=17\n"
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    wrote = write(tmp_path / "x.log", 5000, 0.1, warm=0.05, cool=0.05, monotonic=lambda: now[0], sleep=sleep)
    data = (tmp_path / "x.log").read_bytes()
    assert (wrote["lines"], wrote["timed"]) == (data.count(b"\n"), data.count(b" w="))
    assert (wrote["lines"], wrote["timed"]) == (pytest.approx(1000, abs=50), pytest.approx(500, abs=50))


def test_a_process_is_charged_for_what_it_does() -> None:
    busy = "import time\nx = b'x' * (50 << 20)\nwhile time.process_time() < 0.3: pass"
    with Process([sys.executable, "-c", busy]) as process:
        used = process.finish()
    assert 0.3 <= used.cpu < 3
    assert used.memory > 50 << 20


def test_a_process_that_fails_is_named_with_what_it_said() -> None:
    with pytest.raises(Failed, match="ended with 3:\nwhy"), Process(["sh", "-c", "echo why; exit 3"]) as process:
        process.finish()


def test_a_watch_tells_the_first_read_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("line\n")
    with ReadWatch(path) as watch:
        assert not watch.read(0)
        path.read_bytes()
        assert watch.read(5)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
@pytest.mark.parametrize("kind", KINDS)
def test_every_peer_has_a_configuration_that_says_what_to_read_and_where_to(peer, kind: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    command = peer.started_with(kind, tmp_path)
    text = Path(next(part.partition("=")[2] or part for part in command if kind in part)).read_text()
    named = {name for name in environment(tmp_path / "x.log", "http://127.0.0.1:1", tmp_path) if name in text}
    assert {"LOG"} < named
    assert named & {"URL", "PORT"}
    if peer.name == "vector":
        assert set(tomllib.loads(text)["sinks"]["receiver"]["labels"]) >= (
            {"job"} if kind == "plaintext" else {"level", "service"}
        )


@pytest.mark.e2e
def test_a_lost_line_is_noticed(tmp_path: Path) -> None:
    with receiver() as url:
        bench = Bench(settings=Settings(rounds=1), directory=tmp_path, url=url)
        file = written(tmp_path / "x.log", LINES)
        found = bench.measured(file, PLAIN, ("P", file.path))
        changed = File(path=file.path, lines=100, text=file.text, checksum=file.checksum + 1)
        assert (found.complete, found.best.arrived.entries) == (True, 100)
        assert found.floor > 0
        assert not changed.all_in(found.best.arrived)


@pytest.mark.e2e
def test_an_experiment_runs_from_the_command_line_to_the_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "host", "--lines", "10000", "--rounds", "1"]
    began = time.monotonic()
    subprocess.run(
        [*command, "--json", str(tmp_path / "x.json"), "--report", str(tmp_path / "x.html")],
        check=True,
        capture_output=True,
    )
    numbers = json.loads((tmp_path / "x.json").read_text())["experiments"][0]["rows"][0]["numbers"]
    assert 4900 < numbers["lines"] <= 5000
    assert 0 < numbers["cpu_s"] < time.monotonic() - began
    assert "A whole host" in (tmp_path / "x.html").read_text()
