"""The page as an ASGI application: routes, the gate before them, and what every reply carries.

Rule 1: a request is refused before anything of it is read but its head.
Rule 2: whatever goes wrong is a reply in JSON; what nobody expected is logged, with nothing of it in the reply.
Rule 3: a reply that nobody takes for `TAKEN_WITHIN` seconds is given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shipper.web import health, lists
from shipper.web.access import Access, Asked
from shipper.web.connections import LONGEST_HEAD
from shipper.web.failing import failures
from shipper.web.playground import play
from shipper.web.reloading import Reload, reload
from shipper.web.replies import CLOSE, HEADERS, MOST_BODY, Failed, failed, too_large
from shipper.web.sources import source
from shipper.web.status import status
from shipper.web.tail import Tails, tail
from shipper.web.watch import Watch

API: Final = "/api/v1"
TAKEN_WITHIN: Final = 30.0
ASSETS: Final = Path(__file__).parent / "assets"
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_GONE: Final = 499


def application(watch: Watch, access: Access, tails: Tails, again: Reload | None = None) -> ASGIApp:
    """The page of an agent; `again` reloads its configuration."""
    app = Starlette(
        routes=_routes(),
        middleware=[Middleware(_Gate, access=access)],
        exception_handlers={404: _not_found, 405: _wrong_method, Failed: _failed, ClientDisconnect: _gone},
    )
    app.router.redirect_slashes = False
    app.state.watch = watch
    app.state.tails = tails
    app.state.reload = again
    app.state.assets = assets()
    return app


def _routes() -> list[Route]:
    return [
        Route("/", _page),
        Route("/assets/{name:path}", _asset),
        Route("/-/healthy", health.healthy),
        Route("/-/ready", health.ready),
        Route("/-/reload", reload, methods=["POST"]),
        Route("/metrics", health.metrics),
        Route(f"{API}/status", status),
        Route(f"{API}/sources/{{name:path}}", source),
        Route(f"{API}/failures", failures),
        Route(f"{API}/pushes", lists.pushes),
        Route(f"{API}/labels", lists.labels),
        Route(f"{API}/dead-letters", lists.dead_letters),
        Route(f"{API}/tail", tail),
        Route(f"{API}/playground", play, methods=["POST"]),
    ]


def assets(directory: Path = ASSETS) -> Mapping[str, bytes]:
    """The page's files by their path below the directory: no other path leads anywhere."""
    found = (path for path in sorted(directory.rglob("*")) if path.suffix in TYPES)
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in found}


async def _page(request: Request) -> Response:
    return _file(request, "index.html")


async def _asset(request: Request) -> Response:
    return _file(request, request.path_params["name"])


def _file(request: Request, name: str) -> Response:
    content = request.app.state.assets.get(name)
    if content is None:
        raise Failed(404, "there is no such file", "the page is at /")
    headers = {"Cache-Control": "no-cache", "Content-Type": TYPES[Path(name).suffix]}
    return Response(content, headers=headers)


async def _not_found(request: Request, error: Exception) -> Response:
    return failed(Failed(404, "there is nothing here", f"the page is at /, its documents are below {API}/"))


async def _wrong_method(request: Request, error: Exception) -> Response:
    headers: Mapping[str, str] = getattr(error, "headers", None) or {}
    return failed(Failed(405, f"{request.method} is not for this path", "see docs/status.md", headers))


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, Failed)
    return failed(error)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=_GONE)


class _Gate:
    """Refuses, stamps, and keeps what goes wrong from the server."""

    def __init__(self, app: ASGIApp, *, access: Access) -> None:
        self._app = app
        self._access = access
        self._log = structlog.get_logger("shipper")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        begun = False

        async def stamped(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            async with asyncio.timeout(TAKEN_WITHIN):
                await send(message)

        try:
            await self._answer(scope, receive, stamped)
        except TimeoutError:
            return  # the server closes a connection whose reply is not complete
        except Exception as error:  # noqa: BLE001 - the page must not end the agent, nor write to its log by itself
            self._log.error("request_failed", path=scope.get("path", ""), exc_info=error)
            if not begun:
                reply = failed(Failed(500, "the agent failed to answer", "its log says more"))
                await reply(scope, receive, stamped)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._access.refuse(_asked(scope, headers))
        reply: ASGIApp = self._app
        if refusal is not None:
            reply = failed(Failed(refusal.status, refusal.error, refusal.hint, refusal.headers))
        elif _head(scope) > LONGEST_HEAD:
            reply = failed(Failed(431, f"the head is larger than {LONGEST_HEAD} bytes", "send less", CLOSE))
        elif _announced(headers) > MOST_BODY:
            reply = failed(too_large())
        await reply(scope, receive, send)


def _asked(scope: Scope, headers: Mapping[str, str]) -> Asked:
    return Asked(
        method=scope["method"],
        path=scope["path"],
        headers=headers,
        peer=_address(scope.get("client")),
        local=_address(scope.get("server")),
    )


def _address(place: Any) -> str:
    return str(place[0]) if place else ""


def _head(scope: Scope) -> int:
    """Bytes of a head, about: uvicorn bounds it only while it is not complete."""
    headers = sum([len(name) + len(value) + 4 for name, value in scope["headers"]])
    return headers + len(scope["raw_path"]) + len(scope["query_string"])


def _announced(headers: Mapping[str, str]) -> int:
    """The body's size, as its head says."""
    length = headers.get("content-length", "0")
    return int(length[:20]) if length.isascii() and length.isdigit() else 0
