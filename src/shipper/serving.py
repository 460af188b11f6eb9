"""A server in an event loop that belongs to somebody else: a socket of ours, and uvicorn without its signal handlers.

Rule 1: it takes no signals; whoever starts it stops it.
Rule 2: an address that cannot be had is a ListenError before anything is served, never an exit of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn

from shipper.errors import ListenError

BACKLOG: Final = 2048


class Server(uvicorn.Server):
    """A server that leaves signals to the process it is part of, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def listen(host: str, port: int, *, who: str, cure: str) -> socket.socket:
    """A listening socket; "" is every interface, port 0 a free one. Raises ListenError in the name of `who`."""
    try:
        listening = _create(host, port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ListenError(f"{who} cannot listen on {host}:{port}: {reason}", hint=cure) from error
    # Connections inherit it, and asyncio does not set it for them: 40 ms less for a reply in two pieces.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _create(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True)
    family = socket.AF_INET6 if _is_ipv6(host) else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
