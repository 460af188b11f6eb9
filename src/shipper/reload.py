"""From one configuration to the next while the agent runs.

Rule 1: a configuration is taken as a whole or refused as a whole: nothing is touched before it is loaded, found without
        a mistake, and the way to its Loki is made.
Rule 2: one reload at a time, in turn; each reads the file, the environment and the files with secrets anew.
Rule 3: no line and no position is lost: what was handed over is delivered as it was read, to the new place; what was
        not is read again under the new configuration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import structlog

from shipper.config.changes import Changes, changes
from shipper.config.model import Config, DockerSource, Tls
from shipper.daemon import Daemon
from shipper.delivery.client import Client
from shipper.errors import ConfigError, ShipperError, UsageError
from shipper.fleet import Fleet
from shipper.runner import Shared
from shipper.trust import trust_of


@dataclass(frozen=True, slots=True)
class Loader:
    """Where a configuration comes from."""

    load: Callable[[Config], Config]
    """The configuration as it is now, for an agent that runs under another; raises ConfigError."""
    accepted: Callable[[Config], None] = field(default=lambda _: None)
    """Told of a configuration before anything is done or logged under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What became of a reload."""

    changes: Changes = field(default_factory=Changes)
    """What is different now; nothing if it was refused."""
    refused: ShipperError | None = None
    """Why; a ConfigError has every mistake."""


class Reloader:
    """Changes a running agent to what its configuration says now."""

    def __init__(self, config: Config, loader: Loader | None, fleet: Fleet, shared: Shared, *, once: bool) -> None:
        self.config = config
        """The one in force."""
        self._loader = loader
        self._fleet = fleet
        self._shared = shared
        self._once = once
        self._closing = False
        self._turn = asyncio.Lock()
        self._under_way: set[asyncio.Task[Reloaded]] = set()
        self._log = structlog.get_logger("shipper")

    async def reload(self) -> Reloaded:
        """Reload in turn; goes on to its end even if nobody waits for it any more."""
        if self._loader is None or self._once or self._closing:
            return self._ignore()
        task = asyncio.create_task(self._reload(self._loader), name="reload")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.wait([task])
        return self._ignore() if task.cancelled() else task.result()

    async def close(self) -> None:
        """The agent ends: break off what is under way, take no more."""
        self._closing = True
        tasks = tuple(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ignore(self) -> Reloaded:
        why = "a run with --once keeps its configuration" if self._once else "the agent is ending"
        self._log.warning("reload_ignored", why=why)
        return Reloaded(refused=UsageError(f"not reloaded: {why}", hint="the next start reads the configuration anew"))

    async def _reload(self, loader: Loader) -> Reloaded:
        async with self._turn:
            try:
                config = await _in_thread(partial(_load, loader, self.config))
                redirect = self._shared.delivery.would_redirect(config.loki)
                client = Client(config.loki) if redirect else None
            except ShipperError as error:
                return self._refuse(error)
            loader.accepted(config)
            different, self.config = changes(self.config, config), config
            await self._change(config, different, client)
        self._shared.failures.end("reload_refused")
        named = {name: list(value) for name in Changes.__slots__ if (value := getattr(different, name))}
        self._log.info("reloaded", **named)
        return Reloaded(changes=different)

    def _refuse(self, error: ShipperError) -> Reloaded:
        problems = error.problems if isinstance(error, ConfigError) else ()
        self._shared.failures.renew("reload_refused", "; ".join((error.message, *problems)))
        return Reloaded(refused=error)

    async def _change(self, config: Config, different: Changes, client: Client | None) -> None:
        letters = config.agent.dead_letters
        self._shared.journal.limit_letters(letters.max_bytes, letters.when_full)
        self._shared.held.cap = config.agent.held_deleted_bytes
        if client is not None:
            await self._shared.delivery.redirect(config.loki, client)
        await self._fleet.switch(config, different)


def _load(loader: Loader, running: Config) -> Config:
    """The configuration as it is now, with certificates that can be used: a source has its own made when it is open."""
    config = loader.load(running)
    for source in config.sources:
        if isinstance(source, DockerSource) and source.tls != Tls():
            trust_of(source.tls, f"tls of source {source.name}")
    return config


async def _in_thread(work: Callable[[], Config]) -> Config:
    """Done in a thread of its own: the file's directory may be one that does not answer."""
    thread = Daemon("reload")
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, work)
    finally:
        thread.shutdown()
