"""Failures as documents: one for each name and source, however many files or streams it met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from shipper.failures import NOTICES, Ended, Failure
from shipper.web.replies import document, instant
from shipper.web.watch import Watch

TOLD: Final = 10
"""Files, streams or labels named of one failure."""


async def failures(request: Request) -> Response:
    """What lasts, and what ended lately."""
    watch: Watch = request.app.state.watch
    found = watch.agent.failures
    return document({"failures": grouped(found.current()), "ended": list(map(_ended, found.ended()))}, watch.masker)


def grouped(found: Iterable[Failure]) -> list[dict[str, Any]]:
    """One document for each name and source, the oldest first."""
    groups: dict[tuple[str, str], list[Failure]] = {}
    for failure in found:
        groups.setdefault((failure.name, failure.source), []).append(failure)
    return [_group(group) for group in groups.values()]


def _group(group: Sequence[Failure]) -> dict[str, Any]:
    return _failure(group[0]) | {
        "what": [failure.what for failure in group if failure.what][:TOLD],
        "count": len(group),
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "name": failure.name,
        "source": failure.source,
        "detail": failure.detail,
        "hint": failure.hint,
        "since": instant(failure.since),
        "notice": failure.name in NOTICES,
    }


def _ended(ended: Ended) -> dict[str, Any]:
    return _failure(ended.failure) | {
        "what": [ended.failure.what] if ended.failure.what else [],
        "ended": instant(ended.at),
        "lasted_seconds": round(ended.seconds, 3),
    }
