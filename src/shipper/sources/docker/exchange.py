"""Carries what the Engine sends into pipes: a task for each connection, in the agent's event loop.

Rule 1: a connection that fails ends its own pipe and no other; whether to ask again is for the source to decide.
Rule 2: memory is that of the pipes.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable

from shipper.sources.docker.engine import ContainerGone, Engine, EngineError
from shipper.sources.docker.pipe import Outcome, Pipe, Stalled


class Exchange:
    """Where the source's thread leaves pipes to be filled. `run` fills them until it is cancelled."""

    def __init__(self) -> None:
        self._asked: deque[Pipe] = deque()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()

    def ask(self, pipe: Pipe) -> None:
        """Have a pipe filled; safe to call from any thread."""
        self._asked.append(pipe)
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._wake.set)

    def taken(self) -> list[Pipe]:
        """The pipes asked for since this was called last."""
        return [self._asked.popleft() for _ in range(len(self._asked))]

    async def run(self, engine: Engine, on_arrival: Callable[[bool], None]) -> None:
        """Fill pipes; `on_arrival` is called whenever something has come, with True if it is urgent."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._wake.clear()
                for pipe in self.taken():
                    task = asyncio.create_task(_carry(pipe, engine, on_arrival))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    pipe.begin(task)
                await self._wake.wait()
        finally:
            with self._lock:
                self._loop = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _carry(pipe: Pipe, engine: Engine, on_arrival: Callable[[bool], None]) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    outcome = Outcome(kind="broken", detail="cancelled")
    try:
        async with contextlib.aclosing(engine.logs(pipe.ask)) as pieces:
            async for data in pieces:
                await pipe.put(data)
                on_arrival(pipe.full)
        outcome = Outcome(kind="ended", seconds=loop.time() - begun)
    except ContainerGone:
        outcome = Outcome(kind="gone")
    except EngineError as error:
        own = error.failure if error.failure in ("docker_no_logs", "docker_error") else ""
        outcome = Outcome(kind="broken", failure=own, detail=error.detail)
    except Stalled:
        outcome = Outcome(kind="stalled")
    finally:
        pipe.end(outcome)
        on_arrival(True)
