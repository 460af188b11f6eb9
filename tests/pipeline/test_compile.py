"""What holds for every pipeline and every chunk, whatever is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shipper.chunk import Carry, Chunk, Processed
from shipper.config import stages as s
from shipper.config.model import Multiline, ResolvedSource
from shipper.delivery.wire import decode_entries
from shipper.pipeline.compile import compile_pipeline
from shipper.pipeline.entry import Entry, Sifting, Stage, Work
from shipper.pipeline.multiline import compile_multiline

CLOCK = 1_770_800_000_000_000_000
TIME = b"2026-01-27T15:46:41.479516Z"
BITS = (
    *(b"", b" ", b"\t", b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\\ud800", b"NaN", b"null", b"1e999", b"-"),
    *(b'"event"', b'"level"', b'"timestamp"', b'"info"', b'"ERROR"', b'"%s"' % TIME, b"1769528801", b"true", b"\x00"),
    *(
        b"[Model1] ",
        b"(EngineCore_DP0 pid=1) ",
        b"\x1b[1;36m",
        b"\x1b[0m",
        b"ERROR ",
        b"INFO:     ",
        b"level=warn msg=a",
    ),
    *(b"01-27 15:45:11 ", b"[core.py:875] ", b"Jan 27 15:40:21 host ", TIME, b"Traceback (most recent call last):"),
    *("한국어".encode(), "🤔".encode(), b"ValueError: x", b"  File", b"2026-01-27T15:46:41Z stdout P ", b"stderr F "),
    *(
        b'{"event": "a", "level": "info", "timestamp": "%s"}' % TIME,
        b'{"timestamp": "2026-01-27T15:46:41.4Z", "level": 30}',
    ),
)
LINE = st.one_of(
    st.lists(st.sampled_from(BITS), max_size=7).map(b"".join),
    st.text(st.characters(exclude_characters="\n\r", exclude_categories=("Cs",)), max_size=40).map(str.encode),
)
LINES = st.lists(LINE, max_size=25)
COMMON = (s.Json(), s.Timestamp(), s.Labels(from_={"level": "level"}))
PIPELINES: dict[str, tuple[Any, ...]] = {
    **s.BUILT_IN_PIPELINES,
    "output": (*COMMON, s.Output()),
    "output of a field": (*COMMON, s.Output(from_="level")),
    "logfmt": (s.Logfmt(), s.Timestamp(format=("unix", "%Y-%m-%dT%H:%M:%S.%fZ")), s.Labels(from_={"level": "level"})),
    "regex": (s.Regex(pattern=r"(?P<level>[A-Z]+) (?P<rest>.*)"), s.Labels(from_={"level": "level", "rest": "rest"})),
    "cri": (s.Cri(), s.Detect(), s.Labels(from_={"level": "level"})),
    "edits": (s.Replace(pattern="[a-z]*", with_=r"<\0>"), s.Decolorize(), s.Truncate(bytes=64)),
    "filters": (s.Json(), s.Drop(field="level", value=("info",)), s.Keep(pattern="e|한"), s.Sample(rate=0.5)),
    "metadata": (s.Json(), s.Metadata(from_={"event": "event"}), s.Tenant(from_="level"), s.DropLabels(names=("job",))),
    "all at once": (
        s.Detect(),
        s.Logfmt(),
        s.Json(),
        s.Timestamp(),
        s.StaticLabels(labels={"a": "b"}),
        s.Limit(rate=5),
    ),
}
MULTILINES = (
    None,
    Multiline(preset="python"),
    Multiline(preset="vllm"),
    Multiline(start="^[^ ]", max_lines=3, max_bytes=64),
)


@given(lines=LINES, more=LINES, multiline=st.sampled_from(MULTILINES), after_eof=st.booleans(), keep=st.booleans())
@pytest.mark.parametrize("name", PIPELINES)
@settings(max_examples=settings().max_examples // 2)
def test_for_every_two_chunks_the_books_balance_the_result_is_the_same_again_and_no_timestamp_comes_twice(
    make_chunk: Callable[..., Chunk],
    make_resolved: Callable[..., ResolvedSource],
    name: str,
    lines: list[bytes],
    more: list[bytes],
    multiline: Multiline | None,
    after_eof: bool,
    keep: bool,
) -> None:
    resolved = make_resolved(*PIPELINES[name], multiline=multiline, keep_blank_lines=keep)
    chunks = [
        make_chunk(lines),
        make_chunk(more, clock=make_chunk(()).span.clock + 1000, start=5000, after_eof=after_eof),
    ]
    first = run(resolved, chunks)
    assert [books(processed) for processed in first] == [len(lines), len(more)]
    assert first == run(resolved, chunks)
    timestamps = [entry.timestamp for made in first for part in made[0] for entry in decode_entries(part[2])]
    assert len(timestamps) == len(set(timestamps))


FIELD = st.sampled_from(["event", "message", "level", "timestamp", "rest"])
PATTERN = st.sampled_from(
    [
        "(?P<level>[A-Z]+)",
        "(?P<event>.)(?P<rest>.*)",
        "",
        ".",
        "[^a]",
        r"\b",
        r"(?s)(?P<rest>.*)\d",
        "한|(?P<level>국)?",
    ]
)
NAMES = st.dictionaries(st.sampled_from(["level", "job", "a-b", "9", "__x"]), FIELD, min_size=1, max_size=3)
SEARCH = {"pattern": PATTERN, "from_": st.none() | FIELD}
CONDITION = {"pattern": st.none() | PATTERN, "field": st.none() | FIELD, "value": st.sampled_from([(), ("info", "a")])}
FORMATS = st.lists(
    st.sampled_from(["auto", "rfc3339", "unix", "unix_ns", "%Y-%m-%dT%H:%M:%S.%fZ", "%b %d %H:%M:%S"]),
    min_size=1,
    max_size=3,
)
STAGE = st.one_of(
    st.sampled_from([s.Json(), s.Logfmt(), s.Detect(), s.Decolorize(), s.Cri(), s.Auto(), s.Limit(rate=5)]),
    st.builds(s.Regex, **SEARCH),
    st.builds(s.Timestamp, from_=FIELD, format=FORMATS.map(tuple)),
    st.builds(s.Labels, from_=NAMES),
    st.builds(s.Metadata, from_=NAMES),
    st.builds(s.StaticLabels, labels=st.sampled_from([{"job": "x"}, {"level": "info", "é": "y" * 3000}])),
    st.builds(s.DropLabels, names=st.sampled_from([("job",), ("level", "no")])),
    st.builds(s.Output, from_=FIELD),
    st.builds(s.Drop, **CONDITION),
    st.builds(s.Keep, **CONDITION),
    st.builds(s.Replace, with_=st.sampled_from(["", r"\0\0", r"<\\\g<0>>", "한"]), **SEARCH),
    st.builds(s.Truncate, bytes=st.integers(64, 70)),
    st.builds(s.Sample, rate=st.floats(0, 1)),
    st.builds(s.Tenant, from_=FIELD) | st.just(s.Tenant(value="other")),
)
POLICY = st.sampled_from(["dead-letter", "restamp", "drop"])
SOURCE = st.fixed_dictionaries(
    {
        "multiline": st.sampled_from(MULTILINES),
        "keep_blank_lines": st.booleans(),
        "max_age": st.sampled_from([0, 24 * 3600 * 10**9, 100 * 24 * 3600 * 10**9]),
        "max_ahead": st.sampled_from([0, 600 * 10**9]),
        "too_old": POLICY,
        "too_new": POLICY,
        "max_line_bytes": st.sampled_from([512, 1 << 18]),
        "timezone": st.sampled_from(["UTC", "Asia/Seoul", "America/New_York"]),
    }
)


@given(
    stages=st.lists(STAGE, max_size=6),
    source=SOURCE,
    chunks=st.lists(LINES, max_size=3),
    demoted=st.sampled_from([(), ("level",), ("a_b", "job")]),
    metadata=st.booleans(),
)
@settings(max_examples=settings().max_examples * 2)
def test_for_every_list_of_stages_each_line_is_an_entry_or_counted_and_the_result_is_the_same_again(
    make_chunk: Callable[..., Chunk],
    make_resolved: Callable[..., ResolvedSource],
    stages: list[Any],
    source: dict[str, Any],
    chunks: list[list[bytes]],
    demoted: tuple[str, ...],
    metadata: bool,
) -> None:
    resolved = make_resolved(*stages, labels={"job": "test"}, **source)
    clock = make_chunk(()).span.clock
    made = [
        make_chunk(lines, clock=clock + number * 1000, start=number * 10_000, demoted=demoted)
        for number, lines in enumerate(chunks)
    ]
    outcomes = run(resolved, made, metadata=metadata)
    assert [books(outcome) for outcome in outcomes] == list(map(len, chunks))
    assert outcomes == run(resolved, made, metadata=metadata)
    for outcome, chunk in zip(outcomes, made, strict=True):
        in_place(outcome, chunk, max(source["max_line_bytes"], 1 << 18 if source["multiline"] else 0))


def in_place(outcome: tuple[Any, ...], chunk: Chunk, longest: int) -> None:
    """Entries and dead letters name lines of their chunk, once each, and texts are UTF-8 within the limit."""
    parts, lines, _, _, refused, *_ = outcome
    named = [at for part in parts for at in part[7]]
    assert len(named) == len(set(named))
    assert set(named) <= set(range(lines))
    assert all(part[7] == sorted(part[7]) for part in parts)
    for part in parts:
        for entry in decode_entries(part[2]):
            assert len(entry.line) <= longest
            entry.line.decode()
    for letter in refused:
        assert chunk.span.start <= letter.offset < letter.offset + letter.length <= chunk.span.end


def run(resolved: ResolvedSource, chunks: list[Chunk], *, metadata: bool = True) -> list[Any]:
    pipeline, carry, outcomes = compile_pipeline(resolved, metadata=metadata), Carry(), []
    for chunk in chunks:
        processed = pipeline(chunk, carry)
        carry = processed.carry
        outcomes.append(whole(processed))
    return outcomes


def whole(processed: Processed) -> tuple[Any, ...]:
    parts = [
        (
            part.tenant,
            part.labels,
            part.body,
            part.entries,
            part.lines,
            part.first,
            part.last,
            list(part.where),
            part.weights and list(part.weights),
        )
        for part in processed.parts
    ]
    counts = (processed.lines, processed.dropped, processed.fallbacks, processed.refused)
    return parts, *counts, processed.carry, sorted(processed.untimed)


def books(outcome: tuple[Any, ...]) -> int:
    parts, lines, dropped, _, refused, *_ = outcome
    for _, _, body, entries, line_count, first, last, where, weights in parts:
        times = [entry.timestamp for entry in decode_entries(body)]
        assert (len(times), min(times), max(times)) == (entries, first, last)
        assert len(where) == entries
        assert sum(weights or [1] * entries) == line_count
    accounted = sum(part[4] for part in parts) + sum(dropped.values()) + sum(letter.lines for letter in refused)
    assert accounted == lines
    return accounted


GAPS = st.none() | st.lists(st.sampled_from([0, 1, 5, -2, 11_000_000_000]), min_size=25, max_size=25)
"""What lies between the times at which the origin says that lines were written; None: it does not say."""


def written(lines: list[bytes], gaps: list[int] | None) -> list[int] | None:
    return None if gaps is None else [1_769_528_801_000_000_000 + sum(gaps[: at + 1]) for at in range(len(lines))]


@given(lines=LINES, demoted=st.sampled_from([(), ("level",), ("job",)]), metadata=st.booleans(), gaps=GAPS)
@example(lines=[b'{"event": "a"}', b'{"level": "info"}'], demoted=(), metadata=False, gaps=None)
@pytest.mark.parametrize(
    "stages",
    [
        (),
        COMMON,
        (s.Json(),),
        (s.Auto(),),
        s.TEXT,
        (s.Json(), s.Labels(from_={"level": "level", "event": "event"})),
        (s.Json(), s.Timestamp(from_="event", format=("rfc3339",)), s.Labels(from_={"a": "timestamp"})),
    ],
)
@settings(max_examples=settings().max_examples * 3 // 2)
def test_for_every_chunk_the_straight_paths_make_what_the_general_path_makes(
    make_chunk: Callable[..., Chunk],
    make_resolved: Callable[..., ResolvedSource],
    stages: tuple[Any, ...],
    lines: list[bytes],
    demoted: tuple[str, ...],
    metadata: bool,
    gaps: list[int] | None,
) -> None:
    lines = [line for line in lines if line.strip()]
    chunk = make_chunk(lines, demoted=demoted, times=written(lines, gaps))
    pipeline = compile_pipeline(make_resolved(*stages, labels={"job": "x"}), metadata=metadata)
    now = 1_769_528_801_000_000_000
    carry = Carry(issued=now, parsed=now, recent=((now - 3, now),), level="error", record="head")
    assert whole(pipeline(chunk, carry)) == whole(pipeline._general(chunk, carry))


class OneByOne:
    """A stage without its short way."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.name = stage, stage.name

    def __call__(self, entry: Entry, work: Work) -> str:
        return self.stage(entry, work)


