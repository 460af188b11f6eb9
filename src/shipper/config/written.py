"""What the model holds as people write and read it: for the reference and the JSON Schema.

Rule 1: `kinds.read(written(kind, value))` is `value`, for every default and limit there is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from shipper.config.amounts import format_duration, format_size
from shipper.config.schema import Key, Kind


def written(kind: Kind, value: Any) -> Any:
    """A value as TOML has it: durations and sizes as text, tuples as lists."""
    if kind is Kind.DURATION:
        return format_duration(int(value))
    if kind is Kind.SIZE:
        return format_size(int(value))
    return list(value) if isinstance(value, tuple) else value


def limits(key: Key) -> str:
    """What is allowed beside the kind: `; at least 1, at most 256`; "": anything."""
    words = [
        f"{name} {limit:g}" if key.kind in (Kind.COUNT, Kind.NUMBER) else f"{name} {written(key.kind, limit)}"
        for name, limit in (("at least", key.least), ("at most", key.most))
        if limit is not None
    ]
    return f"; {', '.join(words)}" if words else ""


def sentences(table: type[msgspec.Struct]) -> str:
    """What a table is for."""
    return "\n".join(line.strip() for line in (table.__doc__ or "").strip().splitlines())
