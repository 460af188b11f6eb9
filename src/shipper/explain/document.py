"""Records as JSON of bounded size, for `POST /api/v1/playground` and `shipper explain`.

    {"lines", "stages": [{"stage", "key", "did", "line", "fields", "labels", "metadata", "timestamp", "dropped"}],
     "entry": {"timestamp", "at", "labels", "metadata", "text", "tenant"} | null, "dropped", "refused"}

Rule 1: a stage shows the state behind it: all fields, all labels the line has by then, its own time (RFC 3339) if any.
Rule 2: before the stages of the pipeline stands `source` (framing, joining, labels of configuration and path); behind
        them what follows by itself, each only where it changed something: `cut`, `limits`, `window`, `time`.
Rule 3: texts are strings that can be encoded, cut where they are long; a field that is no string is its JSON text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from shipper.config.model import ResolvedSource
from shipper.delivery.wire import parse_labels
from shipper.explain.trace import BLANK, Excerpt, Record, Stored
from shipper.explain.watch import State
from shipper.explain.words import did, meanings
from shipper.pipeline.labels import LabelGuard, Labeller, Stream
from shipper.pipeline.texts import field_text
from shipper.pipeline.window import written

LOG_TEXT: Final = frozenset({"line", "fields", "text"})
"""Names under which a document has what was logged; all else may come from the configuration, and its secrets."""
LINE_SHOWN: Final = 16 * 1024
"""Characters of a text."""
VALUE_SHOWN: Final = 1024
"""Characters of a field's value."""
NAMES_SHOWN: Final = 100
"""Fields of a line, and entries of its metadata."""
LONGEST_LINE: Final = 256 * 1024
"""What Loki takes by default (`max_line_size`), bytes."""


@dataclass(frozen=True, slots=True)
class Documents:
    """Makes documents of the records of one excerpt."""

    resolved: ResolvedSource
    excerpt: Excerpt
    labeller: Labeller

    @classmethod
    def of(cls, resolved: ResolvedSource, excerpt: Excerpt, *, metadata: bool = True) -> Documents:
        """For this source and this excerpt; `metadata` as for the trace."""
        guard = LabelGuard(resolved.max_label_values)
        return cls(resolved, excerpt, Labeller(resolved, guard, metadata=metadata))

    def document(self, record: Record) -> dict[str, Any]:
        """One record."""
        return {
            "lines": record.lines,
            "stages": list(self._stages(record)),
            "entry": None if record.entry is None else _entry(record.entry),
            "dropped": record.dropped,
            "refused": record.refused or _refused(record),
        }

    def _stages(self, record: Record) -> Iterator[dict[str, Any]]:
        yield self._stage(
            "source", f"source.{self.resolved.name}", _begun(record), record.begun, BLANK if record.blank else ""
        )
        for step in record.steps:
            yield self._stage(step.stage, step.key, did(step), step.after, step.dropped)
        yield from self._afterwards(record)

    def _afterwards(self, record: Record) -> Iterator[dict[str, Any]]:
        """What becomes of a record behind the stages, by itself."""
        last, entry, outside = record.last, record.entry, record.outside
        counts = self._stream(last).counts
        if entry is not None and entry.text != last.text:
            cut = last.changed(text=entry.text)
            yield self._stage("cut", "agent.max_line_bytes", meanings(("cut",)), cut)
        if entry is not None and counts:
            yield self._stage("limits", "", f"{meanings(counts)}; structured metadata instead", last)
        if outside is not None:
            words = f"{_OUTSIDE[outside.reason]}, {written(outside.timestamp)}: {_POLICIES[outside.policy]}"
            after = last if entry is None else _as_issued(last, entry)
            yield self._stage("window", f"loki.{outside.reason}", words, after, record.dropped)
        elif entry is not None and entry.timestamp != last.time:
            yield self._stage("time", "", self._moved(last, entry), _as_issued(last, entry))

    def _moved(self, last: State, entry: Stored) -> str:
        """Why an entry has a timestamp that is not its own time."""
        if last.time is not None:
            return "not later than the line before it: moved behind that by a nanosecond, so that order is kept"
        clock = self.excerpt.chunk.span.clock
        if clock <= entry.timestamp < clock + len(self.excerpt.chunk.lines):
            return "no time of its own: the time it is read at"
        return "no time of its own: it stays beside its neighbour"

    def _stage(self, stage: str, key: str, words: str, state: State, dropped: str = "") -> dict[str, Any]:
        return {
            "stage": stage,
            "key": key,
            "did": words,
            "line": _shown(state.text.decode("utf-8", "replace"), LINE_SHOWN),
            "fields": _pairs({name: field_text(value) for name, value in islice(state.fields.items(), NAMES_SHOWN)}),
            "labels": parse_labels(self._stream(state).labels),
            "metadata": _pairs(state.metadata),
            "timestamp": None if state.time is None else written(state.time),
            "dropped": dropped,
        }

    def _stream(self, state: State) -> Stream:
        span = self.excerpt.chunk.span
        return self.labeller.stream(span.origin.path, span.demoted, state.labels, span.origin.facts)


_OUTSIDE: Final = {"too_old": "older than max_age", "too_new": "further ahead than max_ahead"}
_POLICIES: Final = {
    "restamp": "it gets the time it is read at; its own is kept as metadata original_timestamp",
    "drop": "dropped, as configured",
    "dead-letter": "a dead letter, as configured",
}


def _begun(record: Record) -> str:
    if record.blank:
        return "a blank line"
    joined = f"{record.lines} lines are one record; " if record.lines > 1 else ""
    marks = f"{meanings(record.marks)}; " if record.marks else ""
    return f"{joined}{marks}labels of the configuration and of where it is from"


def _as_issued(last: State, entry: Stored) -> State:
    return last.changed(time=entry.timestamp, metadata=dict(entry.metadata))


def _entry(entry: Stored) -> dict[str, Any]:
    return {
        "timestamp": str(entry.timestamp),
        "at": written(entry.timestamp),
        "labels": parse_labels(entry.labels),
        "metadata": _pairs(dict(entry.metadata)),
        "text": _shown(entry.text.decode("utf-8", "replace"), LINE_SHOWN),
        "tenant": entry.tenant,
    }


def _refused(record: Record) -> str:
    """What a Loki with default limits refuses though the pipeline lets it pass."""
    if record.entry is None:
        return ""
    if record.entry.labels == "{}":
        return "labels: Loki takes no line without a label"
    if len(record.entry.text) > LONGEST_LINE:
        size = len(record.entry.text)
        return f"line_too_long: {size} bytes are more than Loki takes unless max_line_size is raised ({LONGEST_LINE})"
    return ""


def _pairs(pairs: Mapping[str, str | None]) -> dict[str, str | None]:
    shown = islice(pairs.items(), NAMES_SHOWN)
    return {_shown(name, VALUE_SHOWN): None if value is None else _shown(value, VALUE_SHOWN) for name, value in shown}


def _shown(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