@pytest.mark.parametrize(
    "stages",
    [
        (s.Json(), s.Timestamp(), s.Drop(field="level", value=("info", "�"))),
        (s.Drop(pattern="^(?:한|INFO:)"), s.Replace(pattern="[0-9]+", with_=r"<\0>"), s.Drop(pattern=r"a\z")),
        (s.Replace(pattern="x*", with_="-"), s.Drop(pattern="line$"), s.Json(), s.Timestamp(from_="event")),
    ],
)
@given(lines=LINES)
def test_for_every_chunk_the_short_ways_of_stages_make_what_looking_at_each_entry_makes(
    make_chunk: Callable[..., Chunk],
    make_resolved: Callable[..., ResolvedSource],
    stages: tuple[Any, ...],
    lines: list[bytes],
) -> None:
    lines = [*lines, b"a", *(b"line %d" % number for number in range(9))]
    general = compile_pipeline(make_resolved(*stages))._general
    assert any(isinstance(stage, Sifting) for stage in general.stages)
    plain = replace(general, stages=list(map(OneByOne, general.stages)))
    assert whole(general(make_chunk(lines), Carry())) == whole(plain(make_chunk(lines), Carry()))


RECORD_LINE = st.sampled_from(
    [
        b"(A pid=1) ERROR 01-27 15:47:39 [core.py:875] failed",
        b"(A pid=1) ERROR 01-27 15:47:39 [core.py:875] Traceback (most recent call last):",
        b'(A pid=1) ERROR 01-27 15:47:39 [core.py:875]   File "x"',
        b"(A pid=1) ERROR 01-27 15:47:39 [core.py:875] ValueError: x",
        b"Traceback (most recent call last):",
        b"  indented",
        b"KeyError: 'x'",
        b"plain",
    ]
)


