"""A real agent with its page, in the test's own loop, before the embedded receiver or nobody."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from shipper.agent import Agent
from shipper.config.loading import load
from shipper.config.model import Config
from shipper.web.reloading import Reload
from shipper.web.server import Web, served

NOBODY = "http://127.0.0.1:9"
SOURCE = """
[[source]]
name = "app"
type = "file"
paths = ["{root}/logs/*.log"]
path_labels = 'logs/(?P<part>[a-z]+)'
labels = {{ job = "app" }}
pipeline = "text"
"""


class Page:
    """The agent, its page, and a client of it."""

    def __init__(self, agent: Agent, web: Web, client: httpx.AsyncClient) -> None:
        self.agent = agent
        self.web = web
        self.client = client

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        url = httpx.URL(self.web.url)
        return url.host, url.port or 0

    async def get(self, path: str, **parameters: object) -> Any:
        """A document."""
        reply = await self.client.get(path, params={name: str(value) for name, value in parameters.items()})
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def until(self, path: str, *, status: int, seconds: float = 20.0) -> httpx.Response:
        """The first reply with this status."""
        async with asyncio.timeout(seconds):
            while (reply := await self.client.get(path)).status_code != status:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return reply


def configured(
    root: Path,
    *,
    url: str = NOBODY,
    loki: str = "",
    agent: str = "",
    sources: str = SOURCE,
    listen: str = "127.0.0.1:0",
) -> Config:
    """A configuration that ships `root/logs` to `url`."""
    (root / "logs").mkdir(exist_ok=True)
    path = root / "shipper.toml"
    path.write_text(
        f"""
[loki]
url = "{url}"
batch_wait = "20ms"
{loki}
[agent]
data_dir = "{root}/state"
listen = "{listen}"
{agent}
{sources.format(root=root)}
"""
    )
    return load(path, os.environ)


@asynccontextmanager
async def page(root: Path, reload: Reload | None = None, **settings: str) -> AsyncIterator[Page]:
    """A running agent with its page."""
    async with Agent(configured(root, **settings), assert_books=True) as agent:
        running = asyncio.create_task(agent.run())
        async with served(agent, reload) as web:
            await listening(web)
            async with httpx.AsyncClient(base_url=web.url, trust_env=False, timeout=20) as client:
                yield Page(agent, web, client)
            agent.stop()
            await running


async def listening(web: Web) -> None:
    """Until the page is there."""
    async with asyncio.timeout(20):
        while not web.url:  # noqa: ASYNC110 - what listens is polled by whoever waits for it
            await asyncio.sleep(0.01)
