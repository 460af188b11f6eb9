"""One measurement: the floor, a run on an empty file and the run itself in turns, so that noise meets all alike.

The best of the rounds counts, since everything that disturbs a run makes it dearer; how far the others are from the
best is told with it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.agent import Cost
from benchmarks.loads import File

LEAST: Final = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What shipping a load cost."""

    lines: int
    floor: float
    """CPU seconds; 0 if there is none for this load."""
    startup: float
    """CPU seconds of the agent on an empty file."""
    best: Cost
    spread: float
    """How much more CPU the dearest round took than the best, as a share of the best."""
    memory: int
    """Bytes, the most of any round."""
    complete: bool
    """Whether every line arrived in every round."""

    @property
    def cpu(self) -> float:
        """CPU seconds of the agent, start-up aside; a load that disappears in it is not taken for free."""
        return max(self.best.cpu - self.startup, LEAST)

    @property
    def ratio(self) -> float:
        """Times the floor."""
        return self.cpu / self.floor if self.floor else 0.0

    @property
    def numbers(self) -> dict[str, float]:
        """What every row that measures a cost has."""
        arrived = self.best.arrived
        return {
            "lines": self.lines,
            "cpu_s": self.cpu,
            "us_per_line": self.cpu / self.lines * 1e6,
            "ratio": self.ratio,
            "spread": self.spread,
            "cpu_lines_s": self.lines / self.cpu,
            "wall_lines_s": self.lines / self.best.wall,
            "memory": self.memory,
            "wire_per_line": arrived.wire / self.lines,
            "pushes": arrived.pushes,
            "push_p50_ms": arrived.push_ms["p50"],
            "push_p99_ms": arrived.push_ms["p99"],
        }


def measure(
    file: File, run: Callable[[], Cost], idle: Callable[[], Cost], *, floor: tuple[str, Path] | None, rounds: int
) -> Measured:
    """Measure `run`, which ships `file`; `idle` ships nothing with the same configuration.

    `floor` is P or J (`floors.py`), and a file with the same lines.
    """
    floors, startups, costs = [], [], []
    for _ in range(rounds):
        floors.append(floor_of(*floor) if floor else 0.0)
        startups.append(idle().cpu)
        costs.append(run())
    best = min(costs, key=lambda cost: cost.cpu)
    return Measured(
        lines=file.lines,
        floor=min(floors),
        startup=min(startups),
        best=best,
        spread=spread([cost.cpu for cost in costs]),
        memory=max(cost.memory for cost in costs),
        complete=all(file.all_in(cost.arrived) for cost in costs),
    )


def spread(costs: Sequence[float]) -> float:
    """How far the worst is from the best, as a share of the best."""
    return (max(costs) - min(costs)) / min(costs)


def floor_of(kind: str, path: Path) -> float:
    """CPU seconds of the floor (`floors.py`) in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.floors", kind, str(path), "1"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
