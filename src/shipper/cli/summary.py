"""What `shipper run --once` says at its end: the books of each source, what was left unread, and what is wrong."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from shipper.cli.terminal import escaped, number, print_table

if TYPE_CHECKING:
    from shipper.agent import Outcome, Progress
    from shipper.ledger import Account

HEADINGS = ("source", "files", "lines read", "delivered", "dropped", "dead-lettered", "in flight")


def print_summary(outcome: Outcome) -> None:
    """Print it for a person."""
    print_table(HEADINGS, [_row(progress) for progress in outcome.progress])
    for progress in outcome.progress:
        for line in _remarks(progress):
            click.echo(f"{progress.source}: {line}")
    for source, path, offset, size in outcome.rests:
        left = f"{number(size)} bytes from {number(offset)} on are left unread"
        click.echo(f"{source}: {escaped(path)}: the last line has no end yet: {left}")
    for failure in outcome.failures:
        where = f"{failure.source}: " if failure.source else ""
        what = f" {escaped(failure.what)}" if failure.what else ""
        click.echo(f"failure: {where}{failure.name}{what}{_told(failure.detail)}")
        click.echo(f"  hint: {failure.hint}")


def document(outcome: Outcome) -> dict[str, Any]:
    """The same as one JSON document."""
    return {
        "ok": outcome.code == 0,
        "sources": [_facts(progress) for progress in outcome.progress],
        "unterminated": [
            {"source": source, "path": path, "offset": offset, "bytes": size}
            for source, path, offset, size in outcome.rests
        ],
        "failures": [
            {
                "name": failure.name,
                "source": failure.source,
                "what": failure.what,
                "detail": failure.detail,
                "hint": failure.hint,
            }
            for failure in outcome.failures
        ],
    }


def _facts(progress: Progress) -> dict[str, Any]:
    account = progress.account
    return {
        "source": progress.source,
        "files": progress.files,
        "lines_read": account.read,
        "bytes_read": account.bytes_read,
        "lines_delivered": account.delivered,
        "entries_delivered": account.entries_delivered,
        "lines_dropped": dict(account.dropped),
        "lines_dead_lettered": dict(account.dead_lettered),
        "lines_in_flight": account.in_flight,
        "parse_fallbacks": dict(account.fallbacks),
        "truncated_unread": account.truncated_unread,
    }


def _row(progress: Progress) -> list[object]:
    account = progress.account
    return [
        progress.source,
        progress.files,
        account.read,
        account.delivered,
        account.dropped.total(),
        account.dead_lettered.total(),
        account.in_flight,
    ]


def _remarks(progress: Progress) -> list[str]:
    """What the numbers of the table do not say."""
    account = progress.account
    remarks = [f"{what}: {_reasons(counts)}" for what, counts in _counts(account) if counts]
    if account.delivered != account.entries_delivered:
        remarks.append(f"{number(account.delivered)} lines make {number(account.entries_delivered)} entries")
    if account.truncated_unread:
        remarks.append(f"{number(account.truncated_unread)} bytes were truncated away before they were read")
    if not progress.files:
        remarks.append("no file found; shipper --dry-run says what the globs match")
    return remarks


def _counts(account: Account) -> list[tuple[str, Counter[str]]]:
    return [
        ("dropped", account.dropped),
        ("dead-lettered (see shipper dead-letters)", account.dead_lettered),
        ("shipped, but not as the pipeline expected", account.fallbacks),
    ]


def _reasons(counts: Counter[str]) -> str:
    return ", ".join(f"{reason} {number(count)}" for reason, count in counts.most_common())


def _told(detail: str) -> str:
    return f" ({escaped(detail)})" if detail else ""
