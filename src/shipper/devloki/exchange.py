"""What every endpoint shares: the instance behind a request, its tenant and parameters, and the faults it meets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from shipper.devloki.faults import Fault, Faults, Target
from shipper.devloki.instance import Instance
from shipper.devloki.replies import PushRefused
from shipper.devloki.tenants import tenant_of

TENANT_HEADER: Final = "x-scope-orgid"
CUT: Final = "devloki.cut"
"""Key in a request's scope: its connection was cut, no reply is sent."""
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


def instance_of(request: Request) -> Instance:
    found: Instance = request.app.state.instance
    return found


def faults_of(request: Request) -> Faults:
    found: Faults = request.app.state.faults
    return found


def tenant_name(request: Request) -> str:
    """The request's tenant; raises PushRefused."""
    instance = instance_of(request)
    header = request.headers.get(TENANT_HEADER)
    return tenant_of(header, auth=instance.settings.auth, release=instance.release)


def json_reply(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json; charset=UTF-8")


def refusal(refused: PushRefused) -> Response:
    return PlainTextResponse(refused.text, refused.status)


async def parameters(request: Request) -> list[tuple[str, str]]:
    """A request's parameters: of the URL, and of a form."""
    form = parse_qsl((await request.body()).decode("utf-8", "replace")) if request.method == "POST" else []
    return [*request.query_params.multi_items(), *form]


async def under_faults(
    request: Request, target: Target, tenant: str, labels: Iterable[str], handle: Callable[[], Awaitable[Response]]
) -> Response:
    """Handle a request, with the fault that waits for it."""
    fault = faults_of(request).take(target, tenant, tuple(labels))
    return await handle() if fault is None else await _faulty(request, fault, handle)


async def _faulty(request: Request, fault: Fault, handle: Callable[[], Awaitable[Response]]) -> Response:
    handled = await handle() if fault.handles_first else None
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.reset:
        return await _cut(request)
    if fault.status is not None:
        reply: Response = PlainTextResponse(fault.body, fault.status)
        reply.headers.update(fault.headers)
    else:
        reply = handled or await handle()
    return _dripping(reply, fault.drip) if fault.drip else reply


async def _cut(request: Request) -> Response:
    """Reset the connection; outside a server, where there is none, raise what a client would see."""
    request.scope[CUT] = True
    transport: asyncio.Transport | None = request.scope.get("state", {}).get("transport")
    if transport is None:
        raise ConnectionResetError("cut by a fault")
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response()


def _dripping(reply: Response, pause: float) -> Response:
    headers = {name: value for name, value in reply.headers.items() if name != "content-length"}
    body = bytes(reply.body)

    async def drops() -> AsyncIterator[bytes]:
        for index in range(len(body)):
            await asyncio.sleep(pause)
            yield body[index : index + 1]

    return StreamingResponse(drops(), reply.status_code, headers)