@given(
    lines=st.lists(RECORD_LINE, min_size=1, max_size=25),
    multiline=st.sampled_from([{"preset": "vllm"}, {"preset": "python"}, {"start": "^[^ ]", "max_lines": 3}]),
    clock=st.sampled_from([CLOCK, CLOCK - CLOCK % 10**9 + 16_383 - 5, CLOCK - CLOCK % 10**9 + 10**9 - 5]),
    limit=st.sampled_from([100, 1 << 18]),
    gaps=GAPS,
)
@settings(max_examples=settings().max_examples * 3)
def test_for_every_chunk_of_records_columns_make_what_the_general_path_makes(
    make_chunk: Callable[..., Chunk],
    make_resolved: Callable[..., ResolvedSource],
    lines: list[bytes],
    multiline: dict[str, Any],
    clock: int,
    limit: int,
    gaps: list[int] | None,
) -> None:
    chunk = make_chunk(lines, clock=clock, times=written(lines, gaps))
    resolved = make_resolved(multiline=Multiline(**multiline, max_bytes=limit), max_line_bytes=limit)
    pipeline = compile_pipeline(resolved)
    carry = Carry(issued=clock - 9, parsed=clock - 9, recent=((clock - 10, clock - 9),), level="error", record="head")
    assert whole(pipeline(chunk, carry)) == whole(pipeline._general(chunk, carry))
    known = replace(chunk, joins=compile_multiline(resolved.multiline).joins(lines))
    assert whole(pipeline(known, carry)) == whole(pipeline._general(chunk, carry))


