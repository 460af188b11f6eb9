"""`shipper dead-letters`: what Loki would not take, and why, in words; shown, sent again, thrown away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shipper.cli.options import SourceName, config_option, config_path, json_option
from shipper.cli.positions import json_wanted, state_of
from shipper.cli.terminal import escaped, print_json, print_note, print_table, shortened
from shipper.errors import UsageError
from shipper.sources.file.paths import label

if TYPE_CHECKING:
    from shipper.positions import KeptLetter, State
    from shipper.resend import Sent

HEADINGS = ("id", "refused", "source", "reason", "lines", "where", "why")
WORDS = 90
LISTED = 50
NO_MATCH = "no dead letters match"

Command = TypeVar("Command", bound=Callable[..., Any])


def _selection(command: Command) -> Command:
    """`--source` and `--reason`: which letters are meant."""
    command = click.option("--reason", help="Only those refused for this reason.")(command)
    return click.option("--source", type=SourceName(), help="Only those of this source.")(command)


@click.group("dead-letters", invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def dead_letters(context: click.Context, as_json: bool) -> None:
    """Show and replay what Loki would not take; without a command: list."""
    context.ensure_object(dict)["json"] = as_json
    if context.invoked_subcommand is None:
        _list(context, as_json, None, None, LISTED)


@dead_letters.command("list")
@_selection
@click.option("--limit", type=click.IntRange(min=1), default=LISTED, show_default=True, help="At most so many.")
@config_option
@json_option
@click.pass_context
def list_(context: click.Context, source: str | None, reason: str | None, limit: int, as_json: bool) -> None:
    """List dead letters, oldest first."""
    _list(context, as_json, source, reason, limit)


@dead_letters.command()
@click.argument("number", type=int)
@config_option
@json_option
@click.pass_context
def show(context: click.Context, number: int, as_json: bool) -> None:
    """Show one dead letter with its text."""
    with state_of(context) as state:
        kept = state.dead_letter(number)
    if json_wanted(context, as_json):
        print_json(document(kept))
        return
    for name, value in document(kept).items():
        shown = "not kept; its bytes are in the file, at this offset" if value is None else str(value)
        click.echo(f"{name:<10} {escaped(shown)}".rstrip())


@dead_letters.command()
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@_selection
@click.option("--restamp", is_flag=True, help="Give each the time of now instead of its own.")
@config_option
@json_option
@click.pass_context
def replay(
    context: click.Context,
    numbers: tuple[int, ...],
    everything: bool,
    source: str | None,
    reason: str | None,
    restamp: bool,
    as_json: bool,
) -> int:
    """Send dead letters to Loki again; those it takes are removed. The agent must be stopped.

    Exit code 1 if any of them was refused again.
    """
    with state_of(context, write=True) as state:
        letters = _chosen(state, numbers, everything, source, reason)
        results = asyncio.run(_replay(context, state, letters, restamp))
    accepted = sum(sent.accepted for sent in results)
    if json_wanted(context, as_json):
        refused = [{"id": sent.id, "words": sent.words, "hint": sent.hint} for sent in results if not sent.accepted]
        print_json({"accepted": accepted, "refused": refused})
    else:
        _tell([sent for sent in results if not sent.accepted])
        click.echo(f"{accepted} of {len(results)} accepted and removed" if results else NO_MATCH)
    return 0 if accepted == len(results) else 1


def _tell(refused: Sequence[Sent]) -> None:
    """Why each was not taken, and what to do, once for all that need the same."""
    for sent in refused:
        print_note(sent.words, mark=f"{sent.id}: ")
    for hint in dict.fromkeys(sent.hint for sent in refused):
        print_note(hint, mark="hint: ")


@dead_letters.command()
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@_selection
@config_option
@json_option
@click.pass_context
def purge(
    context: click.Context,
    numbers: tuple[int, ...],
    everything: bool,
    source: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Throw dead letters away. The agent must be stopped."""
    with state_of(context, write=True) as state:
        chosen = _chosen(state, numbers, everything, source, reason)
        count = state.purge([kept.id for kept in chosen])
    if json_wanted(context, as_json):
        print_json({"purged": count})
    else:
        click.echo(f"{count} purged")


def _chosen(
    state: State, numbers: tuple[int, ...], everything: bool, source: str | None, reason: str | None
) -> list[KeptLetter]:
    """The letters that are meant: by number, or by source and reason, or all."""
    if numbers:
        return [state.dead_letter(number) for number in numbers]
    if not (everything or source or reason):
        raise UsageError("no dead letter is named", hint="give their numbers, or --source, --reason or --all")
    return state.dead_letters(source=source, reason=reason)


def _list(context: click.Context, as_json: bool, source: str | None, reason: str | None, limit: int) -> None:
    with state_of(context) as state:
        kept = state.dead_letters(source=source, reason=reason, limit=limit + 1)
    more = len(kept) > limit
    kept = kept[:limit]
    if json_wanted(context, as_json):
        print_json({"dead_letters": [document(one) for one in kept], "more": more})
    elif kept:
        print_table(HEADINGS, [_row(one) for one in kept], below=2)
        if more:
            click.echo(f"… and more; --limit shows more than {limit}")
    else:
        click.echo("no dead letters" if source is None and reason is None else NO_MATCH)


def _row(kept: KeptLetter) -> list[object]:
    from shipper.pipeline.window import written

    letter = kept.letter
    where = f"{label(letter.path)}:{letter.offset}"
    refused = written(letter.time // 1_000_000_000 * 1_000_000_000)
    return [kept.id, refused, letter.source, letter.reason, letter.lines, where, shortened(letter.words, WORDS)]


def document(kept: KeptLetter) -> dict[str, Any]:
    """A dead letter as JSON; `text` is null where only the bytes in the file are known."""
    from shipper.pipeline.window import written

    letter = kept.letter
    return {
        "id": kept.id,
        "refused": written(letter.time),
        "source": letter.source,
        "path": label(letter.path),
        "offset": letter.offset,
        "length": letter.length,
        "lines": letter.lines,
        "timestamp": written(letter.timestamp),
        "tenant": letter.tenant,
        "labels": letter.labels,
        "reason": letter.reason,
        "words": letter.words,
        "text": None if letter.text is None else letter.text.decode("utf-8", "replace"),
    }


async def _replay(context: click.Context, state: State, letters: list[KeptLetter], restamp: bool) -> list[Sent]:
    """Send them; one that Loki has taken is removed at once, so that an interruption repeats none."""
    from shipper.clock import Clock
    from shipper.config.loading import load
    from shipper.config.resolve import resolve
    from shipper.resend import Archive, resend

    config = load(config_path(context), os.environ)
    archive = Archive(
        generations={generation.id: generation for generation in state.positions()},
        resolved={source.name: resolve(config, source) for source in config.sources},
    )
    results = []
    async for sent in resend(config.loki, letters, archive, restamp=restamp, clock=Clock()):
        results.append(sent)
        if sent.accepted:
            state.purge([sent.id])
    return results
