"""Which containers there are: kept up by the Engine's events, and by a sweep for what these missed.

Rule 1: events are listened to before the first sweep, so nothing falls between.
Rule 2: `sightings` is replaced, never changed, so any thread may read it; None until the first sweep has ended.
Rule 3: a container is looked at once and then when its events say so. Of one that the rules leave out nothing is kept,
        unless its id is in `keep`.
Rule 4: an engine that does not answer is a failure with a name, asked again with backoff; what was seen stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from shipper.failures import Failures
from shipper.sources.docker.container import Container, Sighting, is_running
from shipper.sources.docker.engine import ContainerGone, Engine, EngineError
from shipper.sources.docker.selection import Selection

SWEEP: Final = 10.0
LEAST_PAUSE: Final = 0.5
MOST_PAUSE: Final = 10.0
AT_ONCE: Final = 8
"""Containers looked at at the same time."""
FAILURES: Final = ("docker_unreachable", "docker_forbidden", "docker_too_old", "docker_error")

Event = Mapping[str, Any]


class Census:
    """The containers of one engine that one source means."""

    def __init__(
        self,
        engine: Engine,
        selection: Selection,
        failures: Failures,
        *,
        source: str,
        keep: Collection[str] = (),
        sweep: float = SWEEP,
    ) -> None:
        self.sightings: Mapping[str, Sighting] | None = None
        self.failing = False
        """Whether the engine did not answer when it was asked last."""
        self._engine = engine
        self._selection = selection
        self._failures = failures
        self._source = source
        self._keep = frozenset(keep)
        self._sweep_every = sweep
        self._known: dict[str, Container] = {}
        self._looks: set[asyncio.Task[None]] = set()
        self._few = asyncio.Semaphore(AT_ONCE)
        self._changed: Callable[[], None] = lambda: None

    async def run(self, on_change: Callable[[], None]) -> None:
        """Keep the sightings up until cancelled; `on_change` is called when they have changed."""
        self._changed = on_change
        pause = LEAST_PAUSE
        while True:
            begun = time.monotonic()
            try:
                await self._follow()
            except EngineError as error:
                self._report(error)
            finally:
                self._changed()
                await self._stop_looking()
            pause = LEAST_PAUSE if time.monotonic() - begun > MOST_PAUSE else min(2 * pause, MOST_PAUSE)
            await asyncio.sleep(pause)

    async def sweep(self) -> None:
        """See every container there is; EngineError if the engine does not say."""
        before = self.sightings or {}
        listed = {entry["Id"]: entry for entry in await self._engine.containers()}
        self._known = {identity: known for identity, known in self._known.items() if identity in listed}
        strangers = [identity for identity, entry in listed.items() if self._is_strange(identity, entry)]
        await asyncio.gather(*map(self._get_to_know, strangers))
        found = {key: is_running(entry["State"]) for key, entry in listed.items() if key in self._known}
        self.sightings = self._merged(before, self.sightings or {}, found)

    def _merged(
        self, before: Mapping[str, Sighting], now: Mapping[str, Sighting], found: Mapping[str, bool]
    ) -> dict[str, Sighting]:
        """What a sweep found (who is running), but for what events have said since it began."""
        told = {key: value for key, value in now.items() if value is not before.get(key)}
        swept = {
            key: self._sighting(self._known[key], before.get(key), running=running)
            for key, running in found.items()
            if key not in told and self._matters(self._known[key])
        }
        return swept | told

    async def _follow(self) -> None:
        """Listen to events, and sweep in between, until the engine goes away."""
        await self._engine.negotiate()
        events: asyncio.Queue[Event | EngineError] = asyncio.Queue()
        listener = asyncio.create_task(self._listen(events))
        try:
            await self._heed(events)
            self._stir_all()
            while True:
                await self.sweep()
                self._recover()
                self._changed()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._sweep_every):
                        while True:
                            await self._heed(events)
                            self._changed()
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def _listen(self, events: asyncio.Queue[Event | EngineError]) -> None:
        try:
            async with contextlib.aclosing(self._engine.events()) as stream:
                async for event in stream:
                    events.put_nowait(event)
            events.put_nowait(EngineError("docker_unreachable", "it ended its events"))
        except EngineError as error:
            events.put_nowait(error)

    async def _heed(self, events: asyncio.Queue[Event | EngineError]) -> None:
        """Wait for an event, and act on it."""
        event = await events.get()
        if isinstance(event, EngineError):
            raise event
        action, identity = event.get("Action") or event.get("status"), (event.get("Actor") or {}).get("ID")
        if not isinstance(identity, str):
            return
        if action == "destroy":
            self._known.pop(identity, None)
            self.sightings = {key: value for key, value in (self.sightings or {}).items() if key != identity}
        elif action == "die":
            self._put(identity, running=False)
        else:
            self._look_at(identity, fresh=action == "start")

    def _look_at(self, identity: str, *, fresh: bool) -> None:
        """In a task of its own: a container that lives for 50 ms must not wait for others."""
        task = asyncio.create_task(self._meet(identity, fresh=fresh))
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    async def _meet(self, identity: str, *, fresh: bool) -> None:
        with contextlib.suppress(EngineError):  # if the engine is gone the listener tells
            container, running = await self._engine.inspect(identity)
            self._known[identity] = container
            self._put(identity, running=running, fresh=fresh)
            self._changed()

    async def _get_to_know(self, identity: str) -> None:
        try:
            async with self._few:
                self._known[identity], _ = await self._engine.inspect(identity)
        except ContainerGone:
            return
        except EngineError as error:
            if error.failure != "docker_error":
                raise
            self._failures.begin("docker_error", error.detail, source=self._source, what=identity[:12])

    def _is_strange(self, identity: str, entry: Mapping[str, Any]) -> bool:
        known = self._known.get(identity)
        return known is None or f"/{known.name}" not in (entry.get("Names") or ())

    def _matters(self, container: Container) -> bool:
        return container.id in self._keep or self._selection.judge(container).included

    def _put(self, identity: str, *, running: bool, fresh: bool = False) -> None:
        known = self._known.get(identity)
        if known is None or not self._matters(known):
            return
        earlier = (self.sightings or {}).get(identity)
        sighting = self._sighting(known, earlier, running=running)
        stirs = 1 if earlier is None else earlier.stirs + 1
        stirred = replace(sighting, stirs=stirs, fresh=fresh if earlier is None else earlier.fresh)
        self.sightings = {**(self.sightings or {}), identity: stirred}

    def _sighting(self, container: Container, earlier: Sighting | None, *, running: bool) -> Sighting:
        included = self._selection.judge(container).included
        if earlier is None:
            return Sighting(container=container, running=running, included=included)
        stirs = earlier.stirs + (running != earlier.running)
        return replace(earlier, container=container, running=running, included=included, stirs=stirs)

    def _stir_all(self) -> None:
        """While nobody listened anything may have happened."""
        if self.sightings is not None:
            self.sightings = {key: replace(value, stirs=value.stirs + 1) for key, value in self.sightings.items()}

    def _report(self, error: EngineError) -> None:
        self.failing = True
        for name in FAILURES:
            if name != error.failure:
                self._failures.end(name, source=self._source)
        self._failures.begin(error.failure, error.detail, source=self._source)

    def _recover(self) -> None:
        self.failing = False
        self._failures.end_all(FAILURES, source=self._source)

    async def _stop_looking(self) -> None:
        for task in self._looks:
            task.cancel()
        await asyncio.gather(*self._looks, return_exceptions=True)
