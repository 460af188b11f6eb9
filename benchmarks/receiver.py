"""A receiver that costs next to nothing: it keeps the pushes as they came and looks into them only when asked.

    POST any path   204, the body is kept
    GET /seen       {"pushes", "last"}: how many there are, and when the last one came (monotonic clock, seconds)
    GET /counted    what was in those kept (`counting.py`), which are then forgotten
    GET any other   the answer of a Loki 3 that found nothing

Kept means appended to a file without a name, so that a backlog of any size takes no memory. Measured on two cores:
shipping 2 million lines costs the agent 1.9 CPU seconds and the receiver 0.09; counting them 1.2, afterwards.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO

from benchmarks.counting import Push, counted

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
ANSWERS = {
    "/loki/api/v1/status/buildinfo": {"version": "3.4.6"},
    "/loki/api/v1/query_range": {"status": "success", "data": {"resultType": "streams", "result": []}},
}


@dataclass(slots=True)
class Kept:
    """The pushes since the last count, and the file that has their bodies."""

    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    pushes: list[Push] = field(default_factory=list)

    def add(self, push: Push, body: bytes) -> None:
        """Keep one."""
        self.file.write(body)
        self.pushes.append(push)

    def seen(self) -> dict[str, float]:
        """What can be said without a look inside."""
        return {"pushes": len(self.pushes), "last": self.pushes[-1].ended / 1e9 if self.pushes else 0.0}

    def count(self) -> dict[str, object]:
        """What is in them; they are forgotten."""
        self.file.seek(0)
        found = counted((push, self.file.read(push.size)) for push in self.pushes)
        self.file.seek(0)
        self.file.truncate()
        self.pushes.clear()
        return found


class Receiver(asyncio.Protocol):
    """One connection: requests one after the other, bodies by Content-Length."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._buffer = bytearray()
        self._began = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        if not self._buffer:
            self._began = time.monotonic_ns()
        self._buffer += data
        while (at := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:at]).decode("latin-1")
            headers = _headers(head)
            end = at + 4 + int(headers.get("content-length", "0"))
            if len(self._buffer) < end:
                return self._go_on(headers)
            body = bytes(self._buffer[at + 4 : end])
            del self._buffer[:end]
            self._transport.write(self._answer(head, headers, body))
        return None

    def _go_on(self, headers: dict[str, str]) -> None:
        """Some clients send a large body only when they are told to."""
        if headers.get("expect") and self._buffer.endswith(b"\r\n\r\n"):
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answer(self, head: str, headers: dict[str, str], body: bytes) -> bytes:
        method, target, _ = head.split(" ", 2)
        if method == "POST":
            self._kept.add(
                Push(
                    size=len(body),
                    began=self._began,
                    ended=time.monotonic_ns(),
                    json="json" in headers.get("content-type", ""),
                    encoding=headers.get("content-encoding", ""),
                ),
                body,
            )
            return NO_CONTENT
        path = target.partition("?")[0]
        own = {"/counted": self._kept.count, "/seen": self._kept.seen}
        text = json.dumps(own[path]() if path in own else ANSWERS.get(path, {})).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


def _headers(head: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in pairs}


async def serve() -> None:
    """Listen on a free port, say which, and stay."""
    kept = Kept()
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(kept), "127.0.0.1", 0)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        sys.exit(0)