TEXT_LINE = RECORD_LINE | st.sampled_from(
    [
        b"[Model1] (A pid=1) INFO 01-27 15:47:40 [core.py:875] next",
        b"[Model1] (A pid=1) WARNING 99-99 15:47:40 [core.py:875] no such day",
        b"INFO 01-27 15:47:39 core.py:8] [x] older",
        b'[Model1] (A pid=1) INFO:     10.0.0.1:80 - "GET / HTTP/1.1" 200 OK',
        b'INFO:     \x1b[32m10.0.0.1:80 - "GET / HTTP/1.1" 200 OK',
        b"\x1b[1;36m(A pid=1)\x1b[0;0m INFO 01-27 15:47:39 [core.py:875] coloured",
        b"ERROR:    Exception in ASGI application",
        b"INFO:",
        b"1 INFO 01-27 15:47:39 [core.py:875] numbered",
        b"2026-01-27T15:45:11Z [info     ] structlog",
        b"Jan 27 15:40:21 host x",
        b"[2026-01-27 15:50:54 +0000] [77] [INFO] Booting",
        b"{'loss': 0.69}",
        b'{"event": "a", "level": "warn", "timestamp": "2026-01-27T15:46:41.4Z"}',
    ]
)


@given(
    lines=st.lists(TEXT_LINE, min_size=1, max_size=25),
    stages=st.sampled_from([s.TEXT, (s.Auto(),), (s.Limit(rate=5), s.Auto())]),
    multiline=st.sampled_from([None, {"preset": "vllm"}, {"preset": "python"}]),
    gaps=GAPS,
    level=st.sampled_from(["", "error"]),
    age=st.sampled_from([0, 3600 * 10**9]),
)
@settings(max_examples=settings().max_examples * 5)
def test_for_every_chunk_of_text_columns_make_what_the_general_path_makes(
    make_chunk: Callable[..., Chunk],
    make_resolved: Callable[..., ResolvedSource],
    lines: list[bytes],
    stages: tuple[Any, ...],
    multiline: dict[str, Any] | None,
    gaps: list[int] | None,
    level: str,
    age: int,
) -> None:
    chunk = make_chunk(lines, times=written(lines, gaps))
    resolved = make_resolved(
        *stages, multiline=Multiline(**multiline) if multiline else None, labels={"job": "x"}, max_age=age
    )
    pipeline = compile_pipeline(resolved)
    carry = Carry(issued=CLOCK - 9, parsed=CLOCK - 9, level=level, record="traceback @ (A pid=1)")
    assert whole(pipeline(chunk, carry)) == whole(pipeline._general(chunk, carry))


