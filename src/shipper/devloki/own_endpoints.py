"""The endpoints about the stand-in itself: its page, state, faults, books and metrics."""

from __future__ import annotations

from html import escape

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from shipper.devloki.config_page import config_page
from shipper.devloki.exchange import faults_of, instance_of, json_reply
from shipper.devloki.faults import Fault
from shipper.devloki.release import Release


def stand_in(release: Release) -> str:
    """What every reply says in its `X-Devloki` header."""
    return f"a stand-in for Loki {release.version}, not a database for production"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>devloki</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }}</style>
<h1>devloki</h1>
<p><strong>This is {what}.</strong> It keeps everything in memory, forgets it when it stops, and is here for
demonstrations, tests and for trying things where no Loki is.</p>
<p>Limits: {limits}. Entries: {entries} in {streams} streams.</p>
<ul>
<li><code>POST /loki/api/v1/push</code>: snappy protobuf or JSON, answered as Loki {number} answers.</li>
<li><code>GET /loki/api/v1/query</code>, <code>/query_range</code>, <code>/labels</code>,
<code>/label/NAME/values</code>, <code>/series</code>: a part of LogQL; what it does not know it says.
{range_note}</li>
<li><code>GET /loki/api/v1/tail</code>: messages in the shape of Loki's, one JSON document a line over plain HTTP, where
Loki speaks WebSocket.</li>
<li><code>POST /flush</code>, <code>GET /ready</code>, <code>/metrics</code>,
<code>/loki/api/v1/status/buildinfo</code>, <code>/config</code> (the limits).</li>
<li><code>GET /devloki/stats</code>, <code>/devloki/pushes</code>, and <code>/devloki/faults</code> (POST adds one,
DELETE clears them).</li>
</ul>
</html>
"""


async def page(request: Request) -> Response:
    instance = instance_of(request)
    unbounded = "" if instance.settings.limits else "Without a start they look at everything, however old."
    text = _PAGE.format(
        what=escape(stand_in(instance.release)),
        number=instance.release.number,
        limits="on" if instance.settings.limits else "off",
        entries=instance.books.stored,
        streams=instance.streams(),
        range_note=unbounded,
    )
    return HTMLResponse(text)


async def ready(request: Request) -> Response:
    return PlainTextResponse("ready\n")


async def flush(request: Request) -> Response:
    instance_of(request).flush()
    return Response(status_code=204)


async def build_info(request: Request) -> Response:
    number = instance_of(request).release.number
    return json_reply({"version": number, "revision": "devloki", "branch": "", "buildUser": "", "goVersion": ""})


async def config(request: Request) -> Response:
    instance = instance_of(request)
    return PlainTextResponse(config_page(instance.store.default_limits, metadata=instance.release.takes_metadata))


async def stats(request: Request) -> Response:
    instance = instance_of(request)
    books = instance.books
    document = {
        "pushes": sum(books.push_statuses.values()),
        "pushes_by_status": {str(status): count for status, count in sorted(books.push_statuses.items())},
        "entries_received": books.received,
        "entries_stored": books.stored,
        "entries_ignored": books.ignored,
        "streams": instance.streams(),
        "line_bytes": instance.store.line_bytes,
        "requests_by_status": {str(status): count for status, count in sorted(books.statuses.items())},
    }
    return json_reply(document)


async def pushes(request: Request) -> Response:
    records = list(instance_of(request).books.pushes)
    last = request.query_params.get("last", "")
    return json_reply([record.as_json() for record in (records[-int(last) :] if last.isdigit() else records)])


async def faults(request: Request) -> Response:
    waiting = faults_of(request)
    if request.method == "POST":
        try:
            waiting.add(msgspec.json.decode(await request.body(), type=Fault))
        except msgspec.DecodeError as error:
            return PlainTextResponse(f"not a fault: {error}", 400)
    elif request.method == "DELETE":
        waiting.clear()
    return Response(msgspec.json.encode(waiting.waiting()), media_type="application/json")


async def metrics(request: Request) -> Response:
    instance = instance_of(request)
    books = instance.books
    lines = [
        _metric("devloki_entries_received_total", "counter", "Entries in pushes that were decoded.", books.received),
        _metric("devloki_entries_stored_total", "counter", "Entries stored.", books.stored),
        _metric("devloki_entries_ignored_total", "counter", "Exact duplicates ignored.", books.ignored),
        _metric("devloki_streams", "gauge", "Streams of all tenants.", instance.streams()),
        _metric("devloki_line_bytes", "gauge", "Bytes of lines held.", instance.store.line_bytes),
        "# HELP devloki_requests_total Requests by the status of the reply; 0: cut without one.",
        "# TYPE devloki_requests_total counter",
        *(f'devloki_requests_total{{status="{status}"}} {count}' for status, count in sorted(books.statuses.items())),
    ]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _metric(name: str, kind: str, text: str, value: int) -> str:
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n{name} {value}"
