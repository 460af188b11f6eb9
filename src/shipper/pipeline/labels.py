"""From the labels a line asks for to the stream it joins, and the guard against labels with too many values.

Rule 1: labels of the configuration, then of the path or container, then `filename`, then what stages set: the later
        wins.
Rule 2: what Loki would refuse as a label (a value above 2048 bytes, a name beyond the fifteenth), and a demoted label,
        becomes structured metadata; where there is none, it is left out.
Rule 3: `level` from a line or a path is one of levels.LEVELS, so it is bounded and never demoted.
Rule 4: a stream is a function of path, facts, demoted names and changes alone; the guard only watches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import re2

from shipper.config.model import ResolvedSource
from shipper.delivery.wire import format_labels
from shipper.pipeline.containers import ContainerLabels, Facts
from shipper.pipeline.levels import level_of
from shipper.pipeline.texts import encodable

MOST_LABELS: Final = 15
LONGEST_VALUE: Final = 2048
LEVEL: Final = "level"
_CACHED: Final = 4096
_INVALID: Final = re.compile(r"[^a-zA-Z0-9_]")

Changes = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """Where a line goes, and what of its labels goes beside it."""

    labels: str
    """As Loki reads them."""
    metadata: Changes
    """Labels that became structured metadata."""
    counts: tuple[str, ...]
    """Why, for the counters; demotion is not counted again."""


def label_name(name: str) -> str:
    """The nearest name that Loki takes: letters, digits and underscores, no digit first."""
    name = _INVALID.sub("_", name)
    return f"_{name}" if not name or name[0].isdigit() else name


class LabelGuard:
    """Watches how many values each label has; a name over the limit is named once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[str, set[str]] = {}
        self._over: set[str] = set()
        self._news: list[str] = []

    def observe(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Take note of label values."""
        for name, value in pairs:
            if name == LEVEL or name in self._over:
                continue
            values = self._values.setdefault(name, set())
            values.add(value)
            if len(values) > self._most:
                self._over.add(name)
                self._news.append(name)
                del self._values[name]

    def meet(self, names: Iterable[str]) -> None:
        """Take note of labels that were demoted before and that lines still have."""
        for name in names:
            if name not in self._over:
                self._over.add(name)
                self._news.append(name)

    def newly_over(self) -> tuple[str, ...]:
        """Names that went over the limit, or were met demoted, since this was asked last, sorted."""
        names, self._news = tuple(sorted(self._news)), []
        return names


class Labeller:
    """Makes streams of one source's lines; results are kept, so a stream costs one look-up a line."""

    def __init__(self, resolved: ResolvedSource, guard: LabelGuard, *, metadata: bool) -> None:
        self._static = {name: value for name, value in resolved.labels.items() if value}
        self._pattern: Any = re2.compile(resolved.path_labels) if resolved.path_labels else None
        self._filename = resolved.filename_label
        self._metadata = metadata
        self._guard = guard
        self._container_labels = ContainerLabels(resolved)
        self._streams: dict[tuple[str, Facts, tuple[str, ...], Changes], Stream] = {}

    def stream(self, path: str, demoted: tuple[str, ...], changes: Changes, facts: Facts = ()) -> Stream:
        """The stream of a line of this origin, whose stages made these changes; an empty value removes a label."""
        key = path, facts, demoted, changes
        stream = self._streams.get(key)
        if stream is None:
            if len(self._streams) >= _CACHED:
                self._streams.clear()
            stream = self._streams[key] = self._make(path, facts, demoted, changes)
        return stream

    def path_labels(self, path: str) -> dict[str, str]:
        """The named groups of `path_labels` in a path; groups that are empty or took no part make none."""
        match = self._pattern.search(path) if self._pattern is not None else None
        if match is None:
            return {}
        found = {name: value for name, value in match.groupdict().items() if value}
        if LEVEL in found:
            found[LEVEL] = level_of(found[LEVEL])
        return found

    def place(self, path: str, facts: Facts) -> dict[str, str]:
        """The labels that come of a path or a container."""
        return self.path_labels(path) | self._container_labels(facts)

    def _make(self, path: str, facts: Facts, demoted: tuple[str, ...], changes: Changes) -> Stream:
        path = encodable(path)
        place = self.place(path, facts)
        filename = {"filename": path} if self._filename else {}
        labels = {name: value for name, value in (self._static | place | filename | dict(changes)).items() if value}
        watched = {**place, **dict(changes)}
        self._guard.observe((name, value) for name, value in labels.items() if name in watched and name not in demoted)
        self._guard.meet(name for name in demoted if name in labels and name != LEVEL)
        return self._fit(labels, demoted)

    def _fit(self, labels: dict[str, str], demoted: tuple[str, ...]) -> Stream:
        kept: dict[str, str] = {}
        aside: dict[str, str] = {}
        counts: list[str] = []
        for name, value in labels.items():
            if name in demoted and name != LEVEL:
                aside[name] = value
            elif len(value.encode("utf-8", "replace")) > LONGEST_VALUE:
                aside[name] = value
                counts.append("label_too_long")
            elif len(kept) == MOST_LABELS:
                aside[name] = value
                counts.append("label_limit")
            else:
                kept[name] = value
        return Stream(format_labels(kept), tuple(aside.items()) if self._metadata else (), tuple(counts))
