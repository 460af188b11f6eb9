"""The general path: records, stages, times, window and parts, one entry after the other.

Rule 1: every physical line ends in exactly one part, drop count or refused entry.
Rule 2: a blank line (white space only) inside a record is counted with it and left out of its text; elsewhere it is
        dropped, reason "blank". `keep_blank_lines` keeps both.
Rule 3: the result is a function of chunk and carry.
Rule 4: a record that a stage fails on (a bug of ours) becomes a dead letter that points at its bytes; the others go on.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from shipper.chunk import Carry, Chunk, Part, Processed, Refused
from shipper.pipeline.entry import HELD, Entry, Sifting, Stage, Watch, Work
from shipper.pipeline.labels import Changes, Labeller, Stream
from shipper.pipeline.multiline import Grouper, extents, joins_of
from shipper.pipeline.parts import Pairs, fitting, part_of
from shipper.pipeline.suspicion import ZoneSuspicion
from shipper.pipeline.texts import cut
from shipper.pipeline.timestamps import Times
from shipper.pipeline.window import ORIGINAL, RESTAMPED, Window, written


@dataclass(frozen=True, slots=True, kw_only=True)
class General:
    """What one source does with a chunk, whatever is in it."""

    stages: Sequence[Stage]
    grouper: Grouper | None
    labeller: Labeller
    window: Window
    suspicion: ZoneSuspicion
    timed: bool
    """Whether some stage takes times from lines."""
    keep_blank_lines: bool
    max_bytes: int
    metadata: bool
    watch: Watch | None = None

    def __call__(self, chunk: Chunk, carry: Carry) -> Processed:
        """What becomes of the chunk."""
        work = Work(chunk, carry)
        dropped: dict[str, int] = {}
        entries = self._through_stages(self._records(chunk, dropped), work, dropped)
        times = Times(carry, chunk.span, chunk.times)
        timed = self.timed or chunk.times is not None
        timestamps = self._timestamps(entries, times, work.clock, timed=timed)
        outcome = _Outcome(chunk, times, dropped, work)
        parts = self._parts(entries, timestamps, outcome)
        self._set_aside(work.failed, outcome)
        after = times.carry(work.level, work.record)
        return Processed(
            span=chunk.span,
            lines=len(chunk.lines),
            parts=parts,
            carry=after,
            lengths=chunk.lengths,
            surplus=chunk.surplus,
            dropped=dropped,
            fallbacks=work.counts,
            refused=outcome.refused,
            untimed=times.untimed if timed else range(len(chunk.lines)),
        )

    def _records(self, chunk: Chunk, dropped: dict[str, int]) -> Iterator[Entry]:
        lines = chunk.lines
        joins = joins_of(chunk, self.grouper)
        if not joins and (self.keep_blank_lines or chunk.plain):
            yield from (Entry(index, 1, line) for index, line in enumerate(lines))
            return
        for first, end in extents(joins, len(lines)):
            members = lines[first:end]
            if not self.keep_blank_lines:
                members = [line for line in members if line.strip()]
            if members:
                yield Entry(first, end - first, members[0] if len(members) == 1 else b"\n".join(members))
            else:
                dropped["blank"] = dropped.get("blank", 0) + end - first

    def _through_stages(self, records: Iterable[Entry], work: Work, dropped: dict[str, int]) -> list[Entry]:
        entries, late = list(records), False
        for stage in self.stages:
            entries = _pass(stage, entries, work, dropped)
            if waiting := work.held.pop(stage, None):  # the chunk ends: what waits for its end goes on as it is
                entries += waiting.values()
                late = True
        if late:
            entries.sort(key=attrgetter("index"))
        for entry in entries:
            if len(entry.text) > self.max_bytes:
                entry.text = cut(entry.text, self.max_bytes)
                work.count("cut")
        return entries

    def _timestamps(self, entries: Sequence[Entry], times: Times, clock: int, *, timed: bool) -> list[int]:
        if timed:
            own = [entry.time for entry in entries]
            self.suspicion.observe(own, clock)
            return times.issue(own, [entry.index for entry in entries])
        return times.by_the_clock([clock + entry.index for entry in entries])

    def _parts(self, entries: Sequence[Entry], timestamps: Sequence[int], outcome: _Outcome) -> list[Part]:
        groups: dict[tuple[str, str], tuple[list[Entry], list[int], list[Pairs]]] = {}
        streams: dict[Changes, Stream] = {}
        inside = not timestamps or self.window.holds(min(timestamps), max(timestamps), outcome.clock)
        for entry, issued in zip(entries, timestamps, strict=True):
            changes = tuple(entry.changes.items()) if entry.changes else ()
            stream = streams.get(changes)
            if stream is None:
                stream = streams[changes] = self._stream(changes, outcome)
            for reason in stream.counts:
                outcome.work.count(reason)
            timestamp: int | None = issued
            if not inside:
                timestamp = self._in_window(entry, issued, stream, outcome)
                if timestamp is None:
                    continue
            key = (entry.tenant, stream.labels)
            group = groups.get(key)
            if group is None:
                group = groups[key] = ([], [], [])
            group[0].append(entry)
            group[1].append(timestamp or issued)
            group[2].append(self._pairs(entry, stream, outcome) if entry.metadata or stream.metadata else ())
        return [part_of(tenant, labels, *group) for (tenant, labels), group in groups.items()]

    def _set_aside(self, failed: Sequence[tuple[Entry, str]], outcome: _Outcome) -> None:
        span = outcome.chunk.span
        for entry, words in failed:
            stream = self.labeller.stream(span.origin.path, span.demoted, ())
            outcome.refused.append(outcome.refuse(entry, outcome.clock + entry.index, stream, "pipeline_failed", words))

    def _stream(self, changes: Changes, outcome: _Outcome) -> Stream:
        span = outcome.chunk.span
        return self.labeller.stream(span.origin.path, span.demoted, changes, span.origin.facts)

    def _pairs(self, entry: Entry, stream: Stream, outcome: _Outcome) -> Pairs:
        if not self.metadata:
            return ()
        pairs = tuple(({**dict(stream.metadata), **(entry.metadata or {})}).items())
        kept = fitting(pairs)
        if kept is not pairs:
            outcome.work.count("metadata_limit")
        return kept

    def _in_window(self, entry: Entry, timestamp: int, stream: Stream, outcome: _Outcome) -> int | None:
        """The timestamp to send with; None if the entry is not to be sent."""
        reason, policy = self.window.judge(timestamp, outcome.clock)
        if not reason:
            return timestamp
        if self.watch is not None:
            self.watch.outside(entry, timestamp, reason, policy)
        if policy == "restamp":
            outcome.work.count(RESTAMPED)
            original = outcome.original(entry)
            if original is not None:
                entry.attach(ORIGINAL, written(original))
            return outcome.times.free(outcome.clock + entry.index)
        if policy == "drop":
            outcome.dropped[reason] = outcome.dropped.get(reason, 0) + entry.weight
        else:
            words = self.window.words(reason, timestamp, outcome.clock)
            outcome.refused.append(outcome.refuse(entry, timestamp, stream, reason, words))
        return None


def _pass(stage: Stage, entries: list[Entry], work: Work, dropped: dict[str, int]) -> list[Entry]:
    """The entries that pass a stage."""
    gone: set[Entry] = set()
    for entry in _sifted(stage, entries, work):
        try:
            reason = stage(entry, work)
        except Exception as error:  # noqa: BLE001  # one line must not stop a source, whatever is in it
            work.failed.append((entry, _where(error)))
            gone.add(entry)
            continue
        if reason:
            gone.add(entry)
            if reason is not HELD:
                dropped[reason] = dropped.get(reason, 0) + entry.weight
    return [entry for entry in entries if entry not in gone] if gone else entries


def _sifted(stage: Stage, entries: list[Entry], work: Work) -> Sequence[Entry]:
    """The entries that a stage has to look at one by one."""
    if not isinstance(stage, Sifting):
        return entries
    try:
        return stage.sift(entries, work)
    except Exception:  # noqa: BLE001  # then each is looked at, and what is wrong with one is said of it
        return entries


def _where(error: Exception) -> str:
    """What went wrong and where in the code; an error's own words may quote the line, and so its secrets."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}; please report this"


