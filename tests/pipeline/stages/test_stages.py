"""Each stage by itself: what it makes of one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shipper.chunk import Carry, Chunk, Processed
from shipper.config import stages as s
from shipper.config.model import ResolvedSource
from shipper.pipeline.compile import compile_pipeline
from shipper.pipeline.stages.build import build_stages
from shipper.pipeline.stages.editing import template_of
from shipper.pipeline.stages.extraction import logfmt_pairs

Run = Callable[..., Processed]


@pytest.fixture
def run(make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource]) -> Run:
    def run(lines: list[bytes], *stages: Any) -> Processed:
        return compile_pipeline(make_resolved(*stages, labels={"job": "x"}))(make_chunk(lines), Carry())

    return run


def test_every_stage_of_the_configuration_is_built_under_its_name() -> None:
    made = [
        *(s.Json(), s.Logfmt(), s.Regex(pattern="(?P<a>b)"), s.Detect(), s.Timestamp(), s.Labels(from_={"a": "a"})),
        *(s.StaticLabels(labels={"a": "b"}), s.DropLabels(names=("a",)), s.Metadata(from_={"a": "a"}), s.Output()),
        *(s.Drop(pattern="a"), s.Keep(pattern="a"), s.Replace(pattern="a", with_="b"), s.Decolorize()),
        *(s.Truncate(bytes=64), s.Sample(rate=1), s.Limit(rate=1), s.Tenant(value="a"), s.Cri(), s.Auto()),
    ]
    assert {type(stage) for stage in made} == set(s.STAGES)
    names = [stage.__struct_config__.tag for stage in made if not isinstance(stage, s.Limit)]
    assert [stage.name for stage in build_stages(made, "UTC")] == names


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("level=warn msg=ok", {"level": "warn", "msg": "ok"}),
        ('ts=2026 msg="two words \\"quoted\\" \\n" n=', {"ts": "2026", "msg": 'two words "quoted" \n', "n": ""}),
        ("prose without pairs", {}),
        ("a=1 bare b=2", {"a": "1", "b": "2"}),
        ('a="unterminated b=2', {"b": "2"}),
        ("url=http://x/?q=1", {"url": "http://x/?q=1"}),
        ("", {}),
    ],
)
def test_logfmt_reads_pairs(text: str, fields: dict[str, str]) -> None:
    assert logfmt_pairs(text) == fields


def test_logfmt_makes_labels_and_a_message_and_counts_what_is_none(run: Run, seen: Any) -> None:
    processed = run(
        [b'level=warn msg="disk full"', b"prose"], s.Logfmt(), s.Labels(from_={"level": "level"}), s.Output()
    )
    assert [entry[2:4] for entry in seen(processed)] == [
        ('{job="x", level="warning"}', b"disk full"),
        ('{job="x"}', b"prose"),
    ]
    assert processed.fallbacks == {"not_logfmt": 1}


def test_regex_takes_named_groups_that_took_part_from_the_line_or_a_field(run: Run, seen: Any) -> None:
    stages = (
        s.Regex(pattern=r"^(?P<level>[A-Z]+)(?: (?P<rest>.+))?$"),
        s.Regex(pattern="(?P<first>.)", from_="rest"),
        s.Labels(from_={"level": "level", "rest": "rest", "first": "first"}),
    )
    processed = run(["WARN 한국어".encode(), b"ERROR", b"none"], *stages)
    assert [entry.labels for entry in seen(processed)] == [
        '{first="한", job="x", level="warning", rest="한국어"}',
        '{job="x", level="error"}',
        '{job="x"}',
    ]
    assert processed.fallbacks == {"no_match": 3}


def test_a_pattern_that_would_explode_elsewhere_is_quick(run: Run) -> None:
    processed = run([b"a" * 100_000 + b"!"], s.Regex(pattern="(?P<x>(a+)+$)"), s.Drop(pattern="(a|aa)+$"))
    assert processed.fallbacks == {"no_match": 1}


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (b'"a b"', '{f="a b", job="x"}'),
        (b"5", '{f="5", job="x"}'),
        (b"0.5", '{f="0.5", job="x"}'),
        (b"true", '{f="true", job="x"}'),
        (b'""', '{job="x"}'),
        (b"null", '{job="x"}'),
        (b"[1]", '{job="x"}'),
        (b'{"a": 1}', '{job="x"}'),
    ],
)
def test_labels_are_scalars_as_json_writes_them(run: Run, seen: Any, value: bytes, label: str) -> None:
    processed = run([b'{"f": %s}' % value], s.Json(), s.Labels(from_={"f": "f"}))
    assert [entry.labels for entry in seen(processed)] == [label]


def test_a_promoted_level_is_mapped_and_a_static_one_is_not(run: Run, seen: Any) -> None:
    lines = [b'{"severity": "WARN"}', b'{"severity": "loud"}', b'{"severity": 40}']
    stages = (s.Json(), s.StaticLabels(labels={"level": "Unknown"}), s.Labels(from_={"level": "severity"}))
    assert [entry.labels for entry in seen(run(lines, *stages))] == [
        '{job="x", level="warning"}',
        '{job="x", level="Unknown"}',
        '{job="x", level="error"}',
    ]


def test_labels_are_dropped_wherever_they_came_from(run: Run, seen: Any) -> None:
    stages = (s.Json(), s.Labels(from_={"a": "a"}), s.DropLabels(names=("job", "a")))
    assert [entry.labels for entry in seen(run([b'{"a": "b"}'], *stages))] == ["{}"]


def test_metadata_goes_beside_the_line(run: Run, seen: Any) -> None:
    stages = (s.Json(), s.Metadata(from_={"trace": "trace.id", "n": "n", "o": "o"}))
    processed = run([b'{"trace.id": "7", "n": 5, "o": {}}', b"{}"], *stages)
    assert [entry.metadata for entry in seen(processed)] == [(("trace", "7"), ("n", "5")), ()]


@pytest.mark.parametrize(
    ("line", "field", "text"),
    [
        (b'{"event": "a", "message": "b"}', "message", b"a"),
        (b'{"event": "", "message": "b"}', "message", b"b"),
        (b'{"message": {"a": 1}}', "message", b'{"a":1}'),
        (b'{"other": "x"}', "message", b'{"other": "x"}'),
        (b'{"other": "x"}', "other", b"x"),
        (b'{"other": 5}', "other", b"5"),
        (b'{"other": ""}', "other", b'{"other": ""}'),
        (b'{"other": null}', "other", b'{"other": null}'),
        (b"plain", "message", b"plain"),
    ],
)
def test_output_makes_a_field_the_text(run: Run, seen: Any, line: bytes, field: str, text: bytes) -> None:
    assert [entry.line for entry in seen(run([line], s.Json(), s.Output(from_=field)))] == [text]


@pytest.mark.parametrize(
    ("stage", "kept", "reason"),
    [
        (s.Drop(pattern="health"), [1, 2, 3], "drop"),
        (s.Drop(field="level", value=("debug", "5")), [0, 3], "drop"),
        (s.Drop(field="level", pattern="^d"), [0, 2, 3], "drop"),
        (s.Keep(field="level", value=("debug",)), [1], "keep"),
        (s.Keep(pattern="plain|health"), [0, 3], "keep"),
    ],
)
def test_drop_and_keep_look_at_the_text_or_a_field(
    run: Run, seen: Any, stage: Any, kept: list[int], reason: str
) -> None:
    lines = [b'{"path": "/health"}', b'{"level": "debug"}', b'{"level": 5}', b"plain"]
    processed = run(lines, s.Json(), stage)
    assert [entry.where for entry in seen(processed)] == kept
    assert processed.dropped == {reason: len(lines) - len(kept)}


def test_sample_keeps_about_its_share_and_the_same_lines_for_every_replay(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource], seen: Any
) -> None:
    lines = [b"%d" % number for number in range(4000)]
    pipeline = compile_pipeline(make_resolved(s.Sample(rate=0.25)))
    whole = {entry.line for entry in seen(pipeline(make_chunk(lines), Carry()))}
    first, rest = make_chunk(lines[:1500]), make_chunk(lines[1500:], start=sum(map(len, lines[:1500])) + 1500)
    parts = {entry.line for chunk in (first, rest) for entry in seen(pipeline(chunk, Carry()))}
    other = {entry.line for entry in seen(pipeline(make_chunk(lines, generation=2), Carry()))}
    assert whole == parts != other
    assert 900 < len(whole) < 1100
    assert len(seen(compile_pipeline(make_resolved(s.Sample(rate=1)))(make_chunk(lines), Carry()))) == 4000
    assert compile_pipeline(make_resolved(s.Sample(rate=0)))(make_chunk(lines), Carry()).dropped == {"sample": 4000}


@pytest.mark.parametrize(
    ("pattern", "with_", "line", "text"),
    [
        (r"token=\w+", "token=***", "a token=abc b token=d", "a token=*** b token=***"),
        (r"(\w+)@(?P<host>\w+)", r"\g<host> \1 \\1 \0", "user@home", "home user \\1 user@home"),
        (r"(a)|(b)", r"[\1\2]", "ab", "[a][b]"),
        ("x*", "-", "한a", "-한-a-"),
        ("none", "-", "text", "text"),
        ("한.", "?", "한국어", "?어"),
    ],
)
def test_replace_changes_every_match(run: Run, seen: Any, pattern: str, with_: str, line: str, text: str) -> None:
    processed = run([line.encode()], s.Replace(pattern=pattern, with_=with_))
    assert [entry.line.decode() for entry in seen(processed)] == [text]


def test_replace_changes_a_field_alone(run: Run, seen: Any) -> None:
    stages = (s.Json(), s.Replace(pattern=r"\d+", with_="N", from_="path"), s.Labels(from_={"path": "path"}))
    (entry,) = seen(run([b'{"path": "/a/5"}'], *stages))
    assert (entry.labels, entry.line) == ('{job="x", path="/a/N"}', b'{"path": "/a/5"}')


def test_a_template_is_split_at_its_references() -> None:
    assert template_of(r"a\1b\g<n>\g<2>\\c\q") == (b"a", (1,), b"b", (b"n",), b"", (2,), b"", b"\\", b"c\\q")


def test_decolorize_and_truncate_change_the_text(run: Run, seen: Any) -> None:
    processed = run([b"\x1b[31mred\x1b[0m", b"x" * 100], s.Decolorize(), s.Truncate(bytes=64))
    assert [entry.line for entry in seen(processed)] == [b"red", b"x" * 43 + " … [cut, 57 bytes]".encode()]
    assert processed.fallbacks == {"truncated": 1}


def test_tenant_is_fixed_or_named_by_a_field(run: Run) -> None:
    assert [part.tenant for part in run([b"a"], s.Tenant(value="team")).parts] == ["team"]
    lines = [b'{"t": "a"}', b'{"t": "b\\r\\nX-Evil: 1"}', b'{"t": ".."}', b'{"t": ""}', b"x"]
    processed = run(lines, s.Json(), s.Tenant(from_="t"))
    assert [(part.tenant, part.entries) for part in processed.parts] == [("a", 1), ("", 4)]
    assert processed.fallbacks == {"tenant_invalid": 2, "not_json": 1}


def test_two_cri_stages_wait_for_partial_lines_of_their_own(run: Run, seen: Any) -> None:
    head = b"2026-01-27T15:46:41Z stdout P "
    processed = run([head + head + b"a", head + b"b"], s.Cri(), s.Cri())
    assert [(entry.where, entry.line) for entry in seen(processed)] == [(0, b"ab")]
    assert [part.lines for part in processed.parts] == [2]


def test_cri_joins_partial_lines_of_each_stream(run: Run, seen: Any) -> None:
    lines = [
        b"2026-01-27T15:46:41.000000001Z stdout P one ",
        b"2026-01-27T15:46:41.000000002Z stderr F error",
        b"2026-01-27T15:46:41.000000003Z stdout P two ",
        b"2026-01-27T15:46:41.000000004Z stdout F three",
        b"no cri",
        b"2026-01-27T15:46:41.000000006Z stdout F ",
        b"2026-01-27T15:46:41.000000007Z stderr P open",
    ]
    second = 1_769_528_801_000_000_000
    processed = run(lines, s.Cri(), s.Drop(pattern="^$"))
    assert seen(processed) == [
        (0, second + 1, '{job="x", stream="stdout"}', b"one two three", ()),
        (1, second + 2, '{job="x", stream="stderr"}', b"error", ()),
        (4, second + 3, '{job="x"}', b"no cri", ()),
        (6, second + 7, '{job="x", stream="stderr"}', b"open", ()),
    ]
    assert (processed.dropped, processed.fallbacks) == ({"drop": 1}, {"not_cri": 1})
    assert sum(part.lines for part in processed.parts) == 6
