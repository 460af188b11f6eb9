"""FastAPI's JSON lines in any number, as structlog writes them: the same bytes for the same arguments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from shipper.demo.record import mix

LEVELS = ("info",) * 13 + ("warning", "debug", "error")
PATHS = ("/api/v1/chat", "/api/v1/search", "/api/v1/feedback", "/docs")


def fastapi_lines(count: int, *, rate: int = 1000, t0: int = 1_700_000_000) -> Iterator[bytes]:
    """`count` lines, LF included; `rate` fall into each second from `t0` (seconds since 1970) on."""
    second = ""
    for number in range(count):
        if number % rate == 0:
            second = f"{datetime.fromtimestamp(t0 + number // rate, UTC):%Y-%m-%dT%H:%M:%S}"
        chance = mix(number)
        fraction = number % rate * 1_000_000 // rate + chance % (1_000_000 // rate)
        yield (
            f'{{"event": "request_completed", "level": "{LEVELS[chance & 15]}", "logger": "http", '
            f'"timestamp": "{second}.{fraction:06d}Z", "request_id": "{chance >> 32:08x}", "method": "POST", '
            f'"path": "{PATHS[chance >> 4 & 3]}", "status_code": 200, "duration_ms": {(chance >> 8) % 9000 / 10}, '
            '"service": "fastapi", "app_name": "MLOps Chatbot API"}\n'
        ).encode()
