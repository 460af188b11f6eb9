"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

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
    named = context.ensure_object(dict).get("config") or context.find_root().params.get("config")
    return Path(named or CONFIG_FILE)


class SourceName(click.ParamType[str]):
    """The name of a source; completed from the configuration of the line, as far as that can be read."""

    name = "source"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names in the file that begin so; read as plain TOML, since a shell waits for the answer."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in _names_in(config_path(ctx)) if name.startswith(incomplete)]


def _names_in(path: Path) -> list[str]:
    import tomllib

    try:
        document = tomllib.loads(path.read_text())
    except (OSError, ValueError):
        return []
    sources = document.get("source")
    tables = [source for source in sources if isinstance(source, dict)] if isinstance(sources, list) else []
    return [name for name in (source.get("name") for source in tables) if isinstance(name, str)]
