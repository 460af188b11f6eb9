"""The way to one Loki: the client, what was learned of the server, and the queue of pushes to it.

Rule 1: what was learned (streams, limits, holds, pauses) is good for this way alone: another one begins without it.
Rule 2: a way that is left starts nothing more. What is under way ends soon, or is in doubt: it is asked about at the
        next place once nothing can arrive any more, so nothing is lost and nothing stored twice.
Rule 3: a failure of the way ends with it; if it is still there, the next way meets it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import orjson

from shipper.clock import Clock
from shipper.config.model import Loki
from shipper.delivery.asking import Asking
from shipper.delivery.backoff import Backoff
from shipper.delivery.batch import Push, plan
from shipper.delivery.client import Client, Reply
from shipper.delivery.holds import Holds
from shipper.delivery.pace import Pace
from shipper.delivery.piece import Piece
from shipper.delivery.probe import WITHIN, Probe
from shipper.delivery.reactions import Reactions
from shipper.delivery.sender import Sender
from shipper.delivery.settle import Settlement
from shipper.delivery.streams import Streams
from shipper.delivery.verify import Verifier
from shipper.delivery.wire import SECOND
from shipper.failures import Failures
from shipper.ledger import Ledger

LEAVING: Final = 2.0
"""Seconds that requests under way may take when their way is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What is the same whatever the way."""

    settlement: Settlement
    ledger: Ledger
    failures: Failures
    clock: Clock
    label_names: Callable[[], Collection[str]]
    monotonic: Callable[[], float]
    begun: float
    """When this process began to deliver, monotonic seconds."""
    probing: bool
    """Look after the way while nothing is pushed."""


class Route:
    """Pushes to the Loki of a configuration; `run` it as a task, and `leave` or `stop` it in the end."""

    def __init__(self, loki: Loki, client: Client, around: Around) -> None:
        self.loki = loki
        self._client = client
        self._around = around
        self._tenant = loki.tenant or ""
        self._streams = Streams()
        backoff, pace = backoff_of(loki), Pace()
        self._holds = Holds(around.failures, backoff, self._is_new)
        self._reactions = Reactions(
            loki,
            settlement=around.settlement,
            streams=self._streams,
            pace=pace,
            holds=self._holds,
            backoff=backoff,
            failures=around.failures,
            ledger=around.ledger,
            clock=around.clock,
        )
        asking = Asking(
            loki,
            Verifier(client, around.label_names),
            settlement=around.settlement,
            reactions=self._reactions,
            holds=self._holds,
            failures=around.failures,
            begun=around.begun,
        )
        self._sender = Sender(
            client=client,
            asking=asking,
            reactions=self._reactions,
            holds=self._holds,
            pace=pace,
            ledger=around.ledger,
            max_in_flight=loki.max_in_flight,
            batch_bytes=loki.batch_bytes,
            monotonic=around.monotonic,
        )
        self.server_version: str | None = None
        """Of Loki, as it says."""
        self._probe = Probe(
            client,
            self._tenant,
            ledger=around.ledger,
            failures=around.failures,
            struggling=lambda: self._sender.struggling,
            answered=self._sender.answered,
            returned=self._returned,
        )

    @property
    def reached(self) -> bool:
        """Whether a push has got through, or would have."""
        return self._probe.reached

    @property
    def seen_instead(self) -> str:
        """What answered before Loki was reached; "": nothing did."""
        return self._probe.seen

    @property
    def supports_metadata(self) -> bool:
        """Whether the server takes structured metadata, as far as is known."""
        return self._reactions.supports_metadata

    @property
    def in_trouble(self) -> bool:
        """Whether something waits because it was tried in vain."""
        return bool(self._holds) or self._sender.in_trouble

    @property
    def outdated(self) -> bool:
        """Whether a file with credentials or certificates has changed since they were read."""
        return self._client.outdated

    def pieces(self) -> Iterator[Piece]:
        """Every piece that is not settled."""
        return self._sender.pieces()

    def submit(self, pieces: Sequence[Piece]) -> None:
        """Queue the pieces of a batch."""
        self._sender.submit(self._planned(pieces))

    def take_over(self, left: Sequence[Push], earlier: Loki) -> None:
        """Queue what waited on the way of an `earlier` configuration, in its order, as if it had never been tried."""
        same_server = (earlier.url, earlier.tenant) == (self.loki.url, self.loki.tenant)
        for arrived_by, group in groupby(left, lambda push: push.arrived_by if push.doubtful else None):
            pieces = [piece for push in group for piece in push.pieces]
            for piece in pieces:
                piece.presumed = piece.presumed and same_server
            pushes = self._planned(pieces)
            for push in pushes:
                push.arrived_by = arrived_by or 0.0
                push.put_off(push.arrived_by, floor=push.arrived_by)
            self._sender.submit(pushes)

    def quiet(self) -> None:
        """Nothing waits any more."""
        self._reactions.quiet(shut=self._probe.shut)

    async def run(self) -> None:
        """Send until cancelled; requests under way are left to `leave` or `stop`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_at_server())
            tasks.create_task(self._sender.run())
            if self._around.probing:
                tasks.create_task(self._probe.run())

    async def leave(self) -> list[Push]:
        """Start nothing more, let what is under way end; what is left, in order, belongs to the caller."""
        left = await self._sender.leave(LEAVING)
        for push in left:
            self._reactions.gone(push)
        self._reactions.quiet(shut=False)
        self._holds.end_all()
        self._probe.end()
        return left

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 - what is late is cancelled, not the caller
        """Start nothing more, let requests under way end within `timeout` seconds, cancel the rest."""
        await self._sender.stop(timeout)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def _is_new(self, push: Push) -> bool:
        return any(self._streams.is_new((push.tenant, labels)) for labels in push.streams)

    def _planned(self, pieces: Sequence[Piece]) -> list[Push]:
        return plan(pieces, self._streams, now=self._around.monotonic(), limit=self._reactions.limit)

    async def _look_at_server(self) -> None:
        """Learn from the server's version whether it takes structured metadata; one that does not say is tried."""
        reply = await self._client.get("status/buildinfo", self._tenant, {})
        if isinstance(reply, Reply) and reply.status == 200:
            try:
                release = str(orjson.loads(reply.body)["version"])
            except (ValueError, KeyError, TypeError):
                return
            self.server_version = release.removeprefix("v")
            if self.server_version.split(".")[0] in ("0", "1", "2"):
                self._reactions.supports_metadata = False

    async def _returned(self) -> None:
        """The server is back, and may be another one."""
        self._sender.hurry()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                await self._look_at_server()


def backoff_of(loki: Loki) -> Backoff:
    """The pauses that a configuration asks for."""
    return Backoff(loki.backoff.min / SECOND, max(loki.backoff.max, loki.backoff.min) / SECOND)
