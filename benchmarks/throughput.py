"""What shipping costs, measured against what it must cost at the least: `python -m benchmarks.throughput`.

Three loads go from disk to a receiver in a process of its own: vLLM lines as plaintext, the same with multiline
records, and FastAPI's JSON with timestamp and level. For each the agent's CPU time, less that of shipping an empty
file, is divided by the floor (`floors.py`) measured in the same run; every line must have
arrived, by count and checksum.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.agent import Cost, receiver, ship
from benchmarks.fastapi_load import fastapi_lines
from benchmarks.receiver import checksum_of
from benchmarks.vllm_load import vllm_lines

MEMORY_LIMIT = 100 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One thing to measure."""

    name: str
    kind: str
    """Which file: vllm or fastapi."""
    options: str
    """Keys of the source."""
    floor: str
    target: float | None
    """The ratio it must stay under; None: only shown."""
    share: float = 1.0
    """Of `--lines`."""


LOADS = (
    Load(name="plaintext", kind="vllm", options='pipeline = "plaintext"', floor="P", target=4.0),
    Load(
        name="plaintext, multiline",
        kind="vllm",
        options='pipeline = "plaintext"\nmultiline = "vllm"',
        floor="P",
        target=None,
    ),
    Load(name="json", kind="fastapi", options='pipeline = "json"', floor="J", target=3.5, share=0.5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was measured for one load."""

    load: str
    lines: int
    bytes: int
    floor: float
    startup: float
    cpu: float
    """Of the agent, start-up aside, seconds."""
    ratio: float
    target: float | None
    lines_per_cpu_second: int
    lines_per_second: int
    memory: int
    pushes: int
    arrived: bool
    """Every line, by count and checksum (records that were joined: by bytes)."""

    @property
    def passed(self) -> bool:
        """Within its target, and complete."""
        return self.arrived and self.memory < MEMORY_LIMIT and (self.target is None or self.ratio <= self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A generated file and what is in it."""

    path: Path
    lines: int
    text: int
    """Bytes of all lines without line ends."""
    checksum: int


def written(path: Path, lines: Iterable[bytes]) -> File:
    """Write lines to a file and take their measures, less LF and a CR before it."""
    count = text = checksum = 0
    with path.open("wb") as file:
        for batch in _batches(lines):
            file.write(b"".join(batch))
            stripped = [line[:-1].removesuffix(b"\r") for line in batch]
            count += len(batch)
            text += sum(map(len, stripped))
            checksum += checksum_of(stripped)
    return File(path=path, lines=count, text=text, checksum=checksum & 0xFFFFFFFFFFFF)


def _batches(lines: Iterable[bytes], size: int = 10_000) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size:
            yield batch
            batch = []
    yield batch


def measure(load: Load, file: File, startup: float, url: str, rounds: int) -> Result:
    """The best of some rounds of one load."""
    floor = _floor(load.floor, file.path, rounds)
    costs = [ship(file.path, load.options, url) for _ in range(rounds)]
    best = min(costs, key=lambda cost: cost.cpu)
    cpu = best.cpu - startup
    return Result(
        load=load.name,
        lines=file.lines,
        bytes=file.path.stat().st_size,
        floor=round(floor, 3),
        startup=round(startup, 3),
        cpu=round(cpu, 3),
        ratio=round(cpu / floor, 2),
        target=load.target,
        lines_per_cpu_second=round(file.lines / cpu),
        lines_per_second=round(file.lines / best.wall),
        memory=max(cost.memory for cost in costs),
        pushes=best.pushes,
        arrived=all(_arrived(cost, file) for cost in costs),
    )


def _arrived(cost: Cost, file: File) -> bool:
    """Whether what arrived is what is in the file; a joined record holds a newline for each line but its first."""
    if cost.entries == file.lines:
        return (cost.bytes, cost.checksum) == (file.text, file.checksum)
    return cost.entries + (cost.bytes - file.text) == file.lines


def _floor(kind: str, path: Path, rounds: int) -> float:
    command = [sys.executable, "-m", "benchmarks.floors", kind, str(path), str(rounds)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def results(lines: int, rounds: int, only: str | None, directory: Path) -> Iterator[Result]:
    """Measure each load, one after the other."""
    empty = directory / "empty.log"
    empty.touch()
    files: dict[str, File] = {}
    with receiver() as url:
        for load in LOADS:
            if only not in (None, load.name):
                continue
            if load.kind not in files:
                count = round(lines * load.share)
                source = vllm_lines(count) if load.kind == "vllm" else fastapi_lines(count)
                files[load.kind] = written(directory / f"{load.kind}.log", source)
            startup = min(ship(empty, load.options, url).cpu for _ in range(rounds))
            yield measure(load, files[load.kind], startup, url, rounds)


def shown(result: Result) -> str:
    """One result for a person."""
    target = "" if result.target is None else f" (target {result.target})"
    return (
        f"{result.load}: {result.lines:,} lines, {result.bytes / 1e6:.0f} MB\n"
        f"  agent {result.cpu:.2f} CPU s (start-up {result.startup:.2f} s aside), floor {result.floor:.2f} s: "
        f"ratio {result.ratio:.2f}{target}\n"
        f"  {result.lines_per_cpu_second:,} lines per CPU second, {result.lines_per_second:,} per second of wall time, "
        f"peak memory {result.memory / (1 << 20):.0f} MiB, {result.pushes} pushes, "
        f"{'every line arrived' if result.arrived else 'LINES ARE MISSING OR CHANGED'}\n"
        f"  {'passed' if result.passed else 'NOT passed'}"
    )


def main() -> int:
    """Measure and print; 0 if every target is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=2_000_000, help="vLLM lines (JSON: half as many)")
    parser.add_argument("--rounds", type=int, default=3, help="each measurement is the best of so many")
    parser.add_argument("--only", choices=[load.name for load in LOADS])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    measured = []
    with tempfile.TemporaryDirectory(prefix="shipper-load-") as directory:
        for result in results(arguments.lines, arguments.rounds, arguments.only, Path(directory)):
            measured.append(result)
            if not arguments.json:
                print(shown(result), flush=True)
    if arguments.json:
        print(json.dumps([asdict(result) | {"passed": result.passed} for result in measured], indent=2))
    return 0 if all(result.passed for result in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
