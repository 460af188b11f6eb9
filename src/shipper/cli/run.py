"""`shipper run`: the agent; with `--once` everything there is and no more, with `--dry-run` a preview."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipper.cli.lean import without_rich
from shipper.cli.options import config_option, config_path, json_option
from shipper.cli.terminal import print_json
from shipper.errors import UsageError

if TYPE_CHECKING:
    from shipper.agent import Agent
    from shipper.config.model import Config
    from shipper.outcome import Outcome

LINES = 5


@click.command()
@click.option("--once", is_flag=True, help="Ship what is there up to now, wait until Loki has it, and stop.")
@click.option("--dry-run", is_flag=True, help="Preview: what would be shipped, and how; sends and changes nothing.")
@click.option("--lines", type=click.IntRange(min=1), help=f"Sample entries per source in a preview (default {LINES}).")
@config_option
@json_option
@click.pass_context
def run(context: click.Context, once: bool, dry_run: bool, lines: int | None, as_json: bool) -> int:
    """Run the agent until it is stopped (SIGINT, SIGTERM); SIGHUP reloads the configuration.

    With --once: exit code 0 when everything was delivered, 1 if anything was refused or held back by a failure.
    """
    _refuse_what_does_not_go_together(once=once, dry_run=dry_run, lines=lines, as_json=as_json)
    if not dry_run:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # one that comes too early must not end the agent
    with without_rich():
        from shipper.config.loading import load

        config = load(config_path(context), os.environ)
    if dry_run:
        from shipper.cli.preview import show_preview

        show_preview(config, LINES if lines is None else lines, as_json=as_json)
        return 0
    return _run(config, config_path(context), once=once, as_json=as_json)


def _refuse_what_does_not_go_together(*, once: bool, dry_run: bool, lines: int | None, as_json: bool) -> None:
    if once and dry_run:
        raise UsageError("--once ships and --dry-run does not", hint="use one of them")
    if lines is not None and not dry_run:
        raise UsageError("--lines is for a preview", hint="use it with --dry-run")
    if as_json and not (once or dry_run):
        raise UsageError(
            "--json needs something that ends",
            hint='use it with --once or --dry-run; the agent\'s own log is JSON with log = { format = "json" }',
        )


def _run(config: Config, path: Path, *, once: bool, as_json: bool) -> int:
    with without_rich():
        from shipper import process
        from shipper.cli.log import Log
        from shipper.config.loading import load_beside
        from shipper.reload import Loader

    log = Log(config)
    loader = Loader(lambda running: load_beside(running, path, os.environ), log.follow)
    with _progress(once and sys.stderr.isatty()) as on_progress:
        outcome = process.run(config, once=once, on_progress=on_progress, loader=loader)
    if once:
        _summarise(outcome, as_json)
    return outcome.code


def _progress(wanted: bool) -> AbstractContextManager[Callable[[Agent], None] | None]:
    if not wanted:
        return nullcontext()
    from shipper.cli.bars import bars

    return bars()


def _summarise(outcome: Outcome, as_json: bool) -> None:
    from shipper.cli.summary import document, print_summary

    if as_json:
        print_json(document(outcome))
    else:
        print_summary(outcome)
