"""The Engine API against a scripted engine on a Unix socket: what is asked, what is understood, what is named."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shipper.config.model import DockerRules, DockerSource, Tls
from shipper.failures import Failures
from shipper.sources.docker import census as census_module
from shipper.sources.docker.census import Census
from shipper.sources.docker.container import Container
from shipper.sources.docker.engine import ContainerGone, Engine, EngineError, _base
from shipper.sources.docker.exchange import Exchange
from shipper.sources.docker.pipe import ROOM, Ask, Pipe
from shipper.sources.docker.selection import Selection

VERSION = {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Components": [{"Name": "Engine"}]}
Answer = tuple[int, Any]


def described(identity: str, name: str, *, running: bool = True) -> dict[str, Any]:
    return {
        "Id": identity,
        "Name": f"/{name}",
        "Created": "2026-11-21T08:11:21Z",
        "State": {"Running": running},
        "Config": {"Image": "app:1", "Labels": {"team": "ml"}, "Tty": False},
        "HostConfig": {"LogConfig": {"Type": "json-file"}},
    }


class Daemon:
    """Answers as told; `events` and `logs` stay open until they are closed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[str] = []
        self.queries: dict[str, dict[str, list[str]]] = {}
        self.answers: dict[str, Answer] = {"/version": (200, VERSION)}
        self.events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.logs: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.held: dict[str, asyncio.Event] = {}
        """What is answered only when an event is set."""

    def show(self, **names: str) -> None:
        """The containers there are, by id."""
        listed = [{"Id": key, "Names": [f"/{name}"], "State": "running"} for key, name in names.items()]
        self.answers["/v1.41/containers/json"] = (200, listed)
        for key, name in names.items():
            self.answers[f"/v1.41/containers/{key}/json"] = (200, described(key, name))

    def happen(self, action: str, identity: str) -> None:
        self.events.put_nowait({"Type": "container", "Action": action, "Actor": {"ID": identity}})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            path = urlsplit(target).path
            self.asked.append(path)
            if path in self.held:
                await self.held[path].wait()
            self.queries[path] = parse_qs(urlsplit(target).query)
            if path.endswith("/events"):
                await self._stream(writer, self.events)
            elif path.endswith("/logs") and path not in self.answers:
                await self._stream(writer, self.logs)
            else:
                status, document = self.answers.get(path, (404, {"message": "No such container"}))
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        writer.close()

    async def _stream(self, writer: asyncio.StreamWriter, queue: asyncio.Queue[Any]) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while (item := await queue.get()) is not None:
            data = item if isinstance(item, bytes) else json.dumps(item).encode() + b"\n"
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            await writer.drain()
        writer.write(b"0\r\n\r\n")


def play(path: Path, part: Callable[[Daemon, Engine], Coroutine[Any, Any, None]]) -> Daemon:
    """Run a part against a daemon on a socket."""

    async def run() -> Daemon:
        daemon = Daemon(path / "sock")
        server = await asyncio.start_unix_server(daemon.serve, daemon.path)
        try:
            await part(daemon, Engine(f"unix://{daemon.path}", Tls()))
        finally:
            server.close()
            daemon.events.put_nowait(None)
            daemon.logs.put_nowait(None)
            await asyncio.sleep(0.02)  # its connections end
        return daemon

    return asyncio.run(run())


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not check():  # noqa: ASYNC110 - there is nothing to be told by
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("newest", "oldest", "prefix"),
    [("1.24", "1.12", "/v1.24"), ("1.41", "1.12", "/v1.41"), ("1.99", "1.24", "/v1.47"), ("1.99", "1.50", "/v1.50")],
)
def test_the_engine_s_own_version_is_spoken_within_what_is_known(
    tmp_path: Path, newest: str, oldest: str, prefix: str
) -> None:
    async def part(daemon: Daemon, engine: Engine) -> None:
        daemon.answers["/version"] = (200, {"ApiVersion": newest, "MinAPIVersion": oldest})
        daemon.answers[f"{prefix}/containers/json"] = (200, [])
        await engine.negotiate()
        assert (await engine.containers(), engine.podman) == ([], False)

    assert play(tmp_path, part).asked == ["/version", f"{prefix}/containers/json"]


def test_podman_is_known_by_its_components(tmp_path: Path) -> None:
    async def part(daemon: Daemon, engine: Engine) -> None:
        daemon.answers["/version"] = (200, {**VERSION, "Components": [{"Name": "Podman Engine"}]})
        await engine.negotiate()
        assert engine.podman

    play(tmp_path, part)


