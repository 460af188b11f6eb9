"""Which entries a refusal is about, from Loki's words and from what was sent.

Rule 1: bytes and words in, offenders out; no I/O, no clock.
Rule 2: words name one example of each kind with a count, and times to the second; where a bound is monotonic in time
        (too old, too new, too far behind), the count tells exactly which entries are meant: the oldest, or the newest.
Rule 3: what the words do not explain is nobody's offence: the caller finds out by asking and by halving.

The words are those of the recorded replies; equal errors are counted ("3 errors like: …"), an ingester names up to ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shipper.delivery.batch import Push
from shipper.delivery.piece import Piece
from shipper.delivery.report import parse_report, pattern, plain_labels
from shipper.delivery.wire import SECOND, Entry

Match = Any
"""A match: RE2 comes without types."""

_STREAM: Final = r"stream '(?P<stream>\{.*?\})'"
_TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
_TOO_OLD: Final = pattern(
    r"(?:(?P<count>\d{1,12}) errors like: )?entry for " + _STREAM + r" has timestamp too old: \S+, "
    r"oldest acceptable timestamp is: (?P<oldest>" + _TIME + ")"
)
_TOO_NEW: Final = pattern(
    r"(?:(?P<count>\d{1,12}) errors like: )?entry for " + _STREAM + r" has timestamp too new: (?P<at>" + _TIME + ")"
)
_TOO_LONG: Final = pattern(r"(?:(?P<count>\d{1,12}) errors like: )?Max entry size '(?P<limit>\d{1,12})' bytes exceeded")
_METADATA_SIZE: Final = pattern(
    r"(?:(?P<count>\d{1,12}) errors like: )?" + _STREAM + r" has structured metadata too large: '\d+' bytes, "
    r"limit: '(?P<limit>\d{1,12})'"
)
_METADATA_PAIRS: Final = pattern(
    r"(?:(?P<count>\d{1,12}) errors like: )?" + _STREAM + r" has too many structured metadata labels: '\d+', "
    r"limit: '(?P<limit>\d{1,12})'"
)
_LABEL_COUNT: Final = pattern(r"has \d{1,12} label names; limit (?P<limit>\d{1,12})")
_LABEL_LENGTH: Final = pattern(_STREAM + r" has label (?P<part>name|value) too long: '(?P<text>.*?)'(?:; |\s*$)")
_LABEL_TWICE: Final = pattern(_STREAM + r" has duplicate label name: '(?P<text>.*?)'(?:; |\s*$)")
_NO_LABELS: Final = pattern(r"at least one label pair is required")


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a push, and where it is."""

    piece: Piece
    index: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Offence:
    """Entries that Loki refuses for one reason."""

    reason: str
    words: str
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Isolation:
    """What a refusal says about a push."""

    offences: list[Offence]
    complete: bool
    """Whether the words account for every entry, so that all the others were stored."""


def items_of(push: Push) -> list[Item]:
    """All entries of a push."""
    return [Item(piece, index, entry) for piece in push.pieces for index, entry in enumerate(piece.decode())]


def isolate(push: Push, words: str) -> Isolation:
    """The offenders a 400 names."""
    items = items_of(push)
    try:
        offences = [*_far_behind(push, items, words), *_labels(push, items, words), *_entries(items, words)]
        return Isolation(_distinct(offences), _complete(push, words))
    except ValueError:  # not Loki's words
        return Isolation([], False)


def _complete(push: Push, words: str) -> bool:
    """An ingester's refusal hides a distributor's: then fewer entries than were sent reached the ingester."""
    report = parse_report(push, words)
    if report is None:
        return True
    return report.labels != "" and report.received == sum(piece.entries for piece in push.streams[report.labels])


def _far_behind(push: Push, items: Sequence[Item], words: str) -> list[Offence]:
    report = parse_report(push, words)
    if report is None or not report.labels:
        return []
    ours = [item for item in items if item.piece.labels == report.labels]
    if report.ignored > len(report.reasons) and set(report.reasons.values()) == {"too_far_behind"}:
        oldest = _extreme(ours, report.ignored, newest=False)
        if {item.entry.timestamp for item in oldest} >= report.reasons.keys():
            return [Offence("too_far_behind", words, oldest)]
    return [
        Offence(reason, words, chosen)
        for reason in ("too_far_behind", "out_of_order")
        if (chosen := [item for item in ours if report.reasons.get(item.entry.timestamp) == reason])
    ]


def _extreme(items: Iterable[Item], count: int, *, newest: bool) -> list[Item]:
    """The `count` oldest or newest entries, and those of the same time as the last of them."""
    ranked = sorted(items, key=lambda item: item.entry.timestamp, reverse=newest)
    if count <= 0 or not ranked:
        return []
    edge = ranked[min(count, len(ranked)) - 1].entry.timestamp
    return [item for item in ranked if (item.entry.timestamp >= edge if newest else item.entry.timestamp <= edge)]


