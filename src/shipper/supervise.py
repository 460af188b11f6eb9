"""Starting again what failed.

Rule 1: whatever ends the work but a cancellation, it is started again, after a pause that grows with the failures in a
        row.
Rule 2: failures are in a row only if the work did not hold for `HEALTHY` seconds between them: one that failed an hour
        ago starts as quickly as one that never did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shipper.delivery.backoff import Backoff

HEALTHY: Final = 60.0
"""Seconds without a failure after which earlier ones are forgotten."""
RESTARTS: Final = Backoff(0.5, 30.0)


async def supervise(
    work: Callable[[], Awaitable[None]],
    failed: Callable[[Exception], None],
    *,
    backoff: Backoff = RESTARTS,
    monotonic: Callable[[], float] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Do `work` for ever; `failed` is told of each exception that ends it."""
    monotonic = monotonic or asyncio.get_running_loop().time
    failures = 0
    while True:
        begun = monotonic()
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the other parts must go on, whatever this was
            failed(error)
        failures = 1 if monotonic() - begun >= HEALTHY else failures + 1
        await sleep(backoff.pause(failures))