class _Outcome:
    """What of a chunk is not in its parts."""

    __slots__ = ("chunk", "clock", "dropped", "refused", "times", "work")

    def __init__(self, chunk: Chunk, times: Times, dropped: dict[str, int], work: Work) -> None:
        self.chunk = chunk
        self.clock = chunk.span.clock
        self.times = times
        self.dropped = dropped
        self.work = work
        self.refused: list[Refused] = []

    def original(self, entry: Entry) -> int | None:
        """The time an entry was written at, by itself or by its origin; None: not known."""
        if entry.time is None and self.chunk.times is not None:
            return self.chunk.times[entry.index]
        return entry.time

    def refuse(self, entry: Entry, timestamp: int, stream: Stream, reason: str, words: str) -> Refused:
        """A dead letter of an entry: it points to its bytes where these last, else it keeps the text."""
        offset = self.work.offset(entry.index)
        last = entry.last
        size = self.chunk.lengths[last] + 1 + self.chunk.surplus.get(last, 0)
        return Refused(
            offset=offset,
            length=self.work.offset(last) + size - offset,
            lines=entry.weight,
            timestamp=timestamp,
            labels=stream.labels,
            tenant=entry.tenant,
            text=None if self.chunk.span.origin.lasting else entry.text,
            reason=reason,
            words=words,
        )
