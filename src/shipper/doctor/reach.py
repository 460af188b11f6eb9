"""From a URL to a connection, one step at a time: name, TCP, TLS.

Rule 1: each step ends within `patience`, and the first that fails is told with what was tried.
Rule 2: where a proxy is configured the way leads to the proxy, and what lies behind it is the proxy's matter.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from shipper.config.model import Loki
from shipper.doctor.amounts import some
from shipper.doctor.hop import Finding, Hop, hop, untried
from shipper.errors import ConfigError
from shipper.sources.docker.own import own_container
from shipper.trust import trust_of

LOKI_PORT: Final = 3100
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PLAIN: Final = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "RECORD_LAYER")
"""What OpenSSL says of a server that answers in plain text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a connection leads."""

    host: str
    port: int
    secure: bool
    key: str
    """The key of the configuration that names it."""

    @property
    def place(self) -> str:
        """`host:port`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def target_of(url: str, key: str) -> Target:
    """Where a checked URL leads."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    return Target(host=parts.hostname or "", port=parts.port or (443 if secure else 80), secure=secure, key=key)


async def reach(loki: Loki, url: str, key: str, patience: float) -> list[Hop]:
    """The hops name, connect and, for https, tls; the way to the proxy where one is configured."""
    target = target_of(loki.proxy_url, "loki.proxy_url") if loki.proxy_url else target_of(url, key)
    named = await _name(target, patience)
    if named.findings:
        return [named, untried("connect", "the name has no address")]
    connected = await _connect(target, loki, patience)
    if connected.findings or not target.secure:
        return [named, connected]
    return [named, connected, await _secure(target, loki, patience)]


async def _name(target: Target, patience: float) -> Hop:
    try:
        async with asyncio.timeout(patience):
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        what = f"the name {target.host} cannot be resolved: {_words(error)}"
        return hop("name", target.host, [Finding(what=what, cure=_name_cure(target), broken=True)])
    addresses = sorted({str(address[4][0]) for address in found})
    return hop("name", target.host if addresses == [target.host] else f"{target.host} is {some(addresses)}")


def _name_cure(target: Target) -> str:
    cure = f"correct the host in {target.key}, or the resolver (getent hosts {target.host})"
    if "." in target.host:
        return cure
    return f"{cure}; between containers a name is that of a service on the same network (docker network inspect)"


async def _connect(target: Target, loki: Loki, patience: float) -> Hop:
    begun = time.monotonic()
    try:
        await _open(target, None, patience)
    except TimeoutError:
        what = f"no connection to {target.place} within {patience:g} s: a firewall drops it, or no host is there"
        cure = f"let it through (nc -vz {target.host} {target.port}), or correct {target.key}"
    except OSError as error:
        what = f"nothing listens on {target.place} ({_words(error)})"
        cure = await _connect_cure(target, patience)
    else:
        return hop("connect", f"{target.place} took the connection after {(time.monotonic() - begun) * 1000:.0f} ms")
    return hop("connect", target.place, [Finding(what=what + _proxy_hint(loki), cure=cure, broken=True)])


def _proxy_hint(loki: Loki) -> str:
    """Who has a proxy in the environment may mean it to be used."""
    names = [name for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy") if os.environ.get(name)]
    if not names or loki.proxy_url or loki.proxy_from_environment:
        return ""
    return f"; {names[0]} is set and not used: proxy_from_environment = true in [loki] uses it"


async def _connect_cure(target: Target, patience: float) -> str:
    """Loki's own port is tried where another one is configured."""
    inside = target.host in _LOOPBACK and own_container()
    if inside:
        return (
            f"inside a container {target.host} is the container itself: name Loki's service in {target.key}, such as "
            f"http://loki:{LOKI_PORT}"
        )
    if target.port != LOKI_PORT:
        neighbour = Target(host=target.host, port=LOKI_PORT, secure=False, key=target.key)
        try:
            await _open(neighbour, None, min(patience, 1.0))
        except OSError:
            pass
        else:
            return f'something listens on Loki\'s usual port: url = "http://{neighbour.place}" in [loki]'
    return f"start Loki, or correct host and port in {target.key} (Loki listens on {LOKI_PORT} unless told otherwise)"


async def _secure(target: Target, loki: Loki, patience: float) -> Hop:
    try:
        trust = trust_of(loki.tls, "loki.tls")
    except ConfigError as error:
        return hop("tls", target.place, [Finding(what=error.message, cure=error.hint, broken=True)])
    try:
        version = await _open(target, trust, patience)
    except ssl.SSLCertVerificationError as error:
        return hop("tls", target.place, [_untrusted(target, error)])
    except OSError as error:
        return hop("tls", target.place, [_no_tls(target, error)])
    trusted = "any certificate is taken" if loki.tls.insecure_skip_verify else "the certificate is trusted"
    return hop("tls", f"{version}, {trusted}")


def _untrusted(target: Target, error: ssl.SSLCertVerificationError) -> Finding:
    show = f"openssl s_client -connect {target.place} -showcerts"
    words = error.verify_message or str(error)
    if "hostname" in words.lower() or "ip address" in words.lower():
        cure = f"put a name into {target.key} that the certificate has ({show})"
    elif "expired" in words or "not yet valid" in words:
        cure = f"renew the certificate, or set this machine's clock ({show})"
    else:
        cure = f'name its authority: tls = {{ ca_file = "/path/to/ca.pem" }} in [loki] ({show})'
    return Finding(what=f"the certificate is not trusted: {words}", cure=cure, broken=True)


def _no_tls(target: Target, error: Exception) -> Finding:
    words = _words(error)
    plain = any(sign in words.upper().replace(" ", "_") for sign in _PLAIN)
    if plain or not isinstance(error, ssl.SSLError):
        what = f"{target.place} does not speak TLS ({words})"
        cure = f"write http:// instead of https:// in {target.key}, or give the port that speaks TLS"
    else:
        what = f"TLS fails: {words}"
        cure = "if it asks for a client's certificate: tls = { cert_file, key_file } in [loki]"
    return Finding(what=what, cure=cure, broken=True)


async def speaks_tls(url: str, patience: float) -> bool:
    """Whether there is TLS where plain HTTP was meant."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        await _open(target_of(url, ""), context, patience)
    except OSError:
        return False
    return True


async def _open(target: Target, trust: ssl.SSLContext | None, patience: float) -> str:
    """Open a connection and close it; the version of TLS, or "". Raises OSError, such as TimeoutError."""
    async with asyncio.timeout(patience):
        _, writer = await asyncio.open_connection(target.host, target.port, ssl=trust)
    secured = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    return str(secured.version()) if secured is not None else ""


def _words(error: BaseException) -> str:
    """Why, without the addresses that asyncio puts around it."""
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    if isinstance(error, OSError) and (error.errno or 0) > 0 and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno or 0)
    return str(error) or type(error).__name__
