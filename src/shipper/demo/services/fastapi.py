"""The API server: structlog's JSON lines, a few of uvicorn's plain ones between them, tracebacks inside a field."""

from __future__ import annotations

from shipper.demo.record import Now, Record, Records, mix, plain
from shipper.demo.services.structured import ascii_event, event

PATHS = ("/api/v1/chat", "/api/v1/search", "/api/v1/feedback", "/docs", "/api/v1/세션")
STATUS = (200, 200, 200, 200, 201, 200, 404, 200, 200, 422)
BOUND = {"service": "fastapi", "app_name": "MLOps Chatbot API"}
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/app/api/chat.py", line 88, in chat\n'
    "    answer = await client.complete(prompt)\n"
    'RuntimeError: backend said "no" to request {number}'
)


def records(now: Now) -> Records:
    """What fastapi-server writes to `app.log`."""
    yield plain("INFO:     Started server process [7]")
    yield plain("INFO:     Waiting for application startup.")
    number = 0
    while True:
        number += 1
        if number % 97 == 0:
            yield from _twins(now)
        if number % 53 == 0:
            yield _failed(now, number)
        elif number % 41 == 0:
            yield plain(
                f'INFO:     10.0.4.17:{10_000 + number} - "GET /api/v1/search?q=%ED%95%9C HTTP/1.1" 404 Not Found'
            )
        else:
            yield _completed(now, number)


def _completed(now: Now, number: int) -> Record:
    chance = mix(number)
    status = STATUS[chance % 10]
    written = event if chance % 4 else ascii_event
    return written(
        now(),
        "request_completed",
        "warning" if status >= 400 else "info",
        "http",
        request_id=f"{number:08x}",
        method="POST" if chance & 1 else "GET",
        path=PATHS[chance % 5],
        status_code=status,
        duration_ms=round(chance % 9000 / 10, 1),
        **BOUND,
    )


def _failed(now: Now, number: int) -> Record:
    text = TRACEBACK.replace("{number}", f"{number:08x}")
    return event(now(), "request_failed", "error", "http", request_id=f"{number:08x}", exception=text, **BOUND)


def _twins(now: Now) -> Records:
    """Three lines equal to the last character, time included: a shipper must keep them apart."""
    moment = now()
    for _ in range(3):
        yield event(moment, "cache_refreshed", "debug", "app.cache", **BOUND)
