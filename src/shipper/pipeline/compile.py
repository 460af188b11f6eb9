"""A source's configuration compiled to one function: chunk in, encoded entries and counts out.

Rule 1: pure: the same chunk and carry give the same result. What a pipeline remembers between chunks (label values,
        the suspicion of a wrong zone, caches) never changes a result; it is there to be asked.
Rule 2: one thread at a time.
Rule 3: the books balance: lines = Σ part.lines + Σ dropped + Σ refused.lines.
Rule 4: four ways through with equal results: whole columns for text that no stage touches, JSON and known text by
        columns, and the general path for all else. A pipeline that is watched takes the general path always.
"""

from __future__ import annotations

from typing import Final

from shipper.chunk import Carry, Chunk, Processed
from shipper.config.model import AnyStage, Auto, Cri, Limit, ResolvedSource, Timestamp
from shipper.config.stages import JSON, TEXT
from shipper.pipeline.columns import JsonColumns, JsonPlan, joined_column, plan_of, timed_column, whole_column
from shipper.pipeline.cri import Pieces, compile_pieces
from shipper.pipeline.entry import Watch
from shipper.pipeline.general import General
from shipper.pipeline.labels import LabelGuard, Labeller
from shipper.pipeline.multiline import Grouper, compile_multiline, joins_of
from shipper.pipeline.stages.build import build_stages
from shipper.pipeline.suspicion import ZoneSuspicion
from shipper.pipeline.text_columns import TextColumns
from shipper.pipeline.window import Window, window_of

_TIMED: Final = (Timestamp, Auto, Cri)


class Pipeline:
    """The compiled pipeline of one source."""

    def __init__(self, resolved: ResolvedSource, *, metadata: bool = True, watch: Watch | None = None) -> None:
        self.rate: float | None = rate_of(resolved.stages)
        """Lines a second that `limit` stages allow; None: no limit."""
        self._guard = LabelGuard(resolved.max_label_values)
        self._labeller = Labeller(resolved, self._guard, metadata=metadata)
        self._grouper = compile_multiline(resolved.multiline)
        self._untouched = not any(not isinstance(stage, Limit) for stage in resolved.stages)
        self._suspicion = ZoneSuspicion()
        window = self._window = window_of(resolved)
        self._max_bytes = _max_bytes(resolved)
        plan = _plan(resolved) if self._grouper is None else None
        self._json = JsonColumns(plan, self._labeller, window, self._suspicion, resolved.timezone) if plan else None
        self._text = self._text_columns(resolved, window)
        stages = build_stages(resolved.stages, resolved.timezone)
        self._watched = watch is not None
        self._general = General(
            stages=stages if watch is None else watch.over(stages),
            grouper=self._grouper,
            labeller=self._labeller,
            window=window,
            suspicion=self._suspicion,
            timed=any(isinstance(stage, _TIMED) for stage in resolved.stages),
            keep_blank_lines=resolved.keep_blank_lines,
            max_bytes=self._max_bytes,
            metadata=metadata,
            watch=watch,
        )

    def _text_columns(self, resolved: ResolvedSource, window: Window) -> TextColumns | None:
        if tuple(stage for stage in resolved.stages if not isinstance(stage, Limit)) not in (TEXT, (Auto(),)):
            return None
        return TextColumns(self._labeller, window, self._suspicion, resolved.timezone, max_bytes=_max_bytes(resolved))

    def __call__(self, chunk: Chunk, carry: Carry) -> Processed:
        """What becomes of a chunk, and what the next one of its lane inherits."""
        straight = chunk.plain and chunk.lines and not self._watched
        processed = self._straight(chunk, carry) if straight else None
        return self._general(chunk, carry) if processed is None else processed

    @property
    def timezone_suspect(self) -> int | None:
        """How far times have steadily been ahead by whole quarter hours, ns; None: they are not."""
        return self._suspicion.ahead

    def newly_demoted(self) -> tuple[str, ...]:
        """Labels that went over `max_label_values`, now or in an earlier life, since this was asked last: for
        `span.demoted` of the next spans."""
        return self._guard.newly_over()

    def _straight(self, chunk: Chunk, carry: Carry) -> Processed | None:
        made = self._json(chunk, carry) if self._json is not None else None
        if made is None and self._text is not None:
            made = self._text(chunk, carry, joins_of(chunk, self._grouper))
        return self._untouched_lines(chunk, carry) if self._untouched else made

    def _untouched_lines(self, chunk: Chunk, carry: Carry) -> Processed | None:
        origin = chunk.span.origin
        stream = self._labeller.stream(origin.path, chunk.span.demoted, (), origin.facts)
        if stream.metadata or stream.counts:
            return None
        joins = joins_of(chunk, self._grouper)
        if chunk.times is not None:
            return None if joins else timed_column(chunk, carry, stream.labels, self._window)
        if joins:
            return joined_column(chunk, carry, stream.labels, joins, self._max_bytes)
        return whole_column(chunk, carry, stream.labels)


def compile_pipeline(resolved: ResolvedSource, *, metadata: bool = True, watch: Watch | None = None) -> Pipeline:
    """Compile a source's pipeline; `metadata`: whether the server takes structured metadata."""
    return Pipeline(resolved, metadata=metadata, watch=watch)


def compile_grouper(resolved: ResolvedSource, *, once: bool = False) -> Grouper | Pieces | None:
    """What has a source keep the lines of a record in one chunk; a run that ends (`once`) does not wait for more of the
    last one. None: each line is a record."""
    grouper = compile_multiline(resolved.multiline) or compile_pieces(resolved)
    if grouper is not None and once:
        grouper.max_wait = 0
    return grouper


def rate_of(stages: tuple[AnyStage, ...]) -> float | None:
    """The strictest `limit`."""
    return min((stage.rate for stage in stages if isinstance(stage, Limit)), default=None)


def _plan(resolved: ResolvedSource) -> JsonPlan | None:
    stages = tuple(stage for stage in resolved.stages if not isinstance(stage, Limit))
    if len(stages) == 1 and isinstance(stages[0], Auto):
        return plan_of(JSON, closes_record=True)
    return plan_of(stages)


def _max_bytes(resolved: ResolvedSource) -> int:
    """The longest text: what is one line may be as long as a line, what is a record as long as a record."""
    if resolved.multiline is None:
        return resolved.max_line_bytes
    return max(resolved.max_line_bytes, resolved.multiline.max_bytes)
