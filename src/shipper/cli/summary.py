"""What `shipper run --once` says at its end: the books of each source, what was left unread, and what is wrong."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from shipper.cli.terminal import number, print_note, print_table
from shipper.failures import NOTICES

if TYPE_CHECKING:
    from shipper.failures import Failure
    from shipper.ledger import Account
    from shipper.outcome import Outcome, Progress

HEADINGS = ("source", "files", "lines read", "delivered", "dropped", "dead-lettered", "in flight")


def print_summary(outcome: Outcome) -> None:
    """Print it for a person."""
    print_table(HEADINGS, [_row(progress) for progress in outcome.progress])
    for progress in outcome.progress:
        for line in _remarks(progress):
            print_note(f"{progress.source}: {line}")
    for source, path, offset, size in outcome.rests:
        left = f"{number(size)} bytes from {number(offset)} on are left unread"
        print_note(f"{source}: {path}: the last line has no end yet: {left}")
    failures = sorted(outcome.failures, key=lambda failure: (failure.name in NOTICES, failure.since))
    for hint, alike in groupby(failures, key=lambda failure: failure.hint):
        for failure in alike:
            _print_failure(failure)
        print_note(hint, mark="  hint: ")


def _print_failure(failure: Failure) -> None:
    """What holds nothing back is a note."""
    where = f"{failure.source}: " if failure.source else ""
    what = f" {failure.what}" if failure.what else ""
    detail = f" ({failure.detail})" if failure.detail else ""
    mark = "note: " if failure.name in NOTICES else "failure: "
    print_note(f"{where}{failure.name}{what}{detail}", mark=mark)


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
        "replay_missing": account.replay_missing,
        "deleted_bytes_held": progress.deleted_bytes_held,
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
    remarks += lost(account.truncated_unread, account.replay_missing)
    if progress.deleted_bytes_held:
        remarks.append(f"{number(progress.deleted_bytes_held)} bytes of deleted files were kept open to be read")
    if not progress.files:
        remarks.append(f"no {progress.unit} found; shipper --dry-run says what there is")
    return remarks


def lost(truncated_unread: int, replay_missing: int) -> list[str]:
    """What to say of the bytes a source has lost since its first start."""
    remarks = []
    if truncated_unread:
        remarks.append(f"{number(truncated_unread)} bytes in all were gone before they were read")
    if replay_missing:
        remarks.append(f"{number(replay_missing)} bytes in all were gone after a crash; Loki may or may not have them")
    return remarks


def _counts(account: Account) -> list[tuple[str, Counter[str]]]:
    return [
        ("dropped", account.dropped),
        ("dead-lettered (see shipper dead-letters)", account.dead_lettered),
        ("not as the pipeline expected", account.fallbacks),
    ]


def _reasons(counts: Counter[str]) -> str:
    return ", ".join(f"{reason} {number(count)}" for reason, count in counts.most_common())
