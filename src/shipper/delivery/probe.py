"""Whether pushes would get through, asked while none does: a GET of the push URL.

Loki answers it 405: the whole way is open, with its gateways, their credentials and certificates, and nothing is
stored. `/ready` would not do: gateways do not pass it on, and an ingester that says 503 there for its first 15 seconds
takes pushes all the same.

Rule 1: nothing is asked while pushes get through: a success since the last look is answer enough.
Rule 2: an answer that only a GET may get (403, 404, a page) tells nothing but that something answers.
Rule 3: pushes that wait are woken when the way is open again after it was shut, and those that found nobody there when
        somebody is. As long as the way was open all the time their own backoff decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Final

from shipper.delivery.client import Client, NoReply, Reply
from shipper.delivery.replies import classify
from shipper.failures import Failures
from shipper.ledger import Ledger

EVERY: Final = 2.0
"""Seconds between two looks."""
WITHIN: Final = 2.5
"""Seconds in which an answer comes: what is named within five must be known by then."""
_OPEN: Final = frozenset({204, 400, 405, 411, 415, 422, 429, 501})
"""What a server says that reads pushes here, or would, of a request that is none."""
_OF_TENANT: Final = "loki_unauthorized"
"""Named for the tenant, as pushes name it."""


class Way(Enum):
    """The way to Loki."""

    OPEN = auto()
    SHUT = auto()
    UNKNOWN = auto()


class Probe:
    """Looks after the way to Loki; `struggling` says whether pushes were tried in vain, `answered` is called when
    something answers, `returned` awaited when the way is open again."""

    def __init__(
        self,
        client: Client,
        tenant: str,
        *,
        ledger: Ledger,
        failures: Failures,
        struggling: Callable[[], bool],
        answered: Callable[[], None],
        returned: Callable[[], Awaitable[None]],
    ) -> None:
        self.reached = False
        """Whether a push got through, or would have."""
        self.seen = ""
        """What was seen instead."""
        self._client = client
        self._tenant = tenant
        self._ledger = ledger
        self._failures = failures
        self._struggling = struggling
        self._answered = answered
        self._returned = returned
        self._success = ledger.last_success  # on another way, it may be
        self.shut = False
        """Whether the way was shut at the last look."""
        self._named: tuple[str, str] | None = None
        """The failure that this has begun: name and what."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.step()
            await asyncio.sleep(EVERY)

    async def step(self) -> None:
        """One look."""
        if self._success != self._ledger.last_success:
            self._success = self._ledger.last_success
            self.reached, self.shut = True, False
            self.end()
            return
        outcome = await self._ask()
        if isinstance(outcome, Reply):
            self._answered()
        way, failure, detail = judge(outcome)
        if way is Way.SHUT:
            self._begin(failure, detail)
            return
        self.reached = self.reached or way is Way.OPEN
        self.seen = detail
        if not self._struggling():
            self.end()
        if self.shut:
            self.shut = False
            await self._returned()

    async def _ask(self) -> Reply | NoReply:
        try:
            async with asyncio.timeout(WITHIN):
                return await self._client.look(self._tenant)
        except TimeoutError:
            return NoReply(failure="loki_timeout", detail=f"no answer within {WITHIN:g} s", sent=False)

    def _begin(self, failure: str, detail: str) -> None:
        what = self._tenant if failure == _OF_TENANT else ""
        if self._named != (failure, what):
            self.end()
        self.shut, self._named = True, (failure, what)
        self._failures.begin(failure, detail, what=what)

    def end(self) -> None:
        """Nothing of what it has named lasts."""
        if self._named is not None:
            name, what = self._named
            self._named = None
            self._failures.end(name, what=what)


def judge(outcome: Reply | NoReply) -> tuple[Way, str, str]:
    """What an answer says of the way, the failure it is, and what was seen."""
    if isinstance(outcome, NoReply):
        return Way.SHUT, outcome.failure, outcome.detail
    status = outcome.status
    if status in _OPEN:
        return Way.OPEN, "", ""
    verdict = classify(status, outcome.headers, outcome.body)
    if status in (401, 407, 408) or 300 <= status < 400 or status >= 500:
        return Way.SHUT, verdict.failure or "loki_server_error", verdict.detail
    return Way.UNKNOWN, "", f"a GET of the push URL was answered {verdict.detail}: the first push will show"
