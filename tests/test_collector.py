"""A source with its pipeline: what a fresh span is stamped with, and what a replayed one keeps."""

from dataclasses import dataclass, field, replace

import msgspec
import pytest

from shipper.chunk import Carry, Chunk, Fingerprint, Lane, Origin, Span
from shipper.collector import Collector
from shipper.config.model import BUILT_IN_PIPELINES, Labels, ResolvedSource
from shipper.config.resolve import epoch
from shipper.failures import Failures
from shipper.sources.step import Note, Step

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
    return Chunk(span=span, lane=lane, lines=list(lines), lengths=[len(line) for line in lines], surplus={}, plain=True)


def collector(source: Script, **epochs: ResolvedSource) -> Collector:
    return Collector(source, RESOLVED, demoted=(), failures=Failures(), epochs=epochs, batch_bytes=1)


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
    assert [(failure.name, failure.detail) for failure in failures.current()] == [
        ("high_cardinality", "too many values: more than 2")
    ]


def test_a_label_demoted_in_an_earlier_life_is_named_when_lines_still_have_it() -> None:
    lane = Lane("app", "/logs/app.log")
    failures = Failures()
    steps = [Step(chunks=[chunk(lane, b'{"event": "x"}')]), Step(chunks=[chunk(lane, line("/a"))])]
    subject = Collector(Script(steps=steps), RESOLVED, demoted=("gone", "path"), failures=failures, epochs={})
    assert (subject.step(1).demoted, failures.current()) == (None, ())
    assert subject.step(1).demoted is None
    assert [(failure.name, failure.what, failure.detail) for failure in failures.current()] == [
        ("high_cardinality", "path", "too many values: in an earlier run")
    ]


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
    lane = Lane("app", "/logs/app.log", Carry(issued=9), heir=7)
    kept = Carry(issued=3)
    again = chunk(lane, line("/a"), replay=True, epoch="e0", carry=kept, demoted=("path",), row=7)
    before = replace(again.span)
    (processed,) = collector(Script(steps=[Step(chunks=[again])]), e0=earlier).step(1).processed
    assert (again.span.epoch, again.span.carry, again.span.demoted) == (before.epoch, before.carry, before.demoted)
    assert [part.labels for part in processed.parts] == ['{job="before", level="info"}']
    assert lane.carry == processed.carry


def test_a_replay_behind_a_later_span_leaves_what_follows_the_state_of_that() -> None:
    lane = Lane("app", "/logs/app.log", Carry(issued=9))
    again = chunk(lane, line("/a"), replay=True, epoch=epoch(RESOLVED), carry=Carry(issued=3), row=7)
    collector(Script(steps=[Step(chunks=[again])])).step(1)
    assert lane.carry == Carry(issued=9)


def test_a_replay_that_comes_after_fresh_lines_leaves_what_follows_the_state_of_those() -> None:
    lane = Lane("app", "/logs/app.log", Carry(issued=9), heir=7)
    fresh = chunk(lane, line("/a", "2026-11-18T11:00:00Z"))
    again = chunk(lane, line("/a"), replay=True, epoch=epoch(RESOLVED), carry=Carry(issued=9), row=7)
    (one, _) = collector(Script(steps=[Step(chunks=[fresh, again])])).step(1).processed
    assert lane.carry == one.carry


def test_a_rate_comes_from_the_pipeline() -> None:
    assert collector(Script()).rate is None


def loss(lost: int) -> Note:
    return Note(id=1, source="app", path="/a", seen_at="/a", device=1, inode=1, size=1, lost=lost)


def test_a_step_reads_in_portions_until_its_budget_is_used_and_reports_them_as_one() -> None:
    lane = Lane("app", "/logs/app.log")
    parts = [chunk(lane, line("/a") * 1, start=start) for start in (0, 100, 200)]
    source = Script(
        steps=[
            Step(chunks=[parts[0]], more=True, notes=[loss(1)], look_in=1.0),
            Step(chunks=[parts[1]], more=True, notes=[loss(2)], look_in=2.0),
            Step(chunks=[parts[2]], more=True, look_in=3.0),
        ]
    )
    size = parts[0].span.end
    collected = collector(source).step(2 * size)
    assert [processed.span for processed in collected.processed] == [part.span for part in parts[:2]]
    assert (collected.step.truncated_unread, collected.step.look_in, collected.step.more) == (3, 2.0, True)
    assert len(source.steps) == 1


def test_what_was_processed_before_an_error_is_handed_over_and_the_error_comes_next() -> None:
    lane = Lane("app", "/logs/app.log")
    first, second = chunk(lane, line("/a")), chunk(lane, line("/a"), start=100)
    broken = replace(second, lane=None)  # type: ignore[arg-type]
    subject = collector(Script(steps=[Step(chunks=[first, broken, second], notes=[loss(3)]), Step()]))
    collected = subject.step(1)
    assert [processed.span for processed in collected.processed] == [first.span]
    assert (collected.step.truncated_unread, collected.step.more) == (3, True)
    for _ in range(2):
        with pytest.raises(AttributeError, match="carry"):
            subject.step(1)


def test_an_error_in_a_later_portion_takes_nothing_of_the_earlier_ones_along() -> None:
    first = chunk(Lane("app", "/logs/app.log"), line("/a"))
    subject = collector(Script(steps=[Step(chunks=[first], more=True, notes=[loss(3)])]))
    collected = subject.step(10 * first.span.end)
    assert [processed.span for processed in collected.processed] == [first.span]
    assert (collected.step.truncated_unread, collected.step.more) == (3, True)
    with pytest.raises(IndexError):
        subject.step(1)


def test_an_error_before_anything_was_processed_comes_at_once() -> None:
    broken = replace(chunk(Lane("app", "/logs/app.log"), line("/a")), lane=None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="carry"):
        collector(Script(steps=[Step(chunks=[broken])])).step(1)
