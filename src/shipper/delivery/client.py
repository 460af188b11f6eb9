"""HTTP to Loki: pushes and queries over one transport, and what went wrong in words without secrets.

Rule 1: the transport is the only seam; a stand-in for it serves every test.
Rule 2: a request ends within `timeout`, however slowly the server drips.
Rule 3: an outcome is data, never an exception: a reply, or why there is none and whether the server may have it.
Rule 4: secrets are read from their files when these change, and appear in no message.
"""

from __future__ import annotations

import asyncio
import base64
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from shipper.config.masking import read_secret
from shipper.config.model import Loki
from shipper.config.urls import push_url, query_url
from shipper.delivery.http1 import Direct, request_head
from shipper.delivery.wire import SECOND
from shipper.errors import ShipperError
from shipper.lean_httpx import httpx
from shipper.trust import trust_of

MAX_REPLY: Final = 1024 * 1024
"""Bytes of a reply to a push that are read: Loki names each kind of refused entry, in text."""
MAX_LOOK: Final = 16 * 1024
"""Bytes of an answer that are read where only its status counts."""
MAX_ANSWER: Final = 256 * 1024 * 1024
"""Bytes of a query's answer that are read."""
Transport = httpx.AsyncBaseTransport
_CONNECTING: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_OURS: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server said; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NoReply:
    """Why there is none."""

    failure: str
    """loki_unreachable, loki_timeout or loki_unauthorized (a secret cannot be read)."""
    detail: str
    sent: bool
    """Whether the server may have the request."""

    @property
    def status(self) -> str:
        """For the counters."""
        return {"loki_timeout": "timeout", "loki_unauthorized": "no_credentials"}.get(
            self.failure, "broken" if self.sent else "unreachable"
        )


class Client:
    """One connection pool to Loki. `aclose` gives it back."""

    def __init__(self, loki: Loki, transport: Transport | None = None) -> None:
        self._timeout = loki.timeout / SECOND
        self._push_url = httpx.URL(push_url(loki)).copy_with(username=None, password=None)
        self._loki = loki
        self._credentials = Credentials(loki)
        self._transport = transport or _transport(loki)
        self._headers = [("User-Agent", f"shipper/{version('shipper')}"), *loki.headers.items()]
        self._certificates = _seen(_certificates(loki))
        self._patience = min(self._timeout, max(self._timeout / 2, 1.0))
        self._extensions = {
            "timeout": {"connect": self._patience, "pool": self._timeout, "read": self._timeout, "write": self._timeout}
        }

    async def push(self, tenant: str, body: bytes) -> Reply | NoReply:
        """POST one snappy-compressed PushRequest."""
        headers = [("Content-Type", "application/x-protobuf")]
        return await self._exchange("POST", self._push_url, tenant, headers, body, MAX_REPLY)

    async def look(self, tenant: str) -> Reply | NoReply:
        """GET where pushes go: what stands there, and whether it lets us in."""
        return await self._exchange("GET", self._push_url, tenant, [], b"", MAX_LOOK)

    async def get(self, endpoint: str, tenant: str, parameters: Mapping[str, str]) -> Reply | NoReply:
        """GET an endpoint below `/loki/api/v1` on the query side."""
        url = httpx.URL(query_url(self._loki, endpoint)).copy_with(username=None, password=None)
        url = url.copy_merge_params(parameters)
        return await self._exchange("GET", url, tenant, [("Accept", "application/json")], b"", MAX_ANSWER)

    @property
    def outdated(self) -> bool:
        """Whether a file with credentials or certificates has changed since it was read."""
        return self._credentials.outdated or self._certificates != _seen(_certificates(self._loki))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _exchange(
        self, method: str, url: httpx.URL, tenant: str, headers: list[tuple[str, str]], body: bytes, most: int
    ) -> Reply | NoReply:
        try:
            credentials = self._credentials.header()
        except ShipperError as error:
            return NoReply(failure="loki_unauthorized", detail=error.message, sent=False)
        headers += self._headers
        headers += credentials
        if tenant:
            headers.append(("X-Scope-OrgID", tenant))
        try:
            async with asyncio.timeout(self._timeout):
                if isinstance(self._transport, Direct):
                    return await self._directly(self._transport, method, url, headers, body, most)
                request = httpx.Request(method, url, headers=headers, content=body, extensions=self._extensions)
                return await self._receive(await self._transport.handle_async_request(request), most)
        except _CONNECTING as error:
            return NoReply(failure="loki_unreachable", detail=_told(error), sent=False)
        except _OURS as error:
            return NoReply(failure="loki_unreachable", detail=_told(error), sent=False)
        except (TimeoutError, httpx.TimeoutException):
            return NoReply(failure="loki_timeout", detail=f"no reply within {self._timeout:g} s", sent=True)
        except (httpx.HTTPError, OSError) as error:
            return NoReply(failure="loki_unreachable", detail=_told(error), sent=True)

    async def _directly(
        self, direct: Direct, method: str, url: httpx.URL, headers: list[tuple[str, str]], body: bytes, most: int
    ) -> Reply:
        head = request_head(method, url, tuple(headers))
        raw = await direct.exchange(url, head, body, most=most, patience=self._patience)
        found = {name.decode("latin-1").lower(): value.decode("utf-8", "replace") for name, value in raw.headers}
        if "content-encoding" in found:
            response = httpx.Response(raw.status, headers=raw.headers, stream=httpx.ByteStream(raw.body))
            return await self._receive(response, most)
        return Reply(status=raw.status, headers=found, body=raw.body)

    async def _receive(self, response: httpx.Response, most: int) -> Reply:
        pieces, size = [], 0
        try:
            async for piece in response.aiter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size >= most:
                    break
        except httpx.DecodingError:
            pieces = []
        finally:
            await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(status=response.status_code, headers=headers, body=b"".join(pieces))


