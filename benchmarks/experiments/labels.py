"""Cost per line over the number of label sets."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.experiments import COST, Bench, flat_if_many, over
from benchmarks.fastapi_load import fastapi_lines
from benchmarks.loads import written
from benchmarks.results import Result, Row

LABEL_SETS = (1, 10, 100, 1000)
BY_LABEL = """\
pipeline = "labelled"
max_label_values = 5000
[[pipeline.labelled]]
stage = "json"
message = ["event"]
[[pipeline.labelled]]
stage = "timestamp"
from = "timestamp"
[[pipeline.labelled]]
stage = "labels"
from = ["logger"]
"""


def run(bench: Bench) -> Result:
    """The same number of JSON lines, with more and more values of a label."""
    count = bench.settings.lines // 2
    rows, lost = [], []
    for number in LABEL_SETS:
        file = written(bench.directory / f"labels-{number}.log", labelled(count, number))
        found = bench.measured(file, BY_LABEL, ("J", file.path))
        file.path.unlink()
        rows.append(Row(case=f"{number:,} label values", x=number, numbers=found.numbers))
        if not found.complete:
            lost.append(rows[-1].case)
    return Result(
        name="labels",
        title="Cost over the number of label sets",
        says=f"{count:,} lines of JSON in one file; the field `logger` has so many values and is the label.",
        columns=COST,
        rows=tuple(rows),
        pictures=(over("values of the label"),),
        checks=flat_if_many(bench, rows, "1 to 1000 label values"),
        lost=tuple(lost),
    )


def labelled(count: int, values: int) -> Iterator[bytes]:
    """FastAPI's lines, the field `logger` in turn with each of so many values."""
    for number, line in enumerate(fastapi_lines(count)):
        yield line.replace(b'"http"', b'"h%04d"' % (number * 7919 % values), 1)
