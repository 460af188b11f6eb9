"""`shipper positions`: how far each file was read, from the journal; looking works beside a running agent."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shipper.cli.options import SourceName, config_option, config_path, json_option
from shipper.cli.summary import lost
from shipper.cli.terminal import counted, print_json, print_table
from shipper.sources.file.paths import label

if TYPE_CHECKING:
    from shipper.positions import Losses, State
    from shipper.sources.step import Generation

HEADINGS = ("source", "size", "settled", "left", "open spans", "state", "file")


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
@click.argument("source", required=False, type=SourceName())
@config_option
@json_option
@click.pass_context
def list_(context: click.Context, source: str | None, as_json: bool) -> None:
    """List every file the agent knows, and how much of it is settled."""
    _list(context, as_json, source)


@positions.command()
@click.argument("name", type=SourceName())
@config_option
@json_option
@click.pass_context
def reset(context: click.Context, name: str, as_json: bool) -> None:
    """Forget the positions of a source: it starts again as start_at says."""
    _change(context, as_json, lambda state: {"reset": name, "positions": state.reset(name)})


@positions.command()
@click.argument("old", type=SourceName())
@click.argument("new", type=SourceName())
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
        positions = [exported(generation) for generation in state.positions()]
        print_json({"positions": positions, "sources": _totals(state.losses())})


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
    from shipper.positions import summary

    with state_of(context) as state:
        known, losses = [summary(generation) for generation in state.positions(source)], state.losses(source)
    if json_wanted(context, as_json):
        print_json({"positions": known, "sources": _totals(losses)})
        return
    if known:
        print_table(HEADINGS, [_row(facts) for facts in known], below=1)
    else:
        click.echo("no positions yet" if source is None else f"no positions of a source {source!r}")
    for name, one in losses.items():
        for remark in lost(one.truncated_unread, one.replay_missing):
            click.echo(f"{name}: {remark}")


def _change(context: click.Context, as_json: bool, change: Callable[[State], dict[str, Any]]) -> None:
    with state_of(context, write=True) as state:
        done = change(state)
    if json_wanted(context, as_json):
        print_json(done)
        return
    count = counted(done["positions"], "position")
    if "to" in done:
        click.echo(f"{done['renamed']} is now {done['to']}: {count} renamed")
    else:
        click.echo(f"{done['reset']} starts afresh: {count} forgotten")


def _totals(losses: dict[str, Losses]) -> list[dict[str, Any]]:
    """What each source has lost since its first start, bytes."""
    return [
        {"source": name, "truncated_unread": one.truncated_unread, "replay_missing": one.replay_missing}
        for name, one in losses.items()
    ]


def exported(generation: Generation) -> dict[str, Any]:
    """All of a generation as JSON: bytes in base64, what is not UTF-8 in a path as U+FFFD."""
    import msgspec

    document: dict[str, Any] = msgspec.to_builtins(generation, builtin_types=(bytes,), str_keys=True)
    plain = _without_bytes(document | {name: label(document[name]) for name in ("path", "seen_at")})
    assert isinstance(plain, dict)
    return plain


def _without_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _without_bytes(inner) for name, inner in value.items()}
    return [_without_bytes(inner) for inner in value] if isinstance(value, list | tuple) else value


def _row(facts: dict[str, Any]) -> list[object]:
    moved = "" if facts["seen_at"] == facts["path"] else f" (now {facts['seen_at']})"
    return [
        facts["source"],
        facts["size"],
        facts["settled"],
        facts["left"],
        facts["open_spans"],
        "finished" if facts["finished"] else "open",
        f"{facts['path']}{moved}",
    ]
