"""What a pipeline makes of the lines that were looked at: streams, samples, values per label, what would be refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import orjson

from shipper.chunk import Part, Processed
from shipper.clock import Clock
from shipper.config.model import Auto, FileSource, Json, ResolvedSource
from shipper.delivery.wire import iterate_entries, parse_labels
from shipper.pipeline.compile import Pipeline, compile_pipeline
from shipper.preview.look import Look, Looker, Trouble

MESSAGE_KEYS = ("message", "msg", "event", "body", "text", "log", "MESSAGE", "Message")
KEYS_LOOKED_AT = 2000
"""Lines per file whose JSON is looked at for its message."""


@dataclass(frozen=True, slots=True, order=True)
class Sample:
    """One entry as Loki would get it."""

    timestamp: int
    labels: str
    text: str
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Messages:
    """Where JSON lines keep their message."""

    objects: int = 0
    without: int = 0
    """Of these, without any of the keys that the pipeline reads."""
    elsewhere: Counter[str] = field(default_factory=Counter)
    """Keys that might have been meant, in lines without."""


@dataclass(slots=True, kw_only=True)
class Survey:
    """All that a preview knows of one source."""

    source: str
    pipeline: str
    paths: tuple[str, ...]
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
    """Labels with more values than `max_label_values`."""
    timezone_suspect: int | None = None
    messages: Messages = field(default_factory=Messages)


def survey(resolved: ResolvedSource, source: FileSource, clock: Clock, samples: int) -> Survey:
    """Look at a source's files and run what is in them through its pipeline."""
    found = Survey(source=source.name, pipeline=source.pipeline, paths=source.paths)
    pipeline = compile_pipeline(resolved)
    keys = _message_keys(resolved)
    looker = Looker(resolved, source, clock)
    for look in looker.looks():
        if keys:
            _look_for_messages(found.messages, look, keys)
        for chunk in look.chunks:
            processed = pipeline(chunk, chunk.lane.carry)
            chunk.lane.carry = processed.carry
            _note(found, processed, samples)
        _ask(found, pipeline)
        look.chunks.clear()
        found.looks.append(look)
    found.troubles = looker.troubles
    found.samples = chosen(found.samples, samples)
    return found


def _note(found: Survey, processed: Processed, samples: int) -> None:
    found.lines += processed.lines
    found.dropped.update(processed.dropped)
    found.fallbacks.update(processed.fallbacks)
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
    for entry in iterate_entries(part.body):
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
    """What a pipeline knows after many lines."""
    found.demoted = tuple(sorted({*found.demoted, *pipeline.newly_demoted()}))
    found.timezone_suspect = pipeline.timezone_suspect


def _message_keys(resolved: ResolvedSource) -> tuple[str, ...]:
    """The keys in which the pipeline looks for a JSON line's message; none if it reads no JSON."""
    for stage in resolved.stages:
        if isinstance(stage, Json):
            return stage.message
        if isinstance(stage, Auto):
            return Json().message
    return ()


def _look_for_messages(messages: Messages, look: Look, keys: tuple[str, ...]) -> None:
    lines = (line for chunk in look.chunks for line in chunk.lines)
    for line in islice(lines, KEYS_LOOKED_AT):
        document = _object(line)
        if document is None:
            continue
        messages.objects += 1
        if not any(isinstance(document.get(key), str) and document[key] for key in keys):
            messages.without += 1
            other = (key for key in MESSAGE_KEYS if isinstance(document.get(key), str) and document[key])
            messages.elsewhere.update(islice(other, 1))


def _object(line: bytes) -> dict[str, object] | None:
    if not line.startswith(b"{"):
        return None
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