class Credentials:
    """The Authorization header, from files that are read again when they change."""

    def __init__(self, loki: Loki) -> None:
        self._loki = loki
        self._url = httpx.URL(loki.url)
        self._seen: _Stamp | None = None
        self._header: list[tuple[str, str]] = []
        basic, bearer = loki.basic_auth, loki.bearer_token_file
        self._path = Path(basic.password_file) if basic else Path(bearer) if bearer else None
        if self._path is None and self._url.username:
            self._header = [_basic(unquote(self._url.username), unquote(self._url.password))]

    def header(self) -> list[tuple[str, str]]:
        """The header as a list of one, or none; raises ShipperError if a file cannot be read."""
        if self._path is not None:
            self._refresh(self._path)
        return self._header

    @property
    def outdated(self) -> bool:
        """Whether the file has changed since it was read."""
        return self._path is not None and self._seen != _stamp(self._path)

    def _refresh(self, path: Path) -> None:
        seen = _stamp(path)  # None: read_secret says what is wrong
        if seen is None or seen != self._seen:
            secret = read_secret(str(path))
            basic = self._loki.basic_auth
            self._header = [_basic(basic.username, secret) if basic else ("Authorization", f"Bearer {secret}")]
            self._seen = seen


_Stamp = tuple[int, int, int]
"""When a file was changed, its size and its inode: if these stay, so has the content."""


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _seen(paths: Iterable[Path]) -> list[_Stamp | None]:
    return [_stamp(path) for path in paths]


def _certificates(loki: Loki) -> list[Path]:
    return [Path(path) for path in (loki.tls.ca_file, loki.tls.cert_file, loki.tls.key_file) if path]


def _basic(user: str, password: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _told(error: Exception) -> str:
    """An exception of the transport in a few words; its request, and so the URL, is left out."""
    if isinstance(error, httpx.ConnectError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _transport(loki: Loki) -> Transport | Direct:
    url = httpx.URL(loki.url)
    proxy = loki.proxy_url or (_environment_proxy(url) if loki.proxy_from_environment else None)
    secure = "https" in (url.scheme, httpx.URL(query_url(loki, "query_range")).scheme)
    trust = trust_of(loki.tls, "loki.tls") if secure else None  # 20 ms and the system's authorities
    connections = 2 * loki.max_in_flight + 2
    if proxy is None:
        return Direct(trust, most_idle=connections)
    return httpx.AsyncHTTPTransport(
        verify=trust or False,
        http1=True,
        http2=False,
        trust_env=False,
        proxy=proxy,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30.0),
    )


def _environment_proxy(url: httpx.URL) -> str | None:
    """What `HTTP_PROXY` and its relatives say for this URL."""
    proxies = urllib.request.getproxies()
    if urllib.request.proxy_bypass(url.host):
        return None
    return proxies.get(url.scheme) or proxies.get("all")
