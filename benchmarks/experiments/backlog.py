"""Catching up with a backlog, over its size."""

from __future__ import annotations

from benchmarks.experiments import COST, PLAIN, Bench, flat, over
from benchmarks.loads import repeated
from benchmarks.results import Column, Picture, Result, Row

SMALL = 10_000_000
"""Bytes of the smallest, of which the others are made."""
ROUNDS = (12, 6, 3, 1)
"""By size: a small run costs less than a start, which is taken off it, so that only many rounds make it exact."""


def run(bench: Bench) -> Result:
    """Larger and larger files, of the same content over and over."""
    rows, lost = [], []
    whole = bench.load("vllm", SMALL // 180)
    largest = 10 * SMALL if bench.settings.quick else bench.settings.largest
    for place, rounds in enumerate(ROUNDS):
        times = 10**place
        size = SMALL * times
        if size > largest:
            break
        file = repeated(bench.directory / f"backlog-{size}.log", whole, times)
        found = bench.measured(file, PLAIN, ("P", file.path), rounds=rounds)
        file.path.unlink()
        numbers = found.numbers | {"seconds": found.best.wall}
        rows.append(Row(case=f"{size / 1e6:,.0f} MB", x=size, numbers=numbers))
        if not found.complete:
            lost.append(rows[-1].case)
    return Result(
        name="backlog",
        title="Catching up with a backlog",
        says="A file that is there at the start, until all of it is acknowledged; 10 MB of vLLM lines over and over.",
        columns=(Column(key="seconds", head="took s", form="{:.1f}"), *COST),
        rows=tuple(rows),
        pictures=(
            over("bytes of backlog"),
            Picture(key="wall_lines_s", x="bytes of backlog", y="lines a second, wall"),
        ),
        checks=(flat(rows, f"{rows[0].case} to {rows[-1].case} of backlog"),),
        lost=tuple(lost),
    )
