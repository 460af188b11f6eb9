"""Containers' output as a source: which streams there are, and which is read next.

Rule 1: one step takes note of what the census saw, asks the Engine for what is due, takes about `budget` bytes from the
        connections, and returns; it never sleeps and never waits for the Engine.
Rule 2: streams take turns, a piece each, the one that was read longest ago first.
Rule 3: with a budget of 0 nothing is taken: what the Engine sends waits in the connections, and those that wait too
        long are given up and made again. Only containers just started are asked for, a few: they may be gone soon.
Rule 4: `attend` belongs to the event loop, all else to the source's thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Final, Protocol

from shipper.chunk import Chunk, Moment
from shipper.clock import Clock
from shipper.config import model
from shipper.failures import Failures
from shipper.pipeline.window import written
from shipper.sources.docker.census import Census
from shipper.sources.docker.container import Sighting
from shipper.sources.docker.engine import Engine
from shipper.sources.docker.exchange import Exchange
from shipper.sources.docker.generations import Generations, key_of
from shipper.sources.docker.own import own_container
from shipper.sources.docker.pipe import Pipe
from shipper.sources.docker.reader import Reader
from shipper.sources.docker.selection import Selection
from shipper.sources.docker.stream import ContainerStream, Reading
from shipper.sources.framing import framing_of
from shipper.sources.step import Extent, Generation, Grouper, Step, Unit

LOOK: Final = 1.0
"""Seconds until the next look, if nothing is due and nobody wakes the source before."""

MOST_WAITING: Final = 64
"""Pipes that may be full while nothing is read."""
GATHER: Final = 0.05
"""Seconds in which more may come before a step."""


class Surroundings(Protocol):
    """What there is around the streams: containers, and a way to ask for their logs."""

    @property
    def sightings(self) -> Mapping[str, Sighting] | None:
        """The containers that matter, by id; None while they are not known."""
        ...

    @property
    def podman(self) -> bool:
        """Whether it is Podman that runs them."""
        ...

    def ask(self, pipe: Pipe) -> None:
        """Have a pipe filled."""
        ...


class EngineSurroundings:
    """A real engine's; `run` in the event loop keeps them up."""

    def __init__(self, config: model.DockerSource, failures: Failures, keep: frozenset[str]) -> None:
        self._engine = Engine(config.host, config.tls)
        selection = Selection(config, own_container())
        self._census = Census(self._engine, selection, failures, source=config.name, keep=keep)
        self._exchange = Exchange()

    @property
    def sightings(self) -> Mapping[str, Sighting] | None:
        """The containers that matter, by id; None until the engine has told."""
        return self._census.sightings

    @property
    def podman(self) -> bool:
        """Whether the engine is Podman's."""
        return self._engine.podman

    def ask(self, pipe: Pipe) -> None:
        """Have a pipe filled by the engine."""
        self._exchange.ask(pipe)

    async def run(self, wake: Callable[[], None]) -> None:
        """Keep the sightings up and fill pipes, until cancelled."""
        tasks = [
            asyncio.create_task(self._census.run(wake)),
            asyncio.create_task(self._exchange.run(self._engine, _gathering(wake))),
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _gathering(wake: Callable[[], None]) -> Callable[[bool], None]:
    """Wakes a while after the first of many calls, or at once: a step, and so a span, for each line would cost most."""
    loop, pending = asyncio.get_running_loop(), False

    def passed() -> None:
        nonlocal pending
        pending = False
        wake()

    def call(urgent: bool) -> None:
        nonlocal pending
        if urgent:
            wake()
        elif not pending:
            pending = True
            loop.call_later(GATHER, passed)

    return call


class DockerSource:
    """The containers of one `[[source]]`; satisfies `shipper.sources.step.Source`."""

    def __init__(
        self,
        resolved: model.ResolvedSource,
        config: model.DockerSource,
        known: Sequence[Generation],
        *,
        clock: Clock,
        failures: Failures,
        new_generation: Callable[[], int],
        grouper: Grouper | None = None,
        first_start: bool,
        epochs: Mapping[str, model.ResolvedSource] | None = None,
        once: bool = False,
        surroundings: Surroundings | None = None,
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = resolved.name
        self.unit = "container"
        self._wall = wall
        self._clock = clock
        self._failures = failures
        self._once = once
        self._at_end = first_start and config.start_at == "end"
        self._reading = Reading(
            framing=framing_of(resolved),
            clock=clock,
            grouper=grouper,
            epochs={epoch: framing_of(earlier) for epoch, earlier in (epochs or {}).items()},
        )
        self._generations = Generations(
            self.name, known, self._reading, new_generation=new_generation, wanted=resolved.label_map
        )
        self._around = surroundings or EngineSurroundings(config, failures, self._generations.ids())
        self._readers: dict[str, list[Reader]] = {}
        self._seen: Mapping[str, Sighting] | None = None
        self._turns = 0

    # ── the protocol ──

    def step(self, budget: int) -> Step:
        """Note what changed, ask for what is due, and take up to about `budget` bytes; with 0 only note."""
        now, out = self._wall(), Step()
        self._look(out)
        if budget > 0:
            self._tend(now, out)
            self._read(now, budget, out)
            self._tend(now, out)
        else:
            self._catch_the_short_lived(now)
        self._take_losses(out)
        out.more = any(reader.ready for reader in self._all())
        out.look_in = max(0.0, min([LOOK, *(self._due_in(reader, now) for reader in self._all())]))
        return out

    def caught_up(self) -> bool:
        """Whether everything there was has been read, streams that cannot be read aside."""
        return self._seen is not None and all(
            reader.finished or reader.failing or (reader.at_rest and not reader.stream.held) for reader in self._all()
        )

    def close(self) -> None:
        """Give all connections back."""
        for reader in self._all():
            reader.close()

    async def attend(self, wake: asyncio.Event, thread: Executor) -> None:
        """Keep up the connections to the engine; `wake` is set when something came."""
        if isinstance(self._around, EngineSurroundings):
            await self._around.run(wake.set)

    # ── for people ──

    def extent(self) -> Extent:
        """How many containers there are, and how much of their output was read."""
        readers = list(self._all())
        read = sum(reader.stream.offset for reader in readers)
        connections = sum(reader.pipe is not None for reader in readers)
        latest = max([reader.stream.behind.time for reader in readers], default=0)
        return Extent(things=len(self._readers), size=read, offset=read, open=connections, latest=latest)

    def units(self) -> list[Unit]:
        """Every stream of a container that is known now."""
        return [_unit(reader) for reader in self._all()]

    def pending_rest(self) -> list[tuple[str, int, int]]:
        """Unterminated last lines: path, offset, bytes."""
        streams = [reader.stream for reader in self._all()]
        return [(stream.origin.path, stream.offset, stream.rest) for stream in streams if stream.rest]

    # ── looking ──

    def _look(self, out: Step) -> None:
        """Take note of what the census saw since the last step."""
        sightings = self._around.sightings
        if sightings is None or sightings is self._seen:
            return
        self._reading.always = self._around.podman
        first = self._clock.now() if self._at_end and self._seen is None else 0
        for identity, sighting in sightings.items():
            if identity in self._readers:
                for reader in self._readers[identity]:
                    reader.see(sighting)
            else:
                self._readers[identity] = self._open(sighting, Moment(first, 0, first), out)
        for identity in self._readers.keys() - sightings.keys():
            for reader in self._readers[identity]:
                reader.gone = True
        if self._seen is None:
            self._mourn(out)
        self._seen = sightings

    def _open(self, sighting: Sighting, first: Moment, out: Step) -> list[Reader]:
        streams = self._generations.streams(sighting, first)
        out.notes += [stream.note() for stream in streams if not stream.sealed]
        return [self._reader(stream, sighting) for stream in streams]

    def _reader(self, stream: ContainerStream, sighting: Sighting) -> Reader:
        return Reader(
            stream=stream,
            name=key_of(stream.origin.facts)[1],
            sighting=sighting,
            ask=self._around.ask,
            failures=self._failures,
            once=self._once,
        )

    def _mourn(self, out: Step) -> None:
        """Give up what is known of containers that were removed while nobody looked."""
        for stream in self._generations.unseen():
            stream.abandon()
            out.abandoned += stream.abandoned
            out.notes.append(stream.note(final=stream.offset))
            detail = f"removed while the agent did not run; read up to {written(stream.behind.time)}"
            self._failures.once("container_gone", detail, source=self.name, what=stream.origin.path)

    # ── reading ──

    def _tend(self, now: float, out: Step) -> None:
        """Ask for what is due, let time do its work, and let go of what has come to its end."""
        for identity, readers in list(self._readers.items()):
            for reader in readers:
                self._tend_one(reader, now, out)
            if all(reader.gone and reader.finished for reader in readers):
                del self._readers[identity]

    def _catch_the_short_lived(self, now: float) -> None:
        """What fits into their pipes is kept though nothing is read now."""
        waiting = sum(reader.ready for reader in self._all())
        for reader in self._all():
            if waiting < MOST_WAITING and reader.urgent:
                reader.tend(now)
                waiting += 1

    def _tend_one(self, reader: Reader, now: float, out: Step) -> None:
        stream = reader.stream
        if now >= stream.due_at or (self._once and reader.at_rest):
            self._add(stream.take_held(), out)
        if not stream.replays and not stream.sealed and self._is_renamed(reader):
            self._add(stream.take_held(), out)
            out.notes.append(stream.note(final=stream.offset))
            stream.become(self._generations.renamed(stream, reader.sighting.container))
            out.notes.append(stream.note())
        was_finished = reader.finished
        self._add(reader.tend(now), out)
        if reader.finished and not was_finished and reader.gone:
            out.notes.append(stream.note(final=stream.offset))
            self._generations.leave(key_of(stream.origin.facts), stream.behind)

    def _is_renamed(self, reader: Reader) -> bool:
        return reader.stream.origin.path != f"{reader.sighting.container.name}/{reader.name}"

    def _read(self, now: float, budget: int, out: Step) -> None:
        used = 0
        while used < budget:
            ready = [reader for reader in self._all() if reader.ready]
            if not ready:
                return
            self._turns += 1
            reader = min(ready, key=lambda reader: reader.turn)
            reader.turn = self._turns
            chunks, size = reader.read(now)
            out.chunks += chunks
            used += 1 + size

    def _take_losses(self, out: Step) -> None:
        """What Docker has discarded, and what cannot be replayed because of that."""
        for reader in self._all():
            if reader.lost:
                out.notes.append(reader.stream.note(lost=reader.lost))
                reader.lost = 0
            for span in reader.stream.abandoned:
                out.abandoned.append(span)
                detail = f"bytes {span.start} to {span.end} of {span.origin.path} are not in the log any more"
                self._failures.once("replay_missing", detail, source=self.name, what=span.origin.path)
            reader.stream.abandoned.clear()

    def _add(self, chunk: Chunk | None, out: Step) -> None:
        if chunk is not None:
            out.chunks.append(chunk)

    def _due_in(self, reader: Reader, now: float) -> float:
        waits = reader.pipe is None and not (reader.at_rest or reader.finished)
        return min(reader.stream.due_at, max(reader.retry_at, now) if waits else float("inf")) - now

    def _all(self) -> Iterator[Reader]:
        for readers in list(self._readers.values()):  # a copy: the event loop asks how far it is while steps go on
            yield from readers


def _unit(reader: Reader) -> Unit:
    stream, container = reader.stream, reader.sighting.container
    return Unit(
        path=stream.origin.path,
        generation=stream.origin.generation,
        state=_state(reader),
        size=stream.offset,
        offset=stream.offset,
        latest=stream.behind.time,
        detail=f"{container.short} {container.image}",
        facts=stream.origin.facts,
    )


def _state(reader: Reader) -> str:
    if reader.finished:
        return "finished"
    if reader.failing:
        return "failing"
    return "running" if reader.sighting.running else "exited"
