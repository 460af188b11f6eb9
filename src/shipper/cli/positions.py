"""`shipper positions`: how far each file was read, from the journal; looking works beside a running agent."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shipper.cli.options import config_option, config_path, json_option
from shipper.cli.terminal import print_json, print_table

if TYPE_CHECKING:
    from shipper.positions import State
    from shipper.sources.step import Generation

HEADINGS = ("source", "file", "size", "settled", "left", "open spans", "state")


@click.group(invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def positions(context: click.Context, as_json: bool) -> None:
    """Show and change how far each file was read; without a command: list."""
    context.ensure_object(dict)["json"] = as_json
    if context.invoked_subcommand is None:
        _list(context, as_json, None)


@positions.command("list")
@click.argument("source", required=False)
@config_option
@json_option
@click.pass_context
def list_(context: click.Context, source: str | None, as_json: bool) -> None:
    """List every file the agent knows, and how much of it is settled."""
    _list(context, as_json, source)


@positions.command()
@click.argument("name")
@config_option
@json_option
@click.pass_context
def reset(context: click.Context, name: str, as_json: bool) -> None:
    """Forget the positions of a source: it starts again as start_at says."""
    _change(context, as_json, lambda state: {"reset": name, "positions": state.reset(name)})


@positions.command()
@click.argument("old")
@click.argument("new")
@config_option
@json_option
@click.pass_context
def rename(context: click.Context, old: str, new: str, as_json: bool) -> None:
    """Give the positions of source OLD to source NEW, after it was renamed in the configuration."""
    _change(context, as_json, lambda state: {"renamed": old, "to": new, "positions": state.rename(old, new)})


@positions.command()
@config_option
@click.pass_context
def export(context: click.Context) -> None:
    """Print everything that is known, as one JSON document."""
    with state_of(context) as state:
        print_json({"positions": [exported(generation) for generation in state.positions()]})


def state_of(context: click.Context, *, write: bool = False) -> State:
    """The state on disk that the configuration of this call names."""
    from shipper.config.loading import load
    from shipper.positions import State

    config = load(config_path(context), os.environ)
    return State(Path(config.agent.data_dir), write=write)


def json_wanted(context: click.Context, as_json: bool) -> bool:
    """Whether `--json` stood before or behind the inner command."""
    return as_json or bool(context.ensure_object(dict).get("json"))


def _list(context: click.Context, as_json: bool, source: str | None) -> None:
    with state_of(context) as state:
        generations = state.positions(source)
    if json_wanted(context, as_json):
        print_json({"positions": [summary(generation) for generation in generations]})
    elif generations:
        print_table(HEADINGS, [_row(generation) for generation in generations])
    else:
        click.echo("no positions yet" if source is None else f"no positions of a source {source!r}")


def _change(context: click.Context, as_json: bool, change: Callable[[State], dict[str, Any]]) -> None:
    with state_of(context, write=True) as state:
        done = change(state)
    if json_wanted(context, as_json):
        print_json(done)
        return
    what = f"{done['renamed']} is now {done['to']}" if "to" in done else f"{done['reset']} starts afresh"
    click.echo(f"{what}: {done['positions']} positions")


def summary(generation: Generation) -> dict[str, Any]:
    """What `list` says about one generation."""
    return {
        "source": generation.source,
        "path": generation.path,
        "seen_at": generation.seen_at,
        "size": generation.size,
        "settled": generation.offset,
        "left": max(0, generation.size - generation.offset),
        "open_spans": len(generation.open),
        "finished": generation.finished,
    }


def exported(generation: Generation) -> dict[str, Any]:
    """All of a generation as JSON: bytes in base64."""
    import msgspec

    document: dict[str, Any] = msgspec.to_builtins(generation, builtin_types=(bytes,), str_keys=True)
    plain = _without_bytes(document)
    assert isinstance(plain, dict)
    return plain


def _without_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _without_bytes(inner) for name, inner in value.items()}
    return [_without_bytes(inner) for inner in value] if isinstance(value, list | tuple) else value


def _row(generation: Generation) -> list[object]:
    facts = summary(generation)
    moved = "" if generation.seen_at == generation.path else f" (now {generation.seen_at})"
    return [
        generation.source,
        f"{generation.path}{moved}",
        facts["size"],
        facts["settled"],
        facts["left"],
        facts["open_spans"],
        "finished" if generation.finished else "open",
    ]
