"""`/-/healthy`, `/-/ready` and `/metrics`: for machines, and for people with curl.

Rule 1: healthy is the process: its event loop turns and its journal's thread answers. Loki plays no part in it: an
        outage must not get the agent killed that holds the lines.
Rule 2: ready is delivery (`shipper.readiness`); what is wrong is named, a line each, or as JSON for who accepts it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from shipper.errors import JournalError
from shipper.failures import Failure
from shipper.metrics import CONTENT_TYPE, render
from shipper.web.failing import grouped
from shipper.web.replies import JSON, document
from shipper.web.watch import Watch

ANSWERS_WITHIN: Final = 10.0
"""Seconds in which the journal's thread answers; a transaction on a slow disk may take a while."""
_FRESH: Final = {"Cache-Control": "no-store"}


async def healthy(request: Request) -> Response:
    """200 while the process works."""
    watch: Watch = request.app.state.watch
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            await watch.agent.journal.call(_nothing)
    except (TimeoutError, JournalError, RuntimeError):  # RuntimeError: the journal is closed
        return PlainTextResponse(
            f"the journal's thread has not answered for {ANSWERS_WITHIN:g} s: look at the disk of data_dir\n",
            503,
            headers=_FRESH,
        )
    return PlainTextResponse("healthy\n", headers=_FRESH)


def _nothing() -> None:
    """What the journal's thread is asked to do."""


async def ready(request: Request) -> Response:
    """200 while logs get through, else 503 and why not."""
    watch: Watch = request.app.state.watch
    reasons = watch.agent.not_ready()
    if JSON in request.headers.get("accept", ""):
        reply = document({"ready": not reasons, "not_ready": grouped(reasons)}, watch.masker)
        reply.status_code = 503 if reasons else 200
        return reply
    text = "".join(watch.masker.mask(_line(reason)) for reason in reasons) or "ready\n"
    return PlainTextResponse(text, 503 if reasons else 200, headers=_FRESH)


def _line(failure: Failure) -> str:
    where = " ".join(part for part in (failure.source, failure.what) if part)
    told = ": ".join(part for part in (failure.name, where, failure.detail) if part)
    return f"{told} | {failure.hint}".replace("\n", " ") + "\n"


async def metrics(request: Request) -> Response:
    """Everything there is to measure."""
    watch: Watch = request.app.state.watch
    await watch.refresh()
    return Response(render(watch.agent.observe(watch.extents)), headers={**_FRESH, "Content-Type": CONTENT_TYPE})
