"""Cost per line over the number of files."""

from __future__ import annotations

from benchmarks.experiments import COST, PLAIN, Bench, flat_if_many, over
from benchmarks.loads import dealt
from benchmarks.results import Result, Row
from benchmarks.vllm_load import vllm_lines

FILES = (1, 10, 100, 1000)


def run(bench: Bench) -> Result:
    """The same lines, dealt out to more and more files."""
    count = bench.settings.lines
    whole = bench.load("vllm", count)
    rows, lost = [], []
    for number in FILES:
        file = dealt(bench.directory / f"files-{number}", vllm_lines(count), number, count)
        found = bench.measured(file, PLAIN, ("P", whole.path))
        rows.append(Row(case=f"{number:,} files", x=number, numbers=found.numbers))
        if not found.complete:
            lost.append(rows[-1].case)
    return Result(
        name="files",
        title="Cost over the number of files",
        says=f"The same {count:,} vLLM lines as plaintext, in one file and dealt out to many.",
        columns=COST,
        rows=tuple(rows),
        pictures=(over("files"),),
        checks=flat_if_many(bench, rows, "1 to 1000 files"),
        lost=tuple(lost),
    )
