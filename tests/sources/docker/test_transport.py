"""HTTP bodies as streams: a codec split at every byte, and a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from shipper.delivery.http1 import MalformedReply
from shipper.sources.docker.transport import Body, Streaming

CHUNKED = {b"transfer-encoding": b"chunked"}
ENCODED = b"5\r\nhello\r\n1;x=y\r\n \r\n10\r\nworld, how are y\r\n0\r\n\r\n"
DECODED = b"hello world, how are y"


def read(body: Body, *pieces: bytes) -> bytes:
    content = b"".join(map(body.feed, pieces))
    body.end()
    return content


def test_chunks_are_the_same_bytes_wherever_they_are_split() -> None:
    for at in range(len(ENCODED) + 1):
        body = Body(CHUNKED)
        assert (read(body, ENCODED[:at], ENCODED[at:]), body.ended) == (DECODED, True)
    assert read(Body(CHUNKED), *(ENCODED[at : at + 1] for at in range(len(ENCODED)))) == DECODED


def test_a_body_ends_by_its_length_or_with_the_connection() -> None:
    assert read(Body({b"content-length": b"5"}), b"he", b"llo, and more") == b"hello"
    assert read(Body({}), b"he", b"llo") == b"hello"
    assert Body({b"content-length": b"0"}).ended


@pytest.mark.parametrize(
    ("headers", "pieces"),
    [
        (CHUNKED, [ENCODED[:-6]]),
        (CHUNKED, [b"x\r\n"]),
        (CHUNKED, [b"1\r\nhello\r\n"]),
        (CHUNKED, [b"1" * 70_000]),
        ({b"content-length": b"5"}, [b"hell"]),
        ({b"content-length": b"five"}, []),
    ],
)
def test_what_breaks_off_or_is_no_body_is_told(headers: dict[bytes, bytes], pieces: list[bytes]) -> None:
    with pytest.raises(MalformedReply):
        read(Body(headers), *pieces)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def exchange(path: Path, answer: bytes, read_patience: float | None = 5.0) -> tuple[int, list[bytes], bytes]:
    """Ask a server on a Unix socket that gives this answer; status, pieces, and what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        if not answer:
            await reader.read()
        writer.close()

    async def run() -> tuple[int, list[bytes]]:
        server = await asyncio.start_unix_server(serve, path)
        try:
            request = httpx.Request(
                "GET", "http://docker/v1.41/info?a=b", extensions={"timeout": {"connect": 5.0, "read": read_patience}}
            )
            response = await Streaming(str(path), None).handle_async_request(request)
            try:
                return response.status_code, [piece async for piece in response.aiter_raw()]
            finally:
                await response.aclose()
        finally:
            server.close()
            await asyncio.sleep(0.01)  # the server's side notices

    status, pieces = asyncio.run(run())
    return status, pieces, asked[0]


def test_an_answer_comes_as_a_stream_over_a_unix_socket(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n" + ENCODED
    status, pieces, asked = exchange(tmp_path / "s", answer)
    assert (status, b"".join(pieces)) == (404, DECODED)
    assert asked.startswith(b"GET /v1.41/info?a=b HTTP/1.1\r\nHost: docker\r\n")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", httpx.RemoteProtocolError),
        (b"nothing of the kind", httpx.RemoteProtocolError),
        (b"", httpx.ReadTimeout),
    ],
)
def test_what_goes_wrong_is_told_in_httpx_s_words(tmp_path: Path, answer: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        exchange(tmp_path / "s", answer, read_patience=0.05 if not answer else 5.0)


def test_a_socket_that_is_not_there_is_no_connection(tmp_path: Path) -> None:
    async def run() -> None:
        with pytest.raises(httpx.ConnectError, match="No such file"):
            await Streaming(str(tmp_path / "none"), None).handle_async_request(httpx.Request("GET", "http://docker/"))

    asyncio.run(run())
