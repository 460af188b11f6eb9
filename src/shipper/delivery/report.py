"""An ingester's report: what it did not take of the one stream of a push that it speaks of.

Rule 1: bytes and words in, findings out; no I/O, no clock.
Rule 2: it tells how many entries it ignored and out of how many it was given, and names ten of them at most, by time.
Rule 3: what it does not tell for sure of an entry is in doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import re2

from shipper.delivery.batch import Push
from shipper.delivery.piece import Piece
from shipper.delivery.wire import SECOND, Entry, parse_labels
from shipper.errors import WireError


def pattern(text: str) -> Any:
    """RE2 reads words of any form in time that grows with their length alone; `.` stands for any character."""
    return re2.compile(f"(?s){text}")


_IGNORED: Final = pattern(
    r"entry with timestamp (?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) (?P<zone>[+-]\d{4}) \S+ ignored, "
    r"reason: '(?P<reason>entry too far behind|entry out of order|Per stream rate limit|[^']*)"
)
_TOTAL: Final = pattern(
    r"total ignored: (?P<ignored>\d{1,12}) out of (?P<received>\d{1,12}) for stream: (?P<stream>\{.*\})"
)
_SERVER_LABELS: Final = ("service_name", "__stream_shard__")


@dataclass(frozen=True, slots=True)
class Report:
    """What an ingester says of the one stream it reports."""

    labels: str
    """As the push has them; "" if the words name none of its streams."""
    ignored: int
    received: int
    reasons: dict[int, str]
    """Reason by timestamp, of the entries named."""


def read_report(push: Push, words: str) -> Report | None:
    """The report in a refusal, if there is one."""
    try:
        return parse_report(push, words)
    except ValueError:
        return None


def parse_report(push: Push, words: str) -> Report | None:
    """The same; ValueError for a time that is none, or a number of thousands of digits: not Loki's words."""
    total = _TOTAL.search(words)
    named = {_nanoseconds(match["at"], match["zone"]): _reason(match["reason"]) for match in _IGNORED.finditer(words)}
    if total is None:
        return None
    return Report(named_stream(push, total["stream"]), int(total["ignored"]), int(total["received"]), named)


def named_stream(push: Push, printed: str) -> str:
    """The labels, as sent, of the stream that Loki prints with labels of its own; "" if there is none."""
    if len(push.streams) == 1:
        return next(iter(push.streams))
    for labels in push.streams:
        if labels == printed or plain_labels(labels) == plain_labels(printed, without=plain_labels(labels)):
            return labels
    return ""


def plain_labels(labels: str, without: dict[str, str] | None = None) -> dict[str, str]:
    """Labels as a mapping; those that servers add are left out unless `without` has them too."""
    try:
        parsed = parse_labels(labels)
    except WireError:
        return {"": labels}
    if without is not None:
        parsed = {name: value for name, value in parsed.items() if name in without or name not in _SERVER_LABELS}
    return parsed


def sort_out(pieces: Sequence[Piece], report: Report | None) -> list[Piece]:
    """The pieces of a stream that took a part of them, by what is known: not stored, presumably stored, in doubt.

    In doubt is what has the time of an ignored entry and is not the only one of that time, and everything where the
    report is no account of all entries: it may be of one shard, or some may have been refused on the way to it.
    """
    entries = sum([piece.entries for piece in pieces])
    if report is not None and report.ignored == report.received == entries:
        return list(pieces)
    if report is None or report.received != entries or report.ignored > len(report.reasons):
        for piece in pieces:
            piece.doubt = True
        return list(pieces)
    decoded = [piece.decode() for piece in pieces]
    times = Counter(entry.timestamp for ours in decoded for entry in ours)
    shared = {at for at in report.reasons if times[at] > 1}
    return [
        part
        for piece, ours in zip(pieces, decoded, strict=True)
        for part in _by_time(piece, ours, report.reasons.keys(), shared)
    ]


def _by_time(piece: Piece, entries: Sequence[Entry], ignored: Collection[int], shared: Collection[int]) -> list[Piece]:
    """The piece without the entries of times at which some were ignored, and these, apart where others share them."""
    named, stored = piece.divide(entries, _at(entries, ignored))
    if stored is not None:
        stored.doubt = stored.presumed = True
    if named is None:
        return [piece]
    entries = named.decode()
    unsure, missing = named.divide(entries, _at(entries, shared))
    if unsure is not None:
        unsure.doubt = True
    return [part for part in (stored, unsure, missing) if part is not None]


def _at(entries: Sequence[Entry], times: Collection[int]) -> set[int]:
    return {index for index, entry in enumerate(entries) if entry.timestamp in times}


def _reason(words: str) -> str:
    if words.startswith("entry too far behind"):
        return "too_far_behind"
    if words.startswith("entry out of order"):
        return "out_of_order"
    return "rate" if words.startswith("Per stream rate limit") else "other"


def _nanoseconds(text: str, zone: str) -> int:
    """Go's way of printing a time: zeros at the end of the fraction are cut."""
    whole, _, fraction = text.partition(".")
    moment = datetime.fromisoformat(f"{whole}{zone[:3]}:{zone[3:]}")
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds * SECOND + int(fraction.ljust(9, "0")[:9] or 0)
