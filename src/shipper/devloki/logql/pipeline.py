"""A log query's stages, run over entries.

Rule 1: a `Row` makes its labels only when somebody asks: a query without label stages never does before its limit.
Rule 2: a line that a parser cannot read passes on with `__error__`, as in Loki; nothing vanishes.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Protocol

from shipper.devloki.block import Entry
from shipper.devloki.labels import Labels
from shipper.devloki.levels import DETECTED_LEVEL, detect_level, given_level
from shipper.devloki.logql.syntax import (
    ChooseLabels,
    Combined,
    Comparison,
    LabelFilter,
    LineFilter,
    LogQuery,
    Matcher,
    Parse,
    Stage,
)

ERROR: Final = "__error__"
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_LOGFMT: Final = re.compile(r'([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?')
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")


class Source(Protocol):
    """Where a query finds streams: their labels and their entries with start <= time < end."""

    @property
    def detects_levels(self) -> bool:
        """Whether entries have a `detected_level`."""
        ...

    def select(self, matchers: Iterable[Matcher], start: int, end: int) -> Iterator[tuple[Labels, Iterable[Entry]]]: ...


class Row:
    """One entry on its way through the stages."""

    __slots__ = ("_detects", "_labels", "_stream", "entry")

    def __init__(self, stream: Labels, entry: Entry, detects: bool) -> None:
        self.entry = entry
        self._stream = stream
        self._detects = detects
        self._labels: dict[str, str] | None = None

    @property
    def labels(self) -> dict[str, str]:
        """Stream labels, structured metadata, `detected_level`, and what the stages added."""
        if self._labels is None:
            self._labels = dict((*self._stream, *self.entry.metadata))
            if self._detects and DETECTED_LEVEL not in self._labels:
                level = given_level(self._stream) or given_level(self.entry.metadata)
                self._labels[DETECTED_LEVEL] = level or detect_level(self.entry.line)
        return self._labels

    @property
    def text(self) -> str:
        return self.entry.line.decode("utf-8", "replace")

    def add(self, name: str, value: str) -> None:
        """Add a field of the line; one that is a label already gets the ending `_extracted`."""
        if value:
            value = value.encode("utf-8", "replace").decode()  # JSON may escape half a character
            self.labels[f"{name}_extracted" if name in self.labels else name] = value


def run(query: LogQuery, source: Source, start: int, end: int) -> Iterator[Row]:
    """The rows that pass all stages, stream after stream, each in the order it was stored."""
    steps = [_step(stage) for stage in query.stages]
    for labels, entries in source.select(query.matchers, start, end):
        for entry in entries:
            row = Row(labels, entry, source.detects_levels)
            if all(step(row) for step in steps):
                yield row


def _step(stage: Stage) -> Callable[[Row], bool]:
    match stage:
        case LineFilter():
            return lambda row: stage.keeps(row.entry.line)
        case Parse(format="json"):
            return _parse_json
        case Parse():
            return _parse_logfmt
        case ChooseLabels():
            return lambda row: _choose(row, stage)
        case Matcher() | Comparison() | Combined():
            return lambda row: _holds(row, stage)


def _choose(row: Row, stage: ChooseLabels) -> bool:
    for name in [name for name in row.labels if (name in stage.names) != stage.keep]:
        del row.labels[name]
    return True


def _holds(row: Row, condition: LabelFilter) -> bool:
    match condition:
        case Matcher():
            return condition.matches(row.labels.get(condition.name, ""))
        case Comparison():
            return _compares(row, condition)
        case Combined(operator="and"):
            return _holds(row, condition.left) and _holds(row, condition.right)
        case Combined():
            return _holds(row, condition.left) or _holds(row, condition.right)


def _compares(row: Row, condition: Comparison) -> bool:
    value = row.labels.get(condition.name)
    if value is None:
        return False
    try:
        return _COMPARE[condition.operator](condition.convert(value), condition.number)
    except ValueError:
        row.labels[ERROR] = "LabelFilterErr"
        return True


def _parse_json(row: Row) -> bool:
    try:
        # Numbers keep the text they have in the line.
        document = json.loads(row.text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        row.labels[ERROR] = "JSONParserErr"
        return True
    for name, value in _flat(document, ""):
        row.add(name, value)
    return True


def _flat(document: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """The fields of nested objects, names joined by `_`; arrays are left out, as in Loki."""
    for key, value in document.items():
        name = _label_name(prefix + key)
        if isinstance(value, dict):
            yield from _flat(value, f"{name}_")
        elif isinstance(value, bool):
            yield name, "true" if value else "false"
        elif isinstance(value, str):
            yield name, value


def _label_name(key: str) -> str:
    name = _NOT_IN_A_NAME.sub("_", key)
    return f"_{name}" if name[:1].isdigit() else name


def _parse_logfmt(row: Row) -> bool:
    for match in _LOGFMT.finditer(row.text):
        quoted = match[2]
        value = quoted.replace('\\"', '"') if quoted is not None else match[3]
        if value:
            row.add(_label_name(match[1]), value)
    return True
