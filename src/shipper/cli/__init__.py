"""The command line: one file per command, imported when it is called and not before.

Rule 1: `-c`/`--config` may stand before or after any command; without a command, `run` is meant.
Rule 2: exit 0 means fine, 1 the work failed, 2 wrong usage or configuration, 130 interrupted.
Rule 3: what went wrong on purpose (`ShipperError`) is told as `error: …` and `hint: …`, never as a traceback.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from shipper.cli.group import CommandGroup
from shipper.cli.options import CONFIG_FILE

__all__ = ["main"]

COMMANDS = {
    "run": ("shipper.cli.run:run", "Run the agent; --once ships what is there and stops."),
    "check": ("shipper.cli.check:check", "Validate the configuration."),
    "schema": ("shipper.cli.schema:schema", "Print a JSON Schema of shipper.toml, for editors."),
    "completion": ("shipper.cli.completion:completion", "Print what completes command lines in bash, zsh or fish."),
    "demo": ("shipper.cli.demo:demo", "Ship six services' logs to the embedded receiver and prove it."),
    "devloki": ("shipper.cli.devloki:devloki", "Run the embedded Loki-compatible receiver alone."),
    "explain": ("shipper.cli.explain:explain", "Tell why a file is or is not shipped, and what happens to a line."),
    "doctor": ("shipper.cli.doctor:doctor", "Find out why a log is not in Grafana, and what to do."),
    "positions": ("shipper.cli.positions:positions", "Show and change how far each file was read."),
    "dead-letters": ("shipper.cli.dead_letters:dead_letters", "Show and replay what Loki would not take."),
}
"""Name: where the command is, and its line in the list of commands."""


@click.group(
    cls=CommandGroup,
    commands_at=COMMANDS,
    default="run",
    context_settings={"help_option_names": ["-h", "--help"]},
    options_metavar="[-c shipper.toml]",
)
@click.option(
    "-c",
    "--config",
    "config",
    type=click.Path(path_type=Path, readable=False),
    default=CONFIG_FILE,
    show_default=True,
    metavar="FILE",
    help="The configuration; before or after any command.",
)
@click.version_option(
    package_name="shipper",
    prog_name="shipper",
    message=f"%(prog)s %(version)s (Python {sys.version.split()[0]})",
)
@click.pass_context
def main(context: click.Context, config: Path) -> None:
    """Tail log files, label each line, and get it into Grafana Loki exactly once.

    Without a command, `run` is meant: `shipper --dry-run` previews, `shipper --once` ships and stops.
    """
    context.obj = {"config": config}
