"""The stand-in as a server: uvicorn on a socket of ours, in this event loop or in a thread of its own.

Rule 1: it takes no signals; whoever starts it stops it.
Rule 2: when `url` can be read the socket listens; when the context is left no connection is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Unpack

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from shipper.devloki.app import application
from shipper.devloki.books import Books
from shipper.devloki.faults import Fault, FaultMatch, Faults
from shipper.devloki.instance import Instance, Options, Settings
from shipper.serving import BACKLOG, Server, listen

_GRACE: Final = 2  # seconds for replies under way when it stops
_CURE: Final = "Stop what listens there, or give another address with --listen; port 0 takes a free one"


class _Protocol(H11Protocol):
    """Tells each request its transport, so that a fault can cut the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Receiver:
    """A stand-in that listens: an async context manager; port 0 takes a free port."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, faults: Faults | None = None, **options: Unpack[Options]
    ) -> None:
        self._host = host
        self._port = port
        self._faults = faults or Faults()
        self.instance = Instance(Settings(**options))
        self._server: Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def books(self) -> Books:
        return self.instance.books

    def fault(self, *, match: dict[str, str] | None = None, **what: Any) -> None:
        """Add a fault; `what` are the fields of `Fault`."""
        self._faults.add(Fault(match=FaultMatch(**(match or {})), **what))

    def clear_faults(self) -> None:
        self._faults.clear()

    async def __aenter__(self) -> Receiver:
        listening = listen(self._host, self._port, who="devloki", cure=_CURE)
        self._port = listening.getsockname()[1]
        config = uvicorn.Config(
            application(self.instance, self._faults),
            http=_Protocol,
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=_GRACE,
        )
        self._server = Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        await self._server.listening.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._serving is not None
        self.instance.close()
        self._server.should_exit = True
        await self._serving


@contextlib.contextmanager
def serve(
    host: str = "127.0.0.1", port: int = 0, *, faults: Faults | None = None, **options: Unpack[Options]
) -> Iterator[Receiver]:
    """A stand-in in a thread of its own: `with serve(version="2.9") as receiver: receiver.url`."""
    receiver = Receiver(host, port, faults=faults, **options)
    thread = _ReceiverThread(receiver)
    thread.start()
    try:
        thread.wait_until_listening()
        yield receiver
    finally:
        thread.stop()


class _ReceiverThread(threading.Thread):
    """Runs a receiver's event loop until told to stop."""

    def __init__(self, receiver: Receiver) -> None:
        super().__init__(name="devloki", daemon=True)
        self._receiver = receiver
        self._settled = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits
            self._failure = error
        finally:
            self._settled.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._receiver:
            self._settled.set()
            await self._stopping.wait()

    def wait_until_listening(self) -> None:
        self._settled.wait()
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stopping.set)
        self.join()
