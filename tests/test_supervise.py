"""Starting again what failed, after pauses that fit how it failed."""

import asyncio

from shipper.delivery.backoff import Backoff
from shipper.supervise import HEALTHY, supervise


def pauses_after(runs: list[float]) -> tuple[list[float], list[str]]:
    """The pauses after runs that fail when they have lasted so many seconds, and what was told of the failures."""
    now, pauses, told = 0.0, list[float](), list[str]()

    async def work() -> None:
        nonlocal now
        if not runs:
            raise asyncio.CancelledError
        now += runs.pop(0)
        raise ValueError("broken")

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def run() -> None:
        task = supervise(
            work,
            lambda error: told.append(str(error)),
            backoff=Backoff(0.5, 30.0, uniform=lambda _, bound: bound),
            monotonic=lambda: now,
            sleep=sleep,
        )
        try:
            await task
        except asyncio.CancelledError:
            return

    asyncio.run(run())
    return pauses, told


def test_pauses_grow_with_failures_in_a_row_up_to_a_bound() -> None:
    pauses, told = pauses_after([0.0] * 9)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert told == ["broken"] * 9


def test_one_that_held_for_long_starts_again_as_quickly_as_one_that_never_failed() -> None:
    assert pauses_after([0.0, 0.0, HEALTHY, 1.0, HEALTHY - 1, 3600.0])[0] == [0.5, 1.0, 0.5, 1.0, 2.0, 0.5]
