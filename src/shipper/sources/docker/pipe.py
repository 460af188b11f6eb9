"""What one connection brings, on its way from the event loop to the thread of its source.

Rule 1: bounded: while `ROOM` bytes wait, nothing more is read from the connection, and the rest waits in the kernel.
Rule 2: a connection that could not be read for `STALL` seconds is given up: an engine that cannot write does not notice
        when it rotates the log, and would leave out what it rotated. The log is read in order later.
Rule 3: what was put in comes out in order, and the outcome after it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

ROOM: Final = 64 * 1024
STALL: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the Engine is asked for."""

    container: str
    """Its id."""
    stream: str
    since: int
    """The earliest time, ns; 0: all there is."""
    follow: bool
    tail: int = 0
    """So many messages at most, the last ones; 0: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a connection ended."""

    kind: Literal["ended", "gone", "broken", "stalled"]
    """By itself; there is no such container; by a failure; because nobody took what it brought."""
    failure: str = ""
    """A name of the failure catalogue, for one that is this container's own."""
    detail: str = ""
    seconds: float = 0.0
    """How long it lasted."""


class Stalled(Exception):
    """Nobody took what was brought."""


class Pipe:
    """One connection's way. `put` and `end` belong to the event loop, all else to the source's thread."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.outcome: Outcome | None = None
        self.closed = False
        self._pieces: list[bytes] = []
        self._size = 0
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether there is something to take, or an outcome."""
        return bool(self._pieces) or self.outcome is not None

    @property
    def full(self) -> bool:
        """Whether nothing more goes in."""
        return self._size >= ROOM

    def take(self) -> bytes | None:
        """All that waits, at most `ROOM` bytes and a piece; None if nothing does."""
        with self._lock:
            if not self._pieces:
                return None
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            waits = self._room is not None
        if waits:
            self._tell(self._make_room)
        return data

    def close(self) -> None:
        """Nothing more is wanted."""
        self.closed = True
        self._tell(self._cancel)

    # ── the event loop's side ──

    def begin(self, task: asyncio.Task[None]) -> None:
        """`task` carries the connection."""
        self._loop, self._task = asyncio.get_running_loop(), task
        if self.closed:
            task.cancel()

    async def put(self, data: bytes) -> None:
        """Bring a piece; waits while there is no room, and raises Stalled when that takes too long."""
        if self.full:
            await self._until_room()
        with self._lock:
            self._pieces.append(data)
            self._size += len(data)

    def end(self, outcome: Outcome) -> None:
        """The connection has ended."""
        self.outcome = outcome

    async def _until_room(self) -> None:
        with self._lock:
            self._room = asyncio.Event()
            if not self.full:
                self._room.set()
        try:
            async with asyncio.timeout(STALL):
                await self._room.wait()
        except TimeoutError:
            raise Stalled from None
        finally:
            self._room = None

    def _make_room(self) -> None:
        if self._room is not None:
            self._room.set()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _tell(self, what: Callable[[], None]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(what)
