"""Cost over the length of lines."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.experiments import COST, PLAIN, Bench
from benchmarks.loads import written
from benchmarks.results import Picture, Result, Row
from benchmarks.vllm_prompts import prompts

LENGTHS = (40, 140, 500, 2_000, 8_000, 32_000)


def run(bench: Bench) -> Result:
    """As many bytes, in longer and longer lines."""
    size = bench.settings.lines * 100
    rows, lost = [], []
    for length in LENGTHS:
        file = written(bench.directory / f"length-{length}.log", _long(size // length, length))
        found = bench.measured(file, PLAIN, ("P", file.path))
        file.path.unlink()
        numbers = found.numbers | {"us_per_kb": found.cpu / size * 1e9}
        rows.append(Row(case=f"{length:,} bytes", x=length, numbers=numbers))
        if not found.complete:
            lost.append(rows[-1].case)
    return Result(
        name="lengths",
        title="Cost over the length of lines",
        says=f"{size / 1e6:,.0f} MB of plaintext in lines of one length each.",
        columns=COST,
        rows=tuple(rows),
        pictures=(
            Picture(key="us_per_kb", x="bytes a line", y="CPU µs a kilobyte"),
            Picture(key="ratio", x="bytes a line", y="times floor P"),
        ),
        lost=tuple(lost),
    )


def _long(count: int, length: int) -> Iterator[bytes]:
    """Lines of exactly so many bytes, LF included."""
    text = " ".join(prompt for prompt in prompts(1) if prompt.isascii()).encode()
    for number in range(count):
        head = b"%08d " % number
        at = number * 997 % (len(text) - length)
        yield head + text[at : at + length - len(head) - 1] + b"\n"
