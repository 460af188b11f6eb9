"""The stand-in as an ASGI application: routes, and what every reply carries.

Rule 1: an unknown path and a wrong method are answered as Loki answers them.
Rule 2: every reply says, in its `X-Devloki` header, that this is no database for production.
"""

from __future__ import annotations

from typing import Final, Unpack

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shipper.devloki import own_endpoints, query_endpoints
from shipper.devloki.exchange import CUT
from shipper.devloki.faults import Faults
from shipper.devloki.instance import Instance, Options, Settings
from shipper.devloki.push_endpoint import push
from shipper.devloki.query_endpoints import endpoint
from shipper.devloki.replies import NOT_FOUND

_API: Final = "/loki/api/v1"
_QUESTION: Final = ["GET", "POST"]
_CLIENT_GONE: Final = 499


def create_app(*, faults: Faults | None = None, **options: Unpack[Options]) -> Starlette:
    """A stand-in as an application; `options` are the fields of `Settings`."""
    return application(Instance(Settings(**options)), faults or Faults())


def application(instance: Instance, faults: Faults) -> Starlette:
    """The application of an instance that exists already."""
    app = Starlette(
        routes=_routes(),
        middleware=[Middleware(_Stamped, instance=instance)],
        exception_handlers={404: _not_found, 405: _wrong_method, ClientDisconnect: _client_gone},
    )
    app.router.redirect_slashes = False
    app.state.instance = instance
    app.state.faults = faults
    return app


def _routes() -> list[Route]:
    return [
        Route("/", own_endpoints.page, methods=["GET"]),
        Route("/ready", own_endpoints.ready, methods=["GET"]),
        Route("/metrics", own_endpoints.metrics, methods=["GET"]),
        Route("/config", own_endpoints.config, methods=["GET"]),
        Route("/flush", own_endpoints.flush, methods=["GET", "POST"]),
        Route(f"{_API}/push", push, methods=["POST"]),
        Route(f"{_API}/query", endpoint(query_endpoints.query), methods=_QUESTION),
        Route(f"{_API}/query_range", endpoint(query_endpoints.query_range), methods=_QUESTION),
        Route(f"{_API}/labels", endpoint(query_endpoints.labels), methods=_QUESTION),
        Route(f"{_API}/label", endpoint(query_endpoints.labels), methods=_QUESTION),
        Route(f"{_API}/label/{{name}}/values", query_endpoints.values_endpoint, methods=_QUESTION),
        Route(f"{_API}/series", endpoint(query_endpoints.series), methods=_QUESTION),
        Route(f"{_API}/tail", endpoint(query_endpoints.tail), methods=_QUESTION),
        Route(f"{_API}/status/buildinfo", own_endpoints.build_info, methods=["GET"]),
        Route("/devloki/stats", own_endpoints.stats, methods=["GET"]),
        Route("/devloki/pushes", own_endpoints.pushes, methods=["GET"]),
        Route("/devloki/faults", own_endpoints.faults, methods=["GET", "POST", "DELETE"]),
    ]


async def _not_found(request: Request, error: Exception) -> Response:
    return PlainTextResponse(NOT_FOUND, 404)


async def _wrong_method(request: Request, error: Exception) -> Response:
    return Response(status_code=405)


async def _client_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=_CLIENT_GONE)


class _Stamped:
    """Puts the header on every reply, counts it, and holds back what follows a cut connection."""

    def __init__(self, app: ASGIApp, *, instance: Instance) -> None:
        self._app = app
        self._statuses = instance.books.statuses
        self._header = (b"x-devloki", own_endpoints.stand_in(instance.release).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def stamped(message: Message) -> None:
            if scope.get(CUT):
                if message["type"] == "http.response.start":
                    self._statuses[0] += 1
                return
            if message["type"] == "http.response.start":
                self._statuses[message["status"]] += 1
                message["headers"] = [*message.get("headers", ()), self._header]
            await send(message)

        await self._app(scope, receive, stamped)
