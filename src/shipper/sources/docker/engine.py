"""The Docker Engine's HTTP API, as far as reading logs needs it, over a Unix socket or TCP; Podman speaks it too.

Rule 1: only GET, so a proxy that allows nothing else is enough.
Rule 2: what goes wrong is an EngineError with the name of a failure; a container that is not there is ContainerGone.
Rule 3: the version spoken is the engine's own, at most `NEWEST`; below `OLDEST` (Docker 1.12) it is refused.

The API: docs.docker.com/reference/api/engine. Each answer is read whole but for events and logs, which are streams.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import orjson

from shipper.config.model import Tls
from shipper.errors import SourceError, WireError
from shipper.failures import HINTS
from shipper.lean_httpx import httpx
from shipper.sources.docker.container import Container, container_of
from shipper.sources.docker.frames import SECOND
from shipper.sources.docker.pipe import Ask
from shipper.sources.docker.transport import Streaming
from shipper.trust import trust_of

OLDEST: Final = (1, 24)
NEWEST: Final = (1, 47)
CONNECT: Final = 5.0
ANSWER: Final = 30.0
"""Seconds without a byte after which an answer that should end is given up."""
_UNREADABLE: Final = b"does not support reading"
_NO_END: Final = {"connect": CONNECT, "write": CONNECT, "pool": CONNECT}
_WITH_END: Final = {**_NO_END, "read": ANSWER}

Version = tuple[int, int]


class EngineError(SourceError):
    """The Engine does not do what it is asked for; `failure` is the name of that."""

    def __init__(self, failure: str, detail: str) -> None:
        super().__init__(f"{failure}: {detail}", hint=HINTS[failure])
        self.failure = failure
        self.detail = detail


class ContainerGone(EngineError):
    """There is no such container."""


class Engine:
    """One engine. `aclose` gives its connections back."""

    def __init__(self, host: str, tls: Tls, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._socket = host.removeprefix("unix://") if host.startswith("unix://") else None
        self._base = _base(host, tls)
        trust = trust_of(tls, "tls of a Docker source") if self._base.startswith("https") else None
        self._transport = transport or Streaming(self._socket, trust)
        self._prefix = ""
        self.podman = False
        """Whether it is Podman's service; known once negotiated."""

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def negotiate(self) -> None:
        """Ask for the engine's version and speak it; to be called before all else."""
        document = _object(await self._document("/version", versioned=False))
        newest, oldest = _version(document.get("ApiVersion")), _version(document.get("MinAPIVersion"))
        if newest < OLDEST:
            raise EngineError("docker_too_old", f"it speaks {newest[0]}.{newest[1]} at most")
        spoken = max(min(newest, NEWEST), oldest)
        names = [str(part.get("Name", "")) for part in document.get("Components") or []]
        self._prefix, self.podman = f"/v{spoken[0]}.{spoken[1]}", any("Podman" in name for name in names)

    async def containers(self) -> list[dict[str, Any]]:
        """Every container, running or not: the entries of `/containers/json`."""
        answer = await self._document("/containers/json", {"all": "true"})
        if not isinstance(answer, list):
            raise EngineError("docker_error", "its list of containers is none")
        return answer

    async def inspect(self, container: str) -> tuple[Container, bool]:
        """A container, and whether it runs."""
        answer = _object(await self._document(f"/containers/{quote(container, safe='')}/json"))
        try:
            state = answer.get("State") or {}
            return container_of(answer), bool(state.get("Running")) and not state.get("Restarting")
        except WireError as error:
            raise EngineError("docker_error", error.message) from error

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        """What happens to containers from now on; first an empty event, when the engine listens."""
        filters = orjson.dumps({"type": ["container"], "event": ["start", "die", "destroy", "rename"]}).decode()
        rest = b""
        async with self._stream("/events", {"filters": filters}, _NO_END) as response:
            yield {}
            async for piece in _pieces(response):
                *lines, rest = (rest + piece).split(b"\n")
                for line in filter(bytes.strip, lines):
                    yield _json(line)

    async def logs(self, ask: Ask) -> AsyncGenerator[bytes, None]:
        """The bytes of a stream's log, as `frames` reads them."""
        since, rest = divmod(ask.since, SECOND)
        query = {"timestamps": "1", ask.stream: "1", "follow": "1" if ask.follow else "0"}
        if ask.since:
            query["since"] = f"{since}.{rest:09d}"
        if ask.tail:
            query["tail"] = str(ask.tail)
        path = f"/containers/{quote(ask.container, safe='')}/logs"
        async with self._stream(path, query, _NO_END if ask.follow else _WITH_END) as response:
            async for piece in _pieces(response):
                yield piece

    async def _document(self, path: str, query: Mapping[str, str] | None = None, *, versioned: bool = True) -> Any:
        async with self._stream(path, query or {}, _WITH_END, versioned=versioned) as response:
            return _json(b"".join([piece async for piece in _pieces(response)]))

    @asynccontextmanager
    async def _stream(
        self, path: str, query: Mapping[str, str], patience: Mapping[str, float], *, versioned: bool = True
    ) -> AsyncIterator[httpx.Response]:
        url = httpx.URL(f"{self._base}{self._prefix if versioned else ''}{path}", params=dict(query))
        request = httpx.Request("GET", url, extensions={"timeout": dict(patience)})
        try:
            response = await self._transport.handle_async_request(request)
        except (httpx.HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        try:
            if response.status_code >= 400:
                raise _refusal(response.status_code, b"".join([piece async for piece in _pieces(response)]))
            yield response
        finally:
            await asyncio.shield(response.aclose())

    def _unreachable(self, error: Exception) -> EngineError:
        """Why no answer came; who may not use the socket is told from who finds none."""
        detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if self._socket is not None and Path(self._socket).exists() and not os.access(self._socket, os.R_OK | os.W_OK):
            return EngineError("docker_forbidden", f"{self._socket}: permission denied")
        return EngineError("docker_unreachable", f"{self._socket or self._base}: {detail}")


async def _pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in response.aiter_raw():
            yield piece
    except (httpx.HTTPError, OSError) as error:
        raise EngineError("docker_unreachable", f"the connection broke: {type(error).__name__}: {error}") from error


def _refusal(status: int, body: bytes) -> EngineError:
    """What an answer of 400 or more says."""
    try:
        said = str(orjson.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        said = body[:200].decode("utf-8", "replace").strip()
    detail = f"{status}: {said}"
    if _UNREADABLE in body:
        return EngineError("docker_no_logs", detail)
    if status == 404 or (status == 409 and b"marked for removal" in body):
        return ContainerGone("docker_error", detail)
    return EngineError("docker_forbidden" if status in (401, 403) else "docker_error", detail)


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise EngineError("docker_error", f"what it answers is no JSON: {data[:80]!r}") from error


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise EngineError("docker_error", "what it answers is no JSON object: is this the address of an engine?")
    return answer


def _version(text: object) -> Version:
    try:
        major, minor = str(text).split(".")[:2]
        return int(major), int(minor)
    except ValueError:
        return (0, 0)


def _base(host: str, tls: Tls) -> str:
    if host.startswith("unix://"):
        return "http://docker"
    parts = urlsplit(host)
    scheme = parts.scheme if parts.scheme != "tcp" else "http" if tls == Tls() else "https"
    port = parts.port or (2376 if scheme == "https" else 2375)
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{scheme}://{name}:{port}{parts.path.rstrip('/')}"