def test_a_container_is_described_and_one_that_waits_for_its_restart_does_not_run(tmp_path: Path) -> None:
    async def part(daemon: Daemon, engine: Engine) -> None:
        daemon.show(a="web")
        daemon.answers["/v1.41/containers/b/json"] = (
            200, described("b", "loop") | {"State": {"Running": True, "Restarting": True}})  # fmt: skip
        await engine.negotiate()
        expected = Container(
            id="a", name="web", image="app:1", labels={"team": "ml"}, created="2026-11-21T08:11:21Z", driver="json-file"
        )
        assert await engine.inspect("a") == (expected, True)
        assert (await engine.inspect("b"))[1] is False
        with pytest.raises(ContainerGone):
            await engine.inspect("c")

    play(tmp_path, part)


@pytest.mark.parametrize(
    ("answer", "failure", "detail"),
    [
        ((403, b"<html>Forbidden"), "docker_forbidden", "403: <html>Forbidden"),
        ((500, {"message": "broken"}), "docker_error", "500: broken"),
        ((501, {"message": "configured logging driver does not support reading"}), "docker_no_logs",
         "501: configured logging driver does not support reading"),
        ((200, b"no JSON"), "docker_error", "what it answers is no JSON: b'no JSON'"),
        ((200, b"[]"), "docker_error", "what it answers is no JSON object: is this the address of an engine?"),
        ((200, {"ApiVersion": "1.18"}), "docker_too_old", "it speaks 1.18 at most"),
        ((200, {"ApiVersion": "new"}), "docker_too_old", "it speaks 0.0 at most"),
    ],
)  # fmt: skip
def test_what_an_engine_refuses_has_a_name(tmp_path: Path, answer: Answer, failure: str, detail: str) -> None:
    async def part(daemon: Daemon, engine: Engine) -> None:
        daemon.answers["/version"] = answer
        with pytest.raises(EngineError) as raised:
            await engine.negotiate()
        assert (raised.value.failure, raised.value.detail) == (failure, detail)

    play(tmp_path, part)


def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def run() -> None:
        with pytest.raises(EngineError) as raised:
            await Engine(f"unix://{tmp_path}/none", Tls()).negotiate()
        assert raised.value.failure == "docker_unreachable"
        assert raised.value.detail.startswith(f"{tmp_path}/none: ConnectError")

    asyncio.run(run())


def test_logs_are_asked_for_by_stream_time_and_number(tmp_path: Path) -> None:
    async def part(daemon: Daemon, engine: Engine) -> None:
        await engine.negotiate()
        daemon.logs.put_nowait(b"hello")
        daemon.logs.put_nowait(None)
        ask = Ask(container="a", stream="stderr", since=1_700_000_000_000_000_007, follow=True, tail=5)
        assert b"".join([piece async for piece in engine.logs(ask)]) == b"hello"

    query = {"timestamps": ["1"], "stderr": ["1"], "follow": ["1"], "since": ["1700000000.000000007"], "tail": ["5"]}
    assert play(tmp_path, part).queries["/v1.41/containers/a/logs"] == query


@pytest.mark.parametrize(
    ("host", "tls", "base"),
    [
        ("unix:///run/docker.sock", Tls(), "http://docker"),
        ("tcp://proxy:2375", Tls(), "http://proxy:2375"),
        ("tcp://proxy", Tls(), "http://proxy:2375"),
        ("tcp://build", Tls(ca_file="ca.pem"), "https://build:2376"),
        ("https://[::1]:1/docker/", Tls(), "https://[::1]:1/docker"),
    ],
)
def test_hosts_are_addressed_as_docker_s_own_client_does(host: str, tls: Tls, base: str) -> None:
    assert _base(host, tls) == base


def test_pipes_are_filled_bounded_and_their_outcome_comes_last(tmp_path: Path) -> None:
    async def part(daemon: Daemon, engine: Engine) -> None:
        await engine.negotiate()
        exchange, pipe = Exchange(), Pipe(Ask(container="a", stream="stdout", since=0, follow=True))
        running = asyncio.create_task(exchange.run(engine, lambda _: None))
        exchange.ask(pipe)
        for _ in range(40):
            daemon.logs.put_nowait(b"x" * ROOM)
        daemon.logs.put_nowait(None)
        await until(lambda: pipe.full)
        await asyncio.sleep(0.05)
        assert pipe._size <= 2 * ROOM
        taken = 0
        while (outcome := pipe.outcome) is None or taken < 40 * ROOM:
            taken += len(pipe.take() or b"")
            await asyncio.sleep(0.001)
        assert (outcome.kind, taken, pipe.take()) == ("ended", 40 * ROOM, None)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    play(tmp_path, part)


