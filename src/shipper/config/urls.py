"""Addresses: Loki's URL in its three forms, the page's listen address, the Docker engine's host.

Rule 1: a base URL, a URL with a path prefix and the whole push URL lead to the same endpoints.
Rule 2: an address in a message has no user, password or query.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from shipper.config.mistakes import Wrong, expected
from shipper.config.model import MASK, Loki, without_user_info
from shipper.config.schema import Kind

API: Final = "/loki/api/v1"
PUSH: Final = f"{API}/push"
_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]*):([0-9]{1,5})")


def push_url(loki: Loki) -> str:
    """Where entries are pushed to."""
    return f"{_base(loki.url)}{PUSH}"


def query_url(loki: Loki, endpoint: str) -> str:
    """Where `endpoint` (`"query_range"`, `"labels"`, …) is asked; one that begins with "/" is taken below the base."""
    base = _base(loki.query_url or loki.url)
    return base + endpoint if endpoint.startswith("/") else f"{base}{API}/{endpoint}"


def shown_url(url: str) -> str:
    """A URL for a message."""
    without, mark, _ = without_user_info(url).partition("?")
    return f"{without}?{MASK}" if mark else without


def check_url(value: str) -> str:
    """An http or https URL with a host, without query and fragment."""
    parts = _split(value, Kind.URL.value)
    if parts.scheme not in ("http", "https"):
        raise expected(Kind.URL.value, shown_url(value), f'did you mean "http://{value}"?' if _bare(value) else "")
    if parts.query or parts.fragment or "?" in value or "#" in value:
        raise expected("a URL without query and fragment", shown_url(value))
    return value


def check_docker_host(value: str) -> str:
    """A Unix socket's address or a host's."""
    if value.startswith("unix:///") and len(value) > len("unix:///"):
        return value
    if value.startswith("/"):
        raise expected(Kind.DOCKER_HOST.value, value, f'did you mean "unix://{value}"?')
    if _split(value, Kind.DOCKER_HOST.value).scheme not in ("tcp", "http", "https"):
        raise expected(Kind.DOCKER_HOST.value, shown_url(value))
    return value


def check_listen(value: str) -> str:
    """`host:port`, `[v6]:port`, `:port` for every interface, or nothing."""
    found = _LISTEN.fullmatch(value)
    if value and (not found or int(found[2]) > 65535):
        cure = f'did you mean "127.0.0.1:{value}"?' if re.fullmatch("[0-9]{1,5}", value) else ""
        raise expected(Kind.LISTEN.value, value, cure)
    return value


def listen_address(value: str) -> tuple[str, int]:
    """Host and port of a checked address to listen on; the host is "" for every interface."""
    host, _, port = value.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def user_info(url: str) -> tuple[str, ...]:
    """User and password of a checked URL, as they stand in it."""
    parts = urlsplit(url)
    return tuple(part for part in (parts.username, parts.password) if part)


def _base(url: str) -> str:
    return url.rstrip("/").removesuffix(PUSH).rstrip("/").removesuffix(API).rstrip("/")


def _bare(value: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[^\s?#@]*)?", value) is not None


def _split(value: str, what: str) -> SplitResult:
    """The parts of an address that has a host and, if any, a port that exists."""
    if not re.fullmatch(r"[!-~]+", value):
        raise expected(what, shown_url(value), "spaces and characters beyond ASCII are written as %XX")
    try:
        parts = urlsplit(value)
        complete = bool(parts.hostname) or parts.scheme not in ("http", "https", "tcp")
        _ = parts.port
    except ValueError:
        raise Wrong(f"expected {what}, got one with a malformed host or port") from None
    if not complete:
        raise expected(what, shown_url(value), "the host is missing")
    return parts
