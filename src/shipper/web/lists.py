"""Recent pushes, label cardinality, dead letters."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from shipper.collector import Collector
from shipper.delivery.wire import parse_labels
from shipper.errors import WireError
from shipper.ledger import Sent
from shipper.positions import KeptLetter
from shipper.sources.file.paths import label
from shipper.web.replies import document, instant, number
from shipper.web.watch import Watch

TOP: Final = 10
"""Values shown of a label: those with the most streams."""
LETTERS: Final = 50
MOST_LETTERS: Final = 200
TEXT: Final = 2000
"""Characters shown of a dead letter."""
LAST: Final = (1 << 63) - 1


async def pushes(request: Request) -> Response:
    """The last pushes, the latest first, and all since the start by status."""
    watch: Watch = request.app.state.watch
    ledger = watch.agent.ledger
    by_status = dict(sorted(ledger.push_requests.items()))
    return document({"pushes": [_push(sent) for sent in reversed(ledger.pushes)], "by_status": by_status}, watch.masker)


def _push(sent: Sent) -> dict[str, Any]:
    return {
        "at": instant(sent.at),
        "status": sent.status,
        "seconds": round(sent.seconds, 6),
        "bytes": sent.size,
        "entries": sent.entries,
        "streams": sent.streams,
        "detail": sent.detail,
    }


async def labels(request: Request) -> Response:
    """How many values each label has lately, the most first."""
    watch: Watch = request.app.state.watch
    collectors = list(watch.agent.collectors.values())
    return document({"labels": await watch.aside(lambda: _labels(collectors))}, watch.masker)


def _labels(collectors: list[Collector]) -> list[dict[str, Any]]:
    streams: dict[str, Counter[str]] = {}
    by_source: dict[str, dict[str, set[str]]] = {}
    for collector in collectors:
        for text in collector.stream_table():
            for name, value in parse_labels(text).items():
                streams.setdefault(name, Counter())[value] += 1
                by_source.setdefault(name, {}).setdefault(collector.name, set()).add(value)
    demoted = {name for collector in collectors for name in collector.demoted}
    for name in demoted:
        streams.setdefault(name, Counter())
    most = {collector.name: collector.resolved.max_label_values for collector in collectors}
    return [
        {
            "name": name,
            "values": len(values),
            "top": [{"value": value, "streams": count} for value, count in values.most_common(TOP)],
            "source_values": {source: len(found) for source, found in by_source.get(name, {}).items()},
            "max_label_values": min((most[source] for source in by_source.get(name, most)), default=0),
            "demoted": name in demoted,
        }
        for name, values in sorted(streams.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


async def dead_letters(request: Request) -> Response:
    """What Loki would not take, the latest first; `before` is the `next` of the page before."""
    watch: Watch = request.app.state.watch
    limit = max(1, number(request, "limit", LETTERS, most=MOST_LETTERS))
    before = number(request, "before", LAST, most=LAST)
    journal = watch.agent.journal
    kept = await journal.call(lambda: journal.letters(before=before, limit=limit + 1, longest=4 * TEXT + 4))
    total, size = journal.letters_kept
    shown = kept[:limit]
    return document(
        {
            "total": total,
            "bytes": size,
            "dead_letters": [_letter(one) for one in shown],
            "next": shown[-1].id if len(kept) > limit else None,
        },
        watch.masker,
    )


def _letter(kept: KeptLetter) -> dict[str, Any]:
    letter = kept.letter
    text = "" if letter.text is None else letter.text.decode("utf-8", "replace")
    return {
        "id": kept.id,
        "source": letter.source,
        "path": label(letter.path),
        "offset": letter.offset,
        "lines": letter.lines,
        "reason": letter.reason,
        "said": letter.words,
        "at": instant(letter.time),
        "timestamp": instant(letter.timestamp),
        "labels": _labels_of(letter.labels),
        "text": text[:TEXT],
        "cut": len(text) > TEXT,
        "kept": letter.text is not None,
    }


def _labels_of(text: str) -> dict[str, str]:
    """Labels, also those that were refused because they cannot be read."""
    try:
        return parse_labels(text)
    except WireError:
        return {"": text}
