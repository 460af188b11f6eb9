"""A scripted engine, a source stepped by hand with its collector, and the real journal."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shipper.chunk import Carry
from shipper.clock import Clock
from shipper.collector import Collector
from shipper.config.model import DockerSource as DockerConfig
from shipper.config.model import ResolvedSource
from shipper.config.resolve import decode_resolved, encode_resolved, epoch
from shipper.delivery.settled import Settled
from shipper.delivery.wire import decode_entries
from shipper.failures import Failures
from shipper.journal import Journal
from shipper.sources.docker.container import Container, Sighting
from shipper.sources.docker.frames import SECOND, Message
from shipper.sources.docker.pipe import Outcome, Pipe
from shipper.sources.docker.source import DockerSource
from shipper.sources.step import Step, handed_over

START = 1_795_248_682 * SECOND
"""2026-11-21T08:11:22Z: when the first line of every test is written."""
Entry = tuple[int, str, str]
"""Timestamp, labels, text."""


def stamp(time: int) -> bytes:
    whole = datetime.fromtimestamp(time // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{time % SECOND:09d}Z".encode()


@dataclass
class Script:
    """A container that does what a test says."""

    engine: Engine
    container: Container
    running: bool = True
    log: dict[str, list[Message]] = field(default_factory=lambda: {"stdout": [], "stderr": []})

    def write(self, text: str | bytes, stream: str = "stdout", *, at: int | None = None) -> int:
        """Write a line (or a piece, without an LF); return when."""
        time = self.engine.tick() if at is None else at
        self.log[stream].append((time, text.encode() if isinstance(text, str) else text))
        self.engine.deliver(self, stream)
        return time

    def say(self, *lines: str, stream: str = "stdout") -> Script:
        for line in lines:
            self.write(f"{line}\n", stream)
        return self

    def stop(self) -> Script:
        """It ends: who followed it is told so."""
        self.running = False
        self.engine.changed(self)
        self.engine.end(self, "ended")
        return self

    def start(self) -> Script:
        self.running = True
        self.engine.changed(self)
        return self

    def rename(self, name: str) -> Script:
        self.container = replace(self.container, name=name)
        self.engine.changed(self)
        return self

    def remove(self) -> None:
        del self.engine.scripts[self.container.id]
        self.engine.sightings = {
            key: value for key, value in (self.engine.sightings or {}).items() if key != self.container.id
        }
        self.engine.end(self, "gone")


class Engine:
    """Surroundings of a source, answered from scripts."""

    def __init__(self) -> None:
        self.sightings: Mapping[str, Sighting] | None = {}
        self.podman = False
        self.scripts: dict[str, Script] = {}
        self.made = 0
        self.now = START
        self.followers: list[tuple[Script, Pipe]] = []
        self.asked: list[tuple[str, str, bool]] = []
        """Container name, stream, whether it was followed."""
        self.down = False
        self.meanwhile: list[Callable[[], object]] = []
        """What happens after the next answer was sent, before anybody reads it."""

    def tick(self) -> int:
        self.now += 1_000_003
        return self.now

    def run(
        self, name: str, *, labels: Mapping[str, str] | None = None, tty: bool = False, fresh: bool = False
    ) -> Script:
        """A new container."""
        self.made += 1
        identity = f"{self.made:064x}"
        script = Script(self, Container(id=identity, name=name, image="app:1", labels=labels or {}, tty=tty))
        self.scripts[identity] = script
        self.changed(script, fresh=fresh)
        return script

    def changed(self, script: Script, *, fresh: bool = False, included: bool = True) -> None:
        before = (self.sightings or {}).get(script.container.id)
        sighting = Sighting(
            container=script.container,
            running=script.running,
            included=included,
            stirs=before.stirs + 1 if before else 0,
            fresh=fresh,
        )
        self.sightings = {**(self.sightings or {}), script.container.id: sighting}

    def ask(self, pipe: Pipe) -> None:
        script = self.scripts.get(pipe.ask.container)
        if self.down or script is None:
            pipe.end(Outcome(kind="broken" if self.down else "gone"))
            return
        self.asked.append((script.container.name, pipe.ask.stream, pipe.ask.follow))
        put(pipe, self.encoded(script, pipe, [one for one in script.log[pipe.ask.stream] if one[0] >= pipe.ask.since]))
        if pipe.ask.follow and script.running:
            self.followers.append((script, pipe))
        else:
            pipe.end(Outcome(kind="ended", seconds=0.01))
        while self.meanwhile:
            self.meanwhile.pop()()

    def deliver(self, script: Script, stream: str) -> None:
        """Send the last message to who follows."""
        for follows, pipe in self.followers:
            if follows is script and pipe.ask.stream == stream and not pipe.closed:
                put(pipe, self.encoded(script, pipe, script.log[stream][-1:]))

    def send(self, script: Script, *messages: Message, stream: str = "stdout") -> None:
        """Send to who follows what the log may not have."""
        for follows, pipe in self.followers:
            if follows is script and pipe.ask.stream == stream and not pipe.closed:
                put(pipe, self.encoded(script, pipe, list(messages)))

    def end(self, script: Script | None, kind: Any, **more: Any) -> None:
        for follows, pipe in list(self.followers):
            if script is None or follows is script:
                pipe.end(Outcome(kind=kind, seconds=5.0, **more))
                self.followers.remove((follows, pipe))

    def encoded(self, script: Script, pipe: Pipe, messages: list[Message]) -> bytes:
        payloads = [stamp(time) + b" " + text for time, text in messages]
        if script.container.tty:
            return b"".join(payloads)
        kind = 1 if pipe.ask.stream == "stdout" else 2
        return b"".join(struct.pack(">BxxxI", kind, len(payload)) + payload for payload in payloads)


def put(pipe: Pipe, data: bytes) -> None:
    """Bring bytes as the event loop would, without one: there is always room here."""
    if data:
        with suppress(StopIteration):
            pipe.put(data).send(None)


class Bench:
    """One source with its collector and journal; a Loki that keeps everything, by the span it came from."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.engine = Engine()
        self.loop = asyncio.new_event_loop()
        self.now = 1000.0
        self.failures = Failures()
        self.clock = Clock(lambda: self.engine.now)
        self.sent: dict[int, list[Entry]] = {}
        """Entries by the row of their span: what Loki may have."""
        self.replayed = 0
        self.unread = 0
        self.abandoned = 0
        self.config: dict[str, Any] = {}
        self.resolved: dict[str, Any] = {"stages": ()}
        self.grouper: Any = None
        self.once = False
        self.commits = True
        self.journal: Journal | None = None
        self.under_way: dict[int, Carry] = {}
        """The state after each span that was handed over and is not settled, by its row."""

    def start(self, **config: Any) -> Bench:
        """Start (again) with what the journal knows."""
        self.close()
        self.config |= config
        self.loop.run_until_complete(self._open())
        return self

    def change(self, **config: Any) -> Bench:
        """Go on under another configuration in the same process."""
        self.source.close()
        self.config |= config
        self.loop.run_until_complete(self._open(self.under_way))
        return self

    def crash(self) -> Bench:
        """Die without having settled what is open, and start again."""
        return self.start()

    def step(self, budget: int = 1 << 20) -> Step:
        """One step; its spans are begun, sent, and settled unless `commits` is off."""
        return self.loop.run_until_complete(self._step(budget))

    def settle(self, *, seconds: float = 1.0, times: int = 6) -> Bench:
        """Let time pass, and step until nothing more comes."""
        for _ in range(times):
            self.now += seconds
            while self.step().more:
                pass
        return self

    def entries(self) -> list[Entry]:
        return sorted(entry for entries in self.sent.values() for entry in entries)

    def texts(self, **labels: str) -> list[str]:
        """The texts whose stream has these labels, in order of time."""
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        return [text for _, stream, text in self.entries() if all(pair in stream for pair in wanted)]

    def failing(self) -> dict[str, int]:
        return dict(Counter(failure.name for failure in self.failures.current()))

    def positions(self) -> list[tuple[str, int, bool]]:
        assert self.journal is not None
        self.loop.run_until_complete(self.journal.flush())
        return [(known.path, known.offset, known.finished) for known in self.journal.known("src")]

    def close(self) -> None:
        if self.journal is not None:
            self.source.close()
            self.loop.run_until_complete(self.journal.__aexit__())
            self.journal = None

    async def _open(self, carries: Mapping[int, Carry] | None = None) -> None:
        self.journal = self.journal or Journal(self.root / "state")
        await self.journal.flush()
        own = {key: self.config[key] for key in ("name_pattern", "label_map") if key in self.config}
        resolved = ResolvedSource(name="src", type="docker", labels={}, max_age=0, max_ahead=0, **own, **self.resolved)
        known = handed_over(self.journal.known("src"), carries or {})
        names = {span.epoch for generation in known for span in generation.open}
        kept = {name: self.journal.epoch(name) for name in names}
        epochs = {name: decode_resolved(config) for name, config in kept.items() if config is not None}
        self.source = DockerSource(
            resolved,
            DockerConfig(name="src", **self.config),
            known,
            clock=self.clock,
            failures=self.failures,
            new_generation=self.journal.new_generation,
            grouper=self.grouper,
            first_start=self.journal.first_start("src"),
            epochs=epochs,
            once=self.once,
            surroundings=self.engine,
            wall=lambda: self.now,
        )
        self.journal.open_source("src", epoch(resolved), encode_resolved(resolved))
        self.collector = Collector(self.source, resolved, demoted=(), failures=self.failures, epochs=epochs)

    async def _step(self, budget: int) -> Step:
        assert self.journal is not None
        collected = self.collector.step(budget)
        step = collected.step
        self.journal.note(step.notes)
        self.unread += step.truncated_unread
        await self.journal.begin([processed.span for processed in collected.processed])
        for processed in collected.processed:
            self._arrive(processed)
        if self.commits:
            await self.journal.commit([Settled(span=one.span, carry=one.carry) for one in collected.processed])
        else:
            self.under_way |= {one.span.row: one.carry for one in collected.processed}
        if step.abandoned:
            self.abandoned += len(step.abandoned)
            await self.journal.abandon(step.abandoned)
        return step

    def _arrive(self, processed: Any) -> None:
        entries = [
            (entry.timestamp, part.labels, entry.line.decode())
            for part in processed.parts
            for entry in decode_entries(bytes(part.body))
        ]
        row = processed.span.row
        assert processed.span.replay == (row in self.sent)
        if processed.span.replay:
            assert entries == self.sent[row], "a replay makes the same entries"
            self.replayed += 1
        self.sent[row] = entries


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()
    made.loop.run_until_complete(made.loop.shutdown_default_executor())
    made.loop.close()
