"""HTTP/1.1 over asyncio: replies cut anywhere read the same, connections are used again, failures are httpx's."""

import asyncio
import contextlib
import gc
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.delivery.http1 import Direct, MalformedReply, RawReply, ReplyReader, request_head

NO_CONTENT = b"HTTP/1.1 204 No Content\r\nDate: today\r\n\r\n"
REPLIES = {
    NO_CONTENT: RawReply(204, [(b"Date", b"today")], b"", last=False),
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nwords": RawReply(
        400, [(b"Content-Length", b"5")], b"words", last=False
    ),
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n": RawReply(
        200, [(b"transfer-encoding", b"Chunked")], b"abcde", last=False
    ),
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n": RawReply(
        204, [(b"Connection", b"close")], b"", last=True
    ),
    b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n": RawReply(200, [(b"Content-Length", b"0")], b"", last=True),
}


def read(data: bytes, cuts: list[int], most: int = 1000) -> RawReply | None:
    reader, start, reply = ReplyReader(most), 0, None
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        reply = reply or reader.feed(data[start:cut])
        start = max(start, cut)
    return reply


@given(st.sampled_from(sorted(REPLIES)), st.lists(st.integers(0, 200), max_size=6))
def test_for_every_reply_and_every_way_to_cut_it_the_reply_is_the_same(data: bytes, cuts: list[int]) -> None:
    assert read(data, cuts) == REPLIES[data]


CUTS = st.lists(st.integers(0, 10_000), max_size=8)
MOST_BYTES = st.sampled_from([0, 1, 40, 1000])


@given(st.integers(200, 599), st.lists(st.binary(max_size=60), max_size=5), st.sampled_from("lce"), CUTS, MOST_BYTES)
def test_for_every_body_its_beginning_is_read_whatever_way_it_comes(
    status: int, pieces: list[bytes], way: str, cuts: list[int], most: int
) -> None:
    body = b"" if status in (204, 304) else b"".join(pieces)
    framing = {"l": b"Content-Length: %d\r\n" % len(body), "c": b"Transfer-Encoding: chunked\r\n", "e": b""}[way]
    chunks = b"".join(b"%x; a=b\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n\r\n"
    sent = b"" if status in (204, 304) else chunks if way == "c" else body
    reader, reply = ReplyReader(most), None
    for piece in parts(b"HTTP/1.1 %d Words\r\n%s\r\n%s" % (status, framing, sent), cuts):
        reply = reply or reader.feed(piece)
    reply = reply or reader.end()
    assert reply is not None
    endless = way == "e" and status not in (204, 304)
    assert (reply.status, reply.body, reply.last) == (status, body[:most], endless or len(body) > most)


BROKEN = st.lists(
    st.binary(max_size=4)
    | st.sampled_from(
        [
            *(
                b"HTTP/1.1 ",
                b"HTTP/1.0 ",
                b"200 OK",
                b"100",
                b"204",
                b"\r\n",
                b"\r\n\r\n",
                b"Content-Length: ",
                b"5",
                b"a",
            ),
            *(
                b"Transfer-Encoding: chunked",
                b"Connection: close",
                b"0\r\n",
                b"3;x\r\nabc\r\n",
                b"0x1",
                b"1_0",
                b"-1",
                b"+1",
            ),
        ]
    ),
    max_size=14,
).map(b"".join)


@given(st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", NO_CONTENT[:-2]]), BROKEN, CUTS, MOST_BYTES)
def test_for_every_bytes_and_every_way_to_cut_them_the_outcome_is_the_same(
    head: bytes, data: bytes, cuts: list[int], most: int
) -> None:
    assert outcome(head + data, cuts, most) == outcome(head + data, [], most)


def outcome(data: bytes, cuts: list[int], most: int) -> object:
    """What is read of a connection's bytes; whether it is used again depends on when more came."""
    reader = ReplyReader(most)
    try:
        for piece in parts(data, cuts):
            reply = reader.feed(piece)
            if reply is not None:
                return reply.status, reply.headers, reply.body
        return reader.end()
    except MalformedReply as error:
        return str(error)


def parts(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[first:end] for first, end in pairwise(places)]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    ],
)
def test_a_server_that_never_stops_is_left_after_bounded_bytes(head: bytes) -> None:
    reader, taken = ReplyReader(100_000), 0
    with contextlib.suppress(MalformedReply):
        reply = reader.feed(head)
        while reply is None:
            taken += 5000
            assert taken <= 200_000
            reply = reader.feed(b"x" * 5000)


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    reader = ReplyReader(1000)
    assert reader.feed(b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>") is None
    assert reader.end() == RawReply(502, [], b"<html>", last=True)


@pytest.mark.parametrize("head", [b"Content-Length: 900", b"Transfer-Encoding: chunked", b"X: y"])
def test_a_body_above_the_bound_is_cut_and_ends_the_connection(head: bytes) -> None:
    chunk = b"384\r\n" if b"chunked" in head else b""
    reply = ReplyReader(100).feed(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + chunk + b"x" * 500)
    assert reply is not None
    assert (len(reply.body), reply.last) == (100, True)


def test_what_follows_a_reply_ends_the_connection() -> None:
    reply = ReplyReader(1000).feed(NO_CONTENT + b"HTTP/1.1 200 OK\r\n\r\n")
    assert reply is not None
    assert reply.last


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedReply):
        ReplyReader(1000).feed(data)


