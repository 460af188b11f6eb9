"""The embedded receiver without a socket, harsher than Loki: it forgets at once what it could tell duplicates by.

Rule 1: every push seals the blocks it wrote to, so an entry that is sent twice is stored twice (but the very last one
        of a stream, whose repetition is counted as ignored).
Rule 2: a request takes time on its way and on its way back; a killed agent's request ends where it is.
Rule 3: a fault strikes the next request, whatever it is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx
import orjson
import snappy
from tests.model.clockwork import Time
from tests.model.witness import Entry, Witness, entry

from shipper.delivery.wire import SECOND
from shipper.devloki.app import application
from shipper.devloki.block import Entry as StoredEntry
from shipper.devloki.faults import Fault, Faults
from shipper.devloki.instance import Instance, Settings
from shipper.devloki.limits import TenantLimits
from shipper.devloki.push_proto import PushRequest
from shipper.devloki.release import Version
from shipper.devloki.store import Stream

LATENCY = 0.01
TENANT = "fake"
"""Where a stand-in without tenants puts everything."""
REFUSED = "refused"
"""Nobody listens; every other fault is the stand-in's own."""


class Server(httpx.AsyncBaseTransport):
    """A stand-in and the way to it."""

    def __init__(self, time: Time, witness: Witness, *, version: Version, limits: TenantLimits, readable: bool) -> None:
        self._witness = witness
        self.readable = readable
        self.instance = Instance(
            Settings(
                version=version,
                tenants={TENANT: limits},
                clock=time.wall,
                sharding=False,
                hide_old_unflushed=False,
            )
        )
        self.faults = Faults()
        self._refusals = 0
        self._transport = httpx.ASGITransport(application(self.instance, self.faults))
        self.stored: Counter[Entry] = Counter()
        self.last: tuple[str, int | str] = ("", 204)
        """What was asked last, and the answer's status or what came instead."""
        self.succeeded_at = 0.0
        self._time = time
        self.instance.followers.join(TENANT, self)  # type: ignore[arg-type]

    @property
    def ignored(self) -> int:
        """Repetitions that were recognised as such and not stored again."""
        return self.instance.books.ignored

    def reborn(self) -> None:
        """The agent starts (again), or goes another way: it has asked nothing yet."""
        self.last, self.succeeded_at = ("", 204), self._time.seconds()

    def strike(self, fault: Fault | str) -> None:
        """Let a fault happen to the next request that it fits."""
        if isinstance(fault, Fault):
            self.faults.add(fault)
        else:
            self._refusals += 1

    def heal(self) -> None:
        """No more faults."""
        self.faults.clear()
        self._refusals = 0

    def offer(self, stored: Sequence[tuple[Stream, Sequence[StoredEntry]]]) -> None:
        """Something was stored: what a follower of everything is told."""
        for stream, entries in stored:
            self.stored.update(entry(stream.text, one.time, one.line) for one in entries)
            stream.flush()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange."""
        endpoint = request.url.path.rpartition("/")[2]
        try:
            response = await self._answer(request, endpoint)
        except BaseException as error:
            self._note(endpoint, type(error).__name__)
            raise
        self._note(endpoint, response.status_code)
        return response

    async def _answer(self, request: httpx.Request, endpoint: str) -> httpx.Response:
        if self._refusals:
            self._refusals -= 1
            raise httpx.ConnectError("All connection attempts failed")
        await asyncio.sleep(LATENCY)
        if endpoint == "push":
            self._witness.saw_sent(_entries(request.content))
        elif endpoint == "query_range" and not self.readable:
            return httpx.Response(403, text="no")
        response = await self._transport.handle_async_request(request)
        await asyncio.sleep(LATENCY)
        return response

    def _note(self, endpoint: str, outcome: int | str) -> None:
        if endpoint == "buildinfo":
            return
        self.last = (endpoint, outcome)
        if outcome in (200, 204):
            self.succeeded_at = self._time.seconds()

    async def counted(self) -> int:
        """What `count_over_time` says is there."""
        window = {"query": 'sum(count_over_time({job=~".+"}[30d]))', "time": str(self._time.wall() + 3600 * SECOND)}
        url = httpx.URL("http://loki/loki/api/v1/query").copy_merge_params(window)
        response = await self._transport.handle_async_request(httpx.Request("GET", url))
        answer: Any = orjson.loads(await response.aread())
        return sum(int(item["value"][1]) for item in answer["data"]["result"])


def _entries(body: bytes) -> list[Entry]:
    """What a push holds."""
    message = PushRequest.FromString(snappy.decompress(body))
    return [
        entry(stream.labels.decode(), one.timestamp.seconds * SECOND + one.timestamp.nanos, one.line)
        for stream in message.streams
        for one in stream.entries
    ]
