"""The page's server: its socket, its start, and its end, which waits for nobody.

Rule 1: an address that cannot be had is the failure `listen`, tried again with backoff; logs are shipped meanwhile.
Rule 2: the end takes `GRACE` seconds at most, whoever still reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from shipper.config.masking import read_secret
from shipper.config.model import Config
from shipper.config.urls import listen_address
from shipper.errors import ListenError
from shipper.failures import HINTS
from shipper.serving import BACKLOG, Server, listen
from shipper.supervise import supervise
from shipper.web.access import Access
from shipper.web.app import application
from shipper.web.connections import LONGEST_HEAD, Connection
from shipper.web.reloading import Reload
from shipper.web.tail import Tails
from shipper.web.watch import Watch

if TYPE_CHECKING:
    from shipper.agent import Agent

GRACE: Final = 0.6
"""Seconds for replies under way when it stops; uvicorn looks ten times a second."""
UNREAD: Final = 256 * 1024
"""Bytes that the kernel keeps of a reply that nobody reads; its own bound is megabytes."""
IDLE: Final = 5
"""Seconds that a connection may wait for its next request."""


class Web:
    """Serves the page of an agent; `run` until cancelled. `reload` has the agent read its configuration anew."""

    def __init__(self, agent: Agent, reload: Reload | None = None) -> None:
        self._agent = agent
        self._reload = reload
        self._watch = Watch(agent)
        self._log = structlog.get_logger("shipper")
        self.url = ""
        """Where the page is, once it is there."""

    async def run(self) -> None:
        """Listen, serve and sample, again and again if need be."""
        try:
            async with asyncio.TaskGroup() as parts:
                parts.create_task(supervise(self._serve, self._not_served))
                parts.create_task(supervise(self._watch.run, partial(self._failed, "sampling")))
        finally:
            self._watch.close()

    async def _serve(self) -> None:
        config = self._agent.config
        host, port = listen_address(config.agent.listen)
        place = await asyncio.get_running_loop().run_in_executor(None, _listen, host, port)
        self.url = _url(host, place)
        self._agent.failures.end("listen")
        self._log.info("listening", url=self.url)
        tails = Tails(self._agent)
        server = Server(_settings(application(self._watch, access_of(config, host), tails, self._reload)))
        serving = asyncio.create_task(server.serve(sockets=[place]))
        try:
            await asyncio.shield(serving)
        finally:
            tails.close()
            server.should_exit = True
            await asyncio.wait([serving], timeout=GRACE)
            serving.cancel()
            place.close()

    def _not_served(self, error: Exception) -> None:
        if isinstance(error, ListenError):
            self._agent.failures.begin("listen", error.message)
        else:
            self._failed("serving", error)

    def _failed(self, what: str, error: Exception) -> None:
        self._log.error("page_failed", what=what, exc_info=error)


def access_of(config: Config, host: str) -> Access:
    """The rules that a configuration asks for."""
    web = config.agent.web
    password = partial(read_secret, web.password_file) if web.password_file else None
    return Access(host, hosts=web.hosts, username=web.username, password=password)


def _listen(host: str, port: int) -> socket.socket:
    place = listen(host, port, who="the status page", cure=HINTS["listen"])
    place.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD)
    return place


def _settings(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # what it says of bad requests is theirs, and no line of our log
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=1,
    )


def _url(host: str, place: socket.socket) -> str:
    shown = host or "localhost"
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{place.getsockname()[1]}/"


@contextlib.asynccontextmanager
async def served(agent: Agent, reload: Reload | None = None) -> AsyncIterator[Web]:
    """The page of an agent, as long as the block lasts."""
    web = Web(agent, reload)
    running = asyncio.create_task(web.run())
    try:
        yield web
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
