"""A receiver that costs next to nothing: it keeps the compressed pushes and counts what is in them only when asked.

    POST any path   204, the body is kept
    GET /counted    {"entries", "bytes", "checksum", "pushes"} of what was kept, which is then forgotten
    GET any other   the answer of a Loki 3 that found nothing

The checksum is the sum of each line's CRC-32, so it does not depend on the order, and equal sums mean equal lines.
"""

from __future__ import annotations

import asyncio
import json
import sys
import zlib
from collections.abc import Iterable

import snappy

from shipper.devloki.push_proto import PushRequest

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
ANSWERS = {
    "/loki/api/v1/status/buildinfo": {"version": "3.4.6"},
    "/loki/api/v1/query_range": {"status": "success", "data": {"resultType": "streams", "result": []}},
}


class Receiver(asyncio.Protocol):
    """One connection: requests one after the other, bodies by Content-Length."""

    def __init__(self, kept: list[bytes]) -> None:
        self._kept = kept
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while (at := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:at]).decode("latin-1")
            end = at + 4 + _content_length(head)
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[at + 4 : end])
            del self._buffer[:end]
            self._transport.write(self._answer(head, body))

    def _answer(self, head: str, body: bytes) -> bytes:
        method, target, _ = head.split(" ", 2)
        if method == "POST":
            self._kept.append(body)
            return NO_CONTENT
        path = target.partition("?")[0]
        text = json.dumps(self._counted() if path == "/counted" else ANSWERS.get(path, {})).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)

    def _counted(self) -> dict[str, int]:
        found = count(self._kept)
        self._kept.clear()
        return found


def _content_length(head: str) -> int:
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(value)
    return 0


def count(pushes: list[bytes]) -> dict[str, int]:
    """What is in these compressed pushes."""
    entries = size = checksum = 0
    for push in pushes:
        request = PushRequest.FromString(snappy.decompress(push))
        for stream in request.streams:
            lines = [entry.line for entry in stream.entries]
            entries += len(lines)
            size += sum(map(len, lines))
            checksum += checksum_of(lines)
    return {"entries": entries, "bytes": size, "checksum": checksum & 0xFFFFFFFFFFFF, "pushes": len(pushes)}


def checksum_of(lines: Iterable[bytes]) -> int:
    """The sum of the lines' CRC-32."""
    return sum(map(zlib.crc32, lines))


async def serve() -> None:
    """Listen on a free port, say which, and stay."""
    kept: list[bytes] = []
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(kept), "127.0.0.1", 0)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        sys.exit(0)
