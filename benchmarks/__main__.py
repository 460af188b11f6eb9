"""`python -m benchmarks`: run experiments, print tables, write a report; exit 1 if a line was lost or changed."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.agent import receiver
from benchmarks.experiments import Bench, Settings
from benchmarks.experiments.all import EXPERIMENTS
from benchmarks.machine import machine, words
from benchmarks.processes import Failed
from benchmarks.report import page
from benchmarks.results import Result, document
from benchmarks.table import shown

REPORT = Path(__file__).parent / "report.html"
LINES, QUICK_LINES = 2_000_000, 200_000


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[EXPERIMENT]...", nargs=-1)
@click.option("--list", "listing", is_flag=True, help="Say what there is.")
@click.option("--quick", is_flag=True, help="About three minutes: fewer lines, rounds and points.")
@click.option(
    "--lines", type=click.IntRange(10_000), help=f"Lines to ship.  [default: {LINES:,}; quick {QUICK_LINES:,}]"
)
@click.option(
    "--rounds", type=click.IntRange(1), help="Each measurement is the best of so many.  [default: 3; quick 2]"
)
@click.option("--largest", default=1.0, show_default=True, help="GB of the largest backlog; 10 needs 13 GB of disk.")
@click.option("--json", "json_file", metavar="FILE", help="Write all numbers there; - is standard output.")
@click.option("--report", default=str(REPORT), show_default="benchmarks/report.html", metavar="FILE")
def main(
    names: tuple[str, ...], listing: bool, quick: bool, lines: int | None, rounds: int | None, largest: float,
    json_file: str | None, report: str,
) -> None:  # fmt: skip
    """Measure what shipping costs, as ratios to what it must cost at the least; without an EXPERIMENT, all of them."""
    if listing:
        for name, run in EXPERIMENTS.items():
            click.echo(f"{name:<12}{(sys.modules[run.__module__].__doc__ or '').splitlines()[0]}")
        return
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown:
        raise click.UsageError(f"no experiment {', '.join(unknown)}; --list says what there is")
    settings = Settings(
        lines=lines or (QUICK_LINES if quick else LINES),
        rounds=rounds or (2 if quick else 3),
        quick=quick,
        largest=round(largest * 1e9),
    )
    sys.exit(_measure(names or tuple(EXPERIMENTS), settings, json_file, Path(report)))


def _measure(names: tuple[str, ...], settings: Settings, json_file: str | None, report: Path) -> int:
    """Run the experiments; 0 if every line arrived in each of them."""
    here = machine()
    tables = json_file != "-"
    click.echo(words(here), err=not tables)
    results: list[Result] = []
    failed: list[str] = []
    began = time.monotonic()
    for name in names:
        try:
            results.append(_run(name, settings))
        except Failed as error:
            failed.append(name)
            click.echo(f"\n== {name} failed: {error}", err=True)
            continue
        click.echo(shown(results[-1]), err=not tables)
    whole = document(here, {"quick": settings.quick, "lines": settings.lines, "rounds": settings.rounds}, results)
    if json_file:
        click.open_file(json_file, "w").write(json.dumps(whole, indent=2) + "\n")
    report.write_text(page(whole))
    click.echo(f"\n{time.monotonic() - began:.0f} s; pictures in {report}", err=not tables)
    return 1 if failed or any(result.lost for result in results) else 0


def _run(name: str, settings: Settings) -> Result:
    with receiver() as url, tempfile.TemporaryDirectory(prefix="shipper-load-") as directory:
        return EXPERIMENTS[name](Bench(settings=settings, directory=Path(directory), url=url))


if __name__ == "__main__":
    main()
