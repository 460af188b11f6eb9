"""What it takes to start: CPU, time to the first line read, time to the first push."""

from __future__ import annotations

import ctypes
import os
import select
import statistics
import time
from pathlib import Path

from benchmarks.agent import arrived, ask, configured, running, ship
from benchmarks.experiments import Bench
from benchmarks.experiments.latency import settle
from benchmarks.processes import Failed
from benchmarks.results import Check, Column, Result, Row

CPU_LIMIT = 0.6
READ_LIMIT = 0.8
IN_ACCESS = 0x1
PATIENCE = 30.0


def run(bench: Bench) -> Result:
    """Several starts; of the times the median counts."""
    rounds = 3 if bench.settings.quick else 9
    cpu = [ship(bench.empty(), 'pipeline = "plaintext"', bench.url) for _ in range(rounds)]
    times = [_times(bench, turn) for turn in range(rounds)]
    numbers = {
        "cpu_s": min(cost.cpu for cost in cpu),
        "wall_s": min(cost.wall for cost in cpu),
        "read_s": statistics.median(read for read, _ in times),
        "read_max_s": max(read for read, _ in times),
        "push_s": statistics.median(push for _, push in times),
        "memory": max(cost.memory for cost in cpu),
    }
    return Result(
        name="startup",
        title="Start-up",
        says=f"`shipper run --once` on an empty file, the best of {rounds}; seconds from the process's start until "
        "the kernel sees a file of one line being read, and until its push came (batch_wait 1 s), medians.",
        columns=(
            Column(key="cpu_s", head="CPU s"),
            Column(key="wall_s", head="wall s"),
            Column(key="read_s", head="first read s"),
            Column(key="read_max_s", head="slowest"),
            Column(key="push_s", head="first push s"),
            Column(key="memory", head="peak", form="{:.1f} MiB"),
        ),
        rows=(Row(case="start", numbers=numbers),),
        checks=(
            Check(says="start-up, CPU seconds", value=numbers["cpu_s"], limit=CPU_LIMIT),
            Check(says="first line read after, seconds", value=numbers["read_s"], limit=READ_LIMIT),
        ),
    )


def _times(bench: Bench, turn: int) -> tuple[float, float]:
    """Seconds to the first read of the file and to the first push."""
    path = bench.directory / f"first-{turn}.log"
    path.write_text("the first line\n")
    with ReadWatch(path) as watch:
        data = str(bench.directory / f"first-{turn}")
        with running(configured(path, 'pipeline = "plaintext"', bench.url, data)) as agent:
            if not watch.read(PATIENCE):
                raise Failed(f"the file was not read within {PATIENCE:.0f} s:\n{agent.said()}")
            read = time.monotonic() - agent.started
            settle(bench.url, agent, quiet=0.0)
            pushed = ask(bench.url, "seen")["last"] - agent.started
        arrived(bench.url)
    return read, pushed


class ReadWatch:
    """Tells when a file is read for the first time, by inotify."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> ReadWatch:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_CLOEXEC)
        if self._descriptor < 0 or libc.inotify_add_watch(self._descriptor, os.fsencode(self._path), IN_ACCESS) < 0:
            raise OSError(ctypes.get_errno(), "inotify", str(self._path))
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def read(self, timeout: float) -> bool:
        """Wait until it is."""
        return bool(select.select([self._descriptor], [], [], timeout)[0])
