"""The real agent as a process, against the embedded receiver or, unchanged, a Loki in SHIPPER_TEST_LOKI_URL.

Between the agent and Loki stands a relay that can fail on demand, so that the same failures happen before either.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

PATIENCE = 60.0
DAY = 86_400 * 10**9


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "e2e: the real agent as a process")


def eventually(check: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until `check` holds; fail with `what` if it never does."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            pytest.fail(f"never came true within {seconds:.0f} s: {what}")
        time.sleep(0.02)


@dataclass(frozen=True)
class Entry:
    """One entry as a log query answers it."""

    timestamp: int
    line: str
    labels: dict[str, str] = field(hash=False, compare=False)


class Loki:
    """A Loki (or its stand-in) as a test sees it."""

    def __init__(self, url: str, *, embedded: bool) -> None:
        self.url = url
        self.embedded = embedded

    def get(self, path: str, **params: str) -> dict[str, object]:
        query = "&".join(f"{name}={quote(value)}" for name, value in params.items())
        status, body = request("GET", f"{self.url}{path}?{query}")
        assert status == 200, (status, body)
        answer: dict[str, object] = json.loads(body)
        return answer

    def flush(self) -> None:
        request("POST", f"{self.url}/flush")

    def entries(self, selector: str, *, days: int = 1) -> list[Entry]:
        """Every entry of the last `days` that a selector finds, in order of time.

        Asked for in windows of four weeks, as Loki answers no query over more than 721 hours.
        """
        now = time.time_ns() + 3600 * 10**9
        starts = range(now - days * DAY, now, 28 * DAY)
        return [entry for start in starts for entry in self._window(selector, start, min(start + 28 * DAY, now))]

    def _window(self, selector: str, start: int, end: int) -> list[Entry]:
        found: dict[tuple[int, str, str], Entry] = {}
        while True:
            page = self._page(selector, start, end)
            before = len(found)
            for entry in page:
                found[entry.timestamp, entry.line, json.dumps(entry.labels, sort_keys=True)] = entry
            if len(page) < 1000 or len(found) == before:
                return sorted(found.values(), key=lambda entry: entry.timestamp)
            start = max(entry.timestamp for entry in page)

    def _page(self, selector: str, start: int, end: int) -> list[Entry]:
        answer = self.get(
            "/loki/api/v1/query_range",
            query=selector,
            start=str(start),
            end=str(end),
            limit="1000",
            direction="forward",
        )
        result: list[dict[str, object]] = answer["data"]["result"]  # type: ignore[index,assignment]
        return [
            Entry(int(stamp), line, stream["stream"])  # type: ignore[arg-type]
            for stream in result
            for stamp, line in stream["values"]  # type: ignore[attr-defined]
        ]

    def lines(self, selector: str, **options: int) -> list[str]:
        return [entry.line for entry in self.entries(selector, **options)]

    def count(self, selector: str) -> int:
        """What `count_over_time` says of the last day, copies that a log query hides included."""
        answer = self.get("/loki/api/v1/query", query=f"sum(count_over_time({selector}[24h]))")
        result: list[dict[str, list[object]]] = answer["data"]["result"]  # type: ignore[index,assignment]
        return int(str(result[0]["value"][1])) if result else 0


def request(method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class Relay:
    """Passes requests on to Loki; a failure on demand befalls the next pushes.

    `fail(kind, count)`: "500" (not passed on), "500_after" (passed on, then 500), "reset_after" (passed on, then the
    connection is reset), "stall_after" (passed on, the answer never comes), "429", "401", "refuse" (until `heal`).
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.pushes = 0
        self.accepted = 0
        self._failures: list[str] = []
        self._lock = threading.Lock()
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def do_POST(self) -> None:
                relay._handle(self, "POST")

            def do_GET(self) -> None:
                relay._handle(self, "GET")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that was killed is no error of the relay."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def fail(self, kind: str, count: int = 1) -> None:
        with self._lock:
            self._failures += [kind] * count

    def heal(self) -> None:
        with self._lock:
            self._failures.clear()

    @property
    def pending(self) -> int:
        return len(self._failures)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handle(self, handler: http.server.BaseHTTPRequestHandler, method: str) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        push = handler.path.endswith("/push")
        with self._lock:
            self.pushes += push
            kind = self._failures.pop(0) if push and self._failures else ""
        if kind in ("500", "429", "401"):
            self._answer(handler, int(kind), b"on demand")
            return
        status, headers, reply = self._pass_on(handler, method, body)
        self.accepted += push and status == 204
        if kind == "500_after":
            self._answer(handler, 500, b"on demand")
        elif kind == "reset_after":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.close_connection = True
            handler.connection.close()
        elif kind == "stall_after":
            time.sleep(3)
            handler.close_connection = True
        else:
            self._answer(handler, status, reply, headers)

    def _pass_on(
        self, handler: http.server.BaseHTTPRequestHandler, method: str, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(self.target)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        kept = {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")}
        connection.request(method, handler.path, body, kept)
        response = connection.getresponse()
        reply = response.read()
        connection.close()
        kind = response.getheader("Content-Type")
        return response.status, {"Content-Type": kind} if kind else {}, reply

    @staticmethod
    def _answer(
        handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        with contextlib.suppress(OSError):
            handler.send_response(status)
            for name, value in (headers or {}).items():
                handler.send_header(name, value)
            if status != 204:
                handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            if status != 204:
                handler.wfile.write(body)


class World:
    """A directory with logs, a configuration, an agent, and the Loki it ships to."""

    def __init__(self, root: Path, loki: Loki, relay: Relay) -> None:
        self.root = root
        self.loki = loki
        self.relay = relay
        self.uid = uuid.uuid4().hex[:12]
        self.logs = root / "logs"
        self.logs.mkdir()
        self.config = root / "shipper.toml"
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, sources: str, *, loki: str = "", agent: str = "", url: str | None = None) -> None:
        """Write shipper.toml: `sources` may speak of {logs}; every stream gets the label `run`."""
        self.config.write_text(
            f"""
[loki]
url = "{url or self.relay.url}"
batch_wait = "50ms"
timeout = "1500ms"
backoff = {{ min = "20ms", max = "300ms" }}
{loki}
[agent]
data_dir = "{self.root}/state"
listen = ""
{agent}
[labels]
run = "{self.uid}"
{sources.replace("{logs}", str(self.logs))}
"""
        )

    def selector(self, **labels: str) -> str:
        return "{" + ", ".join(f'{name}="{value}"' for name, value in {"run": self.uid, **labels}.items()) + "}"

    def run(self, *arguments: str, timeout: float = PATIENCE) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "shipper", "-c", str(self.config), *arguments],
            capture_output=True,
            timeout=timeout,
            check=False,
            cwd=self.root,
        )

    def start(self) -> None:
        """Start the agent."""
        assert self.process is None
        log = (self.root / "agent.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "shipper", "-c", str(self.config), "run"], stdout=log, stderr=log, cwd=self.root
        )
        log.close()

    def kill(self) -> None:
        """kill -9 the agent."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """Stop the agent in order; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process = None
        return code

    def agent_log(self) -> str:
        return (self.root / "agent.log").read_text()

    def await_entries(self, count: int, *, days: int = 1) -> None:
        """Wait until at least so many entries of this world are found."""
        eventually(lambda: len(self.loki.entries(self.selector(), days=days)) >= count, f"{count} entries")

    def settle(self, quiet: float = 3.0) -> None:
        """Wait until nothing new has arrived for `quiet` seconds."""
        count, since = -1, time.monotonic()
        while time.monotonic() - since < quiet:
            now = len(self.loki.entries(self.selector()))
            if now != count:
                count, since = now, time.monotonic()
            time.sleep(0.1)

    def expect(self, selector: str, lines: list[str]) -> None:
        """Wait until exactly these lines are there, in this order, each once and counted once."""
        eventually(lambda: len(self.loki.entries(selector)) >= len(lines), f"{len(lines)} lines for {selector}")
        assert self.loki.lines(selector) == lines
        assert self.loki.count(selector) == len(lines)


@pytest.fixture(scope="session")
def loki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loki]:
    url = os.environ.get("SHIPPER_TEST_LOKI_URL")
    if url:
        yield Loki(url.rstrip("/"), embedded=False)
        return
    process = subprocess.Popen(
        [sys.executable, "-m", "shipper", "devloki", "--listen", "127.0.0.1:0", "--limits", "off"],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    yield Loki(line.split()[-1], embedded=True)
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture
def relay(loki: Loki) -> Iterator[Relay]:
    relay = Relay(loki.url)
    yield relay
    relay.close()


@pytest.fixture
def world(tmp_path: Path, loki: Loki, relay: Relay) -> Iterator[World]:
    world = World(tmp_path, loki, relay)
    yield world
    if world.process is not None:
        world.kill()
