"""What a pipeline makes of the lines that were looked at: streams, samples, values per label, what would be refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import re2

from shipper.chunk import Part, Processed
from shipper.clock import Clock
from shipper.config.model import DockerSource, FileSource, ResolvedSource, without_user_info
from shipper.delivery.wire import iterate_entries, parse_labels
from shipper.pipeline.compile import Pipeline, compile_pipeline
from shipper.preview.look import Look, Looker, Trouble
from shipper.preview.unread import Unread

if TYPE_CHECKING:
    from shipper.preview.containers import ContainerLooker, Found

FIELDS_LOOKED_AT = 2000
"""Lines per file whose JSON is looked at for fields that are not read."""


@dataclass(frozen=True, slots=True, order=True)
class Sample:
    """One entry as Loki would get it."""

    timestamp: int
    labels: str
    text: str
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class Survey:
    """All that a preview knows of one source."""

    source: str
    pipeline: str
    paths: tuple[str, ...]
    containers: Sequence[Found] = ()
    """The containers there are, meant or not; none of a source of files."""
    looks: list[Look] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    lines: int = 0
    streams: Counter[str] = field(default_factory=Counter)
    """Lines by label set."""
    entries: Counter[str] = field(default_factory=Counter)
    """Entries by label set."""
    values: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Lines by value, for each label."""
    samples: list[Sample] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)
    """One example of why, for each reason in `refused`."""
    fallbacks: Counter[str] = field(default_factory=Counter)
    demoted: tuple[str, ...] = ()
    """Labels with more values than `max_label_values`, sorted."""
    untimed: int = 0
    """Entries without a time of their own."""
    begun: int = 0
    """Lines at which the pattern of `multiline` begins a record; none is looked for where there is no pattern."""
    timezone_suspect: int | None = None
    unread: Unread
    """Fields of JSON lines that the pipeline leaves."""


def survey(resolved: ResolvedSource, source: FileSource | DockerSource, clock: Clock, samples: int) -> Survey:
    """Look at a source's files or containers and run what is in them through its pipeline."""
    paths = source.paths if isinstance(source, FileSource) else (without_user_info(source.host),)
    unread = Unread(resolved, clock.now())
    found = Survey(source=source.name, pipeline=source.pipeline, paths=paths, unread=unread)
    pipeline, begins = compile_pipeline(resolved), _begins(resolved)
    looker = _looker(resolved, source, clock)
    for look in looker.looks():
        unread.look(islice((line for chunk in look.chunks for line in chunk.lines), FIELDS_LOOKED_AT))
        for chunk in look.chunks:
            found.begun += begins(chunk.lines) if begins else 0
            chunk.span.demoted = found.demoted
            processed = pipeline(chunk, chunk.lane.carry)
            chunk.lane.carry = processed.carry
            look.timed = processed.carry.parsed
            look.parsed = look.timed if _last_is_timed(processed) else 0
            _note(found, processed, samples)
            _ask(found, pipeline)
        look.chunks.clear()
        found.looks.append(look)
    found.troubles, found.containers = looker.troubles, looker.found
    found.samples = chosen(found.samples, samples)
    return found


def _begins(resolved: ResolvedSource) -> Callable[[Sequence[bytes]], int] | None:
    """Counts the lines that the pattern of `multiline` begins a record at; None if there is no pattern."""
    if resolved.multiline is None or not resolved.multiline.start:
        return None
    search: Callable[[bytes], object] = re2.compile(resolved.multiline.start.encode()).search
    return lambda lines: sum(search(line) is not None for line in lines)


def _last_is_timed(processed: Processed) -> bool:
    """Whether the last entry has a time of its own."""
    last = max((part.where[-1] for part in processed.parts), default=-1)
    return last not in processed.untimed


def _looker(resolved: ResolvedSource, source: FileSource | DockerSource, clock: Clock) -> Looker | ContainerLooker:
    if isinstance(source, FileSource):
        return Looker(resolved, source, clock)
    from shipper.preview.containers import ContainerLooker  # it brings in an HTTP client

    return ContainerLooker(resolved, source, clock)


def _note(found: Survey, processed: Processed, samples: int) -> None:
    found.lines += processed.lines
    found.dropped.update(processed.dropped)
    found.fallbacks.update(processed.fallbacks)
    found.untimed += len(processed.untimed)
    for refused in processed.refused:
        found.refused[refused.reason] += refused.lines
        found.words.setdefault(refused.reason, refused.words)
    for part in processed.parts:
        if part.labels not in found.streams or len(found.samples) < 20 * samples:
            found.samples += islice(_samples(part), samples)
        found.streams[part.labels] += part.lines
        found.entries[part.labels] += part.entries
        for name, value in parse_labels(part.labels).items():
            found.values[name][value] += part.lines


def _samples(part: Part) -> Iterator[Sample]:
    for entry in iterate_entries(bytes(part.body)):
        yield Sample(entry.timestamp, part.labels, entry.line.decode("utf-8", "replace"), entry.metadata)


def chosen(samples: list[Sample], count: int) -> list[Sample]:
    """So many samples, one of each stream before a second of any, in the order of their time."""
    turns: Counter[str] = Counter()
    ranked = []
    for place, sample in enumerate(samples):
        ranked.append((turns[sample.labels], place, sample))
        turns[sample.labels] += 1
    return sorted(sample for _, _, sample in sorted(ranked, key=lambda item: item[:2])[:count])


def _ask(found: Survey, pipeline: Pipeline) -> None:
    """What a pipeline knows after many lines; a label is demoted from the next chunk on, as by the agent."""
    found.demoted = tuple(sorted({*found.demoted, *pipeline.newly_demoted()}))
    found.timezone_suspect = pipeline.timezone_suspect
