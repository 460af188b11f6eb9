"""What `run --once` says at its end."""

from __future__ import annotations

from collections import Counter

import pytest

from shipper.cli.summary import document, lost, print_summary
from shipper.failures import Failure
from shipper.ledger import Account
from shipper.outcome import Outcome, Progress

ACCOUNT = Account(
    read=1200,
    bytes_read=9000,
    delivered=1190,
    entries_delivered=1100,
    dropped=Counter(blank=6),
    dead_lettered=Counter(too_old=3, labels=1),
    fallbacks=Counter(not_json=2),
)
OUTCOME = Outcome(
    code=1,
    progress=(
        Progress(source="app", files=2, size=9010, offset=9000, account=ACCOUNT),
        Progress(source="web", files=0, size=0, offset=0, account=Account()),
    ),
    rests=(("app", "/logs/a\x1b.log", 9000, 10),),
    failures=(
        Failure(name="entries_refused", source="app", what="too_old", detail="3 too old", hint="look at them", since=0),
    ),
)


def test_the_books_the_rests_and_the_failures_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(OUTCOME)
    assert capsys.readouterr().out.splitlines() == [
        "source  files  lines read  delivered  dropped  dead-lettered  in flight",
        "app         2       1 200      1 190        6              4          0",
        "web         0           0          0        0              0          0",
        "app: dropped: blank 6",
        "app: dead-lettered (see shipper dead-letters): too_old 3, labels 1",
        "app: not as the pipeline expected: not_json 2",
        "app: 1 190 lines make 1 100 entries",
        "web: no file found; shipper --dry-run says what there is",
        r"app: /logs/a\x1b.log: the last line has no end yet: 10 bytes from 9 000 on are left unread",
        "failure: app: entries_refused too_old (3 too old)",
        "  hint: look at them",
    ]


LOST = ("truncated_unread", "replay_missing", "deleted_bytes_held")


def test_what_was_lost_is_told_since_when() -> None:
    assert lost(0, 0) == []
    assert lost(1200, 34) == [
        "1 200 bytes in all were gone before they were read",
        "34 bytes in all were gone after a crash; Loki may or may not have them",
    ]


def test_the_document_holds_the_same() -> None:
    empty: dict[str, dict[str, int]] = {
        name: {} for name in ("lines_dropped", "lines_dead_lettered", "parse_fallbacks")
    }
    zero = dict.fromkeys(
        ("lines_read", "bytes_read", "lines_delivered", "entries_delivered", "lines_in_flight", *LOST), 0
    )
    assert document(OUTCOME) == {
        "ok": False,
        "sources": [
            {
                "source": "app",
                "files": 2,
                "lines_read": 1200,
                "bytes_read": 9000,
                "lines_delivered": 1190,
                "entries_delivered": 1100,
                "lines_dropped": {"blank": 6},
                "lines_dead_lettered": {"too_old": 3, "labels": 1},
                "lines_in_flight": 0,
                "parse_fallbacks": {"not_json": 2},
                "truncated_unread": 0,
                "replay_missing": 0,
                "deleted_bytes_held": 0,
            },
            {"source": "web", "files": 0, **zero, **empty},
        ],
        "unterminated": [{"source": "app", "path": "/logs/a\x1b.log", "offset": 9000, "bytes": 10}],
        "failures": [
            {
                "name": "entries_refused",
                "source": "app",
                "what": "too_old",
                "detail": "3 too old",
                "hint": "look at them",
            }
        ],
    }


def _failure(name: str, source: str, hint: str, since: int) -> Failure:
    return Failure(name=name, source=source, what="", detail="", hint=hint, since=since)


def test_failures_stand_before_notes_and_a_hint_is_told_once_for_all_it_is_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    failures = (
        _failure("verify_unavailable", "", "allow reads", 0),
        _failure("entries_refused", "app", "look at them", 1),
        _failure("entries_refused", "web", "look at them", 2),
        _failure("journal_write", "", "make room", 3),
    )
    print_summary(Outcome(code=1, progress=(), rests=(), failures=failures))
    assert capsys.readouterr().out.splitlines()[1:] == [
        "failure: app: entries_refused",
        "failure: web: entries_refused",
        "  hint: look at them",
        "failure: journal_write",
        "  hint: make room",
        "note: verify_unavailable",
        "  hint: allow reads",
    ]
