"""A source with its pipeline: what a fresh span is stamped with, and what a replayed one keeps."""

from dataclasses import dataclass, field, replace

import msgspec

from shipper.chunk import Carry, Chunk, Fingerprint, Lane, Origin, Span
from shipper.collector import Collector
from shipper.config.model import BUILT_IN_PIPELINES, Labels, ResolvedSource
from shipper.config.resolve import epoch
from shipper.failures import Failures
from shipper.sources.step import Step

NOW = 1_795_000_000 * 10**9
RESOLVED = ResolvedSource(
    name="app",
    type="file",
    labels={"job": "app"},
    max_label_values=2,
    stages=(*BUILT_IN_PIPELINES["json"], Labels(from_={"path": "path"})),
)


@dataclass
class Script:
    """A source that gives what it was told to."""

    name: str = "app"
    steps: list[Step] = field(default_factory=list)

    def step(self, budget: int) -> Step:
        return self.steps.pop(0)

    def caught_up(self) -> bool:
        return not self.steps

    def close(self) -> None:
        self.steps.clear()


def chunk(lane: Lane, *lines: bytes, start: int = 0, **more: object) -> Chunk:
    origin = Origin(source="app", generation=1, path="/logs/app.log")
    end = start + sum(len(line) + 1 for line in lines)
    span = Span(
        origin=origin,
        start=start,
        end=end,
        clock=NOW,
        after_eof=False,
        hit_eof=False,
        fingerprint=Fingerprint(),
        **more,  # type: ignore[arg-type]
    )
    return Chunk(span=span, lane=lane, lines=list(lines), lengths=[len(line) for line in lines], sizes=None, plain=True)


def collector(source: Script, **epochs: ResolvedSource) -> Collector:
    return Collector(source, RESOLVED, demoted=(), failures=Failures(), epochs=epochs)


def line(path: str, time: str = "2026-11-18T10:00:00Z") -> bytes:
    return f'{{"event": "x", "level": "info", "path": "{path}", "timestamp": "{time}"}}'.encode()


def test_a_label_with_too_many_values_is_demoted_between_spans_and_named_once() -> None:
    lane = Lane("app", "/logs/app.log")
    first, second = chunk(lane, line("/a"), line("/b"), line("/c")), chunk(lane, line("/d"))
    failures = Failures()
    subject = Collector(
        Script(steps=[Step(chunks=[first]), Step(chunks=[second])]), RESOLVED, demoted=(), failures=failures, epochs={}
    )
    collected = subject.step(1)
    assert (collected.demoted, first.span.demoted) == (("path",), ())
    assert subject.label_names == {"job", "level", "path"}
    collected = subject.step(1)
    assert (collected.demoted, second.span.demoted) == (None, ("path",))
    assert [part.labels for part in collected.processed[0].parts] == ['{job="app", level="info"}']
    assert [(failure.name, failure.detail) for failure in failures.current()] == [("high_cardinality", "label path")]


def test_fresh_spans_are_stamped_with_epoch_and_carry_and_hand_the_carry_on() -> None:
    lane = Lane("app", "/logs/app.log", Carry(issued=5))
    first, second = chunk(lane, line("/a")), chunk(lane, line("/a"))
    (one, two) = collector(Script(steps=[Step(chunks=[first, second])])).step(1).processed
    assert (first.span.epoch, first.span.carry) == (epoch(RESOLVED), Carry(issued=5))
    assert second.span.carry == one.carry
    assert lane.carry == two.carry
    assert two.parts[0].first == one.parts[0].first + 1


def test_a_replayed_span_runs_under_its_own_epoch_and_carry() -> None:
    earlier = msgspec.structs.replace(RESOLVED, labels={"job": "before"})
    lane = Lane("app", "/logs/app.log", Carry(issued=9))
    kept = Carry(issued=3)
    again = chunk(lane, line("/a"), replay=True, epoch="e0", carry=kept, demoted=("path",), row=7)
    before = replace(again.span)
    (processed,) = collector(Script(steps=[Step(chunks=[again])]), e0=earlier).step(1).processed
    assert (again.span.epoch, again.span.carry, again.span.demoted) == (before.epoch, before.carry, before.demoted)
    assert [part.labels for part in processed.parts] == ['{job="before", level="info"}']
    assert lane.carry == processed.carry


def test_a_rate_comes_from_the_pipeline() -> None:
    assert collector(Script()).rate is None
