"""All the logs of a host at once, with the configuration that the demo and most users have."""

from __future__ import annotations

from benchmarks.agent import Cost, run_once
from benchmarks.costs import measure
from benchmarks.experiments import COST, Bench
from benchmarks.experiments.throughput import MEMORY
from benchmarks.host_load import LOGS, host
from benchmarks.loads import File
from benchmarks.results import Check, Result, Row
from shipper.demo.configuration import configuration


def run(bench: Bench) -> Result:
    """Two vLLM servers, FastAPI and four more, each with its own pipeline."""
    place = bench.directory / "host"
    count = bench.settings.lines // 2
    lines = host(place / "logs", count)
    (place / "nothing" / "logs").mkdir(parents=True)
    turns = iter(range(1 << 30))

    def ship(directory: str) -> Cost:
        text = configuration(bench.directory / directory, bench.url)
        old, new = f'/{directory}/data"', f'/{directory}/data-{next(turns)}"'
        return run_once(text.replace(old, new).replace("[agent]", 'max_age = "0"\n\n[agent]', 1), bench.url)

    file = File(path=place, lines=lines, text=0, checksum=0)
    found = measure(file, lambda: ship("host"), lambda: ship("host/nothing"), floor=None, rounds=bench.settings.rounds)
    return Result(
        name="host",
        title="A whole host",
        says=f"{count:,} lines in {len(LOGS)} logs: vLLM with records joined, FastAPI and inference as JSON, MLflow "
        "and syslog as text, training as it comes. Nothing is compared here; the agent says that all arrived.",
        columns=tuple(column for column in COST if column.key != "ratio"),
        rows=(Row(case="seven logs", numbers=found.numbers),),
        checks=(Check(says="peak memory with seven logs", value=found.memory, limit=MEMORY, form="{:.0f} MiB"),),
    )
