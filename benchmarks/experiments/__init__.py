"""The experiments, one file each: a `run(bench)` that measures and gives a Result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.agent import Cost, ship
from benchmarks.costs import Measured, measure
from benchmarks.fastapi_load import fastapi_lines
from benchmarks.loads import File, written
from benchmarks.results import Check, Column, Picture, Result, Row
from benchmarks.vllm_load import vllm_lines

Experiment = Callable[["Bench"], Result]

COST = (
    Column(key="ratio", head="x floor"),
    Column(key="us_per_line", head="µs/line", form="{:.3f}"),
    Column(key="cpu_lines_s", head="lines/CPU s", form="{:,.0f}"),
    Column(key="wall_lines_s", head="lines/s", form="{:,.0f}"),
    Column(key="memory", head="peak", form="{:.0f} MiB"),
    Column(key="wire_per_line", head="wire B/line", form="{:.1f}"),
    Column(key="push_p99_ms", head="push p99 ms", form="{:.1f}"),
    Column(key="spread", head="spread", form="{:.0f} %"),
)
"""What is shown of everything that is measured as a cost."""


PLAIN = 'pipeline = "plaintext"'
FLAT = 0.15
ENOUGH = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How much is to be measured."""

    lines: int = 2_000_000
    rounds: int = 3
    quick: bool = False
    largest: int = 1 << 30
    """Bytes of the largest backlog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where experiments work: settings, a directory that goes with the run, the receiver, and what was made before."""

    settings: Settings
    directory: Path
    url: str
    made: dict[tuple[str, int], File] = field(default_factory=dict)

    def load(self, kind: str, lines: int) -> File:
        """A file of so many lines: `vllm` or `fastapi`."""
        if (kind, lines) not in self.made:
            source = vllm_lines(lines) if kind == "vllm" else fastapi_lines(lines)
            self.made[kind, lines] = written(self.directory / f"{kind}-{lines}.log", source)
        return self.made[kind, lines]

    def empty(self) -> Path:
        """A file with nothing in it."""
        path = self.directory / "empty.log"
        path.touch()
        return path

    def measured(
        self, file: File, options: str, floor: tuple[str, Path] | None = None, *, rounds: int | None = None
    ) -> Measured:
        """What shipping a file costs, against its floor: P or J, and the file that it is taken of."""

        def run(path: Path) -> Cost:
            return ship(path, options, self.url)

        return measure(
            file,
            lambda: run(file.path),
            lambda: run(self.empty()),
            floor=floor,
            rounds=rounds or self.settings.rounds,
        )


def flat(rows: list[Row], what: str) -> Check:
    """Whether no row's cost a line is far above the first one's."""
    costs = [row.numbers["us_per_line"] for row in rows]
    above = max(costs) / costs[0] - 1
    return Check(says=f"cost a line above that of the first, over {what}", value=above, limit=FLAT, form="{:.0f} %")


def flat_if_many(bench: Bench, rows: list[Row], what: str) -> tuple[Check, ...]:
    """The same where there are lines enough: with few of them, what a file or a stream costs is most of it."""
    return (flat(rows, what),) if bench.settings.lines >= ENOUGH else ()


def over(what: str) -> Picture:
    """The picture of cost per line."""
    return Picture(key="us_per_line", x=what, y="CPU µs a line")
