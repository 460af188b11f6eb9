"""Cost per line over the number of containers, with a Docker engine of the benchmark's own."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.agent import Cost, delivering, run_once
from benchmarks.costs import measure
from benchmarks.counting import MASK, checksum_of
from benchmarks.experiments import COST, Bench
from benchmarks.loads import File
from benchmarks.results import Picture, Result, Row
from benchmarks.torture.engine import MISSING, Dockerd, can_run, engine
from benchmarks.vllm_load import Server, vllm_lines

CONTAINERS = (1, 10, 50)
LINE = next(vllm_lines(1, Server(profile="A"))).decode().rstrip("\n")
SOURCE = """\
[[source]]
name = "load"
type = "docker"
host = "{host}"
include = {{ names = ["{names}"] }}
pipeline = "plaintext"
"""


def run(bench: Bench) -> Result:
    """The same number of lines out of more and more containers that have ended."""
    count = bench.settings.lines // 10
    numbers = CONTAINERS[:2] if bench.settings.quick else CONTAINERS
    rows: list[Row] = []
    lost: list[str] = []
    if can_run():
        with engine() as docker:
            for number in numbers:
                _write(docker, number, count // number)
                found = measure(
                    _file(number, count // number),
                    partial(_ship, bench, docker, f"load{number}-.*"),
                    partial(_ship, bench, docker, "none"),
                    floor=None,
                    rounds=bench.settings.rounds,
                )
                rows.append(Row(case=f"{number} containers", x=number, numbers=found.numbers))
                if not found.complete:
                    lost.append(rows[-1].case)
    return Result(
        name="containers",
        title="Cost over the number of containers",
        says=f"{count:,} access lines of containers that have ended, still at the engine; the CPU is the agent's.",
        columns=tuple(column for column in COST if column.key != "ratio"),
        rows=tuple(rows),
        pictures=(Picture(key="us_per_line", x="containers", y="CPU µs a line"),) if rows else (),
        lost=tuple(lost),
        absent=() if rows else (f"a Docker engine: {MISSING}",),
    )


def _write(docker: Dockerd, number: int, each: int) -> None:
    script = f"yes '{LINE}' | head -n {each}"
    for identity in [docker.run(f"load{number}-{place}", script) for place in range(number)]:
        docker.wait(identity)


def _file(number: int, each: int) -> File:
    lines = number * each
    text = LINE.encode()
    return File(path=Path(), lines=lines, text=len(text) * lines, checksum=checksum_of([text]) * lines & MASK)


def _ship(bench: Bench, docker: Dockerd, names: str) -> Cost:
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as data:
        return run_once(delivering(bench.url, data) + SOURCE.format(host=docker.host, names=names), bench.url)