JSON_LINE = st.fixed_dictionaries(
    {"event": st.sampled_from(["a", ""])},
    optional={
        "level": st.sampled_from(["info", "INFO", "error", "warn", "strange", "", None]),
        "timestamp": st.sampled_from(
            [
                "2026-01-27T15:46:41.479516Z",
                "2026-01-27T15:46:41.479517Z",
                "2026-01-27T15:46:42Z",
                "",
                None,
                "2026-01-27T15:46:40.000001Z",
                "2026-01-27T15:46:41.4795160Z",
                "2026-01-27T15:46:41,479516Z",
                "2026-01-27",
            ]
        ),
    },
)


@given(documents=st.lists(JSON_LINE, min_size=1, max_size=20), after_eof=st.booleans(), gaps=GAPS)
@settings(max_examples=settings().max_examples * 3)
def test_for_every_chunk_of_json_objects_columns_make_what_the_general_path_makes(
    make_chunk: Callable[..., Chunk],
    make_resolved: Callable[..., ResolvedSource],
    documents: list[dict[str, Any]],
    after_eof: bool,
    gaps: list[int] | None,
) -> None:
    import orjson

    lines = list(map(orjson.dumps, documents))
    chunk = make_chunk(lines, after_eof=after_eof, times=written(lines, gaps))
    pipeline = compile_pipeline(make_resolved(*COMMON))
    now = 1_769_528_801_000_000_000
    carry = Carry(issued=now, parsed=now - 5, recent=((now - 5, now - 5), (now, now)))
    assert whole(pipeline(chunk, carry)) == whole(pipeline._general(chunk, carry))


