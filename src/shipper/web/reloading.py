"""`POST /-/reload`: have the agent read its configuration anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from shipper.errors import ConfigError, ShipperError
from shipper.web.replies import Failed, document
from shipper.web.watch import Watch

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Reloaded(Protocol):
    """What became of a reload."""

    @property
    def changes(self) -> DataclassInstance:
        """What is different now."""
        ...

    @property
    def refused(self) -> ShipperError | None:
        """Why nothing is."""
        ...


Reload = Callable[[], Awaitable[Reloaded]]


async def reload(request: Request) -> Response:
    """Reload; 409 with every mistake if what the configuration says now was refused, and the old one stays."""
    watch: Watch = request.app.state.watch
    again: Reload | None = request.app.state.reload
    if again is None:
        raise Failed(501, "this agent does not reload its configuration", "restart it: nothing is lost or repeated")
    found = await again()
    if found.refused is None:
        return document({"reloaded": True, "changes": dataclasses.asdict(found.changes)}, watch.masker)
    reply = document(_refusal(found.refused), watch.masker)
    reply.status_code = 409
    return reply


def _refusal(error: ShipperError) -> dict[str, Any]:
    problems = error.problems if isinstance(error, ConfigError) else ()
    return {"error": error.message, "hint": error.hint, "problems": list(problems)}
