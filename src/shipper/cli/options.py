"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

CONFIG_FILE = Path("shipper.toml")
"""The configuration when none is named."""

Command = TypeVar("Command", bound=Callable[..., Any])


def _keep_config(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    """Let a `-c` behind the command win over one before it."""
    if value is not None:
        context.ensure_object(dict)["config"] = value


def config_option(command: Command) -> Command:
    """Accept `-c`/`--config` behind a command too; the path is in `context.obj["config"]` either way."""
    option = click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path, readable=False),
        callback=_keep_config,
        expose_value=False,
        is_eager=True,
        metavar="FILE",
        help="The configuration (default: shipper.toml).",
    )
    return option(command)


def json_option(command: Command) -> Command:
    """`--json`: one JSON document on stdout instead of text."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def config_path(context: click.Context) -> Path:
    """The configuration file this call is about."""
    path = context.ensure_object(dict).get("config", CONFIG_FILE)
    return Path(path)
