"""The live tail: what a reader is shown, what it misses, and what it costs."""

from __future__ import annotations

import asyncio
import json
import socket
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.web.conftest import Page, page

from shipper.chunk import Carry, Fingerprint, Origin, Part, Processed, Span
from shipper.delivery.wire import encode_entry, format_labels
from shipper.devloki.server import Receiver
from shipper.web import app, tail
from shipper.web.tail import AT_ONCE, BURST, QUEUED, READERS, TEXT, Reader, Tails

INFO, ERROR = {"job": "app", "level": "info"}, {"level": "error"}


def part(*lines: bytes, labels: dict[str, str] | None = None, metadata: tuple[tuple[str, str], ...] = ()) -> Part:
    body = b"".join(encode_entry(10**18 + number, line, metadata) for number, line in enumerate(lines))
    return Part(
        tenant="",
        labels=format_labels(INFO if labels is None else labels),
        body=body,
        entries=len(lines),
        lines=len(lines),
        first=10**18,
        last=10**18 + len(lines) - 1,
        where=range(len(lines)),
    )


def processed(*parts: Part, source: str = "app") -> Processed:
    span = Span(
        origin=Origin(source=source, generation=1, path="/a"),
        start=0,
        end=1,
        clock=1,
        after_eof=False,
        hit_eof=False,
        fingerprint=Fingerprint(),
    )
    lines = sum(one.lines for one in parts)
    return Processed(span=span, lines=lines, parts=list(parts), carry=Carry(), lengths=[], surplus={})


class Agent(SimpleNamespace):
    """As much of an agent as a tail knows."""

    tap: Callable[[Processed], None] | None = None


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def texts(reader: Reader) -> tuple[list[bytes], int]:
    shown, skipped = reader.take()
    return [one.text for one in shown], skipped


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [b"one", b"two", b"bad two"]),
        ({"source": "app"}, [b"one", b"two", b"bad two"]),
        ({"source": "other"}, []),
        ({"level": "error"}, [b"bad two"]),
        ({"level": "info"}, [b"one", b"two"]),
        ({"level": "debug"}, []),
        ({"contains": "two"}, [b"two", b"bad two"]),
        ({"contains": "two", "level": "error"}, [b"bad two"]),
        ({"contains": "TWO"}, []),
        ({"contains": "in metadata"}, []),
    ],
)
def test_a_reader_gets_what_it_asked_for(wanted: dict[str, str], expected: list[bytes]) -> None:
    tails, reader = Tails(Agent(), clock=Hands()), Reader(**wanted, now=0.0)
    with tails.reading(reader):
        tails.offer(
            processed(
                part(b"one", b"two", metadata=(("note", "in metadata"),)),
                part(b"bad two", labels={**ERROR, "fatal_level": "debug"}),
            )
        )
    assert texts(reader)[0] == expected


def test_nothing_is_tapped_while_nobody_reads() -> None:
    agent = Agent()
    tails = Tails(agent)
    one, two = Reader(now=0.0), Reader(now=0.0)
    with tails.reading(one):
        with tails.reading(two):
            assert (agent.tap, len(tails)) == (tails.offer, 2)
        assert (agent.tap, len(tails)) == (tails.offer, 1)
    assert (agent.tap, len(tails)) == (None, 0)


def test_above_the_rate_entries_are_counted_and_not_decoded() -> None:
    clock = Hands()
    tails, reader = Tails(Agent(), clock=clock), Reader(now=clock.now)
    with tails.reading(reader):
        for _ in range(100):
            tails.offer(processed(part(*[b"x"] * 100)))
        shown, skipped = texts(reader)
        assert (len(shown), skipped) == (BURST, 10_000 - BURST)
        clock.now += 0.1
        tails.offer(processed(part(*[b"y"] * 100)))
        shown, skipped = texts(reader)
        assert (shown, skipped) == ([b"y"] * AT_ONCE, 100 - AT_ONCE)


