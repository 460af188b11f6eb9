"""`/api/v1/sources/{name}`: one source with its files or containers, and its streams.

What is gathered of thousands of files is gathered in the page's thread; documents are made of a page of them only.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from shipper.collector import Collector
from shipper.delivery.wire import parse_labels
from shipper.pipeline.labels import LabelGuard, Labeller
from shipper.recent import Seen
from shipper.sources.step import Unit
from shipper.web.replies import Failed, document, instant, number
from shipper.web.status import summaries
from shipper.web.watch import Watch

SHOWN: Final = 100
MOST_SHOWN: Final = 1000
MOST_SKIPPED: Final = 10_000_000
STREAMS: Final = 200
"""The streams shown: those with the most entries."""


async def source(request: Request) -> Response:
    """A source, and a page of its units: those whose path contains `contains`, from `offset` on."""
    watch: Watch = request.app.state.watch
    name = request.path_params["name"]
    collector = watch.agent.collectors.get(name)
    if collector is None:
        raise _unknown(watch, name)
    offset = number(request, "offset", 0, most=MOST_SKIPPED)
    limit = number(request, "limit", SHOWN, most=MOST_SHOWN)
    contains = request.query_params.get("contains", "")
    await watch.refresh()
    found = await watch.aside(lambda: _found(collector, contains))
    settled = watch.agent.delivery.settled_to(name)
    labeller = Labeller(collector.resolved, LabelGuard(collector.resolved.max_label_values), metadata=False)
    streams = await watch.aside(lambda: _streams(collector.stream_table()))
    shown = [_unit(unit, settled, labeller) for unit in found[offset : offset + limit]]
    own = next((summary for summary in summaries(watch) if summary["name"] == name), None)
    if own is None:  # a reload took it out meanwhile
        raise _unknown(watch, name)
    return document(
        own
        | {
            "found": len(found),
            "offset": offset,
            "shown": len(shown),
            "units": shown,  # a number in the summary, the list of them here
            "stream_list": streams,
            "streams_found": collector.streams,
        },
        watch.masker,
    )


def _unknown(watch: Watch, name: str) -> Failed:
    known = ", ".join(watch.agent.collectors) or "none"
    return Failed(404, f"there is no source {watch.masker.mask(name)[:100]}", f"there are: {known}")


def _found(collector: Collector, contains: str) -> list[Unit]:
    """The units meant, those with the newest lines first."""
    units = [unit for unit in collector.source.units() if contains in unit.path]
    return sorted(units, key=lambda unit: (-unit.latest, unit.path))


def _unit(unit: Unit, settled: dict[int, int], labeller: Labeller) -> dict[str, Any]:
    settled_to = min(settled.get(unit.generation, unit.offset), unit.offset)
    return {
        "path": unit.path,
        "state": unit.state,
        "size": unit.size,
        "offset": unit.offset,
        "lag_bytes": max(0, unit.size - settled_to),
        "settled": settled_to,
        "last_line_at": instant(unit.latest),
        "labels": labeller.place(unit.path, unit.facts),
        "detail": unit.detail,
    }


def _streams(table: dict[str, Seen]) -> list[dict[str, Any]]:
    most = sorted(table.items(), key=lambda item: -item[1].count)[:STREAMS]
    return [
        {"labels": parse_labels(labels), "entries": seen.count, "last_at": instant(seen.last)} for labels, seen in most
    ]
