"""What one connection may take, and how long.

Rule 1: at most `MOST` connections; one more is cut.
Rule 2: a head is there `HEAD` seconds after the connection, or after the reply before it, or the connection is closed,
        however it drips. One that grows beyond `LONGEST_HEAD` before it is complete is refused.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST: Final = 64
HEAD: Final = 10.0
LONGEST_HEAD: Final = 16 * 1024
"""Bytes."""


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 with a bound on how many, and a clock while a head is awaited."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Take it, or cut it."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Some of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """A reply was sent."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Let the clock run while no request is being answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEAD, self.transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
