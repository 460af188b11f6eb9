"""The stages `detect` and `auto`: text lines whose format we know.

Rule 1: a line with a head gives its level and time to the fields `level` and `timestamp`, as they are written.
Rule 2: a line that continues a record (tracebacks.py) inherits the record's level if launcher and process are the same;
        one that begins a record without a level has none.
Rule 3: a JSON line is a whole record: what comes after it continues nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shipper.pipeline.detect import head_of, looked_at, prefix_of
from shipper.pipeline.entry import Entry, Fields, Stage, Work
from shipper.pipeline.stages.objects import NOT_JSON, ReadJson, read_object
from shipper.pipeline.tracebacks import CLOSED, HEAD, begin, follow

_AT: Final = " @ "
"""Between the state and the prefix in a lane's `record`."""


class Detect:
    """The stage `detect`."""

    name = "detect"

    def __call__(self, entry: Entry, work: Work) -> str:
        line = looked_at(entry.text)
        at = prefix_of(line)
        prefix, text = line[:at].strip().decode("utf-8", "replace"), line[at:]
        head = head_of(text)
        fields: Fields = {}
        if head is not None:
            work.level = head.level
            work.record = record_of(CLOSED if head.access else HEAD, prefix)
            if head.time:
                fields["timestamp"] = head.time
        else:
            self._continue(text, prefix, work)
        if work.level:
            fields["level"] = work.level
        if fields:
            entry.add(fields)
        return ""

    def _continue(self, text: bytes, prefix: str, work: Work) -> None:
        record, _, owner = work.record.partition(_AT)
        state = follow(record, text) if owner == prefix else ""
        if state:
            work.record = record_of(state, prefix)
        else:
            work.level = ""
            work.record = record_of(begin(text), prefix)


def record_of(state: str, prefix: str) -> str:
    """A lane's `record` after a line in this state behind this prefix."""
    return f"{state}{_AT}{prefix}" if prefix else state


class Auto:
    """The stage `auto`: one way for JSON objects, another for text."""

    name = "auto"

    def __init__(self, read: ReadJson, for_objects: list[Stage], for_text: list[Stage]) -> None:
        self._read = read
        self._for_objects = for_objects
        self._for_text = for_text

    def __call__(self, entry: Entry, work: Work) -> str:
        for stage in self._way(entry, work):
            reason = stage(entry, work)
            if reason:
                return reason
        return ""

    def watched(self, over: Callable[[Stage, str, int], Stage]) -> Auto:
        """The same with `over` around each stage inside; it is told the way, `json` or `text`, and the place in it."""
        objects = [over(stage, "json", place) for place, stage in enumerate(self._for_objects, 1)]
        texts = [over(stage, "text", place) for place, stage in enumerate(self._for_text)]
        return Auto(self._read, objects, texts)

    def _way(self, entry: Entry, work: Work) -> list[Stage]:
        text = entry.text
        if text.lstrip()[:1] != b"{":
            return self._for_text
        fields, reason = read_object(text)
        if fields is None:
            if text.lstrip()[1:].lstrip()[:1] == b'"':  # begins like JSON; `{'loss': 0.69}` is text like any other
                work.count(reason or NOT_JSON)
            return self._for_text
        if reason:
            work.count(reason)
        self._read.take(entry, fields)
        work.level, work.record = "", ""
        return self._for_objects
