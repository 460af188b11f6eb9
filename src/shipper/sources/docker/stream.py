"""One stream of one container: messages read once, in order, as spans that end behind a line.

Rule 1: a stream's content is the text of its messages one after the other; offsets count its bytes from where reading
        began. The end of a span is found again by the moment behind its last message.
Rule 2: replayed spans come first, with exactly the messages they had, framed from their start on as the first time. One
        whose messages are not all there any more is abandoned and named, and what is left of it is sent as new.
Rule 3: a span ends where a line ends, with a grouper where a record begins; a line that its container left unfinished
        is final once the container has ended and its log was read to the end.
Rule 4: memory is bounded: the messages of one feed or of one replayed span, the lines of one record, and a line that is
        not complete as `framing` holds it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from shipper.chunk import Chunk, Joins, Lane, Mark, Moment, Origin, Span
from shipper.clock import Clock
from shipper.sources.docker.lines import Assembly, Lines, joined, parted
from shipper.sources.docker.seam import Passed, chained, divided
from shipper.sources.framing import Framing, chunk_of
from shipper.sources.step import Grouper, Note, OpenSpan, replayed


@dataclass(slots=True, kw_only=True)
class Reading:
    """What all streams of a source share."""

    framing: Framing
    clock: Clock
    grouper: Grouper | None = None
    epochs: Mapping[str, Framing] = field(default_factory=dict)
    """How spans of earlier configurations were framed."""
    always: bool = False
    """Whether a message without an LF always goes on (Podman)."""


def moment_of(mark: Mark) -> Moment:
    """A mark that a Docker source has made."""
    assert isinstance(mark, Moment)
    return mark


@dataclass(slots=True, kw_only=True, eq=False)
class ContainerStream:
    """How far a stream has been read, and what of it is in memory."""

    reading: Reading
    origin: Origin
    lane: Lane
    offset: int = 0
    """Everything before it is in spans."""
    first: Moment
    """The moment at offset 0."""
    behind: Moment
    """The moment at `offset`."""
    replays: deque[OpenSpan] = field(default_factory=deque)
    sealed: bool = False
    """Nothing beyond its replays is wanted."""
    abandoned: list[Span] = field(default_factory=list)
    """Replays that cannot be made, until somebody takes them."""
    _again: Passed = field(default_factory=Passed)
    """What came of the replay under way."""
    _assembly: Assembly | None = None
    _held: Lines = field(default_factory=Lines)
    _held_at: float = 0.0

    @property
    def held(self) -> bool:
        """Whether complete lines are kept back because their record may go on."""
        return bool(self._held)

    @property
    def drained(self) -> bool:
        """Whether all that is wanted of it was read."""
        return self.sealed and not self.replays

    @property
    def rest(self) -> int:
        """Bytes of the line that is not complete."""
        return 0 if self._assembly is None else self._assembly.rest

    @property
    def due_at(self) -> float:
        """When the record kept back has waited long enough; infinite if there is none."""
        grouper = self.reading.grouper
        return self._held_at + grouper.max_wait / 1e9 if self._held and grouper is not None else float("inf")

    def note(self, *, final: int | None = None, lost: int = 0) -> Note:
        """What the journal is to know of it."""
        return Note(
            id=self.origin.generation,
            source=self.origin.source,
            path=self.origin.path,
            seen_at=self.origin.path,
            size=self.offset,
            fingerprint=self.first,
            facts=self.origin.facts,
            final=final,
            lost=lost,
        )

    # ── reading ──

    def absorb(self, passed: Passed, now: float) -> list[Chunk]:
        """The chunks that these messages complete."""
        chunks = []
        while self.replays and passed.messages:
            chunk, passed = self._replay(passed)
            chunks += [chunk] if chunk is not None else []
        if passed.messages and not self.sealed:
            fresh = self._assemble().feed(passed.messages, passed.moments)
            self._hold(fresh, now)
        ripe = self._ripe()
        return [*chunks, ripe] if ripe is not None else chunks

    def flush(self) -> Chunk | None:
        """All that is in memory, as final."""
        if self._assembly is not None:
            self._held = joined(self._held, self._assembly.finish())
        return self.take_held()

    def take_held(self) -> Chunk | None:
        """The lines kept back."""
        return self._emit(len(self._held.times)) if self._held else None

    def abandon(self) -> None:
        """Give up all replays: their messages are gone."""
        for known in self.replays:
            self._give_up(known)
        self.replays.clear()
        self._again = Passed()

    def become(self, origin: Origin) -> None:
        """Go on as another generation, from its offset 0; lines kept back are to be taken before."""
        assert not self._held
        assert not self.replays
        self.origin, self.offset, self.lane.path, self.first = origin, 0, origin.path, self.behind

    def _assemble(self) -> Assembly:
        if self._assembly is None:
            self._assembly = Assembly(self.reading.framing.framer(self.offset), always=self.reading.always)
        return self._assembly

    def _hold(self, lines: Lines, now: float) -> None:
        if lines:
            self._held_at = now
            self._held = joined(self._held, lines)

    def _ripe(self) -> Chunk | None:
        if not self._held:
            return None
        grouper, count = self.reading.grouper, len(self._held.times)
        joins: Joins | None = None
        if grouper is not None:
            count, joins = grouper.whole(self._held.framed.lines)
        return self._emit(count, joins) if count else None

    def _emit(self, count: int, joins: Joins | None = None) -> Chunk:
        lines, self._held = parted(self._held, count)
        start, self.offset = self.offset, self.offset + lines.framed.size
        self.behind = lines.moments[-1]
        span = Span(
            origin=self.origin,
            start=start,
            end=self.offset,
            clock=self.reading.clock.reserve(count),
            after_eof=False,
            hit_eof=False,
            fingerprint=self.behind,
            file_changed=lines.times[-1],
        )
        return self._chunk(span, lines, joins)

    def _chunk(self, span: Span, lines: Lines, joins: Joins | None = None) -> Chunk:
        return chunk_of(lines.framed, span, self.lane, joins=joins, times=lines.times)

    # ── replaying ──

    def _replay(self, passed: Passed) -> tuple[Chunk | None, Passed]:
        """The first replay's chunk, if these messages complete it, and the messages that are not part of it."""
        known = self.replays[0]
        end = moment_of(known.fingerprint)
        reached = next((at for at, moment in enumerate(passed.moments) if _has_come(moment, end)), None)
        if reached is None:
            self._again = chained(self._again, passed)
            return None, Passed()
        exact = _is_same(passed.moments[reached], end)
        head, others = divided(passed, reached + exact)
        again, self._again = chained(self._again, head), Passed()
        self.replays.popleft()
        self.offset, self.behind = known.end, end
        chunk = self._made_again(known, again) if exact else None
        if chunk is None and not known.settled:
            self._give_up(known)
            others = chained(again, others)
        return chunk, others

    def _made_again(self, known: OpenSpan, again: Passed) -> Chunk | None:
        """The chunk of an open span as it was the first time; None if it is settled or has other bytes."""
        if known.settled:
            return None
        framing = self.reading.epochs.get(known.epoch, self.reading.framing)
        assembly = Assembly(framing.framer(known.start), always=self.reading.always)
        lines = joined(assembly.feed(again.messages, again.moments), assembly.finish())
        if lines.framed.size != known.end - known.start:
            return None
        return self._chunk(replayed(known, self.origin), lines)

    def _give_up(self, known: OpenSpan) -> None:
        if not known.settled:
            self.abandoned.append(replayed(known, self.origin))
        self.offset, self.behind = known.end, moment_of(known.fingerprint)


def _has_come(moment: Moment, end: Moment) -> bool:
    """Whether a span that ends at `end` cannot go on behind this."""
    return _is_same(moment, end) or moment.time > end.latest


def _is_same(moment: Moment, end: Moment) -> bool:
    return (moment.time, moment.count) == (end.time, end.count)
