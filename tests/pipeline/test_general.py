"""The general path: blank lines, records, the time window, streams and metadata."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from shipper.chunk import Carry, Chunk, Processed, Refused
from shipper.config import stages as s
from shipper.config.model import Multiline, ResolvedSource
from shipper.pipeline.compile import compile_pipeline
from shipper.pipeline.entry import Entry, Work
from shipper.pipeline.stages import editing

HOUR = 3600 * 1_000_000_000
JSON = (s.Json(), s.Timestamp())


@pytest.fixture
def run(make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource]) -> Callable[..., Processed]:
    def run(lines: list[bytes], *stages: Any, metadata: bool = True, **options: Any) -> Processed:
        return compile_pipeline(make_resolved(*stages, **options), metadata=metadata)(make_chunk(lines), Carry())

    return run


def test_blank_lines_are_dropped_and_counted(run: Any, seen: Any, clock: int) -> None:
    processed = run([b"", b"a", b" \t", b"b"])
    assert seen(processed) == [(1, clock + 1, "{}", b"a", ()), (3, clock + 3, "{}", b"b", ())]
    assert processed.dropped == {"blank": 2}


def test_blank_lines_are_shipped_where_they_are_kept(run: Any, seen: Any, clock: int) -> None:
    processed = run([b"a", b""], keep_blank_lines=True)
    assert seen(processed) == [(0, clock, "{}", b"a", ()), (1, clock + 1, "{}", b"", ())]
    assert processed.dropped == {}


@pytest.mark.parametrize(("keep", "text"), [(False, b"x\n a\n b"), (True, b"x\n a\n\n b")])
def test_a_blank_line_inside_a_record_is_counted_with_it(
    run: Any, seen: Any, clock: int, *, keep: bool, text: bytes
) -> None:
    processed = run([b"x", b" a", b"", b" b", b"y"], multiline=Multiline(start="^[^ ]"), keep_blank_lines=keep)
    assert seen(processed) == [(0, clock, "{}", text, ()), (4, clock + 4, "{}", b"y", ())]
    (part,) = processed.parts
    assert (part.lines, part.entries, part.weights, processed.dropped) == (5, 2, [4, 1], {})


def test_a_text_over_the_limit_is_cut(run: Any, seen: Any, clock: int) -> None:
    processed = run([b"aa", b"b"], s.Replace(pattern="a", with_="x" * 50), max_line_bytes=64)
    assert [line.line for line in seen(processed)] == [b"x" * 43 + " … [cut, 57 bytes]".encode(), b"b"]
    assert processed.fallbacks == {"cut": 1}


def test_a_record_that_a_stage_fails_on_is_a_dead_letter_that_quotes_nothing(
    run: Any, seen: Any, clock: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = editing.ReplaceMatches.__call__

    def failing(stage: editing.ReplaceMatches, entry: Entry, work: Work) -> str:
        if b"poison" in entry.text:
            raise ValueError(entry.text)
        return genuine(stage, entry, work)

    monkeypatch.setattr(editing.ReplaceMatches, "__call__", failing)
    processed = run([b"a", b"poison", b"a"], s.Replace(pattern="a", with_="b"))
    assert seen(processed) == [(0, clock, "{}", b"b", ()), (2, clock + 2, "{}", b"b", ())]
    (refused,) = processed.refused
    assert (refused.offset, refused.length, refused.lines, refused.timestamp) == (2, 7, 1, clock + 1)
    assert (refused.text, refused.reason) == (None, "pipeline_failed")
    assert re.fullmatch(r"ValueError in test_general\.py, line \d+; please report this", refused.words)


def line(hours: float, clock: int) -> bytes:
    return b'{"timestamp": %d}' % (clock + int(hours * HOUR))


WINDOW = {"max_age": HOUR, "max_ahead": HOUR}


@pytest.mark.parametrize("side", ["too_old", "too_new"])
def test_an_entry_outside_the_window_is_dropped_by_its_side(run: Any, seen: Any, clock: int, side: str) -> None:
    outside = line(-1.5 if side == "too_old" else 1.5, clock)
    lines = [line(-1, clock), outside, line(1, clock)]
    processed = run(lines, *JSON, **WINDOW, **{side: "drop"})
    assert [(entry.where, entry.timestamp) for entry in seen(processed)] == [(0, clock - HOUR), (2, clock + HOUR)]
    assert processed.dropped == {side: 1}


def test_an_entry_too_old_becomes_a_pointer_to_its_bytes(run: Any, seen: Any, clock: int) -> None:
    lines = [line(-2, clock), b"  more", line(0, clock)]
    multiline = Multiline(start="^[^ ]")
    processed = run(lines, s.Regex(pattern=r"(?P<timestamp>\d+)"), s.Timestamp(), multiline=multiline, **WINDOW)
    assert [(entry.where, entry.timestamp) for entry in seen(processed)] == [(2, clock)]
    assert processed.refused == [
        Refused(
            offset=0,
            length=len(lines[0]) + 1 + len(lines[1]) + 1,
            lines=2,
            timestamp=clock - 2 * HOUR,
            labels="{}",
            tenant="",
            text=None,
            reason="too_old",
            words="2026-02-11T06:53:20Z is older than max_age (1h before 2026-02-11T08:53:20Z)",
        )
    ]


@pytest.mark.parametrize(
    ("metadata", "pairs"), [(True, (("original_timestamp", "2026-02-11T10:23:20Z"),)), (False, ())]
)
def test_a_restamped_entry_has_the_clock_and_its_own_time_as_metadata(
    run: Any, seen: Any, clock: int, *, metadata: bool, pairs: tuple[tuple[str, str], ...]
) -> None:
    lines = [line(0, clock) + b" ", line(1.5, clock), line(1.5, clock)]
    processed = run([b'{"timestamp": %d}' % (clock + 1), *lines[1:]], *JSON, metadata=metadata, **WINDOW)
    assert [(entry.timestamp, entry.metadata) for entry in seen(processed)] == [
        (clock + 1, ()),
        (clock + 2, pairs),
        (clock + 3, pairs),
    ]
    assert processed.fallbacks == {"restamped": 2}


def test_a_line_without_a_time_that_is_restamped_beside_its_neighbour_claims_no_time_it_never_had(
    run: Any, seen: Any, clock: int
) -> None:
    processed = run([line(1.5, clock), b"  at once", line(1.5, clock)], *JSON, **WINDOW)
    original = (("original_timestamp", "2026-02-11T10:23:20Z"),)
    assert [(entry.timestamp, entry.metadata) for entry in seen(processed)] == [
        (clock, original),
        (clock + 1, ()),
        (clock + 2, original),
    ]
    assert (set(processed.untimed), processed.fallbacks) == ({1}, {"not_json": 1, "restamped": 3})


CONTAINER = (("id", "4f0c"), ("name", "web"), ("stream", "stdout"))


def test_a_container_s_lines_have_the_times_they_were_written_at_and_keep_them_where_they_are_restamped(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource], seen: Any, clock: int
) -> None:
    chunk = make_chunk([b"a", b"b"], times=[clock - 2 * HOUR, clock - 1], facts=CONTAINER)
    processed = compile_pipeline(make_resolved(type="docker", too_old="restamp", **WINDOW))(chunk, Carry())
    labels = '{container="web", stream="stdout"}'
    assert seen(processed) == [
        (0, clock, labels, b"a", (("original_timestamp", "2026-02-11T06:53:20Z"),)),
        (1, clock - 1, labels, b"b", ()),
    ]


def test_a_dead_letter_of_a_container_keeps_its_text_for_its_bytes_may_be_gone(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource], clock: int
) -> None:
    chunk = make_chunk([b"a", b"b"], times=[clock - 2 * HOUR, clock - 1], facts=CONTAINER)
    processed = compile_pipeline(make_resolved(type="docker", **WINDOW))(chunk, Carry())
    assert [(letter.reason, letter.text) for letter in processed.refused] == [("too_old", b"a")]


def test_streams_are_told_apart_by_tenant_and_labels_in_the_order_of_their_first_lines(run: Any, clock: int) -> None:
    lines = [b'{"t": "b"}', b'{"level": "info"}', b'{"t": "b", "level": "info"}', b'{"t": "b"}', b'{"t": "no/tenant"}']
    processed = run(lines, s.Json(), s.Tenant(from_="t"), s.Labels(from_={"level": "level"}))
    assert [(part.tenant, part.labels, list(part.where)) for part in processed.parts] == [
        ("b", "{}", [0, 3]),
        ("", '{level="info"}', [1]),
        ("b", '{level="info"}', [2]),
        ("", "{}", [4]),
    ]
    assert processed.fallbacks == {"tenant_invalid": 1}


def test_metadata_stays_within_lokis_limits(run: Any, seen: Any, clock: int) -> None:
    text = "x" * 40_000
    lines = [b'{"a": "%s", "b": "%s", "c": "z"}' % (text.encode(), text.encode()), b'{"c": "z"}']
    processed = run(lines, s.Json(), s.Metadata(from_={"a": "a", "b": "b", "c": "c"}))
    assert [entry.metadata for entry in seen(processed)] == [(("a", text),), (("c", "z"),)]
    assert processed.fallbacks == {"metadata_limit": 1}


def test_what_framing_counted_is_handed_on(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource]
) -> None:
    chunk = make_chunk([b"{}", b"[]", b"x"], fallbacks={"redraw": 2, "cut": 1})
    assert compile_pipeline(make_resolved(s.Json()))(chunk, Carry()).fallbacks == {
        "redraw": 2,
        "cut": 1,
        "not_object": 1,
        "not_json": 1,
    }
    assert compile_pipeline(make_resolved())(chunk, Carry()).fallbacks == {"redraw": 2, "cut": 1}


def test_times_steadily_ahead_raise_a_suspicion_on_either_path(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource], clock: int
) -> None:
    ahead = "2026-02-11T17:53:%02d.000000Z"
    for odd in ([], [b"odd"]):
        pipeline = compile_pipeline(make_resolved(*JSON))
        lines = [b'{"timestamp": "%s"}' % (ahead % number).encode() for number in range(20, 45)]
        pipeline(make_chunk(lines + odd), Carry())
        assert pipeline.timezone_suspect == 9 * HOUR


def test_labels_with_too_many_values_are_named_and_become_metadata_once_the_span_says_so(
    make_chunk: Callable[..., Chunk], make_resolved: Callable[..., ResolvedSource], seen: Any
) -> None:
    pipeline = compile_pipeline(make_resolved(s.Json(), s.Labels(from_={"user": "user"}), max_label_values=3))
    lines = [b'{"user": "%d"}' % number for number in range(4)]
    assert [entry.labels for entry in seen(pipeline(make_chunk(lines), Carry()))] == [
        f'{{user="{number}"}}' for number in range(4)
    ]
    assert (pipeline.newly_demoted(), pipeline.newly_demoted()) == (("user",), ())
    demoted = seen(pipeline(make_chunk(lines[:1], demoted=("user",)), Carry()))
    assert [(entry.labels, entry.metadata) for entry in demoted] == [("{}", (("user", "0"),))]