@contextlib.asynccontextmanager
async def counting(
    engine: Engine,
    failures: Failures,
    config: DockerSource | None = None,
    *,
    keep: tuple[str, ...] = (),
    sweep: float = 0.05,
) -> AsyncIterator[Census]:
    selection = Selection(config or DockerSource(name="d"))
    census = Census(engine, selection, failures, source="d", keep=keep, sweep=sweep)
    running = asyncio.create_task(census.run(lambda: None))
    try:
        yield census
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def seen(census: Census) -> dict[str, tuple[str, bool]]:
    return {key: (one.container.name, one.running) for key, one in (census.sightings or {}).items()}


def test_containers_come_and_go_by_events(tmp_path: Path) -> None:
    async def part(daemon: Daemon, engine: Engine) -> None:
        daemon.show(a="web")
        async with counting(engine, Failures(), sweep=60) as census:
            await until(lambda: seen(census) == {"a": ("web", True)})
            daemon.show(a="web", b="job")
            daemon.happen("start", "b")
            await until(lambda: "b" in seen(census))
            assert census.sightings is not None
            assert (census.sightings["b"].fresh, census.sightings["a"].fresh) == (True, False)
            stirs = census.sightings["b"].stirs
            daemon.happen("die", "b")
            await until(lambda: seen(census)["b"] == ("job", False))
            assert census.sightings["b"].stirs == stirs + 1
            daemon.show(a="site")
            daemon.happen("rename", "a")
            daemon.happen("destroy", "b")
            await until(lambda: seen(census) == {"a": ("site", True)})

    play(tmp_path, part)


def test_a_sweep_finds_what_no_event_told(tmp_path: Path) -> None:
    async def part(daemon: Daemon, engine: Engine) -> None:
        daemon.show(a="web")
        async with counting(engine, Failures()) as census:
            await until(lambda: seen(census) == {"a": ("web", True)})
            daemon.show(a="renamed", b="job")
            await until(lambda: seen(census) == {"a": ("renamed", True), "b": ("job", True)})
            daemon.show(b="job")
            await until(lambda: seen(census) == {"b": ("job", True)})

    play(tmp_path, part)


def test_what_events_say_while_a_sweep_is_under_way_is_newer_than_the_sweep(tmp_path: Path) -> None:
    async def part(daemon: Daemon, engine: Engine) -> None:
        daemon.show(a="web")
        async with counting(engine, Failures(), sweep=60) as census:
            await until(lambda: seen(census) == {"a": ("web", True)})
            daemon.show(a="web", b="job")
            daemon.held["/v1.41/containers/b/json"] = asyncio.Event()
            sweep = asyncio.create_task(census.sweep())
            await until(lambda: "/v1.41/containers/b/json" in daemon.asked)
            daemon.happen("die", "a")
            await until(lambda: seen(census) == {"a": ("web", False)})
            daemon.held["/v1.41/containers/b/json"].set()
            await sweep
            assert seen(census) == {"a": ("web", False), "b": ("job", True)}

    play(tmp_path, part)


def test_of_what_the_rules_leave_out_only_what_is_to_be_kept_is_seen(tmp_path: Path) -> None:
    async def part(daemon: Daemon, engine: Engine) -> None:
        daemon.show(a="web", b="job", c="old")
        config = DockerSource(name="d", include=DockerRules(names=("web",)))
        async with counting(engine, Failures(), config, keep=("c",)) as census:
            await until(lambda: census.sightings is not None)
            assert {key: one.included for key, one in (census.sightings or {}).items()} == {"a": True, "c": False}

    play(tmp_path, part)


def test_an_engine_that_goes_away_is_named_once_and_all_may_have_written_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census_module, "LEAST_PAUSE", 0.01)
    failures = Failures()

    async def part(daemon: Daemon, engine: Engine) -> None:
        daemon.show(a="web")
        async with counting(engine, failures, sweep=60) as census:
            await until(lambda: bool(census.sightings))
            assert census.sightings is not None
            stirs = census.sightings["a"].stirs
            daemon.answers["/version"] = (500, {"message": "starting"})
            daemon.events.put_nowait(None)
            await until(lambda: [one.name for one in failures.current()] == ["docker_error"])
            assert seen(census) == {"a": ("web", True)}
            daemon.answers["/version"] = (200, VERSION)
            await until(lambda: not failures.current())
            assert census.sightings["a"].stirs == stirs + 1

    play(tmp_path, part)
