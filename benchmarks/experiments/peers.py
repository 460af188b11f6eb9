"""The same files shipped by shipper and by every other agent that is installed here, in turns."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.agent import Arrived, arrived, ask, configured, running
from benchmarks.costs import LEAST, floor_of
from benchmarks.experiments import Bench
from benchmarks.loads import File
from benchmarks.peers import KINDS, PEERS, Peer, environment
from benchmarks.pipelines import PROMOTED
from benchmarks.processes import Failed, Process, Usage
from benchmarks.results import Column, Picture, Result, Row

OPTIONS = {"plaintext": 'pipeline = "plaintext"', "json": PROMOTED}
FLOORS = {"plaintext": "P", "json": "J"}
QUIET = 3.0
STARTED = 2.5
"""Seconds in which an agent with nothing to do has started."""
PATIENCE = 60.0
Start = Callable[[Path], AbstractContextManager[Process]]
"""Runs an agent on a log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One agent's run."""

    usage: Usage
    """Until the last push, start-up aside."""
    arrived: Arrived


def run(bench: Bench) -> Result:
    """Every agent as its user would run it, until nothing comes any more."""
    rows, lost = [], []
    absent = {peer.name: f"{peer.name} is not on PATH" for peer in PEERS if not peer.program}
    for kind in KINDS:
        file = bench.load("vllm" if kind == "plaintext" else "fastapi", bench.settings.lines // 2)
        agents = {"shipper": partial(_shipper, bench, kind)} | {
            peer.name: partial(_peer, bench, peer, kind) for peer in PEERS if peer.name not in absent
        }
        floor, turns = _in_turns(bench, FLOORS[kind], file, agents, absent)
        rows += [_row(kind, agent, file, floor, made) for agent, made in turns.items()]
        if not all(file.all_in(turn.arrived) for turn in turns["shipper"]):
            lost.append(kind)
    return Result(
        name="peers",
        title="shipper and other agents",
        says="Each reads the same file from its beginning until all of it arrived; CPU of its process until then, less "
        f"that of {STARTED:.1f} s with an empty file. The floor is P for plaintext, J for JSON (time, level, service).",
        columns=(
            Column(key="ratio", head="x floor"),
            Column(key="cpu_lines_s", head="lines/CPU s", form="{:,.0f}"),
            Column(key="wall_lines_s", head="lines/s", form="{:,.0f}"),
            Column(key="memory", head="peak", form="{:.0f} MiB"),
            Column(key="wire_per_line", head="wire B/line", form="{:.1f}"),
            Column(key="pushes", head="pushes", form="{:.0f}"),
            Column(key="push_p99_ms", head="push p99 ms", form="{:.1f}"),
            Column(key="missing", head="lines missing", form="{:,.0f}"),
        ),
        rows=tuple(rows),
        pictures=(
            Picture(key="cpu_lines_s", y="lines per CPU second"),
            Picture(key="memory", y="peak memory, bytes"),
        ),
        lost=tuple(lost),
        absent=tuple(absent.values()),
    )


def _in_turns(
    bench: Bench, kind: str, file: File, agents: Mapping[str, Start], absent: dict[str, str]
) -> tuple[float, dict[str, list[Turn]]]:
    """The floor, and the turns of each agent; another one that fails is put among the absent with its own words."""
    floors: list[float] = []
    turns: dict[str, list[Turn]] = {name: [] for name in agents}
    for _ in range(bench.settings.rounds):
        floors.append(floor_of(kind, file.path))
        for name in list(turns):
            try:
                turns[name].append(_turn(bench, agents[name], file))
            except Failed as error:
                if name == "shipper":
                    raise
                absent[name] = f"{name} failed: {error}"
                del turns[name]
    return min(floors), turns


def _turn(bench: Bench, start: Start, file: File) -> Turn:
    idle = _idle(start, bench.empty())
    with start(file.path) as process:
        usage = _until_quiet(bench.url, process)
    return Turn(usage=replace(usage, cpu=max(usage.cpu - idle, LEAST)), arrived=arrived(bench.url))


def _row(kind: str, agent: str, file: File, floor: float, turns: list[Turn]) -> Row:
    turn = min(turns, key=lambda turn: turn.usage.cpu)
    numbers = {
        "ratio": turn.usage.cpu / floor,
        "cpu_lines_s": file.lines / turn.usage.cpu,
        "wall_lines_s": file.lines / turn.usage.wall,
        "memory": max(turn.usage.memory for turn in turns),
        "wire_per_line": turn.arrived.wire / file.lines,
        "pushes": turn.arrived.pushes,
        "push_p99_ms": turn.arrived.push_ms["p99"],
        "missing": max(file.lines - turn.arrived.entries for turn in turns),
    }
    return Row(case=kind, agent=agent, numbers=numbers)


def _idle(start: Start, empty: Path) -> float:
    """CPU seconds of a start."""
    with start(empty) as process:
        time.sleep(STARTED)
        process.require()
        return process.cpu()


def _until_quiet(url: str, process: Process) -> Usage:
    """Wait until pushes came and then none for a while; what it took until the last one."""
    usage, pushes = process.usage(), 0.0
    while True:
        process.require()
        seen = ask(url, "seen")
        if seen["pushes"] != pushes:
            usage, pushes = process.usage(), seen["pushes"]
        if pushes and time.monotonic() - seen["last"] > QUIET:
            return Usage(cpu=usage.cpu, wall=seen["last"] - process.started, memory=process.usage().memory)
        if not pushes and time.monotonic() - process.started > PATIENCE:
            raise Failed(f"no push within {PATIENCE:.0f} s:\n{process.said()}")
        time.sleep(0.05)


@contextmanager
def _shipper(bench: Bench, kind: str, log: Path) -> Iterator[Process]:
    with (
        tempfile.TemporaryDirectory(prefix="shipper-bench-") as data,
        running(configured(log, OPTIONS[kind], bench.url, data)) as process,
    ):
        yield process


@contextmanager
def _peer(bench: Bench, peer: Peer, kind: str, log: Path) -> Iterator[Process]:
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as data:
        command = peer.started_with(kind, Path(data))
        with Process(command, environment=environment(log, bench.url, Path(data))) as process:
            yield process
