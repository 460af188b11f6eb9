"""`POST /loki/api/v1/push`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from shipper.devloki.exchange import instance_of, refusal, tenant_name, under_faults
from shipper.devloki.push import PushBody, decode_push
from shipper.devloki.pushed import PushedStream
from shipper.devloki.replies import PushRefused


async def push(request: Request) -> Response:
    """Store a push and answer in Loki's words."""
    body = PushBody(
        content_type=request.headers.get("content-type", ""),
        content_encoding=request.headers.get("content-encoding", ""),
        body=await request.body(),
    )
    try:
        tenant = tenant_name(request)
    except PushRefused as refused:
        return refusal(refused)
    pushed = _decoded(body)
    labels = [stream.labels for stream in pushed] if isinstance(pushed, list) else []

    async def handle() -> Response:
        return _reply(request, tenant, pushed)

    return await under_faults(request, "push", tenant, labels, handle)


def _decoded(body: PushBody) -> list[PushedStream] | PushRefused:
    try:
        return decode_push(body)
    except PushRefused as refused:
        return refused


def _reply(request: Request, tenant: str, pushed: list[PushedStream] | PushRefused) -> Response:
    if isinstance(pushed, PushRefused):
        return refusal(pushed)
    try:
        instance_of(request).push(tenant, pushed)
    except PushRefused as refused:
        return refusal(refused)
    return Response(status_code=204)