def test_what_looks_take_is_a_small_share_of_the_time_however_many_read(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Hands()
    looked = 0

    def slowly(reader: Reader, source: str, one: Part) -> bool:
        nonlocal looked
        looked += 1
        clock.now += 0.001
        return False

    monkeypatch.setattr(Reader, "wants", slowly)
    tails, readers = Tails(Agent(), clock=clock), [Reader(now=0.0) for _ in range(READERS)]
    with tails.reading(readers[0]):
        for reader in readers[1:]:
            tails._readers.add(reader)
        for _ in range(10_000):
            clock.now += 0.001
            tails.offer(processed(part(b"x")))
        tails._readers = {readers[0]}
    assert looked * 0.001 < 0.03 * (clock.now - 100.0)
    assert readers[0].skipped > 9000


def test_a_slow_reader_holds_bounded_memory_and_learns_what_it_missed() -> None:
    clock = Hands()
    tails, reader = Tails(Agent(), clock=clock), Reader(now=clock.now)
    heavy = part(b"x" * 250_000, metadata=tuple((f"n{number}", "v" * 500) for number in range(120)))
    with tails.reading(reader):
        tracemalloc.start()
        for _ in range(2 * QUEUED):
            clock.now += 1.0
            tails.offer(processed(heavy))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    shown, skipped = texts(reader)
    assert (len(shown), skipped, {len(text) for text in shown}) == (QUEUED, QUEUED, {TEXT})
    assert peak < 12 * 1024 * 1024


def test_a_tail_that_fails_ends_and_leaves_the_source_alone() -> None:
    tails, reader = Tails(Agent(), clock=Hands()), Reader(now=0.0)
    broken = part(b"x")
    broken.body = b"\xff" * 20
    with tails.reading(reader):
        tails.offer(processed(broken))
        assert tails.closed


async def events(there: Page, query: str, count: int) -> list[tuple[str, Any]]:
    """The first events of a tail."""
    found: list[tuple[str, Any]] = []
    async with there.client.stream("GET", f"/api/v1/tail{query}") as reply:
        assert (reply.status_code, reply.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        name = ""
        async for line in reply.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
            if len(found) == count:
                break
    return found


NOW = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
ODD = f'{NOW} INFO <script>alert("x")</script> \x1b[31m \x00 \u202e "quoted" \\ end'


def test_text_of_logs_is_a_json_string_whatever_is_in_it(tmp_path: Path) -> None:
    async def run() -> list[tuple[str, Any]]:
        async with page(tmp_path) as there:
            following = asyncio.create_task(events(there, "?source=app&level=info&contains=script", 1))
            await there.until("/-/ready", status=503)
            while there.agent.tap is None:  # noqa: ASYNC110 - nobody tells of a reader
                await asyncio.sleep(0.01)
            (tmp_path / "logs" / "app.log").write_text(f"{NOW} INFO plain\n{ODD}\n")
            return await asyncio.wait_for(following, 20)

    ((name, shown),) = asyncio.run(run())
    assert (name, shown["source"], shown["text"], shown["at"][:19]) == ("entry", "app", ODD, NOW.isoformat())
    assert shown["labels"] == {
        "job": "app",
        "level": "info",
        "part": "app",
        "filename": str(tmp_path / "logs" / "app.log"),
    }


def test_more_readers_than_there_may_be_are_turned_away_and_a_place_comes_free(tmp_path: Path) -> None:
    async def run() -> None:
        async with page(tmp_path) as there:
            held = [await asyncio.open_connection(*there.address) for _ in range(READERS)]
            for reader, writer in held:
                writer.write(b"GET /api/v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await reader.readuntil(b"from now on")
            await there.until("/api/v1/tail", status=503)
            for _, writer in held:
                writer.close()
            while there.agent.tap is not None:  # noqa: ASYNC110 - nobody tells of a reader
                await asyncio.sleep(0.01)
            assert (await there.client.get("/api/v1/tail?source=nobody")).status_code == 404
            assert (await there.client.get("/api/v1/tail?level=loud")).status_code == 400

    asyncio.run(run())


def test_a_tail_that_has_ended_says_so_to_who_comes_late(tmp_path: Path) -> None:
    async def run() -> None:
        async with page(tmp_path) as there:
            reader, writer = await asyncio.open_connection(*there.address)
            writer.write(b"GET /api/v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readuntil(b"from now on")
            there.agent.tap.__self__.close()
            reply = await there.client.get("/api/v1/tail")
            assert (reply.status_code, reply.json()["error"]) == (503, "the tail has ended")
            writer.close()

    asyncio.run(run())


def test_a_reader_that_takes_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "TAKEN_WITHIN", 0.3)
    for name, value in {"GATHER": 0.0, "RATE": 1e6, "BURST": 1000, "AT_ONCE": 1000, "SHARE": 1.0}.items():
        monkeypatch.setattr(tail, name, value)

    async def run() -> None:
        async with Receiver() as loki, page(tmp_path, url=loki.url) as there:
            idle = socket.socket()
            idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            idle.connect(there.address)
            idle.sendall(b"GET /api/v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while there.agent.tap is None:  # noqa: ASYNC110 - nobody tells of a reader
                await asyncio.sleep(0.01)
            async with asyncio.timeout(30):
                with (tmp_path / "logs" / "app.log").open("ab", buffering=0) as file:
                    while there.agent.tap is not None:
                        file.write((b"x" * 4000 + b"\n") * 50)
                        await asyncio.sleep(0.05)
            idle.close()
            assert (await there.client.get("/-/healthy")).status_code == 200

    with capture_logs() as logs:
        asyncio.run(run())
    assert [line for line in logs if line["event"] == "request_failed"] == []
