"""One source with its pipeline: from bytes in files to entries ready for delivery.

Rule 1: `step` runs in the source's own thread, so a hung mount stops this source alone.
Rule 2: a fresh span is stamped with the lane's carry, the demoted labels and the epoch before its pipeline runs; a
        replayed one keeps what the journal says and runs under the pipeline of its own epoch.
Rule 3: a label is demoted between spans, never within one; it stays so over restarts, and each life names it
        once it meets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shipper.chunk import Chunk, Processed
from shipper.config.model import ResolvedSource
from shipper.config.resolve import epoch
from shipper.delivery.wire import parse_labels
from shipper.failures import Failures
from shipper.pipeline.compile import Pipeline, compile_pipeline
from shipper.recent import Recent, Seen
from shipper.sources.step import Source, Step

PORTION = 64 * 1024
"""Bytes asked of a source at once: a chunk or a few small ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What one step of a source came to."""

    step: Step
    processed: list[Processed] = field(default_factory=list)
    demoted: tuple[str, ...] | None = None
    """All demoted labels of the source, if one was added in this step."""


class Collector:
    """A source and its pipeline; `epochs` are the configurations its open spans were read under."""

    def __init__(
        self,
        source: Source,
        resolved: ResolvedSource,
        *,
        demoted: tuple[str, ...],
        failures: Failures,
        epochs: Mapping[str, ResolvedSource],
    ) -> None:
        self.source = source
        self.name = source.name
        self.epoch = epoch(resolved)
        self._demoted = demoted
        self._failures = failures
        self._pipelines: dict[tuple[str, bool], Pipeline] = {}
        self._resolved = {**epochs, self.epoch: resolved}
        self._streams = Recent()
        self.label_names: frozenset[str] = frozenset()
        """Names of all labels its lines had so far."""
        self.supports_metadata = True

    @property
    def streams(self) -> int:
        """How many streams had lines lately."""
        return len(self._streams)

    def stream_table(self) -> dict[str, Seen]:
        """The streams that had lines lately, by labels: entries, and the timestamp of the newest one, ns."""
        return self._streams.known()

    @property
    def resolved(self) -> ResolvedSource:
        """What its lines depend on."""
        return self._resolved[self.epoch]

    @property
    def demoted(self) -> tuple[str, ...]:
        """Names of the labels that became structured metadata."""
        return self._demoted

    @property
    def rate(self) -> float | None:
        """Lines per second the pipeline's `limit` stage asks for; None: no limit."""
        return self._pipeline(self.epoch).rate

    def step(self, budget: int) -> Collected:
        """Let the source read about `budget` bytes, a portion at a time, and run its chunks through the pipeline."""
        before = self._demoted
        step, processed = self._portion(budget)
        left = budget - _size(processed)
        while step.more and 0 < left < budget:
            budget = left
            following, more = self._portion(budget)
            step, left = step.then(following), budget - _size(more)
            processed += more
        return Collected(step=step, processed=processed, demoted=self._demoted if self._demoted != before else None)

    def _portion(self, budget: int) -> tuple[Step, list[Processed]]:
        """One step of the source; its lines are gone before the next ones are read, so they pass in the CPU's cache."""
        step = self.source.step(min(budget, PORTION))
        chunks, step.chunks = step.chunks[::-1], []
        return step, [self._process(chunks.pop()) for _ in range(len(chunks))]

    def _process(self, chunk: Chunk) -> Processed:
        span = chunk.span
        if not span.replay:
            span.carry, span.demoted, span.epoch = chunk.lane.carry, self._demoted, self.epoch
        pipeline = self._pipeline(span.epoch)
        processed = pipeline(chunk, span.carry)
        if not span.replay:
            chunk.lane.carry, chunk.lane.heir = processed.carry, 0
        elif span.row == chunk.lane.heir:
            chunk.lane.carry = processed.carry
        for part in processed.parts:
            if self._streams.see(part.labels, part.entries, part.last):
                self.label_names |= parse_labels(part.labels).keys()
        self._watch(pipeline)
        return processed

    def _pipeline(self, name: str) -> Pipeline:
        key = (name, self.supports_metadata)
        pipeline = self._pipelines.get(key)
        if pipeline is None:
            resolved = self._resolved.get(name, self._resolved[self.epoch])
            pipeline = self._pipelines[key] = compile_pipeline(resolved, metadata=self.supports_metadata)
        return pipeline

    def _watch(self, pipeline: Pipeline) -> None:
        """Report what only many lines show: labels with too many values, times in another zone."""
        for label in pipeline.newly_demoted():
            earlier = label in self._demoted
            self._demoted = tuple(sorted({*self._demoted, label}))
            values = "in an earlier run" if earlier else f"more than {self._resolved[self.epoch].max_label_values}"
            self._failures.once("high_cardinality", f"too many values: {values}", source=self.name, what=label)
        suspect = pipeline.timezone_suspect
        if suspect is None:
            self._failures.end("timezone", source=self.name)
        else:
            self._failures.begin("timezone", f"times are {suspect / 3.6e12:+.2f} hours ahead", source=self.name)


def _size(processed: list[Processed]) -> int:
    """Bytes of the spans that were processed."""
    return sum([one.span.end - one.span.start for one in processed])
