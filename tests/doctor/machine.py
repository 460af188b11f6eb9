"""A machine to set up wrongly: files, a configuration, a Loki or what passes for one, a Docker engine on a socket."""

from __future__ import annotations

import contextlib
import json
import os
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shipper.config.loading import load
from shipper.devloki.server import Receiver, serve
from shipper.doctor.examine import examine
from shipper.doctor.hop import Report
from shipper.process import run
from shipper.storage import Lock

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""Of `localhost`, signed by itself, with its key; good for a hundred years, and for nothing but these tests."""
PATIENCE = 2.0
HOUR = 3600
DAY = 24 * HOUR
Reply = tuple[int, Mapping[str, str], str | bytes]
Answer = Callable[[str], Reply]
"""What is answered to a path."""


class _Handler(socketserver.StreamRequestHandler):
    """One request, one reply, and the end of the connection."""

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            path = self.rfile.readline().split(b" ")[1].decode()
            length = 0
            while (line := self.rfile.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self.rfile.read(length)
            status, headers, body = self.server.answer(path)  # type: ignore[attr-defined]
            data = body.encode() if isinstance(body, str) else body
            head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", "Connection: close"]
            head += [f"{name}: {value}" for name, value in headers.items()]
            self.wfile.write("\r\n".join([*head, "", ""]).encode() + data)


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class _Tls(_Tcp):
    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        return context.wrap_socket(connection, server_side=True), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who speaks no TLS gets no answer."""


@dataclass
class Machine:
    """What a test sets up, and the doctor's report on it."""

    root: Path
    patch: pytest.MonkeyPatch
    stack: contextlib.ExitStack
    url: str = ""
    loki: str = ""
    """Further keys of [loki]."""
    source: str = ""
    """Further keys of the source."""
    pipeline: str = "json"
    paths: str = "*.log"
    docker: str = ""
    """The host of a source of containers instead of one of files."""
    more: str = ""
    """Further tables."""
    listen: str = ""
    data_dir: Path = field(default_factory=Path)
    patience: float = PATIENCE

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def log(self) -> Path:
        return self.logs / "app.log"

    def write(self, *lines: str | bytes | dict[str, Any], age: float = 0, path: Path | None = None) -> Path:
        """Write a log that was changed last `age` seconds ago."""
        path = path or self.log
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = (json.dumps(line) if isinstance(line, dict) else line for line in lines)
        path.write_bytes(b"".join((text.encode() if isinstance(text, str) else text) + b"\n" for text in texts))
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    def line(self, age: float = 0, **fields: Any) -> dict[str, Any]:
        """A line as the pipeline "json" reads it, written `age` seconds ago."""
        return {"event": "done", "level": "info", "timestamp": stamp(age), **fields}

    def devloki(self, **options: Any) -> Receiver:
        """A stand-in for Loki, and the configuration leads to it."""
        receiver = self.stack.enter_context(serve(**options))
        self.url = receiver.url
        return receiver

    def page(self, answer: Answer) -> None:
        """What the agent's own page answers."""
        server = _Tcp(("127.0.0.1", 0), _Handler)
        self._serve(server, answer)
        self.listen = f":{server.server_address[1]}"

    def answer(self, answer: Answer, *, tls: bool = False) -> str:
        """A server that answers so; the configuration leads to it. Returns `host:port`."""
        server = (_Tls if tls else _Tcp)(("127.0.0.1", 0), _Handler)
        self._serve(server, answer)
        self.url = f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}"
        return f"localhost:{server.server_address[1]}"

    def engine(self, answer: Answer) -> None:
        """A Docker engine on a socket; the source is one of containers."""
        path = self.root / "docker.sock"
        self._serve(_Unix(str(path), _Handler), answer)
        self.docker = f"unix://{path}"

    def _serve(self, server: Any, answer: Answer) -> None:
        server.answer = answer
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        self.stack.callback(thread.join)
        self.stack.callback(server.server_close)
        self.stack.callback(server.shutdown)

    def configure(self) -> Path:
        path = self.root / "shipper.toml"
        kind = (
            f'type = "docker"\nhost = "{self.docker}"'
            if self.docker
            else f'type = "file"\npaths = ["{self.logs}/{self.paths}"]'
        )
        path.write_text(
            f'[loki]\nurl = "{self.url}"\ntimeout = "2s"\nbatch_wait = "10ms"\n{self.loki}\n'
            f'[agent]\ndata_dir = "{self.data_dir}"\nlisten = "{self.listen}"\n'
            f'[[source]]\nname = "app"\n{kind}\nlabels = {{ job = "app" }}\n'
            f'pipeline = "{self.pipeline}"\n{self.source}\n{self.more}\n'
        )
        return path

    def ship(self) -> None:
        """Let the agent ship what is there."""
        run(load(self.configure(), os.environ), once=True)

    def examine(self) -> Report:
        path = self.configure()
        config = load(path, os.environ)
        return examine(path, config, config.sources, patience=self.patience)


def stamp(age: float = 0) -> str:
    """RFC 3339 of so many seconds ago."""
    return datetime.fromtimestamp(time.time() - age, UTC).isoformat()


def through(machine: Machine, **answers: tuple[int, Mapping[str, str], str]) -> None:
    """A gateway before a Loki that works, but for some endpoints: `query` means all but pushes."""
    names = {"push": "/push", "config": "/config", "query_range": "/query_range", "query": "/loki/api/v1/"}
    working = {"/ready": "ready\n", "/loki/api/v1/labels": '{"status": "success", "data": ["job"]}'}

    def answer(path: str) -> tuple[int, Mapping[str, str], str]:
        for name, reply in answers.items():
            if names[name] in path and (name != "query" or "/push" not in path):
                return reply
        return (204, {}, "") if "/push" in path else (200, {}, working.get(path.partition("?")[0], "{}"))

    machine.answer(answer)


def limited(machine: Machine, **limits: int) -> None:
    """A Loki whose tenants have other limits."""
    store = machine.devloki().instance.store
    store.default_limits = replace(store.default_limits, **limits)


def running(machine: Machine) -> None:
    """An agent that holds the journal and does nothing more."""
    lock = Lock(machine.data_dir)
    lock.acquire()
    machine.stack.callback(lock.release)
