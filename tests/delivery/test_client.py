"""The HTTP client against real sockets: what goes over the wire, and what each way of failing is called."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import httpx
import pytest

from shipper.config.model import BasicAuth, Loki
from shipper.delivery.client import Client, NoReply, Reply

SECOND = 1_000_000_000


@contextlib.asynccontextmanager
async def serving(answer):
    """A server on an ephemeral port that hands each request's head and body to `answer(writer, head, body)`."""
    heads = []

    async def handle(reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((int(v) for k, v in fields(head) if k == "content-length"), 0)
                heads.append((head, await reader.readexactly(length)))
                await answer(writer, *heads[-1])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()
        await server.wait_closed()


def fields(head):
    return [(k.lower(), v) for k, v in (line.split(": ", 1) for line in head.split("\r\n")[1:] if line)]


async def accept(writer, head, body):
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def push(port, tenant="", body=b"x", **loki):
    client = Client(Loki(url=f"http://127.0.0.1:{port}", **loki))
    try:
        return await client.push(tenant, body)
    finally:
        await client.aclose()


def test_a_push_carries_lokis_content_type_the_tenant_and_the_configured_headers():
    async def main():
        async with serving(accept) as (port, heads):
            reply = await push(port, "mlops", b"a snappy block", headers={"X-Extra": "1"})
            return port, reply, heads

    port, reply, [(head, body)] = asyncio.run(main())
    assert (reply.status, body) == (204, b"a snappy block")
    assert head.splitlines()[0] == "POST /loki/api/v1/push HTTP/1.1"
    assert dict(fields(head)) == {
        "host": f"127.0.0.1:{port}",
        "content-type": "application/x-protobuf",
        "content-length": str(len(body)),
        "user-agent": "shipper/0.1.0",
        "x-extra": "1",
        "x-scope-orgid": "mlops",
    }


def test_connections_are_kept_between_pushes():
    async def main():
        seen = set()

        async def answer(writer, head, body):
            seen.add(id(writer))
            await accept(writer, head, body)

        async with serving(answer) as (port, _):
            client = Client(Loki(url=f"http://127.0.0.1:{port}"))
            for _ in range(3):
                await client.push("", b"x")
            await client.aclose()
        return len(seen)

    assert asyncio.run(main()) == 1


def test_a_secret_is_read_again_when_its_file_changes(tmp_path):
    secret = tmp_path / "token"

    async def main():
        async with serving(accept) as (port, heads):
            client = Client(Loki(url=f"http://127.0.0.1:{port}", bearer_token_file=str(secret)))
            outcomes = [await client.push("", b"x")]
            for token in ("first\n", "second one"):
                secret.write_text(token)
                outcomes.append(await client.push("", b"x"))
            await client.aclose()
        return outcomes, [dict(fields(head))["authorization"] for head, _ in heads]

    outcomes, authorizations = asyncio.run(main())
    assert authorizations == ["Bearer first", "Bearer second one"]
    assert (outcomes[0].failure, outcomes[0].sent) == ("loki_unauthorized", False)


def test_basic_auth_comes_from_its_file_or_from_the_url(tmp_path):
    (tmp_path / "password").write_text("pa ss\n")

    async def main():
        async with serving(accept) as (port, heads):
            await push(port, basic_auth=BasicAuth(username="me", password_file=str(tmp_path / "password")))
            client = Client(Loki(url=f"http://you:p%40ss@127.0.0.1:{port}/prefix"))
            await client.push("", b"x")
            await client.aclose()
        return [(head.splitlines()[0], dict(fields(head))["authorization"]) for head, _ in heads]

    assert asyncio.run(main()) == [
        ("POST /loki/api/v1/push HTTP/1.1", "Basic bWU6cGEgc3M="),
        ("POST /prefix/loki/api/v1/push HTTP/1.1", "Basic eW91OnBAc3M="),
    ]


def test_a_refused_connection_was_not_sent():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcome = asyncio.run(push(taken.getsockname()[1]))
    assert isinstance(outcome, NoReply)
    assert (outcome.failure, outcome.sent, outcome.status) == ("loki_unreachable", False, "unreachable")


def test_a_name_that_does_not_resolve_was_not_sent():
    async def main():
        client = Client(Loki(url="http://does-not-exist.invalid:3100"))
        try:
            return await client.push("", b"x")
        finally:
            await client.aclose()

    outcome = asyncio.run(main())
    assert (outcome.failure, outcome.sent) == ("loki_unreachable", False)


def test_a_connection_that_breaks_after_the_request_leaves_its_fate_open():
    async def hang_up(writer, head, body):
        writer.transport.abort()

    async def main():
        async with serving(hang_up) as (port, _):
            return await push(port)

    outcome = asyncio.run(main())
    assert (outcome.failure, outcome.sent, outcome.status) == ("loki_unreachable", True, "broken")


@pytest.mark.parametrize("drip", [False, True])
def test_a_request_ends_within_the_timeout_even_if_the_reply_drips(drip):
    async def slowly(writer, head, body):
        if drip:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                await asyncio.sleep(0.02)
                if drip:
                    writer.write(b"x")

    async def main():
        async with serving(slowly) as (port, _):
            return await push(port, timeout=SECOND // 5)

    outcome = asyncio.run(main())
    assert outcome == NoReply(failure="loki_timeout", detail="no reply within 0.2 s", sent=True)


def test_redirects_are_not_followed():
    async def redirect(writer, head, body):
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")

    async def main():
        async with serving(redirect) as (port, _):
            return await push(port)

    reply = asyncio.run(main())
    assert (reply.status, reply.headers["location"]) == (302, "http://127.0.0.1:1/")


def test_an_endless_reply_is_read_to_a_bound():
    async def flood(writer, head, body):
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        for _ in range(40):
            writer.write(b"x" * 65536)
            await writer.drain()

    async def main():
        async with serving(flood) as (port, _):
            return await push(port)

    reply = asyncio.run(main())
    assert isinstance(reply, Reply)
    assert 1024 * 1024 <= len(reply.body) < 2 * 1024 * 1024


def test_proxies_of_the_environment_are_obeyed_only_when_configured(monkeypatch):
    async def main():
        async with serving(accept) as (port, heads):
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
            outcomes = []
            for obey in (False, True):
                client = Client(Loki(url="http://loki.invalid:3100", proxy_from_environment=obey))
                outcomes.append(await client.push("", b"x"))
                await client.aclose()
        return outcomes, [head.splitlines()[0] for head, _ in heads]

    outcomes, lines = asyncio.run(main())
    assert isinstance(outcomes[0], NoReply)
    assert isinstance(outcomes[1], Reply)
    assert lines == ["POST http://loki.invalid:3100/loki/api/v1/push HTTP/1.1"]


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("nope"),
        httpx.ReadError("gone"),
        httpx.WriteError("gone"),
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("odd"),
        httpx.LocalProtocolError("odd"),
        httpx.ProxyError("502 Bad Gateway"),
        httpx.UnsupportedProtocol("odd"),
        OSError("disk"),
    ],
    ids=repr,
)
def test_for_every_error_of_the_transport_the_outcome_names_no_secret(error):
    def fail(request):
        raise error

    async def main():
        loki = Loki(url="http://user:hunter2@loki.invalid/x", headers={"X-Key": "hunter2"})
        client = Client(loki, httpx.MockTransport(fail))
        outcomes = [await client.push("t", b"x"), await client.get("labels", "t", {"a": "b"})]
        await client.aclose()
        return outcomes

    for outcome in asyncio.run(main()):
        assert isinstance(outcome, NoReply)
        assert "hunter2" not in repr(outcome)
