"""How long a line takes from being written to being acknowledged, and what it costs, over the rate of lines."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.agent import arrived, ask, configured, running
from benchmarks.experiments import PLAIN, Bench
from benchmarks.processes import Failed, Process
from benchmarks.results import Check, Column, Picture, Result, Row
from benchmarks.writer import WARM, burst

RATES = (1_000, 10_000, 100_000)
MORE = (1_000, 3_000, 10_000, 30_000, 100_000)
BATCH_WAIT_MS = 1000.0
SLACK_MS = 100.0
BURST = 100_000
STARTED = 1.0
"""Seconds after which an agent looks at its file."""
PATIENCE = 60.0
QUIET = 2.5
"""Seconds without a push after which nothing more is expected."""
Write = Callable[[Path], Mapping[str, float]]
"""Writes to a file; how many lines, how many of them timed, in how many seconds (0: at once), how late at most."""
COLUMNS = (
    Column(key="wait_p50_ms", head="written to acknowledged ms", form="{:.0f}"),
    Column(key="wait_p99_ms", head="p99", form="{:.0f}"),
    Column(key="wait_max_ms", head="max", form="{:.0f}"),
    Column(key="push_p50_ms", head="push ms", form="{:.2f}"),
    Column(key="push_p99_ms", head="p99", form="{:.2f}"),
    Column(key="core", head="of a core", form="{:.1f} %"),
    Column(key="us_per_line", head="µs/line", form="{:.2f}"),
    Column(key="memory", head="peak", form="{:.0f} MiB"),
    Column(key="late_ms", head="writer late ms", form="{:.0f}"),
)


def run(bench: Bench) -> Result:
    """Each rate for a while."""
    rates, seconds = (RATES, 4.0) if bench.settings.quick else (MORE, 20.0)
    rows, lost = [], []
    for case, rate, write in _cases(rates, seconds):
        numbers, complete = _measured(bench, write)
        rows.append(Row(case=case, x=rate, numbers=numbers))
        if not complete:
            lost.append(case)
    ten = next(row for row in rows if row.x == 10_000)
    return Result(
        name="latency",
        title="Latency and cost over the rate of lines",
        says=f"A process writes access lines at a steady rate for {seconds:.0f} s after {WARM:.0f} s of warm-up; "
        "batch_wait is 1 s. A push takes from its first byte at the receiver to the reply.",
        columns=COLUMNS,
        rows=tuple(rows),
        pictures=(
            Picture(
                key="wait_p99_ms",
                x="lines a second",
                y="p99, written to acknowledged, ms",
                target=BATCH_WAIT_MS + SLACK_MS,
            ),
            Picture(key="us_per_line", x="lines a second", y="CPU µs a line"),
        ),
        checks=(
            Check(
                says="p99 at 10 000 lines/s, ms",
                value=ten.numbers["wait_p99_ms"],
                limit=BATCH_WAIT_MS + SLACK_MS,
                form="{:.0f}",
            ),
        ),
        lost=tuple(lost),
    )


def _cases(rates: Iterable[int], seconds: float) -> Iterator[tuple[str, float | None, Write]]:
    for rate in rates:
        yield f"{rate:,} lines/s", rate, partial(_write, rate, seconds)
    yield f"{BURST:,} lines in one write", None, partial(burst, BURST)


def _measured(bench: Bench, write: Write) -> tuple[dict[str, float], bool]:
    """What becomes of the lines that are written, and whether all of them arrived."""
    with tempfile.TemporaryDirectory(dir=bench.directory) as name:
        path = Path(name) / "steady.log"
        path.touch()
        with running(configured(path, PLAIN, bench.url, f"{name}/data")) as agent:
            time.sleep(STARTED)
            before = agent.cpu()
            wrote = write(path)
            settle(bench.url, agent)
            used = agent.usage()
    got = arrived(bench.url)
    numbers = {
        "lines": wrote["lines"],
        **{f"wait_{name}_ms": value for name, value in got.wait_ms.items()},
        **{f"push_{name}_ms": value for name, value in got.push_ms.items()},
        "us_per_line": (used.cpu - before) / wrote["lines"] * 1e6,
        "memory": used.memory,
        "late_ms": wrote["late"] * 1000,
    }
    if wrote["seconds"]:
        numbers["core"] = (used.cpu - before) / wrote["seconds"]
    return numbers, (got.entries, got.timed) == (wrote["lines"], wrote["timed"])


def _write(rate: int, seconds: float, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.writer", str(path), str(rate), str(seconds)]
    wrote: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return wrote


def settle(url: str, process: Process, quiet: float = QUIET) -> None:
    """Wait until pushes came and then none for a while; raises Failed if none comes."""
    began = time.monotonic()
    while True:
        process.require()
        process.look()
        seen = ask(url, "seen")
        if seen["pushes"] and time.monotonic() - seen["last"] > quiet:
            return
        if not seen["pushes"] and time.monotonic() - began > PATIENCE:
            raise Failed(f"no push within {PATIENCE:.0f} s:\n{process.said()}")
        time.sleep(0.1)
