"""`shipper explain`: why a file or container is or is not shipped, and what happens to a line of it, stage by stage.

Rule 1: nothing is sent, written or moved; it works beside a running agent.
Rule 2: secrets of the configuration are masked; what was logged is shown as it is, for that is what is asked about.
Rule 3: exit code 0 if some source ships it, 1 if none does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from shipper.cli.group import FAILED
from shipper.cli.lean import without_rich
from shipper.cli.options import SourceName, config_option, config_path, json_option
from shipper.cli.terminal import counted, escaped, number, print_json, print_note, shortened
from shipper.errors import UsageError

if TYPE_CHECKING:
    from shipper.config.model import Config, DockerSource, FileSource

COLUMNS = 400
"""Of a line's text."""
STAGE = 14
"""Columns for the names of stages."""


@click.command()
@click.argument("what", metavar="PATH|CONTAINER", type=click.Path())
@click.option("--line", type=click.IntRange(min=1), help="The line of the file, from 1 (default: its last one).")
@click.option("--text", help="Explain this text instead of a line that is there.")
@click.option("--source", type=SourceName(), help="Ask this source alone.")
@config_option
@json_option
@click.pass_context
def explain(
    context: click.Context, what: str, line: int | None, text: str | None, source: str | None, as_json: bool
) -> int:
    """Tell why a file or container is or is not shipped, and what happens to a line of it, stage by stage.

    Exit code 1 if no source ships it.
    """
    with without_rich():
        from shipper.config.loading import load
        from shipper.config.masking import Masker
        from shipper.explain.answer import Question, answer, is_container
        from shipper.explain.document import LOG_TEXT

    if line is not None and text is not None:
        raise UsageError("--line and --text are two answers to one question", hint="use one of them")
    if line is not None and is_container(what):
        raise UsageError("--line counts the lines of files, and this is none", hint="use --text, or name a path")
    config = load(config_path(context), os.environ)
    found = answer(config, _asked(config, source), Question(what=what, line=line, text=text))
    document: dict[str, Any] = Masker.of(config).masked(found, keep=LOG_TEXT)
    if as_json:
        print_json(document)
    else:
        _print(document)
    return 0 if document["shipped"] else FAILED


def _asked(config: Config, name: str | None) -> Sequence[FileSource | DockerSource]:
    if name is None:
        return config.sources
    names = [source.name for source in config.sources]
    if name not in names:
        nearest = get_close_matches(name, names, n=1) or names
        raise UsageError(f"there is no source {name!r}", hint=f"did you mean {', '.join(map(repr, nearest))}?")
    return [source for source in config.sources if source.name == name]


def _print(document: dict[str, Any]) -> None:
    click.echo(escaped(f"{document['what']}{_looks(document)}"))
    if not document["shipped"]:
        click.echo("No source ships it." + (" The nearest:" if document["sources"] else ""))
    for told in document["sources"]:
        _print_source(told, document["size"])
    if document["add"]:
        click.echo("\nNone is near. To ship it, add this to the configuration:\n")
        for line in document["add"].split("\n"):
            click.echo(f"  {escaped(line)}")


def _looks(document: dict[str, Any]) -> str:
    if document["kind"] == "container":
        return ""
    if document["size"] is not None:
        return f": {number(document['size'])} bytes, changed {document['changed']}"
    nearest = f"; nearest names: {', '.join(document['nearest'])}" if document["nearest"] else ""
    return f": there is no such file{nearest}"


def _print_source(told: dict[str, Any], size: int | None) -> None:
    click.echo(f"\n== {told['source']}: {'shipped' if told['shipped'] else 'not shipped'}\n")
    print_note(told["why"], mark="  ")
    if told["cure"]:
        print_note(f"to ship it: {told['cure']}", mark="  ! ")
    if told["shipped"] and not told["journal"]["positions"]:
        print_note(told["journal"]["trouble"] or "the agent has not read anything of it yet", mark="  journal: ")
    _print_positions(told["journal"]["positions"], size)
    for record in told["lines"]["records"] if told["lines"] else ():
        _print_record(record, told["lines"]["offset"])
    for note in told["notes"]:
        print_note(note, mark="  ! ")


def _print_positions(positions: Sequence[dict[str, Any]], size: int | None) -> None:
    for one in positions:
        state = "finished" if one["finished"] else f"{number(one['left'])} left"
        open_spans = f", {counted(one['open_spans'], 'span')} under way" if one["open_spans"] else ""
        grown = f"; it has {number(size)} now" if size is not None and size > one["size"] else ""
        moved = "" if one["seen_at"] == one["path"] else f", now {one['seen_at']}"
        settled = f"{number(one['settled'])} of {number(one['size'])} bytes settled"
        print_note(f"journal: {one['path']}{moved}: {settled}, {state}{open_spans}{grown}", mark="  ")


def _print_record(record: dict[str, Any], offset: int | None) -> None:
    lines = counted(record["lines"], "line")
    click.echo(f"\n  {lines}{'' if offset is None else f' at byte {number(offset)}'}:")
    _print_text(record["stages"][0]["line"])
    for stage in record["stages"]:
        print_note(stage["did"], mark=f"    {stage['stage']:<{STAGE}}")
    if record["entry"] is not None:
        _print_entry(record["entry"], record["stages"][0]["line"])
    else:
        _print_labels(record["stages"][-1]["labels"], mark=f"    {'labels':<{STAGE}}")
    if record["refused"]:
        print_note(f"refused: {record['refused']}", mark="  ! ")
    if record["dropped"]:
        print_note(f"dropped: {record['dropped']}", mark="  ! ")


def _print_entry(entry: dict[str, Any], line: str) -> None:
    click.echo("  as Loki gets it:")
    _print_labels(entry["labels"], mark=f"    {entry['at']}  ")
    if entry["text"] == line:
        click.echo("      the line as it is")
    else:
        _print_text(entry["text"])
    if entry["metadata"]:
        pairs = ", ".join(f"{name}={value}" for name, value in entry["metadata"].items())
        print_note(f"metadata: {shortened(pairs, COLUMNS)}", mark="    ")
    if entry["tenant"]:
        print_note(f"tenant: {entry['tenant']}", mark="    ")


def _print_labels(labels: dict[str, str], mark: str) -> None:
    from shipper.delivery.wire import format_labels

    print_note(format_labels(labels), mark=mark)


def _print_text(text: str) -> None:
    for line in text.split("\n"):
        click.echo(f"      {shortened(escaped(line), COLUMNS)}")
