"""The trace tells what the pipeline does, and nothing else: its entries are the compiled pipeline's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shipper.chunk import Carry, Processed
from shipper.clock import Clock
from shipper.config import stages as s
from shipper.config.model import Multiline, ResolvedSource
from shipper.delivery.wire import iterate_entries
from shipper.explain.trace import BLANK, Record, Stored, excerpt, trace
from shipper.pipeline.compile import compile_pipeline

SAMPLES = Path(__file__).parents[1] / "samples"
NOW = 1_770_800_000_000_000_000
"""2026-02-11T08:53:20Z."""
OWN: tuple[s.AnyStage, ...] = (
    s.Decolorize(),
    s.Regex(pattern=r"(?P<first>\w+) .*?(?P<number>\d+)"),
    s.Json(),
    s.Detect(),
    s.Timestamp(),
    s.Labels(from_={"level": "level", "first": "first"}),
    s.Metadata(from_={"number": "number"}),
    s.Drop(pattern="GET /metrics"),
    s.Sample(rate=0.8),
    s.Limit(rate=5.0),
    s.Replace(pattern=r"\d+\.\d+\.\d+\.\d+", with_="IP"),
    s.Output(),
    s.Truncate(bytes=200),
)
"""Nearly every stage that there is, in one pipeline."""
PIPELINES = {**s.BUILT_IN_PIPELINES, "own": OWN}
MULTILINES = {"lines": None, "python": Multiline(preset="python"), "vllm": Multiline(preset="vllm")}
NAMES = sorted(str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*") if path.is_file() and path.suffix != ".gz")


def resolved_of(*stages: Any, **changes: Any) -> ResolvedSource:
    """A source with these stages."""
    defaults: dict[str, Any] = {"name": "app", "type": "file", "labels": {"job": "app"}, "max_age": 0, "max_ahead": 0}
    return ResolvedSource(**(defaults | changes), stages=stages)


def traced(resolved: ResolvedSource, text: bytes) -> list[Record]:
    """The records of a text in `/logs/model1_a.log`."""
    return trace(resolved, excerpt(resolved, text, path="/logs/model1_a.log", clock=Clock(lambda: NOW)))


def entries_of(processed: Processed) -> list[Stored]:
    """The entries of the compiled pipeline, in the order of their lines."""
    entries = [
        (
            where,
            Stored(
                timestamp=entry.timestamp,
                labels=part.labels,
                text=entry.line,
                metadata=entry.metadata,
                tenant=part.tenant,
            ),
        )
        for part in processed.parts
        for where, entry in zip(part.where, iterate_entries(bytes(part.body)), strict=True)
    ]
    return [entry for _, entry in sorted(entries, key=lambda item: item[0])]


@pytest.mark.parametrize("multiline", MULTILINES)
@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("name", NAMES)
def test_the_entries_of_every_sample_are_those_of_the_compiled_pipeline(
    name: str, pipeline: str, multiline: str
) -> None:
    resolved = resolved_of(
        *PIPELINES[pipeline],
        pipeline=pipeline,
        multiline=MULTILINES[multiline],
        path_labels=r"(?P<model>model\d+)_",
        filename_label=True,
    )
    seen = excerpt(resolved, (SAMPLES / name).read_bytes(), path=f"/logs/{name}", clock=Clock(lambda: NOW))
    processed = compile_pipeline(resolved)(seen.chunk, Carry())
    records = trace(resolved, seen)
    assert [record.entry for record in records if record.entry] == entries_of(processed)
    dropped: dict[str, int] = {}
    for record in records:
        if record.dropped:
            dropped[record.dropped] = dropped.get(record.dropped, 0) + record.lines
    assert dropped == processed.dropped
    assert sum(record.lines for record in records) == len(seen.chunk.lines)


def test_there_are_samples() -> None:
    assert len(NAMES) >= 10


@pytest.mark.parametrize("policy", ["dead-letter", "restamp", "drop"])
def test_lines_outside_the_window_are_told_as_the_pipeline_treats_them(policy: Any) -> None:
    resolved = resolved_of(*s.JSON, max_age=3600 * 10**9, max_ahead=60 * 10**9, too_old=policy, too_new=policy)
    text = b'{"timestamp":"2020-01-01T00:00:00Z"}\n{"timestamp":"2026-02-11T09:53:20Z"}\n{"a":1}\n'
    seen = excerpt(resolved, text, path="/a", clock=Clock(lambda: NOW))
    processed = compile_pipeline(resolved)(seen.chunk, Carry())
    records = trace(resolved, seen)
    assert [record.entry for record in records if record.entry] == entries_of(processed)
    assert [record.outside.reason if record.outside else "" for record in records][:2] == ["too_old", "too_new"]
    said = [(bool(record.entry), record.dropped, record.refused.partition(":")[0]) for record in records[:2]]
    assert (
        said
        == {
            "dead-letter": [(False, "", "too_old"), (False, "", "too_new")],
            "restamp": [(True, "", ""), (True, "", "")],
            "drop": [(False, "too_old", ""), (False, "too_new", "")],
        }[policy]
    )


def test_partial_lines_of_cri_are_kept_back_until_the_line_that_ends_them() -> None:
    text = (
        b"2026-02-11T08:00:00Z stdout P one \n2026-02-11T08:00:01Z stderr F other\n2026-02-11T08:00:02Z stdout F two\n"
    )
    records = traced(resolved_of(s.Cri()), text)
    assert [record.held for record in records] == [True, False, False]
    assert [record.entry.text if record.entry else None for record in records] == [None, b"other", b"one two"]


def test_what_no_line_ends_goes_on_as_it_is() -> None:
    (record,) = traced(resolved_of(s.Cri(), s.Output(from_="stream")), b"2026-02-11T08:00:00Z stdout P one\n")
    assert [step.stage for step in record.steps] == ["cri", "output"]
    assert record.entry is not None
    assert record.entry.text == b"stdout"


def test_auto_shows_the_stages_inside_it() -> None:
    records = traced(resolved_of(*s.BUILT_IN_PIPELINES["auto"]), b'{"level":"info"}\nINFO: hello\n')
    assert [[step.key for step in record.steps] for record in records] == [
        ["pipeline.auto[0]", "pipeline.auto[0].json[1]", "pipeline.auto[0].json[2]"],
        ["pipeline.auto[0]", "pipeline.auto[0].text[0]", "pipeline.auto[0].text[1]", "pipeline.auto[0].text[2]"],
    ]


def test_the_place_of_a_stage_counts_those_that_are_no_steps() -> None:
    (record,) = traced(resolved_of(s.Limit(rate=1.0), s.Decolorize(), pipeline="slow"), b"x\n")
    assert [step.key for step in record.steps] == ["pipeline.slow[1]"]


def test_a_stage_that_fails_makes_a_dead_letter_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from shipper.pipeline.stages.editing import RemoveColours

    def fail(_: RemoveColours, entry: Any, work: Any) -> str:
        return "" if entry.text == b"good" else {}["no such thing"]

    monkeypatch.setattr(RemoveColours, "__call__", fail)
    records = traced(resolved_of(s.Decolorize()), b"good\nbad\ngood\n")
    assert [bool(record.entry) for record in records] == [True, False, True]
    assert records[1].refused.startswith("pipeline_failed: KeyError in ")
    assert [[step.stage for step in record.steps] for record in records] == [["decolorize"]] * 3


def test_blank_lines_are_records_of_their_own_unless_they_are_kept() -> None:
    records = traced(resolved_of(*s.TEXT), b"one\n \ntwo\n")
    assert [(record.index, record.dropped) for record in records] == [(0, ""), (1, BLANK), (2, "")]
    kept = traced(resolved_of(*s.TEXT, keep_blank_lines=True), b"one\n \ntwo\n")
    assert [bool(record.entry) for record in kept] == [True, True, True]
