"""What every reply carries, and what goes wrong with a request.

Rule 1: every string of a document passes the masker.
Rule 2: an error is `{"error": what, "hint": the cure}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from shipper.config.masking import Masker
from shipper.pipeline.window import written

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
MOST_BODY: Final = 64 * 1024
"""Bytes of a request's body."""
BODY_WITHIN: Final = 10.0
"""Seconds in which it must be there."""
HEADERS: Final = (
    (b"content-security-policy", b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""On every reply."""
CLOSE: Final = {"Connection": "close"}


class Failed(Exception):
    """A request that cannot be answered: a status, what is wrong, and the cure."""

    def __init__(self, status: int, error: str, hint: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.hint = hint
        self.headers = headers or {}


def document(content: object, masker: Masker, *, keep: Container[str] = ()) -> Response:
    """A document of the API; what stands under a name in `keep` is shown as it is."""
    shown = orjson.dumps(masker.masked(content, keep=keep))
    return Response(shown, media_type=JSON, headers={"Cache-Control": "no-store"})


def failed(failure: Failed) -> Response:
    """Why there is no answer."""
    body = orjson.dumps({"error": failure.error, "hint": failure.hint})
    headers = {"Cache-Control": "no-store", **failure.headers}
    return Response(body, failure.status, media_type=JSON, headers=headers)


def instant(nanoseconds: int) -> str | None:
    """RFC 3339 in UTC to the millisecond; None for 0: not known."""
    return written(nanoseconds - nanoseconds % 1_000_000) if nanoseconds else None


def number(request: Request, name: str, default: int, *, most: int) -> int:
    """A query parameter that counts, from 0 to `most`; raises Failed."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or int(text[:20]) > most:
        raise Failed(400, f"{name} is no number from 0 to {most}", f"leave it out for {default}")
    return int(text)


async def json_body(request: Request) -> Any:
    """The JSON of a request's body; raises Failed where it is too large, too slow or none."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise Failed(415, "the body is not JSON", "send Content-Type: application/json", CLOSE)
    try:
        async with asyncio.timeout(BODY_WITHIN):
            body = await _read(request)
    except TimeoutError:
        raise Failed(408, f"the body was not there within {BODY_WITHIN:g} s", "send it again", CLOSE) from None
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise Failed(400, f"the body is no JSON: {error}", "send one JSON object") from None


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY:
            raise too_large()
    return bytes(body)


def too_large() -> Failed:
    """A body above the bound."""
    return Failed(413, f"the body is larger than {MOST_BODY} bytes", "send less", CLOSE)
