"""Who may ask for what: one pure decision per request.

Rule 1: on loopback everything answers. Off loopback only `OPEN` does, unless `web` has a user and a password; what a
        proxy passed on came from off loopback, wherever the proxy is.
Rule 2: `Host` must be loopback, the listen address, the address the request came to, or in `web.hosts`: a name that a
        stranger's DNS points here (rebinding) is none of these.
Rule 3: what changes something needs the same origin or none. What another site's page asks of the API is refused.
Rule 4: user and password are compared in the same time whatever they are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from shipper.errors import ShipperError

OPEN: Final = frozenset({"/metrics", "/-/ready", "/-/healthy"})
"""What answers everywhere."""
READING: Final = frozenset({"GET", "HEAD"})
PROXIED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/@?#]+)(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of a request decides."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    peer: str
    """The address it came from."""
    local: str
    """The address it came to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not answered, and the cure."""

    status: int
    error: str
    hint: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Access:
    """The rules of one listening address; `password` gives the password, or raises ShipperError."""

    def __init__(
        self, listen: str, *, hosts: tuple[str, ...] = (), username: str = "", password: Callable[[], str] | None = None
    ) -> None:
        self._listen = _bare(listen)
        self._hosts = frozenset(_bare(host) for host in hosts)
        self._username = username
        self._password = password

    def refuse(self, asked: Asked) -> Refusal | None:
        """Why the request is refused; None: it may be answered."""
        return self._foreign_host(asked) or self._from_outside(asked) or _cross_site(asked)

    def _foreign_host(self, asked: Asked) -> Refusal | None:
        found = _HOST.fullmatch(asked.headers.get("host", ""))
        if found is None:
            return Refusal(status=400, error="no Host that can be read", hint="send a Host header")
        host = _bare(found[1])
        if host == "localhost" or is_loopback(host) or host in {self._listen, _bare(asked.local), *self._hosts}:
            return None
        return Refusal(
            status=403,
            error=f"this agent is not known as {host[:100]}",
            hint='add the name to hosts of web in [agent]: web = { hosts = ["…"] }, or ask for 127.0.0.1',
        )

    def _from_outside(self, asked: Asked) -> Refusal | None:
        local = is_loopback(asked.peer) and not any(name in asked.headers for name in PROXIED)
        if local or (asked.path in OPEN and asked.method in READING):
            return None
        if self._password is None:
            return Refusal(
                status=403,
                error="off loopback only /metrics, /-/ready and /-/healthy answer",
                hint="set web = { username = …, password_file = … } of [agent], or come through ssh -L",
            )
        try:
            if self._knows(asked.headers.get("authorization", "")):
                return None
        except ShipperError as error:
            return Refusal(status=503, error="the password of the page cannot be read", hint=error.hint)
        return Refusal(
            status=401,
            error="user and password are needed",
            hint="those of web in [agent]",
            headers={"WWW-Authenticate": 'Basic realm="shipper", charset="UTF-8"'},
        )

    def _knows(self, authorization: str) -> bool:
        assert self._password is not None
        scheme, _, encoded = authorization.partition(" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            given = b""
        user, _, password = given.partition(b":")
        is_user = _equal(user, self._username.encode())
        is_password = _equal(password, self._password().encode())
        return scheme.lower() == "basic" and is_user and is_password


def is_loopback(address: str) -> bool:
    """Whether an address is of this machine alone."""
    try:
        parsed = ipaddress.ip_address(_bare(address))
    except ValueError:
        return False
    return parsed.is_loopback


def _equal(given: bytes, right: bytes) -> bool:
    """Compare digests: of equal length, so that not even that shows."""
    return hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(right).digest())


def _bare(host: str) -> str:
    """A host without brackets, zone and final dot, in lower case; an IPv4 address in IPv6 as IPv4."""
    host = host.strip().lower().removeprefix("[").removesuffix("]").partition("%")[0].removesuffix(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _cross_site(asked: Asked) -> Refusal | None:
    site = asked.headers.get("sec-fetch-site", "none")
    if asked.method in READING:
        strange = asked.path.startswith("/api/") and site == "cross-site"
    else:
        strange = site not in ("same-origin", "none") or not _same_origin(asked.headers)
    if not strange:
        return None
    return Refusal(status=403, error="asked by a page of another site", hint="ask from the agent's own page, or curl")


def _same_origin(headers: Mapping[str, str]) -> bool:
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == headers.get("host", "").lower()