def test_the_common_json_chunk_takes_the_columns(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource]
) -> None:
    lines = [b'{"event": "a", "level": "%s", "timestamp": "%s"}' % (level, TIME) for level in (b"info", b"error")]
    pipeline = compile_pipeline(make_resolved(*COMMON))
    assert pipeline._json is not None
    assert pipeline._json(make_chunk(lines), Carry()) is not None


@pytest.mark.parametrize("earlier", [0, 5_000_000_000])
def test_a_chunk_of_a_thousand_streams_takes_the_columns_and_makes_what_the_general_path_makes(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource], earlier: int
) -> None:
    lines = [
        b'{"event": "e%d", "level": "info", "timestamp": "2026-01-27T15:46:41.%06dZ"}' % (number * 7919 % 1000, number)
        for number in range(3000)
    ]
    names = {"level": "level", "event": "event"}
    pipeline = compile_pipeline(make_resolved(s.Json(), s.Timestamp(), s.Labels(from_=names), max_label_values=5000))
    now = 1_769_528_801_000_000_000 + earlier
    chunk, carry = make_chunk(lines), Carry(issued=now, parsed=now)
    assert pipeline._json is not None
    straight = pipeline._json(chunk, carry)
    assert straight is not None
    assert len(straight.parts) == 1000
    assert whole(straight) == whole(pipeline._general(chunk, carry))


def test_labels_are_those_of_each_chunks_own_path(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource]
) -> None:
    pipeline = compile_pipeline(make_resolved(*COMMON, filename_label=True))
    line = b'{"event": "a", "level": "info", "timestamp": "%s"}' % TIME
    assert pipeline._json is not None
    for path in ("/logs/a.log", "/logs/b.log", "/logs/a.log"):
        chunk = make_chunk([line])
        chunk.span.origin = replace(chunk.span.origin, path=path)
        straight = pipeline._json(chunk, Carry())
        assert straight is not None
        assert [part.labels for part in straight.parts] == [f'{{filename="{path}", level="info"}}']


def test_the_strictest_limit_is_the_rate(make_resolved: Callable[..., ResolvedSource]) -> None:
    assert compile_pipeline(make_resolved(s.Limit(rate=50), s.Limit(rate=20.5))).rate == 20.5
    assert compile_pipeline(make_resolved(s.Json())).rate is None


def test_an_empty_chunk_makes_nothing_and_hands_the_carry_on(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource]
) -> None:
    carry = Carry(issued=9, parsed=8, recent=((9, 9),), level="error", record="head")
    for stages in PIPELINES.values():
        processed = compile_pipeline(make_resolved(*stages))(make_chunk([]), carry)
        assert (processed.parts, processed.dropped, processed.carry) == ([], {}, carry)


@pytest.mark.parametrize("blank", [b"", b"\n"], ids=["columns", "general"])
def test_lines_of_a_timed_pipeline_follow_those_that_went_by_the_clock_before(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource], blank: bytes
) -> None:
    clock = make_chunk(()).span.clock
    lines = [b"a", b"b", *([b""] if blank else [])]
    plain = compile_pipeline(make_resolved())(make_chunk(lines, clock=clock), Carry(issued=clock - 10**9))
    assert plain.carry.issued == clock + 1
    timed = compile_pipeline(make_resolved(s.Timestamp(from_="timestamp")))
    (part,) = timed(make_chunk([b"c"], clock=clock + 100), plain.carry).parts
    assert part.first == clock + 2
