"""Watches a pipeline: the state of every record before and after each stage.

Rule 1: a watched stage does what the stage does, no more: the entry and the counts are looked at, never changed.
Rule 2: a stage with stages inside (`auto`) is one step up to where the first of them begins; then come theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shipper.config.model import BUILT_IN_PIPELINES, AnyStage, Limit, ResolvedSource
from shipper.pipeline.entry import HELD, Entry, Stage, Work
from shipper.pipeline.stages.detection import Auto


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A record between two stages."""

    text: bytes
    fields: Mapping[str, Any]
    message: str | None
    labels: tuple[tuple[str, str], ...]
    """What stages set; "" removes one."""
    metadata: Mapping[str, str]
    time: int | None
    """Its own time, ns."""
    tenant: str

    def changed(self, **changes: Any) -> State:
        """The same with these changes."""
        return replace(self, **changes)


def state_of(entry: Entry) -> State:
    """The state an entry is in now."""
    return State(
        text=entry.text,
        fields=entry.fields or {},  # stages make a new dict where they add fields
        message=entry.message,
        labels=tuple((entry.changes or {}).items()),
        metadata=dict(entry.metadata or {}),
        time=entry.time,
        tenant=entry.tenant,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one stage did to one record."""

    stage: str
    key: str
    """Where it stands in the configuration: `pipeline.json[0]`."""
    configured: AnyStage
    before: State
    after: State
    counts: tuple[str, ...]
    """Why the stage could not do its work, in the words of the counters (`shipper_parse_fallbacks_total`)."""
    dropped: str = ""
    """The reason; "": it goes on."""
    held: bool = False
    """Kept back, to be part of a later record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """A record whose timestamp was outside the time window."""

    timestamp: int
    reason: str
    policy: str


@dataclass(slots=True, kw_only=True)
class History:
    """What became of one record."""

    entry: Entry
    index: int
    """Of its first physical line in the chunk; what a stage joins to it later does not change it."""
    lines: int
    begun: State
    steps: list[Step] = field(default_factory=list)
    outside: Outside | None = None

    @property
    def held(self) -> bool:
        """Whether it became part of a later record."""
        return bool(self.steps) and self.steps[-1].held

    @property
    def last(self) -> State:
        """Its state behind all stages."""
        return self.steps[-1].after if self.steps else self.begun


class Watcher:
    """Keeps the history of every record that passes the stages of one source; a pipeline's `watch`."""

    def __init__(self, resolved: ResolvedSource) -> None:
        self._resolved = resolved
        self._histories: dict[int, History] = {}
        """By the identity of the entry, which the history keeps alive."""
        self._open: _Open | None = None

    @property
    def histories(self) -> list[History]:
        """Every record there was, in the order of the lines; blank ones are none."""
        return list(self._histories.values())

    def over(self, stages: list[Stage]) -> list[Stage]:
        """The stages, each watched, behind one that notes the record."""
        places = [place for place in enumerate(self._resolved.stages) if not isinstance(place[1], Limit)]
        watched = [
            self._around(stage, configured, f"pipeline.{self._resolved.pipeline}[{number}]")
            for stage, (number, configured) in zip(stages, places, strict=True)
        ]
        return [_Beginning(self), *watched]

    def outside(self, entry: Entry, timestamp: int, reason: str, policy: str) -> None:
        """Note an entry outside the time window."""
        self._histories[id(entry)].outside = Outside(timestamp=timestamp, reason=reason, policy=policy)

    def note(self, entry: Entry) -> None:
        """Begin the history of a record."""
        self._histories[id(entry)] = History(entry=entry, index=entry.index, lines=entry.weight, begun=state_of(entry))

    def begin(self, stage: _Watched, entry: Entry, work: Work) -> None:
        """A stage begins; the one around it, if it is inside one, has done its own part."""
        self.end(work)
        self._open = _Open(stage, entry, state_of(entry), dict(work.counts))

    def end(self, work: Work, reason: str = "") -> None:
        """The stage that began last has done its work; nothing is left to tell of one around it."""
        opened, self._open = self._open, None
        if opened is None:
            return
        counts = (name for name, count in work.counts.items() if count > opened.counts.get(name, 0))
        self._histories[id(opened.entry)].steps.append(
            Step(
                stage=opened.stage.name,
                key=opened.stage.key,
                configured=opened.stage.configured,
                before=opened.before,
                after=state_of(opened.entry),
                counts=tuple(counts),
                dropped="" if reason is HELD else reason,
                held=reason is HELD,
            )
        )

    def _around(self, stage: Stage, configured: AnyStage, key: str) -> Stage:
        if isinstance(stage, Auto):
            stage = stage.watched(
                lambda inner, way, place: self._around(inner, BUILT_IN_PIPELINES[way][place], f"{key}.{way}[{place}]")
            )
        return _Watched(self, stage, configured, key)


class _Beginning:
    """Stands before all stages and sees every record begin."""

    name = "beginning"

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def __call__(self, entry: Entry, work: Work) -> str:
        self._watcher.note(entry)
        return ""


class _Watched:
    """A stage, and the eyes on it."""

    def __init__(self, watcher: Watcher, stage: Stage, configured: AnyStage, key: str) -> None:
        self.name = stage.name
        self.key = key
        self.configured = configured
        self._watcher = watcher
        self._stage = stage

    def __call__(self, entry: Entry, work: Work) -> str:
        self._watcher.begin(self, entry, work)
        reason = ""
        try:
            reason = self._stage(entry, work)
        finally:
            self._watcher.end(work, reason)
        if reason is HELD:
            work.held[self] = work.held[self._stage]  # the pipeline asks by the stages it knows
        return reason


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """A stage at work."""

    stage: _Watched
    entry: Entry
    before: State
    counts: Mapping[str, int]
