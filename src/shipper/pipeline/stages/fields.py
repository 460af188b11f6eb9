"""Stages that turn fields into times, labels, metadata, text and tenants.

Rule 1: a missing, null or empty field does nothing.
Rule 2: numbers and bools count as their JSON text; objects and arrays make no label, no metadata and no tenant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from shipper.config.model import DropLabels, Labels, Metadata, Output, StaticLabels, Tenant, Timestamp
from shipper.pipeline.entry import Entry, Work
from shipper.pipeline.instants import Instants
from shipper.pipeline.labels import LEVEL, label_name
from shipper.pipeline.levels import level_of
from shipper.pipeline.texts import field_text, scalar_text

_TEXTS: Final = {str, type(None)}
_TENANT: Final = re.compile(r"[a-zA-Z0-9!._*'()-]{1,150}")
"""What Loki takes as a tenant; it travels in a header, so nothing else may."""


class TakeTimestamp:
    """The stage `timestamp`."""

    name = "timestamp"

    def __init__(self, stage: Timestamp, timezone: str) -> None:
        self._field = stage.from_
        self._instants = Instants(stage.format, timezone)

    def __call__(self, entry: Entry, work: Work) -> str:
        value = entry.fields.get(self._field) if entry.fields is not None else None
        if value is None or value == "":
            return ""
        time = self._instants.read(value, work.clock, work.latest)
        if time is None:
            work.count("timestamp_unparsable")
        else:
            entry.time = time
        return ""

    def sift(self, entries: Sequence[Entry], work: Work) -> Sequence[Entry]:
        """Texts that can all be read are read by columns: 0.2 µs each, against 1.3."""
        values = [entry.fields.get(self._field) if entry.fields is not None else None for entry in entries]
        if not set(map(type, values)) <= _TEXTS:
            return entries
        times = self._instants.column(values, work.clock, work.latest)
        if times is None:
            return entries
        for entry, time in zip(entries, times, strict=True):
            if time is not None:
                entry.time = time
        return ()


class SetLabels:
    """The stage `labels`."""

    name = "labels"

    def __init__(self, stage: Labels) -> None:
        self._labels = [(label_name(label), field) for label, field in stage.from_.items()]

    def __call__(self, entry: Entry, work: Work) -> str:
        fields = entry.fields
        if fields is None:
            return ""
        for label, field in self._labels:
            value = fields.get(field)
            if value is None:
                continue
            text = level_of(value) if label == LEVEL else scalar_text(value)
            if text:
                entry.change(label, text)
        return ""


class SetStaticLabels:
    """The stage `static_labels`."""

    name = "static_labels"

    def __init__(self, stage: StaticLabels) -> None:
        self._labels = tuple(stage.labels.items())

    def __call__(self, entry: Entry, work: Work) -> str:
        for label, value in self._labels:
            entry.change(label, value)
        return ""


class RemoveLabels:
    """The stage `drop_labels`."""

    name = "drop_labels"

    def __init__(self, stage: DropLabels) -> None:
        self._names = stage.names

    def __call__(self, entry: Entry, work: Work) -> str:
        for name in self._names:
            entry.change(name, "")
        return ""


class SetMetadata:
    """The stage `metadata`."""

    name = "metadata"

    def __init__(self, stage: Metadata) -> None:
        self._names = [(label_name(name), field) for name, field in stage.from_.items()]

    def __call__(self, entry: Entry, work: Work) -> str:
        fields = entry.fields
        if fields is None:
            return ""
        for name, field in self._names:
            text = scalar_text(fields.get(field))
            if text:
                entry.attach(name, text)
        return ""


class SetOutput:
    """The stage `output`."""

    name = "output"

    def __init__(self, stage: Output) -> None:
        self._field = stage.from_

    def __call__(self, entry: Entry, work: Work) -> str:
        text = entry.message if self._field == "message" else None
        if text is None and entry.fields is not None:
            text = field_text(entry.fields.get(self._field))
        if text:
            entry.text = text.encode("utf-8", "replace")
        return ""


class SetTenant:
    """The stage `tenant`."""

    name = "tenant"

    def __init__(self, stage: Tenant) -> None:
        self._field = stage.from_
        self._value = stage.value or ""

    def __call__(self, entry: Entry, work: Work) -> str:
        if self._field is None:
            entry.tenant = self._value
            return ""
        text = scalar_text(entry.fields.get(self._field)) if entry.fields is not None else None
        if not text:
            return ""
        if _TENANT.fullmatch(text) and text not in (".", ".."):
            entry.tenant = text
        else:
            work.count("tenant_invalid")
        return ""
