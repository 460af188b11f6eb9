"""The queue of pushes: which may go now, how many at once, and what replaces them when they return.

Rule 1: at most `max_in_flight` requests at once; a push that waits, for whatever reason, takes no slot.
Rule 2: a push waits while an earlier unsettled one that shares a stream with it is more than 30 minutes older; else
        pushes of one stream may overlap. Nothing else orders pushes, so one stuck stream or tenant blocks no other.
Rule 3: pushes that were tried in vain take half of the slots at most, and leave room for those that may pass.
Rule 4: never gives up. What leaves the queue is settled.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import structlog

from shipper.delivery.asking import Asking, Next
from shipper.delivery.batch import Push
from shipper.delivery.client import Client, NoReply, Reply
from shipper.delivery.earlier import Earlier
from shipper.delivery.holds import Hold, Holds
from shipper.delivery.joining import joined
from shipper.delivery.pace import Pace
from shipper.delivery.packed import Packer
from shipper.delivery.piece import Piece
from shipper.delivery.reactions import Reactions, costs_of
from shipper.delivery.replies import SHOWN
from shipper.ledger import Ledger, Sent

ACCEPTED: Final = "204"
SPREAD: Final = 1.0
CANCELLING: Final = 0.2
"""Seconds that requests may take to end once they are cancelled."""


@dataclass(slots=True)
class _Probe:
    """The push that is to find out whether a hold is over: one that may go now, the least tried, the oldest."""

    hold: Hold
    push: Push | None = None

    def consider(self, push: Push, now: float) -> None:
        """Take `push` if it is a better one."""
        if self.push is None or self._rank(push, now) < self._rank(self.push, now):
            self.push = push

    def _rank(self, push: Push, now: float) -> tuple[float, int]:
        return max(push.ready_at - now, 0.0), push.probes


class Sender:
    """Sends pushes until each is settled. `step` starts what may go; `run` is the loop around it."""

    def __init__(
        self,
        *,
        client: Client,
        asking: Asking,
        reactions: Reactions,
        holds: Holds,
        pace: Pace,
        ledger: Ledger,
        max_in_flight: int,
        batch_bytes: int,
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._packer = Packer()
        self._asking = asking
        self._reactions = reactions
        self._holds = holds
        self._pace = pace
        self._ledger = ledger
        self._slots = max_in_flight
        self._batch_bytes = batch_bytes
        self._monotonic = monotonic
        self._queue: list[Push] = []
        self._tasks: dict[asyncio.Task[None], Push] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._log = structlog.get_logger("shipper")

    def __len__(self) -> int:
        """Pushes that are not settled."""
        return len(self._queue)

    @property
    def in_trouble(self) -> bool:
        """Whether a push waits that was tried in vain."""
        return any(push.attempts or push.limited for push in self._queue)

    def submit(self, pushes: Iterable[Push]) -> None:
        """Queue pushes, after all that are there, or in those of their streams that wait alone.

        Not where a rate is limited: a larger push may be above what goes at once.
        """
        limit = 0 if self._pace.limiting else min(self._batch_bytes, self._reactions.limit)
        self._queue += joined(self._queue, pushes, limit)
        self._wake.set()

    def pieces(self) -> Iterator[Piece]:
        """Every piece that is not settled."""
        for push in self._queue:
            yield from push.pieces

    @property
    def struggling(self) -> bool:
        """Whether pushes were tried in vain."""
        return self._holds.stopped or any(push.attempts for push in self._queue)

    def answered(self) -> None:
        """Somebody is there: what waits because nobody was may go."""
        self._holds.answered(sound=False)
        self._wake.set()

    def hurry(self) -> None:
        """The server is back: what waits for it goes soon, spread over `SPREAD` seconds."""
        now = self._monotonic()
        self._holds.hurry(now)
        for push in self._queue:
            if push.attempts:
                push.hurry(now + random.uniform(0.0, SPREAD))  # noqa: S311 - no secret hangs on it
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled; requests under way go on then, see `stop`."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            delay = self.step()
            timer = loop.call_later(delay, self._wake.set) if delay < math.inf else None
            try:
                await self._wake.wait()
            finally:
                if timer is not None:
                    timer.cancel()

    def step(self) -> float:
        """Start every push that may go; return the seconds until another may, infinite if only an event can tell."""
        now, soonest = self._monotonic(), math.inf
        earlier = Earlier()
        probes: dict[int, _Probe] = {}
        for push in self._queue:
            if len(self._tasks) >= self._slots or self._stopping:
                return math.inf
            if earlier.hold_up(push) or push.in_flight or self._has_had_its_turn(push):
                continue
            hold = self._holds.over(push)
            if hold is not None:
                probes.setdefault(id(hold), _Probe(hold)).consider(push, now)
                continue
            ready_at = max(push.ready_at, now + self._wait_for_pace(push, now))
            if ready_at > now:
                soonest = min(soonest, ready_at)
            else:
                self._start(push, now)
        return max(min([soonest, *(self._probe(probe, now) for probe in probes.values())]) - now, 0.0)

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 - what is late is cancelled, not the caller
        """Start nothing more, let requests under way end within `timeout` seconds, cancel the rest."""
        self._stopping = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=max(timeout, 0.0))
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=CANCELLING)

    async def leave(self, grace: float) -> list[Push]:
        """Start nothing more, cancel what is still under way after `grace` seconds; what is left is the caller's."""
        self._stopping = True
        timeout: float | None = grace
        while self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout)
            for task in late:
                task.cancel()
            timeout = None
        left, self._queue = self._queue, []
        return left

    def _has_had_its_turn(self, push: Push) -> bool:
        """Whether the slots for what was tried before are taken."""
        if not push.attempts:
            return False
        return sum([other.attempts > 0 for other in self._tasks.values()]) >= max(1, self._slots // 2)

    def _wait_for_pace(self, push: Push, now: float) -> float:
        return self._pace.wait([(push.tenant, ""), *push.ranges], now) if self._pace.limiting else 0.0

    def _probe(self, probe: _Probe, now: float) -> float:
        """Send the probe of a hold if it is time; return when it is, infinite if one is under way."""
        hold, push = probe.hold, probe.push
        if push is None or hold.probe is not None or len(self._tasks) >= self._slots:
            return math.inf
        ready_at = max(hold.probe_at, push.ready_at)
        if ready_at > now:
            return ready_at
        hold.probe = push
        push.probes += 1
        self._start(push, now)
        return math.inf

    def _start(self, push: Push, now: float) -> None:
        push.in_flight = True
        if self._pace.limiting:
            self._pace.take(costs_of(push), now)
        task = asyncio.get_running_loop().create_task(self._attempt(push))
        self._tasks[task] = push
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        push = self._tasks.pop(task)
        push.in_flight = False
        now = self._monotonic()
        self._holds.returned(push, now)
        if task.cancelled():
            self._reactions.broken_off(push, now)
        elif (error := task.exception()) is not None:
            self._log.error("push_attempt_failed", exc_info=error)
            for piece in push.pieces:
                piece.doubt = True
            self._reactions.put_off(push, now)
        self._wake.set()

    async def _attempt(self, push: Push) -> None:
        """One attempt; the queue has what is left when it ends."""
        step = await self._asking.resolve(push, self._monotonic()) if push.doubtful else Next.SEND
        if step is Next.DONE:
            self._reactions.finished(push, self._monotonic())
            self._replace(push, [])
        elif step is Next.SEND:
            self._replace(push, await self._send(push))

    async def _send(self, push: Push) -> list[Push]:
        body = push.encode(self._packer)
        push.sent_at = self._monotonic()
        outcome = await self._client.push(push.tenant, body)
        now = self._monotonic()
        self._ledger.sent(_sent(push, outcome, size=len(body), seconds=now - push.sent_at))
        return self._reactions.react(push, outcome, now)

    def _replace(self, push: Push, pushes: list[Push]) -> None:
        """Pushes that replace another stand where it stood: they are as old."""
        if not pushes:
            self._reactions.gone(push)
        if pushes != [push]:
            place = self._queue.index(push)
            self._queue[place : place + 1] = pushes


def _sent(push: Push, outcome: Reply | NoReply, *, size: int, seconds: float) -> Sent:
    """What the ledger keeps of an attempt."""
    if isinstance(outcome, NoReply):
        status, detail = outcome.status, outcome.detail
    else:
        status = str(outcome.status)
        detail = "" if status == ACCEPTED else outcome.body[:SHOWN].decode("utf-8", "replace")
    return Sent(
        at=time.time_ns(),
        status=status,
        seconds=seconds,
        size=size,
        entries=push.entries,
        streams=len(push.streams),
        detail=detail,
    )
