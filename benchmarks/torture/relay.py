"""What stands between the agent and Loki: passes requests on, and fails on demand.

Rule 1: pushes are struck, in the order in which the failures were asked for; questions are struck only where a failure
        says so, and a look at whether anybody is there never.
Rule 2: a failure says whether Loki had the push before it struck (`…_after`); nothing else of a request changes.
Rule 3: what a failure answers is what a Loki or a proxy before it says, word for word where words are read.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import random
import socket
import struct
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from urllib.parse import urlsplit

import snappy

TOO_LARGE = "rpc error: code = ResourceExhausted desc = grpc: received message larger than max ({size} vs. {limit})"
RATE = (
    "Ingestion rate limit exceeded for user fake (limit: 4194304 bytes/sec) while attempting to ingest '{lines}' lines "
    "totaling '{size}' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased"
)
STATUSES = {
    "408": (408, "request timeout"),
    "429": (429, RATE),
    "401": (401, "no org id"),
    "403": (403, "forbidden"),
    "404": (404, "404 page not found"),
    "260": (260, "blocked"),
    "500": (500, "internal error"),
    "503": (503, "no healthy upstream"),
    "504": (504, "upstream request timeout"),
}
"""Answers without passing the request on."""
KINDS = (
    *STATUSES, "500_after", "reset", "reset_after", "stall", "stall_after", "drip", "late", "413", "exhausted", "slow",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Strike:
    """A failure that waits for its request."""

    kind: str
    holding: bytes = b""
    """Only pushes whose uncompressed body holds this."""
    forever: bool = False
    """Strikes every such push until healed."""
    asks: bool = False
    """Strikes questions, not pushes."""


class Relay:
    """A proxy on a port of its own, in a thread."""

    def __init__(self, target: str, *, stall: float = 2.0) -> None:
        self.target = target
        self.stall = stall
        """Seconds that a stalled request gets no answer."""
        self.largest = 1 << 30
        """Bytes of a push, uncompressed, above which `413` and `exhausted` strike."""
        self.struck: Counter[str] = Counter()
        self.pushes = 0
        self.accepted = 0
        self._strikes: deque[Strike] = deque()
        self._weather: tuple[float, tuple[str, ...], random.Random] | None = None
        self._lock = threading.Lock()
        self._port = 0
        self.open()

    # what is asked of it ---------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where the agent is to push to."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def waiting(self) -> int:
        """Failures that have not struck yet."""
        return len(self._strikes)

    def fail(
        self, kind: str, count: int = 1, *, holding: bytes = b"", forever: bool = False, asks: bool = False
    ) -> None:
        """Let the next `count` requests fail, or with `forever` each until `heal`."""
        assert kind in KINDS, kind
        with self._lock:
            self._strikes.extend([Strike(kind, holding, forever, asks)] * count)

    def weather(self, share: float, kinds: tuple[str, ...], chance: random.Random) -> None:
        """Let that share of all pushes fail, each in one of these ways."""
        with self._lock:
            self._weather = (share, kinds, chance)

    def heal(self) -> None:
        """No failures from now on."""
        with self._lock:
            self._strikes.clear()
            self._weather = None
        if self._server is None:
            self.open()

    def open(self) -> None:
        """Listen, on the port of before if there was one."""
        self._server: _Server | None = _Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Refuse connections from now on, and cut those there are."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server.cut()
        self._thread.join()
        self._server = None

    # what it does ----------------------------------------------------------------------------------------------------

    def handle(self, handler: _Handler, method: str) -> None:
        """Answer one request."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        to_push = handler.path.endswith("/push")
        is_push = to_push and method == "POST"
        kind = "" if to_push and not is_push else self._take(body, is_push=is_push)
        if kind:
            self.struck[kind] += 1
        if kind in STATUSES:
            status, words = STATUSES[kind]
            handler.answer(status, words.format(lines=1, size=len(body)).encode())
        elif kind in ("413", "exhausted"):
            size = len(snappy.decompress(body))
            status = 413 if kind == "413" else 500
            handler.answer(status, TOO_LARGE.format(size=size, limit=self.largest).encode())
        elif kind == "reset":
            handler.reset()
        elif kind == "stall":
            time.sleep(self.stall)
            handler.reset()
        else:
            self._pass_on(handler, method, body, kind, is_push=is_push)

    def _pass_on(self, handler: _Handler, method: str, body: bytes, kind: str, *, is_push: bool) -> None:
        if kind in ("slow", "late"):
            time.sleep(self.stall * (0.25 if kind == "slow" else 0.6))
        try:
            status, headers, reply = self._ask(handler, method, body)
        except OSError:
            handler.answer(502, b"bad gateway")
            return
        with self._lock:
            self.pushes += is_push
            self.accepted += is_push and status == 204
        if kind == "500_after":
            handler.answer(500, b"on demand")
        elif kind == "reset_after":
            handler.reset()
        elif kind == "stall_after":
            time.sleep(self.stall)
            handler.reset()
        elif kind == "drip":
            handler.drip(status, self.stall / 2)
        else:
            handler.answer(status, reply, headers)

    def _take(self, body: bytes, *, is_push: bool) -> str:
        with self._lock:
            for index, strike in enumerate(self._strikes):
                if strike.asks == is_push or not self._fits(strike, body):
                    continue
                if not strike.forever:
                    del self._strikes[index]
                return strike.kind
            if self._weather is not None and is_push:
                share, kinds, chance = self._weather
                return chance.choice(kinds) if chance.random() < share else ""
        return ""

    def _fits(self, strike: Strike, body: bytes) -> bool:
        if strike.asks:
            return True
        if strike.kind in ("413", "exhausted") and len(snappy.decompress(body)) <= self.largest:
            return False
        return not strike.holding or strike.holding in snappy.decompress(body)

    def _ask(self, handler: _Handler, method: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(self.target)
        kept = {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")}
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        try:
            connection.request(method, handler.path, body, kept)
            response = connection.getresponse()
            kind = response.getheader("Content-Type")
            return response.status, {"Content-Type": kind} if kind else {}, response.read()
        finally:
            connection.close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: _Server

    def do_POST(self) -> None:
        self.server.relay.handle(self, "POST")

    def do_GET(self) -> None:
        self.server.relay.handle(self, "GET")

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """A whole reply."""
        with contextlib.suppress(OSError):
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != 204:
                self.wfile.write(body)

    def reset(self) -> None:
        """Cut the connection without a reply."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def drip(self, status: int, seconds: float) -> None:
        """A reply that takes its time, byte by byte."""
        words = f"HTTP/1.1 {status} No Content\r\nX-Drip: {'x' * 40}\r\n\r\n".encode()
        with contextlib.suppress(OSError):
            for place in range(len(words)):
                self.wfile.write(words[place : place + 1])
                time.sleep(seconds / len(words))


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], relay: Relay) -> None:
        super().__init__(address, _Handler)
        self.relay = relay
        self._connections: set[socket.socket] = set()

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Remember the connection, so that it can be cut."""
        assert isinstance(request, socket.socket)
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        assert isinstance(request, socket.socket)
        self._connections.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        """Cut every connection."""
        for connection in tuple(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error of the relay."""
