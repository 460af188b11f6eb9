"""One source with its pipeline: from bytes in files to entries ready for delivery, compressed.

Rule 1: `step` runs in the source's own thread, so a hung mount stops this source alone.
Rule 2: a fresh span is stamped with the lane's carry, the demoted labels and the epoch before its pipeline runs; a
        replayed one keeps what the journal says and runs under the pipeline of its own epoch.
Rule 3: a label is demoted between spans, never within one; it stays so over restarts, and each life names it
        once it meets it.
Rule 4: what was processed before something unexpected struck is handed over, and the error comes at the next step: a
        chunk that cannot be processed keeps nothing before it from being delivered.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from shipper.chunk import Chunk, Processed
from shipper.config.model import ResolvedSource
from shipper.config.resolve import epoch
from shipper.delivery.packed import WORTH, Packer
from shipper.delivery.wire import parse_labels
from shipper.failures import Failures
from shipper.pipeline.compile import Pipeline, compile_pipeline
from shipper.recent import Recent, Seen
from shipper.sources.step import Source, Step

BATCH = 1 << 20
"""Encoded bytes that one chunk of a backlog is to make, if nobody says otherwise."""
FIRST = 240 * 1024
"""Bytes asked of a source before it is known how many are too many."""
PATIENCE = 0.05
"""Seconds after which a step begins no further portion: a pipeline that takes long keeps nobody waiting."""
HELD = 3 << 20
"""Bytes that entries take in memory after which a step begins no further portion: those of many small streams are not
compressed until their push is put together."""
FULL = 15 / 16
"""The share of a batch that is aimed at: what varies from chunk to chunk must not cut a batch in two."""


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
        batch_bytes: int = BATCH,
    ) -> None:
        self.source = source
        self.name = source.name
        self.epoch = epoch(resolved)
        self._demoted = demoted
        self._failures = failures
        self._pipelines: dict[tuple[str, bool], Pipeline] = {}
        self._resolved = {**epochs, self.epoch: resolved}
        self._batch_bytes = batch_bytes
        self._batchful = FIRST
        """Bytes to read that make one batch: each chunk and each push costs as much as some hundred lines."""
        self._packer = Packer()
        self._streams = Recent()
        self._struck: Exception | None = None
        """What ended the last step early: nothing more comes of this source."""
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
        """Let the source read about `budget` bytes, a portion at a time, and run its chunks through the pipeline.

        A portion takes some four times its size while it is worked on: among many sources, which get small budgets,
        each takes half of its own at a time.
        """
        if self._struck is not None:
            raise self._struck
        before, step, processed = self._demoted, Step(), list[Processed]()
        left, half, until = budget, (budget + 1) // 2, time.monotonic() + PATIENCE
        portion, going = min(half, self._batchful), True
        try:
            while going:
                step = step.then(self.source.step(portion))
                read = self._process_all(step, processed)
                left, portion = left - read, min(half, self._batchful)
                going = step.more and read > 0 and portion <= left and self._is_light(processed, until)
        except Exception as error:
            if not processed:
                raise
            self._struck, step.more = error, True
        return Collected(step=step, processed=processed, demoted=self._demoted if self._demoted != before else None)

    def _is_light(self, processed: list[Processed], until: float) -> bool:
        """Whether what was made so far may wait for more."""
        return time.monotonic() < until and sum([one.held for one in processed]) < HELD

    def _process_all(self, step: Step, processed: list[Processed]) -> int:
        """Add what becomes of the step's chunks, each gone before the next one is; returns the bytes of their spans."""
        chunks, step.chunks = step.chunks[::-1], []
        already = len(processed)
        while chunks:
            processed.append(self._process(chunks.pop()))
        made = processed[already:]
        if read := _size(made):
            encoded = sum([one.size for one in made])
            self._batchful = max(1, int(FULL * self._batch_bytes * read / max(read, encoded)))
        return read

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
            if isinstance(part.body, bytes) and len(part.body) >= WORTH:
                part.body = self._packer(part.body)
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
