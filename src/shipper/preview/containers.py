"""Looks at a source's containers as the agent would find them: which are meant and why, and the end of their logs.

Rule 1: of each stream the last `TAIL` lines of the log are read; the Engine is asked with GET alone.
Rule 2: an engine that does not answer, and a log that cannot be read, is a trouble with a name.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from shipper.chunk import Chunk, Lane, Moment, Origin
from shipper.clock import Clock
from shipper.config.model import DockerSource, ResolvedSource, without_user_info
from shipper.errors import ConfigError, WireError
from shipper.failures import HINTS
from shipper.pipeline.containers import STREAM, ContainerLabels, facts_of
from shipper.preview.look import TAIL, Look, Trouble
from shipper.sources.docker.container import Container
from shipper.sources.docker.engine import ContainerGone, Engine, EngineError
from shipper.sources.docker.frames import Frames, Terminal
from shipper.sources.docker.own import own_container
from shipper.sources.docker.pipe import Ask
from shipper.sources.docker.seam import Passed, Seam
from shipper.sources.docker.selection import Selection, Verdict
from shipper.sources.docker.stream import ContainerStream, Reading
from shipper.sources.framing import framing_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A container, whether it is meant, and the labels its lines would get by themselves."""

    container: Container
    running: bool
    verdict: Verdict
    labels: dict[str, str]


class ContainerLooker:
    """Looks at the containers of one source; `found` and `troubles` are filled by it.

    `only`: look at the logs of the container with this name or beginning of an id alone.
    """

    def __init__(self, resolved: ResolvedSource, source: DockerSource, clock: Clock, only: str = "") -> None:
        self._only = only
        self._resolved = resolved
        self._source = source
        self._reading = Reading(framing=framing_of(resolved), clock=clock)
        self.found: list[Found] = []
        self.troubles: list[Trouble] = []

    def looks(self) -> Iterator[Look]:
        """The streams of every container that is meant, by name."""
        yield from asyncio.run(self._looks())

    async def _looks(self) -> list[Look]:
        try:
            engine = Engine(self._source.host, self._source.tls)
        except ConfigError as error:
            self._trouble(without_user_info(self._source.host), "docker_unreachable", error.message)
            return []
        try:
            await engine.negotiate()
            self._reading.always = engine.podman
            await self._find(engine)
            meant = [found for found in self.found if found.verdict.included and self._asked_for(found.container)]
            return [await self._look(engine, found, stream) for found in meant for stream in found.container.streams]
        except EngineError as error:
            self._trouble(without_user_info(self._source.host), error.failure, error.detail)
            return []
        finally:
            await engine.aclose()

    def _asked_for(self, container: Container) -> bool:
        return not self._only or container.is_called(self._only)

    async def _find(self, engine: Engine) -> None:
        selection = Selection(self._source, own_container())
        labels = ContainerLabels(self._resolved)
        for entry in await engine.containers():
            with contextlib.suppress(ContainerGone):
                container, running = await engine.inspect(entry["Id"])
                facts = self._facts(container, container.streams[0])
                own = {name: value for name, value in labels(facts).items() if name != "stream"}
                verdict = selection.judge(container)
                self.found.append(Found(container=container, running=running, verdict=verdict, labels=own))
        self.found.sort(key=lambda found: (not found.verdict.included, found.container.name))

    async def _look(self, engine: Engine, found: Found, stream: str) -> Look:
        container = found.container
        origin = Origin(
            source=self._resolved.name,
            generation=0,
            path=f"{container.name}/{stream}",
            facts=self._facts(container, stream),
            lasting=False,
        )
        look = Look(path=origin.path, size=0)
        try:
            chunks = await self._chunks(engine, found, origin, look)
        except EngineError as error:
            self._trouble(origin.path, error.failure, error.detail)
        except WireError as error:
            self._trouble(origin.path, "docker_log_broken", error.message)
        else:
            look.chunks = chunks
            look.lines = sum(len(chunk.lines) for chunk in chunks)
            look.changed = max((time for chunk in chunks for time in chunk.times or ()), default=0)
            look.size = look.looked_at = sum(chunk.span.end - chunk.span.start for chunk in chunks)
        return look

    async def _chunks(self, engine: Engine, found: Found, origin: Origin, look: Look) -> list[Chunk]:
        lane = Lane(origin.source, origin.path)
        stream = ContainerStream(reading=self._reading, origin=origin, lane=lane, first=Moment(), behind=Moment())
        passed = await self._messages(engine, found.container, dict(origin.facts)[STREAM])
        chunks = stream.absorb(passed, 0.0)
        last = None if found.running else stream.flush()
        look.unterminated = stream.rest
        return chunks if last is None else [*chunks, last]

    async def _messages(self, engine: Engine, container: Container, name: str) -> Passed:
        codec, seam = Terminal() if container.tty else Frames(), Seam(Moment())
        seam.connect(live=False)
        ask = Ask(container=container.id, stream=name, since=0, follow=False, tail=TAIL)
        async with contextlib.aclosing(engine.logs(ask)) as pieces:
            messages = [message for piece in [piece async for piece in pieces] for message in codec.feed(piece)]
        return seam.take(messages + codec.finish())

    def _facts(self, container: Container, stream: str) -> tuple[tuple[str, str], ...]:
        return facts_of(container.id, container.name, stream, container.labels, self._resolved.label_map)

    def _trouble(self, path: str, name: str, detail: str) -> None:
        self.troubles.append(Trouble(path=path, name=name, detail=detail, hint=HINTS[name]))
