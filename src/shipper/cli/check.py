"""`shipper check`: whether the configuration is right, what it means, and what in it is likely to disappoint.

Rule 1: every mistake is shown at once and the exit code is 2; warnings alone leave it 0.
Rule 2: nothing is started, sent or written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import msgspec

from shipper.cli.group import WRONG_USAGE, tell
from shipper.cli.options import config_option, config_path, json_option
from shipper.cli.terminal import counted, escaped, print_json, print_table
from shipper.config.loading import error_of, examine
from shipper.config.masking import Masker
from shipper.config.mistakes import Problem
from shipper.config.model import Config, DockerSource, FileSource
from shipper.config.resolve import static_labels
from shipper.config.smells import Smell, smells


@click.command()
@config_option
@json_option
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Validate the configuration: every mistake at once, with its line; exit code 2 if there is one."""
    path = config_path(context)
    examined = examine(path, os.environ)
    if examined.config is None:
        _show_problems(path, examined.problems, as_json)
        context.exit(WRONG_USAGE)
    masker = Masker.of(examined.config)
    warnings = [Smell(smell.key, masker.mask(smell.message)) for smell in smells(examined.config)]
    if as_json:
        print_json(_document((), warnings))
    else:
        _show_fine(path, examined.config, warnings, masker)


def _show_problems(path: Path, problems: tuple[Problem, ...], as_json: bool) -> None:
    if as_json:
        print_json(_document(problems, []))
    else:
        tell(error_of(path, problems))


def _document(problems: tuple[Problem, ...], warnings: list[Smell]) -> dict[str, Any]:
    return {
        "ok": not problems,
        "problems": msgspec.to_builtins(problems),
        "warnings": msgspec.to_builtins(warnings),
    }


def _show_fine(path: Path, config: Config, warnings: list[Smell], masker: Masker) -> None:
    rows = [[masker.mask(cell) for cell in _row(config, source)] for source in config.sources]
    print_table(["source", "pipeline", "reads", "labels"], rows, below=2)
    for smell in warnings:
        click.echo(escaped(f"warning: {smell.key}: {smell.message}"), err=True)
    counts = f"{counted(len(config.sources), 'source')}, {counted(len(warnings), 'warning')}"
    click.echo(f"{path}: configuration is fine ({counts})")


def _row(config: Config, source: FileSource | DockerSource) -> list[str]:
    reads = ", ".join(source.paths) if isinstance(source, FileSource) else source.host
    labels = ", ".join(f"{name}={value}" for name, value in static_labels(config, source).items())
    return [source.name, source.pipeline, reads, labels]
