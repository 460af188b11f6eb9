"""Fields of JSON lines that look like a message, a time or a level, and that the pipeline does not read.

Rule 1: a field is only looked for in lines that have none of those the pipeline reads, and only for what it reads at
        all: who wrote a pipeline without a `timestamp` stage wants none.
Rule 2: a field is named if its value makes sense: a time that can be read, a level that is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from shipper.config.model import Auto, Json, Labels, ResolvedSource, Timestamp
from shipper.config.stages import JSON
from shipper.pipeline.instants import Instants
from shipper.pipeline.labels import LEVEL
from shipper.pipeline.levels import level_of

MESSAGE: Final = ("message", "msg", "event", "body", "text", "log", "MESSAGE", "Message")
TIME: Final = (
    "timestamp",
    "time",
    "ts",
    "@timestamp",
    "datetime",
    "date",
    "asctime",
    "created",
    "eventTime",
    "Timestamp",
)
LEVELS: Final = (
    "level",
    "severity",
    "lvl",
    "levelname",
    "log_level",
    "loglevel",
    "log.level",
    "severity_text",
    "Level",
)


@dataclass(frozen=True, slots=True)
class Role:
    """One thing that a pipeline takes from JSON lines."""

    name: str
    read: tuple[str, ...]
    """The fields it takes it from."""
    others: tuple[str, ...]
    """Fields that programs keep it in, the commonest first."""
    makes_sense: Callable[[object], bool]


class Unread:
    """What was seen in the lines of one source."""

    def __init__(self, resolved: ResolvedSource, clock: int) -> None:
        self.roles = roles_of(resolved, clock)
        self.objects = 0
        """Lines that are JSON objects."""
        self.texts = 0
        """Lines that are not, nor blank."""
        self.fields: dict[str, Counter[str]] = {role.name: Counter() for role in self.roles}
        """For each role, the lines that have it in a field that is not read, by that field."""
        self.read: Counter[str] = Counter()
        """For each role, the lines that have it where the pipeline looks."""

    def look(self, lines: Iterable[bytes]) -> None:
        """Take note of some lines."""
        for line in lines:
            document = _object(line)
            if document is not None:
                self.objects += 1
                self._see(document)
            elif line.strip():
                self.texts += 1

    def commonest(self) -> dict[str, tuple[str, int]]:
        """By role the field that most lines have it in, and how many these are; roles that are read are left out."""
        return {name: fields.most_common(1)[0] for name, fields in self.fields.items() if fields}

    def _see(self, document: Mapping[str, object]) -> None:
        for role in self.roles:
            if any(role.makes_sense(document.get(field)) for field in role.read):
                self.read[role.name] += 1
                continue
            other = next((field for field in role.others if role.makes_sense(document.get(field))), None)
            if other is not None:
                self.fields[role.name][other] += 1


def roles_of(resolved: ResolvedSource, clock: int) -> list[Role]:
    """What a source's pipeline takes from JSON lines; nothing if it reads none."""
    stages = [inner for stage in resolved.stages for inner in (JSON if isinstance(stage, Auto) else (stage,))]
    messages = [stage.message for stage in stages if isinstance(stage, Json)]
    times = tuple(stage.from_ for stage in stages if isinstance(stage, Timestamp))
    labels = [stage.from_ for stage in stages if isinstance(stage, Labels)]
    levels = tuple(promoted[LEVEL] for promoted in labels if LEVEL in promoted)
    if not messages:
        return []
    read_time = Instants(("auto",), resolved.timezone).read
    return [
        Role("message", messages[0], MESSAGE, lambda value: isinstance(value, str) and bool(value)),
        *([Role("time", times, TIME, lambda value: read_time(value, clock) is not None)] if times else []),
        *([Role(LEVEL, levels, LEVELS, lambda value: bool(level_of(value)))] if levels else []),
    ]


def _object(line: bytes) -> dict[str, object] | None:
    if not line.startswith(b"{"):
        return None
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
