"""What shipping costs, measured against what it must cost at the least: one file, from disk to acknowledged."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.experiments import COST, Bench
from benchmarks.pipelines import FIVE_ON_JSON, FIVE_ON_TEXT, PROMOTED
from benchmarks.results import Check, Picture, Result, Row

MEMORY = 80 << 20
JSON = 'pipeline = "json"'


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
    altered: bool = False
    """Whether the pipeline changes or drops lines, so that those that arrive are not those written."""


LOADS = (
    Load(name="plaintext", kind="vllm", options='pipeline = "plaintext"', floor="P", target=2.5),
    Load(name="json, level and service promoted", kind="fastapi", options=PROMOTED, floor="J", target=2.5, share=0.5),
    Load(
        name="plaintext, multiline",
        kind="vllm",
        options='pipeline = "plaintext"\nmultiline = "vllm"',
        floor="P",
        target=6.0,
    ),
    Load(
        name="five stages on text", kind="vllm", options=FIVE_ON_TEXT, floor="P", target=6.0, share=0.25, altered=True
    ),
    Load(
        name="five stages on JSON",
        kind="fastapi",
        options=FIVE_ON_JSON,
        floor="J",
        target=6.0,
        share=0.25,
        altered=True,
    ),
    Load(name="json, as built in", kind="fastapi", options=JSON, floor="J", target=None, share=0.5),
    Load(name="auto, text", kind="vllm", options='pipeline = "auto"', floor="P", target=None, share=0.25),
)


def run(bench: Bench) -> Result:
    """Measure each load, one after the other."""
    rows, checks, lost = [], [], []
    for load in LOADS:
        file = bench.load(load.kind, round(bench.settings.lines * load.share))
        found = bench.measured(file, load.options, (load.floor, file.path))
        rows.append(Row(case=f"{load.name} ({load.floor})", numbers=found.numbers))
        if load.target:
            checks.append(Check(says=f"{load.name}, times floor {load.floor}", value=found.ratio, limit=load.target))
        if not (found.complete or load.altered):
            lost.append(load.name)
    most = max(row.numbers["memory"] for row in rows)
    return Result(
        name="throughput",
        title="Cost of shipping a file, as a ratio to the floor",
        says="Floor P splits the bytes at newlines and compresses them with snappy; J parses each line, too; "
        "the CPU is that of the whole process until the last acknowledgement, less that of a run on an empty file.",
        columns=COST,
        rows=tuple(rows),
        pictures=(Picture(key="ratio", y="times the floor", target=2.5),),
        checks=(*checks, Check(says="peak memory at full speed", value=most, limit=MEMORY, form="{:.0f} MiB")),
        lost=tuple(lost),
    )
