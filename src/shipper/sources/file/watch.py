"""Notifications from the file system: they wake a source, nothing else.

Rule 1: a notification only says "look here"; `fstat` decides, and the sweep finds what notifications missed.
Rule 2: whatever ends watchfiles (a name that is not UTF-8, a vanished directory, the limit of watches), it is started
        again with backoff, and the source is told to sweep.
Rule 3: directories are looked at in the source's own thread: on a hung mount nothing else waits.
Rule 4: only where files may appear in subdirectories is a directory watched recursively.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Protocol

import watchfiles

from shipper.failures import Failures

CHECK = 5_000
"""Milliseconds after which directories that appeared or vanished are noticed without an event."""
LEAST_PAUSE, MOST_PAUSE, HEALTHY = 1.0, 60.0, 60.0

Plan = Mapping[Path, bool]
"""Directories to be watched, and whether recursively."""
Identity = frozenset[tuple[Path, bool, int]]
"""The same with their inodes."""


class Watched(Protocol):
    """What is woken."""

    name: str

    def touch(self, path: str) -> None:
        """Look at `path`; a directory: sweep."""
        ...

    def watch_plan(self) -> Plan:
        """What is to be watched now."""
        ...


class Watch:
    """Wakes one source, until `run` is cancelled."""

    def __init__(self, source: Watched, wake: asyncio.Event, failures: Failures, thread: Executor) -> None:
        self._source = source
        self._thread = thread
        self._wake = wake
        self._failures = failures

    async def run(self) -> None:
        """Watch, and start again whenever that ends."""
        loop = asyncio.get_running_loop()
        pause = LEAST_PAUSE
        while True:
            begun = loop.time()
            plan, identity = await loop.run_in_executor(self._thread, self._plan)
            healthy = loop.call_later(HEALTHY, self._end)
            try:
                await self._watch(plan, identity)
            except Exception as error:  # noqa: BLE001 - whatever it is, files are still found by the sweep
                pause = min(pause * 2, MOST_PAUSE) if loop.time() - begun < HEALTHY else LEAST_PAUSE
                self._failures.begin("watch_failed", _say(error), source=self._source.name)
                await asyncio.sleep(pause)
            finally:
                healthy.cancel()
            for path in plan:
                self._source.touch(str(path))
            self._wake.set()

    def _end(self) -> None:
        self._failures.end("watch_failed", source=self._source.name)

    def _plan(self) -> tuple[Plan, Identity]:
        """What can be watched now."""
        plan = self._source.watch_plan()
        return {path: deep for path, deep in plan.items() if path.is_dir()}, _identity(plan)

    async def _watch(self, plan: Plan, identity: Identity) -> None:
        """Watch until the plan changes."""
        if not plan:
            await asyncio.sleep(CHECK / 1000)
            return
        tasks = [
            asyncio.create_task(self._follow([path for path in plan if plan[path] == deep], deep, identity))
            for deep in set(plan.values())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _follow(self, paths: list[Path], deep: bool, identity: Identity) -> None:
        """Pass on what happens below `paths`, until the plan changes."""
        changes = watchfiles.awatch(
            *paths,
            watch_filter=None,
            debounce=100,
            step=20,
            rust_timeout=CHECK,
            yield_on_timeout=True,
            recursive=deep,
            ignore_permission_denied=True,
        )
        async for batch in changes:
            for _, path in batch:
                self._source.touch(path)
            if batch:
                self._wake.set()
            _, now = await asyncio.get_running_loop().run_in_executor(self._thread, self._plan)
            if now != identity:
                return


def _identity(plan: Plan) -> Identity:
    """What must be the same for a running watch to be the right one: a directory made anew is another one."""
    entries = []
    for path, deep in plan.items():
        try:
            entries.append((path, deep, path.stat().st_ino))
        except OSError:
            continue
    return frozenset(entries)


def _say(error: BaseException) -> str:
    """The innermost reason."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".replace("\n", " ")
