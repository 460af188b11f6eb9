"""The page's server on a real socket: what it serves, what it refuses, how it starts and ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.web.conftest import Page, configured, listening, page

from shipper.agent import Agent
from shipper.errors import ConfigError, ShipperError
from shipper.metrics import CONTENT_TYPE
from shipper.web import connections, replies
from shipper.web.replies import HEADERS
from shipper.web.server import served

PATHS = (
    "/",
    "/assets/index.html",
    "/-/healthy",
    "/-/ready",
    "/metrics",
    "/api/v1/status",
    "/api/v1/sources/app",
    "/api/v1/failures",
    "/api/v1/pushes",
    "/api/v1/labels",
    "/api/v1/dead-letters",
)
REFUSED = ("/nowhere", "/api/v1/sources/nobody", "/assets/../replies.py", "/assets/%2e%2e/replies.py", "/api/v1/")


async def talk(to: Page, data: bytes, *, limit: int = 1 << 20) -> bytes:
    """Send bytes, and read until the server closes."""
    reader, writer = await asyncio.open_connection(*to.address)
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.read(limit), 20)
    finally:
        writer.close()


def test_everything_is_served_with_its_headers_and_no_secret_is_in_any_of_it(tmp_path: Path) -> None:
    words = ("t0ken-of-loki", "page-p4ss", "h3ader-value", "pr0xy-p4ss")
    (tmp_path / "token").write_text("t0ken-of-loki\n")
    (tmp_path / "page").write_text("page-p4ss\n")
    more = f'''headers = {{ X-Key = "h3ader-value" }}
bearer_token_file = "{tmp_path}/token"
query_url = "http://user:pr0xy-p4ss@127.0.0.1:9"'''
    web = f'web = {{ username = "ops", password_file = "{tmp_path}/page" }}'

    async def run() -> list[httpx.Response]:
        async with page(tmp_path, loki=more, agent=web) as there:
            there.agent.failures.begin("io_error", " ".join(words), source="app")
            await there.until("/-/ready", status=503)
            return [await there.client.get(path) for path in (*PATHS, *REFUSED)]

    found = asyncio.run(run())
    for reply in found:
        path = reply.url.path
        text = reply.text + str(reply.headers)
        assert not [word for word in words if word in text], path
        kept = {name.decode(): value.decode() for name, value in HEADERS}
        assert {name: reply.headers[name] for name in kept} == kept, path
        assert "server" not in reply.headers, path
        if path.startswith("/api/"):
            assert reply.headers["cache-control"] == "no-store", path
    statuses = {reply.url.path: reply.status_code for reply in found}
    assert statuses == dict.fromkeys(PATHS, 200) | {"/-/ready": 503} | {
        reply.url.path: 404 for reply in found[len(PATHS) :]
    }
    assert set(found[-1].json()) == {"error", "hint"}


def test_the_rules_of_access_stand_before_everything_that_is_served(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("p4ss\n")
    web = f'web = {{ username = "ops", password_file = "{tmp_path}/page", hosts = ["logs.example"] }}'
    proxied, rebound = {"X-Forwarded-For": "198.51.100.1"}, {"Host": "rebound.example"}

    async def run() -> None:
        async with page(tmp_path, agent=web, listen=":0") as there:

            async def status(path: str, method: str = "GET", **more: Any) -> int:
                return (await there.client.request(method, path, **more)).status_code

            for path in (*PATHS, *REFUSED, "/api/v1/tail", "/-/reload"):
                assert await status(path, headers=rebound) == 403, path
                assert await status(path, "POST", headers={"Origin": "http://evil.example"}) == 403, path
                unlocked = path in ("/metrics", "/-/ready", "/-/healthy")
                assert (await status(path, headers=proxied) == 401) is not unlocked, path
            assert await status("/api/v1/status", headers=proxied, auth=("ops", "p4ss")) == 200
            assert await status("/api/v1/status", headers=proxied, auth=("ops", "p4ss ")) == 401
            assert await status("/api/v1/status", headers={"Host": "logs.example:80"}) == 200
            (tmp_path / "page").write_text("changed\n")
            assert await status("/api/v1/status", headers=proxied, auth=("ops", "changed")) == 200

    asyncio.run(run())


def test_metrics_are_read_by_prometheuss_own_parser(tmp_path: Path) -> None:
    async def run() -> httpx.Response:
        async with page(tmp_path) as there:
            return await there.client.get("/metrics")

    reply = asyncio.run(run())
    assert reply.headers["content-type"] == CONTENT_TYPE
    families = {family.name for family in text_string_to_metric_families(reply.text)}
    assert {"shipper_lines_read", "shipper_push_duration_seconds", "shipper_failures"} <= families


def test_a_head_that_is_too_long_or_no_request_at_all_is_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with page(tmp_path) as there:
            long = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * connections.LONGEST_HEAD + b"\r\n\r\n"
            assert (await talk(there, long)).startswith(b"HTTP/1.1 431 ")
            assert (await talk(there, long[:-4] + b"y" * 100_000)).startswith(b"HTTP/1.1 400 ")
            assert (await talk(there, b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
            assert (await talk(there, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
            assert (await there.client.get("/-/healthy")).status_code == 200

    asyncio.run(run())


def test_a_body_that_is_too_large_or_too_slow_or_no_json_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "BODY_WITHIN", 0.3)
    json = {"Content-Type": "application/json"}
    post = b"POST /api/v1/playground HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    async def run() -> None:
        async with page(tmp_path) as there:
            large = await there.client.post("/api/v1/playground", content=b"x" * 70_000, headers=json)
            assert (large.status_code, large.headers["connection"]) == (413, "close")
            chunks = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
            endless = await talk(there, post + b"Transfer-Encoding: chunked\r\n\r\n" + chunks * 10)
            assert endless.startswith(b"HTTP/1.1 413 ")
            slow = await talk(there, post + b"Content-Length: 10\r\n\r\n{")
            assert slow.startswith(b"HTTP/1.1 408 ")
            assert (await there.client.post("/api/v1/playground", content=b"{", headers=json)).status_code == 400
            assert (await there.client.post("/api/v1/playground", content=b"{}")).status_code == 415

    asyncio.run(run())


def test_a_head_that_drips_ends_with_its_time_and_a_reply_in_work_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD", 0.4)

    async def drip(there: Page, first: bytes) -> None:
        reader, writer = await asyncio.open_connection(*there.address)
        writer.write(first)
        if first:
            await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"X")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()

    async def run() -> None:
        async with page(tmp_path) as there:
            async with asyncio.timeout(10):
                await drip(there, b"")
                await drip(there, b"GET /-/reload HTTP/1.1\r\nHost: localhost\r\n\r\n")
            async with there.client.stream("GET", "/api/v1/tail") as reply:
                pieces = reply.aiter_bytes()
                await anext(pieces)
                await asyncio.sleep(2 * connections.HEAD)
                there.agent.failures.begin("io_error", source="app")
                assert not reply.is_closed

    asyncio.run(run())


def test_more_connections_than_there_may_be_are_cut(tmp_path: Path) -> None:
    async def run() -> None:
        async with page(tmp_path) as there:
            held = [await asyncio.open_connection(*there.address) for _ in range(connections.MOST)]
            reader, writer = await asyncio.open_connection(*there.address)
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(1), 20) == b""
            for _, open_writer in (*held, (reader, writer)):
                open_writer.close()
            await there.until("/-/healthy", status=200)

    asyncio.run(run())


def test_an_address_in_use_is_named_and_tried_again_while_logs_are_shipped(tmp_path: Path) -> None:
    async def run() -> None:
        taken = socket.create_server(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        async with Agent(configured(tmp_path, listen=place)) as agent:
            (tmp_path / "logs" / "app.log").write_text("one\n")
            running = asyncio.create_task(agent.run())
            async with served(agent) as web:
                await until(lambda: "listen" in names(agent) and agent.ledger.account("app").read == 1)
                told = next(failure for failure in agent.failures.current() if failure.name == "listen")
                assert told.detail == f"the status page cannot listen on {place}: Address already in use"
                taken.close()
                await listening(web)
                assert "listen" not in names(agent)
            agent.stop()
            await running

    asyncio.run(run())


def test_the_end_waits_for_nobody_who_reads(tmp_path: Path) -> None:
    async def run() -> float:
        async with page(tmp_path) as there:
            followers = [await asyncio.open_connection(*there.address) for _ in range(4)]
            for _, writer in followers:
                writer.write(b"GET /api/v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for reader, _ in followers:
                await reader.readuntil(b"from now on")
            idle = await asyncio.open_connection(*there.address)
            idle[1].write(b"POST /api/v1/playground HTTP/1.1\r\nHost: localhost\r\n")
            begun = time.monotonic()
            there.agent.stop()
        took = time.monotonic() - begun
        for _, writer in (*followers, idle):
            writer.close()
        return took

    assert asyncio.run(run()) < 5


@dataclass(frozen=True)
class Changes:
    added: tuple[str, ...] = ("vllm",)


@dataclass(frozen=True)
class Reloaded:
    changes: Changes = field(default_factory=Changes)
    refused: ShipperError | None = None


MISTAKEN = ConfigError("shipper.toml has 1 mistake", problems=("3: loki.url: expected …",), hint="mend it")


@pytest.mark.parametrize(
    ("became", "status", "expected"),
    [
        (Reloaded(), 200, {"reloaded": True, "changes": {"added": ["vllm"]}}),
        (
            Reloaded(refused=MISTAKEN),
            409,
            {"error": MISTAKEN.message, "hint": "mend it", "problems": list(MISTAKEN.problems)},
        ),
        (
            None,
            501,
            {
                "error": "this agent does not reload its configuration",
                "hint": "restart it: nothing is lost or repeated",
            },
        ),
    ],
)
def test_a_reload_says_what_became_of_it(
    tmp_path: Path, became: Reloaded | None, status: int, expected: dict[str, object]
) -> None:
    async def again() -> Reloaded:
        assert became is not None
        return became

    async def run() -> None:
        async with page(tmp_path, again if became else None) as there:
            reply = await there.client.post("/-/reload")
            assert (reply.status_code, reply.json()) == (status, expected)
            assert (await there.client.get("/-/reload")).status_code == 405

    asyncio.run(run())


def names(agent: Agent) -> set[str]:
    return {failure.name for failure in agent.failures.current()}


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not check():  # noqa: ASYNC110 - polled, as by whoever looks from outside
            await asyncio.sleep(0.02)