@given(st.binary(max_size=200))
def test_for_every_bytes_the_reader_answers_waits_or_refuses(data: bytes) -> None:
    with contextlib.suppress(MalformedReply):
        reply = ReplyReader(100).feed(b"HTTP/1.1 200 OK\r\n" + data)
        assert reply is None or reply.status == 200


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """The port of a server with this handler; at the end its connections have ended."""
    ended: list[asyncio.Event] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done = asyncio.Event()
        ended.append(done)
        await handler(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        done.set()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    for event in ended:
        await event.wait()
    server.close()
    await server.wait_closed()


async def posted(transport: Direct, port: int, body: bytes) -> RawReply:
    url = httpx.URL(f"http://127.0.0.1:{port}/push?x=1")
    return await transport.exchange(url, request_head("POST", url, (("X-A", "b"),)), body, most=1000, patience=1.0)


def exchange(handler: Handler, count: int = 1) -> list[RawReply | httpx.HTTPError]:
    """What `count` requests in a row to a server with this handler come to."""

    async def run() -> list[RawReply | httpx.HTTPError]:
        transport = Direct(None, most_idle=2)
        outcomes: list[RawReply | httpx.HTTPError] = []
        async with serving(handler) as port:
            for number in range(count):
                try:
                    outcomes.append(await posted(transport, port, b"body %d" % number))
                except httpx.HTTPError as error:
                    outcomes.append(error)
            await transport.aclose()
        return outcomes

    return asyncio.run(run())


def test_a_connection_is_used_again_and_carries_head_and_body() -> None:
    seen: list[tuple[int, bytes]] = []
    connections: list[int] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while head := await _until_end(reader):
            seen.append((len(connections), head.split(b"\r\n")[0] + b" " + await reader.readexactly(6)))
            writer.write(NO_CONTENT)

    outcomes = exchange(handler, 3)
    assert [outcome.status for outcome in outcomes if isinstance(outcome, RawReply)] == [204, 204, 204]
    assert seen == [(1, b"POST /push?x=1 HTTP/1.1 body %d" % number) for number in range(3)]


def test_a_connection_is_not_used_for_another_place() -> None:
    async def run() -> list[bytes]:
        transport = Direct(None, most_idle=4)
        async with serving(_saying(b"push")) as one, serving(_saying(b"query")) as other:
            replies = [await posted(transport, port, b"") for port in (one, other, one, other)]
            await transport.aclose()
        return [reply.body for reply in replies]

    assert asyncio.run(run()) == [b"push", b"query", b"push", b"query"]


def _saying(name: bytes) -> Handler:
    """Answers everything with its name."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await _until_end(reader):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name))

    return handler


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    connections: list[int] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await _until_end(reader)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    assert [type(outcome) for outcome in exchange(handler, 2)] == [RawReply, RawReply]
    assert len(connections) == 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [(b"", httpx.ReadError), (b"HTTP/1.1 204", httpx.ReadError), (b"garbage\r\n\r\n", httpx.RemoteProtocolError)],
)
def test_a_broken_reply_is_an_error_after_sending(reply: bytes, error: type[httpx.HTTPError]) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _until_end(reader)
        writer.write(reply)

    (outcome,) = exchange(handler)
    assert type(outcome) is error


def test_a_head_ends_where_the_length_of_a_body_follows() -> None:
    url = httpx.URL("https://loki:3100/push?a=b c")
    assert request_head("POST", url, (("User-Agent", "shipper"), ("X-Scope-OrgID", "t"))) == (
        b"POST /push?a=b%20c HTTP/1.1\r\nHost: loki:3100\r\nUser-Agent: shipper\r\nX-Scope-OrgID: t\r\n"
    )


def test_a_refused_connection_is_an_error_before_sending() -> None:
    async def run() -> None:
        url = httpx.URL("http://127.0.0.1:9/")
        with pytest.raises(httpx.ConnectError):
            await Direct(None, most_idle=1).exchange(url, request_head("GET", url, ()), b"", most=10, patience=1.0)

    asyncio.run(run())


def test_for_every_moment_at_which_a_connect_is_given_up_no_socket_is_left_open() -> None:
    async def give_up_soon() -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        transport = Direct(None, most_idle=1)
        url = httpx.URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        for micros in range(0, 1000, 2):
            with contextlib.suppress(httpx.TransportError):
                await transport.exchange(url, request_head("GET", url, ()), b"", most=1, patience=micros / 1e6)
        server.close()
        await server.wait_closed()

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        asyncio.run(give_up_soon())
        gc.collect()
    assert [str(warning.message) for warning in seen] == []


async def _until_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
