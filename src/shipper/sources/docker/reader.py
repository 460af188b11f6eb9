"""One stream's reading, connection after connection: when the Engine is asked, for what, and when that is enough.

Rule 1: first the log is read in order, as often as that takes long; then, if the container runs, it is followed. A
        container just seen to start has nothing to catch up with.
Rule 2: at rest is what was asked for while its container did not run, and was read to the end; it is asked again when
        the container stirs.
Rule 3: a connection that fails is made again with backoff, from the moment behind the last message.
Rule 4: no I/O but through pipes; `now` is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from shipper.chunk import Chunk
from shipper.errors import WireError
from shipper.failures import Failures
from shipper.pipeline.window import written
from shipper.sources.docker.container import Sighting
from shipper.sources.docker.frames import Codec, Frames, Message, Terminal
from shipper.sources.docker.pipe import Ask, Outcome, Pipe
from shipper.sources.docker.seam import Passed, Seam
from shipper.sources.docker.stream import ContainerStream

QUICK: Final = 0.5
"""A log that was read in so many seconds is caught up with."""
LEAST_PAUSE: Final = 0.2
MOST_PAUSE: Final = 30.0
OWN_FAILURES: Final = ("docker_no_logs", "docker_error", "docker_log_broken")


@dataclass(slots=True, kw_only=True, eq=False)
class Reader:
    """A stream and its connection."""

    stream: ContainerStream
    name: str
    """Which of the container's streams."""
    sighting: Sighting
    ask: Callable[[Pipe], None]
    failures: Failures
    once: bool = False
    """Only what there is now, though the container may go on."""
    gone: bool = False
    """The container was removed."""
    finished: bool = False
    """Nothing more will be read."""
    at_rest: bool = False
    failing: bool = False
    """It cannot be read for a reason of its own, which has been told."""
    lost: int = 0
    """Gaps that Docker left, until somebody takes them: each counts as one byte, since nobody knows how many it had."""
    retry_at: float = float("-inf")
    turn: int = 0
    """When it was read last, in turns of its source."""
    pipe: Pipe | None = None
    seam: Seam = field(init=False)
    _codec: Codec = field(default_factory=Frames)
    _live_next: bool = False
    _live: bool = False
    """Whether the connection there is follows."""
    _asked: Sighting | None = None
    _pause: float = LEAST_PAUSE

    def __post_init__(self) -> None:
        self.seam = Seam(self.stream.behind)
        self._live_next = self.sighting.fresh and not self.once

    @property
    def ready(self) -> bool:
        """Whether there is something to read right now."""
        return self.pipe is not None and self.pipe.ready

    @property
    def urgent(self) -> bool:
        """Whether its container may be gone before anybody asks for its log."""
        return self.sighting.fresh and self._asked is None and not self.finished

    def see(self, sighting: Sighting) -> None:
        """The container as it is now."""
        if sighting.stirs != self.sighting.stirs and not self.once:
            self.at_rest = False
        self.sighting = sighting

    def tend(self, now: float) -> Chunk | None:
        """Ask the Engine if it is time to; a chunk if the stream has come to its end."""
        if self.pipe is not None or self.finished:
            return None
        if self.gone or self.stream.drained:
            return self._finish()
        if not self.at_rest and now >= self.retry_at:
            self._connect()
        return None

    def read(self, now: float) -> tuple[list[Chunk], int]:
        """Take one piece from the connection, or its outcome; the chunks it completes, and its bytes."""
        assert self.pipe is not None
        outcome = self.pipe.outcome  # looked at first: what was brought before it can be taken now
        data = self.pipe.take()
        try:
            if data is not None:
                self._healed()
                return self._absorb(self._codec.feed(data), now), len(data)
            if outcome is None:
                return [], 0
            self.pipe = None
            return self._conclude(outcome, now), 0
        except WireError as error:
            self._fail("docker_log_broken", error.message)
            self._drop_connection()
            self._back_off(now)
            return [], len(data or b"")

    def close(self) -> None:
        """Give the connection back."""
        self._drop_connection()

    # ── connections ──

    def _connect(self) -> None:
        live = self._live = self._live_next and self.sighting.running
        self.seam.connect(live=live)
        self._codec = Terminal() if self.sighting.container.tty else Frames()
        self._asked = self.sighting
        self.pipe = Pipe(
            Ask(container=self.sighting.container.id, stream=self.name, since=self.seam.since, follow=live)
        )
        self.ask(self.pipe)

    def _absorb(self, messages: list[Message], now: float) -> list[Chunk]:
        passed = self.seam.take(messages)
        if passed.gap is not None:
            self._note_gap(passed)
        if passed.doubted:
            self._live_next = False
            self._drop_connection()
        chunks = self.stream.absorb(passed, now)
        if self.stream.drained:
            self._drop_connection()
        return chunks

    def _conclude(self, outcome: Outcome, now: float) -> list[Chunk]:
        """What follows from the end of a connection."""
        chunks = self._absorb(self._codec.finish(), now) if outcome.kind == "ended" else []
        if outcome.kind == "gone":
            self.gone = True
        elif outcome.kind == "broken":
            if outcome.failure:
                self._fail(outcome.failure, outcome.detail)
            self._back_off(now)
        elif outcome.kind == "stalled" or self._live:
            self._live_next = False
            self._ease(now, outcome)
        else:
            chunks += self._caught_up(outcome)
        return chunks

    def _caught_up(self, outcome: Outcome) -> list[Chunk]:
        """The log was read in order to its end."""
        self._healed()
        if self.once or self._is_over():
            self.at_rest = True
            last = None if self.sighting.running else self.stream.flush()
            return [last] if last is not None else []
        self._live_next = outcome.seconds < QUICK and self.sighting.running
        return []

    def _is_over(self) -> bool:
        """Whether the container has not run since the log was asked for."""
        asked = self._asked
        return asked is not None and not asked.running and asked.stirs == self.sighting.stirs

    def _ease(self, now: float, outcome: Outcome) -> None:
        """A connection that ended at once is not made again at once."""
        if outcome.seconds < LEAST_PAUSE:
            self.retry_at = now + LEAST_PAUSE

    def _back_off(self, now: float) -> None:
        self._live_next = False
        self.retry_at = now + self._pause
        self._pause = min(2 * self._pause, MOST_PAUSE)

    def _fail(self, name: str, detail: str) -> None:
        self.failing = True
        self.failures.begin(name, detail, source=self._source, what=self._what)

    def _healed(self) -> None:
        self._pause = LEAST_PAUSE
        if self.failing:
            self.failing = False
            self.failures.end_all(OWN_FAILURES, source=self._source, what=self._what)

    def _drop_connection(self) -> None:
        if self.pipe is not None:
            self.pipe.close()
            self.pipe = None

    def _finish(self) -> Chunk | None:
        """The end: what is in memory is final, what cannot be replayed is given up."""
        self.finished = True
        self._healed()
        if self.gone:
            self.stream.abandon()
        return self.stream.flush()

    def _note_gap(self, passed: Passed) -> None:
        assert passed.gap is not None
        self.lost += 1
        detail = f"between {written(passed.gap[0])} and {written(passed.gap[1])}"
        self.failures.once("docker_discarded", detail, source=self._source, what=self._what)

    @property
    def _source(self) -> str:
        return self.stream.origin.source

    @property
    def _what(self) -> str:
        return self.stream.origin.path
