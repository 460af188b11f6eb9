"""`POST /api/v1/playground`: what the agent would make of pasted lines (`shipper.explain`).

Worked out in the page's thread, with a clock of its own: nothing is sent, written or moved.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from shipper.clock import Clock
from shipper.collector import Collector
from shipper.web.replies import Failed, document, json_body
from shipper.web.watch import Watch

HINT: Final = '{"source": "a source\'s name", "text": "one or more lines", "path": "optional"}'
LONGEST_PATH: Final = 4096


async def play(request: Request) -> Response:
    """The lines' way through a source's pipeline, stage by stage."""
    watch: Watch = request.app.state.watch
    asked = await json_body(request)
    if not isinstance(asked, dict) or not all(isinstance(value, str) for value in asked.values()):
        raise Failed(400, "the body is no object of strings", HINT)
    collector = watch.agent.collectors.get(asked.get("source", ""))
    if collector is None:
        raise Failed(404, "there is no such source", f"there are: {', '.join(watch.agent.collectors) or 'none'}")
    if not asked.get("text") or len(asked.get("path", "")) > LONGEST_PATH:
        raise Failed(400, "there is no text, or the path is too long", HINT)
    metadata = watch.agent.delivery.supports_metadata
    text, path = asked["text"], asked.get("path", "")
    return await watch.aside(lambda: _explained(watch, collector, text, path, metadata=metadata))


def _explained(watch: Watch, collector: Collector, text: str, path: str, *, metadata: bool) -> Response:
    from shipper.explain.document import LOG_TEXT  # imported when it is asked for: few agents ever are
    from shipper.explain.playground import playground

    found = playground(collector.resolved, text, path, clock=Clock(), metadata=metadata)
    return document(found, watch.masker, keep=LOG_TEXT)
