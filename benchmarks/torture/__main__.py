"""`python -m benchmarks.torture`: play scenarios, print a table, exit 1 if a line was lost, doubled or out of place."""

from __future__ import annotations

import json
import sys
import time

import click

from benchmarks.torture.combine import NAME, combination, combined
from benchmarks.torture.play import Settings, play_all
from benchmarks.torture.sabotage import PLANTS
from benchmarks.torture.scenarios import Scenario
from benchmarks.torture.scenarios.all import SCENARIOS
from benchmarks.torture.table import document, heading, row


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[SCENARIO]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Play every scenario, and combinations.")
@click.option("--list", "listing", is_flag=True, help="Say what there is.")
@click.option("--combine", "count", type=int, default=0, help="Play so many random combinations.")
@click.option("--seconds", default=8.0, show_default=True, help="How long a scenario's trouble lasts.")
@click.option("--rate", default=2000.0, show_default=True, help="Lines a second.")
@click.option("--seed", default="", help="Of all that is random; printed, a new one if not given.")
@click.option("--loki", default="", metavar="URL", help="A Loki that is there, instead of the embedded receiver.")
@click.option("--as", "version", type=click.Choice(["2.9", "3.4"]), default="3.4", help="What the receiver is.")
@click.option("--plant", "plants", multiple=True, type=click.Choice(list(PLANTS)), help="Take a law away: must fail.")
@click.option("--keep", is_flag=True, help="Leave the directories under the system's temporary one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(
    names: tuple[str, ...], everything: bool, listing: bool, count: int, seconds: float, rate: float, seed: str,
    loki: str, version: str, plants: tuple[str, ...], keep: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run the real agent through everything that goes wrong, and compare what was written with what is in Loki.

    Without a SCENARIO it says what there is.
    """
    if listing or not (names or everything or count):
        for scenario in SCENARIOS.values():
            click.echo(f"{scenario.name:<22}{scenario.says}")
        return
    seed = seed or str(time.time_ns() % 10**8)
    settings = Settings(
        seconds=seconds, rate=rate, seed=seed, loki=loki.rstrip("/"), version=version, keep=keep, plants=plants
    )
    chosen = _chosen(names, everything, seed) + combined(seed, count or (4 if everything else 0))
    click.echo(f"seed {seed}", err=as_json)
    if not as_json:
        click.echo(heading())
    results = []
    for result in play_all(chosen, settings):
        results.append(result)
        if not as_json:
            click.echo(row(result))
    if as_json:
        click.echo(json.dumps({"seed": seed, **document(results)}, indent=2))
    sys.exit(0 if all(result.passed for result in results) else 1)


def _chosen(names: tuple[str, ...], everything: bool, seed: str) -> list[Scenario]:
    found = {name: _named(name, seed) for name in names}
    unknown = [name for name, scenario in found.items() if scenario is None]
    if unknown:
        raise click.UsageError(f"no scenario {', '.join(unknown)}; --list says what there is")
    return list(SCENARIOS.values()) if everything else [scenario for scenario in found.values() if scenario]


def _named(name: str, seed: str) -> Scenario | None:
    """The scenario of a name; of a combination, which `--list` does not know, the one that the seed makes."""
    number = name.removeprefix(NAME)
    return combination(seed, int(number)) if number != name and number.isdecimal() else SCENARIOS.get(name)


if __name__ == "__main__":
    main()
