"""Stages that read fields out of text: `logfmt`, `regex`, `cri`.

Rule 1: text that does not match passes through untouched, counted.
Rule 2: patterns of the configuration run on RE2 (patterns.py).
"""

from __future__ import annotations

import re
from typing import Final

from shipper.config.model import Cri, Logfmt, Regex
from shipper.pipeline.cri import LINE
from shipper.pipeline.entry import HELD, Entry, Fields, Work
from shipper.pipeline.instants import Instants
from shipper.pipeline.patterns import Pattern
from shipper.pipeline.stages.objects import message_in
from shipper.pipeline.texts import field_text

_PAIR: Final = re.compile(r'([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?(?=\s|$)', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r"}


class ReadLogfmt:
    """The stage `logfmt`."""

    name = "logfmt"

    def __init__(self, stage: Logfmt) -> None:
        self._message = stage.message

    def __call__(self, entry: Entry, work: Work) -> str:
        fields = logfmt_pairs(entry.text.decode("utf-8", "replace"))
        if not fields:
            work.count("not_logfmt")
            return ""
        entry.add(fields)
        entry.message = message_in(fields, self._message) or entry.message
        return ""


def logfmt_pairs(text: str) -> Fields:
    """`name=value` pairs; a name alone is the string "true" only beside pairs, so that prose makes no fields."""
    fields: Fields = {}
    bare: list[str] = []
    for match in _PAIR.finditer(text):
        name, quoted, plain = match.groups()
        if quoted is not None:
            fields[name] = _ESCAPED.sub(lambda found: _CONTROLS.get(found[1], found[1]), quoted)
        elif plain is not None:
            fields[name] = plain
        else:
            bare.append(name)
    return fields


class SearchPattern:
    """The stage `regex`."""

    name = "regex"

    def __init__(self, stage: Regex) -> None:
        self._pattern = Pattern(stage.pattern)
        self._field = stage.from_

    def __call__(self, entry: Entry, work: Work) -> str:
        text = text_to_search(entry, self._field)
        spans = self._pattern.search(text) if text is not None else None
        if text is None or spans is None:
            work.count("no_match")
            return ""
        fields: Fields = {}
        for name, index in self._pattern.names:
            first, end = spans[index]
            if first >= 0:
                fields[name] = text[first:end].decode("utf-8", "replace")
        entry.add(fields)
        return ""


def text_to_search(entry: Entry, field: str | None) -> bytes | None:
    """The text of an entry, or of one of its fields; None if it has no such field."""
    if field is None:
        return entry.text
    value = entry.fields.get(field) if entry.fields is not None else None
    text = field_text(value)
    if text is None and field == "message":
        text = entry.message
    return None if text is None else text.encode("utf-8", "replace")


class ReadCri:
    """The stage `cri`: partial lines wait in the chunk for the line that ends them."""

    name = "cri"

    def __init__(self, stage: Cri) -> None:
        self._instants = Instants(("rfc3339",), "UTC")

    def __call__(self, entry: Entry, work: Work) -> str:
        match = LINE.match(entry.text)
        if match is None:
            work.count("not_cri")
            return ""
        time, stream = match[1].decode("utf-8", "replace"), match[2].decode()
        entry.add({"timestamp": time, "stream": stream})
        entry.change("stream", stream)
        entry.time = self._instants.read(time, work.clock, work.latest)
        if entry.time is None:
            work.count("timestamp_unparsable")
        entry.text = entry.text[match.end() :]
        return self._join(entry, work, stream, partial=match[3] == b"P")

    def _join(self, entry: Entry, work: Work, stream: str, *, partial: bool) -> str:
        waiting = work.held.setdefault(self, {})
        held = waiting.pop(stream, None)
        if held is not None:
            entry.text = held.text + entry.text
            entry.index, entry.last = min(held.index, entry.index), max(held.last, entry.last)
            entry.weight += held.weight
            entry.time = held.time
            entry.add({"timestamp": (held.fields or {}).get("timestamp")})
        if not partial:
            return ""
        waiting[stream] = entry
        return HELD
