"""The agent as a process: signals, the allocator, and threads for what may hang.

Rule 1: the first SIGINT or SIGTERM asks for an orderly end; the second one ends at once, with the status of a process
        that it has killed.
Rule 2: SIGHUP asks for a reload, also while one is under way: another one follows it, one for however many signals.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

import structlog

from shipper.agent import Agent
from shipper.books import ASSERT
from shipper.config.model import Config
from shipper.daemon import Daemon
from shipper.memory import keep_large_blocks, keep_what_start_made
from shipper.outcome import Outcome
from shipper.reload import Loader


async def _run(
    config: Config, *, once: bool, on_progress: Callable[[Agent], None] | None, loader: Loader | None = None
) -> Outcome:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, asked.set)  # first: nobody reads the configuration again before
    strict = os.environ.get(ASSERT) == "1"
    async with Agent(config, once=once, on_progress=on_progress, assert_books=strict, loader=loader) as agent:
        loop.set_default_executor(Daemon("lookup"))  # for names, which a resolver may leave without an answer
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _signalled, agent, number)
        log = structlog.get_logger("shipper")
        log.info("started", sources=len(config.sources), loki=config.loki.url, data_dir=config.agent.data_dir)
        keep_what_start_made()
        reloading = asyncio.create_task(_reload_when(asked, agent))
        try:
            async with _page(agent, once=once):
                outcome = await agent.run()
        finally:
            reloading.cancel()
    log.info("stopped", exit_code=outcome.code)
    return outcome


async def _reload_when(asked: asyncio.Event, agent: Agent) -> None:
    """Reload each time it is asked for, until cancelled."""
    while True:
        await asked.wait()
        asked.clear()
        try:
            await agent.reload()
        except Exception as error:  # noqa: BLE001 - the next one may do better, whatever this was
            structlog.get_logger("shipper").error("reload_failed", exc_info=error)


def _page(agent: Agent, *, once: bool) -> AbstractAsyncContextManager[object]:
    """The status page and its neighbours; a run that ends by itself has none, and leaves the address to the agent
    that may run beside it."""
    if once or not agent.config.agent.listen:
        return nullcontext()
    from shipper.web.server import served

    return served(agent, agent.reload)


def _signalled(agent: Agent, number: int) -> None:
    """The first signal asks for an orderly end, the second one ends at once, as if nobody had caught it."""
    if not agent.stopping:
        agent.stop()
        return
    asyncio.get_running_loop().remove_signal_handler(number)
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def run(
    config: Config,
    *,
    once: bool = False,
    on_progress: Callable[[Agent], None] | None = None,
    loader: Loader | None = None,
) -> Outcome:
    """Run the agent in this thread until a signal stops it, or with `once` until everything is settled.

    `loader`: where SIGHUP finds the configuration anew; without one it is ignored.
    """
    keep_large_blocks()
    return asyncio.run(_run(config, once=once, on_progress=on_progress, loader=loader))
