"""Which generations a container's streams have: what the journal knows of them, and new ones.

Rule 1: a generation is a stream of a container under one name. A container that is renamed begins new ones where the
        old ones end, for its labels are others from then on.
Rule 2: of a generation that is not read any more only the open spans are wanted; those are replayed.
Rule 3: nothing that was read is read again: a container that vanished and came back goes on where it was left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from shipper.chunk import Lane, Moment, Origin
from shipper.pipeline.containers import ID, LABEL, NAME, STREAM, Facts, facts_of
from shipper.sources.docker.container import Container, Sighting
from shipper.sources.docker.stream import ContainerStream, Reading, moment_of
from shipper.sources.step import Generation, inherit

MOST_LEFT: Final = 1000
"""Streams of containers that are gone and may come back, whose ends are remembered."""

Key = tuple[str, str]
"""A container's id, and one of its streams."""


class Generations:
    """The streams of one source; `wanted` are the container labels that become labels."""

    def __init__(
        self,
        source: str,
        known: Sequence[Generation],
        reading: Reading,
        *,
        new_generation: Callable[[], int],
        wanted: Iterable[str],
    ) -> None:
        self._source = source
        self._reading = reading
        self._new_generation = new_generation
        self._wanted = frozenset(wanted)
        self._known: dict[Key, list[Generation]] = {}
        self._left: dict[Key, Moment] = {}
        for generation in known:
            if generation.finished:
                self.leave(key_of(generation.facts), moment_of(generation.fingerprint))
            else:
                self._known.setdefault(key_of(generation.facts), []).append(generation)

    def streams(self, sighting: Sighting, first: Moment) -> list[ContainerStream]:
        """The streams of a container that was not seen before; new ones begin at `first`."""
        found: list[ContainerStream] = []
        for name in sighting.container.streams:
            known = self._known.pop((sighting.container.id, name), [])
            lane = self._lane(known)
            streams = [self._resumed(generation, lane) for generation in known]
            if sighting.included:
                current = self._current(sighting.container, name, known, lane, first)
                streams = [stream for stream in streams if stream.origin.generation != current.origin.generation]
                streams.append(current)
            found += streams
        return found

    def unseen(self) -> list[ContainerStream]:
        """What is known of containers that were not seen: to be asked once all that there are have been."""
        streams = [
            self._resumed(generation, self._lane(known)) for known in self._known.values() for generation in known
        ]
        self._known.clear()
        return streams

    def ids(self) -> frozenset[str]:
        """The containers that something is known of, whatever the rules say of them now."""
        return frozenset(container for container, _ in self._known)

    def renamed(self, stream: ContainerStream, container: Container) -> Origin:
        """The generation that a stream goes on as, now that its container has another name."""
        return self._origin(self._facts(container, dict(stream.origin.facts)[STREAM], stream.origin.facts))

    def leave(self, stream: Key, behind: Moment) -> None:
        """Remember where a stream ended whose container is gone."""
        self._left[stream] = behind
        if len(self._left) > MOST_LEFT:
            del self._left[next(iter(self._left))]

    def _lane(self, known: Sequence[Generation]) -> Lane:
        """The lane of a stream, with what its next line inherits."""
        lane = Lane(self._source, "")
        inherit(lane, known)
        return lane

    def _current(
        self, container: Container, name: str, known: Sequence[Generation], lane: Lane, first: Moment
    ) -> ContainerStream:
        """The stream that is read on: the last one known if it had this name, or a new one behind it."""
        facts = self._facts(container, name, known[-1].facts if known else ())
        if known and dict(known[-1].facts)[NAME] == container.name:
            stream = self._resumed(known[-1], lane)
            stream.origin, stream.sealed = self._origin(facts, known[-1].id), False
            return stream
        first = _end(known[-1]) if known else self._left.get((container.id, name), first)
        return self._stream(self._origin(facts), lane, first)

    def _resumed(self, generation: Generation, lane: Lane) -> ContainerStream:
        """A known generation where the journal left it, with nothing wanted but its replays."""
        origin = self._origin(generation.facts, generation.id)
        stream = self._stream(origin, lane, moment_of(generation.fingerprint))
        stream.offset, stream.replays, stream.sealed = generation.offset, deque(generation.open), True
        return stream

    def _stream(self, origin: Origin, lane: Lane, behind: Moment) -> ContainerStream:
        lane.path = origin.path
        return ContainerStream(reading=self._reading, origin=origin, lane=lane, first=behind, behind=behind)

    def _origin(self, facts: Facts, generation: int | None = None) -> Origin:
        known = dict(facts)
        return Origin(
            source=self._source,
            generation=self._new_generation() if generation is None else generation,
            path=f"{known[NAME]}/{known[STREAM]}",
            facts=facts,
            lasting=False,
        )

    def _facts(self, container: Container, stream: str, earlier: Facts) -> Facts:
        """What is wanted of a container now, and what was before: a replay may be under an earlier configuration."""
        before = {key.removeprefix(LABEL) for key, _ in earlier if key.startswith(LABEL)}
        return facts_of(container.id, container.name, stream, container.labels, self._wanted | before)


def key_of(facts: Facts) -> Key:
    """Whose stream these facts are of."""
    known = dict(facts)
    return known[ID], known[STREAM]


def _end(generation: Generation) -> Moment:
    """The moment behind everything that was read of it."""
    return moment_of(generation.open[-1].fingerprint if generation.open else generation.fingerprint)
