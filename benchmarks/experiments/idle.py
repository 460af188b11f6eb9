"""What the agent takes while nothing is written, over the number of files it watches."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.agent import arrived, configured, running
from benchmarks.experiments import Bench
from benchmarks.processes import Process
from benchmarks.results import Check, Column, Picture, Result, Row

FILES = (1, 100, 10_000)
ACTIVE = 65.0
"""Seconds after its last line for which a file is looked at every second; then it is every ten."""
LIMITS = {100: 0.005, 10_000: 0.02}
MEMORY = 55 << 20


def run(bench: Bench) -> Result:
    """All of them side by side: agents that do nothing do not disturb each other."""
    files, settled, seconds = (FILES[:2], 12.0, 10.0) if bench.settings.quick else (FILES, 2 * ACTIVE, 60.0)
    with ExitStack() as stack:
        agents = {count: stack.enter_context(running(_watching(bench, count))) for count in files}
        began = time.monotonic()
        while time.monotonic() - began < settled:
            time.sleep(1.0)
            for agent in agents.values():
                agent.require()
        rows = _measured(agents, seconds)
    delivered = arrived(bench.url).entries
    by_files = {int(row.x or 0): row.numbers for row in rows}
    return Result(
        name="idle",
        title="Idle, over the number of files",
        says=f"Each file has one line, delivered before; CPU over {seconds:.0f} s, {settled:.0f} s after the start.",
        columns=(
            Column(key="core", head="of a core", form="{:.2f} %"),
            Column(key="resident", head="resident", form="{:.1f} MiB"),
            Column(key="memory", head="peak", form="{:.1f} MiB"),
            Column(key="startup_s", head="CPU s so far"),
        ),
        rows=rows,
        pictures=(Picture(key="percent", x="files", y="idle CPU, % of a core"),),
        checks=(
            *(
                Check(
                    says=f"idle CPU with {count:,} files", value=by_files[count]["core"], limit=limit, form="{:.2f} %"
                )
                for count, limit in LIMITS.items()
                if count in by_files
            ),
            Check(says="idle memory with 100 files", value=by_files[100]["resident"], limit=MEMORY, form="{:.1f} MiB"),
        ),
        lost=() if delivered == sum(files) else (f"{sum(files)} files: {delivered} lines",),
        absent=("10 000 files, and files that were quiet for more than a minute (not with --quick)",)
        if bench.settings.quick
        else (),
    )


def _watching(bench: Bench, count: int) -> str:
    directory = bench.directory / f"idle-{count}"
    directory.mkdir()
    for number in range(count):
        Path(directory / f"{number:05d}.log").write_text(f"the only line of file {number}\n")
    data = bench.directory / f"idle-data-{count}"
    return configured(directory / "*.log", 'pipeline = "plaintext"', bench.url, str(data))


def _measured(agents: dict[int, Process], seconds: float) -> tuple[Row, ...]:
    before = {count: agent.cpu() for count, agent in agents.items()}
    began = time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    rows = []
    for count, agent in agents.items():
        used = agent.usage()
        core = (used.cpu - before[count]) / passed
        numbers = {
            "core": core,
            "percent": core * 100,
            "resident": agent.resident(),
            "memory": used.memory,
            "startup_s": before[count],
        }
        rows.append(Row(case=f"{count:,} files", x=count, numbers=numbers))
    return tuple(rows)