def _entries(items: Sequence[Item], words: str) -> list[Offence]:
    """What a distributor says of single entries."""
    return [
        Offence(reason, _said(found[0], words), chosen)
        for reason, pattern, choose in _CHOICES
        if (found := list(pattern.finditer(words))) and (chosen := choose(items, found))
    ]


def _count(found: Sequence[Match]) -> int:
    return sum(int(match["count"] or 1) for match in found)


def _too_old(items: Sequence[Item], found: Sequence[Match]) -> list[Item]:
    """All before the printed bound, and of the second it stands for as many as the count leaves."""
    bound = max(_whole_seconds(match["oldest"]) for match in found) * SECOND
    sure = [item for item in items if item.entry.timestamp < bound]
    unsure = [item for item in items if bound <= item.entry.timestamp < bound + SECOND]
    return sure + _extreme(unsure, _count(found) - len(sure), newest=False)


def _too_new(items: Sequence[Item], found: Sequence[Match]) -> list[Item]:
    """All after the second of the earliest one named, and of that second as many as the count leaves."""
    bound = min(_whole_seconds(match["at"]) for match in found) * SECOND
    sure = [item for item in items if item.entry.timestamp >= bound + SECOND]
    unsure = [item for item in items if bound <= item.entry.timestamp < bound + SECOND]
    return sure + _extreme(unsure, _count(found) - len(sure), newest=True)


def _too_long(items: Sequence[Item], found: Sequence[Match]) -> list[Item]:
    """Longer lines; where these do not make up the count, metadata belongs to the size (newer servers)."""
    limit = min(int(match["limit"]) for match in found)
    longer = [item for item in items if len(item.entry.line) > limit]
    if len(longer) >= _count(found):
        return longer
    return [item for item in items if len(item.entry.line) + _metadata_size(item) > limit]


def _metadata_too_large(items: Sequence[Item], found: Sequence[Match]) -> list[Item]:
    limit = min(int(match["limit"]) for match in found)
    return [item for item in items if _metadata_size(item) > limit]


def _metadata_too_many(items: Sequence[Item], found: Sequence[Match]) -> list[Item]:
    limit = min(int(match["limit"]) for match in found)
    return [item for item in items if len(item.entry.metadata) > limit]


_Choice = Callable[[Sequence[Item], Sequence[Match]], list[Item]]
_CHOICES: Final[tuple[tuple[str, Any, _Choice], ...]] = (
    ("too_old", _TOO_OLD, _too_old),
    ("too_new", _TOO_NEW, _too_new),
    ("line_too_long", _TOO_LONG, _too_long),
    ("metadata_too_large", _METADATA_SIZE, _metadata_too_large),
    ("metadata_too_many", _METADATA_PAIRS, _metadata_too_many),
)


def _metadata_size(item: Item) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in item.entry.metadata)


def _labels(push: Push, items: Sequence[Item], words: str) -> list[Offence]:
    """Streams that are refused whole."""
    named = {labels for labels in push.streams if _breaks_limits(labels, words)}
    if not named and len(push.streams) == 1 and _about_labels(words):
        named = set(push.streams)
    chosen = [item for item in items if item.piece.labels in named]
    return [Offence("labels", words, chosen)] if chosen else []


def _about_labels(words: str) -> bool:
    return any(pattern.search(words) for pattern in (_LABEL_COUNT, _LABEL_LENGTH, _LABEL_TWICE, _NO_LABELS))


def _breaks_limits(labels: str, words: str) -> bool:
    """Whether the words about labels can be meant for this stream."""
    pairs = plain_labels(labels)
    limits = [int(match["limit"]) for match in _LABEL_COUNT.finditer(words)]
    if limits and len(pairs) > min(limits):
        return True
    if _NO_LABELS.search(words) and not pairs:
        return True
    long = [(match["part"], match["text"]) for match in _LABEL_LENGTH.finditer(words)]
    if any(text in (pairs if part == "name" else pairs.values()) for part, text in long):
        return True
    return any(labels.count(f"{match['text']}=") > 1 for match in _LABEL_TWICE.finditer(words))


def _distinct(offences: Iterable[Offence]) -> list[Offence]:
    """Each entry in the first offence that has it."""
    seen: set[tuple[int, int]] = set()
    result = []
    for offence in offences:
        fresh = [item for item in offence.items if (id(item.piece), item.index) not in seen]
        seen.update((id(item.piece), item.index) for item in fresh)
        if fresh:
            result.append(Offence(offence.reason, offence.words, fresh))
    return result


def _said(match: Match, words: str) -> str:
    """The one example among several that this reason is about."""
    return match[0] if len(match[0]) < len(words) and "errors like" in words else words


def _whole_seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
