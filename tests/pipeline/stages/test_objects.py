"""JSON: nothing raises, no line is lost, everything odd is counted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.chunk import Carry, Chunk
from shipper.config import stages as s
from shipper.config.model import ResolvedSource
from shipper.pipeline.compile import compile_pipeline
from shipper.pipeline.stages.objects import message_in, read_object

DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("text", "fields", "reason"),
    [
        (b"{}", {}, ""),
        (b' {"a": 1} ', {"a": 1}, ""),
        (b'{"a": 1, "a": 2}', {"a": 2}, ""),
        (b'{"a": 123456789012345678901234567890}', {"a": 1.2345678901234568e29}, ""),
        (b'{"a": 1e999}', {"a": math.inf}, ""),
        (b'{"a": Infinity}', {"a": math.inf}, "json_non_standard"),
        (b'{"a": -Infinity, "b": "c"}', {"a": -math.inf, "b": "c"}, "json_non_standard"),
        (b'{"a": "\\ud800x"}', {"a": "\ufffdx"}, "json_non_standard"),
        (b'{"a": "\\ud83e\\udd14"}', {"a": "🤔"}, ""),
        (b'{"a": "\\u0000"}', {"a": "\x00"}, ""),
        (b'{"a": "\xff", "b": NaN', None, "not_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", None, "not_json"),
        (b'{"a": ' + DEEP + b"}", None, "json_too_deep"),
        (DEEP, None, "json_too_deep"),
        (b'{"a": NaN, "b": ' + b"[" * 254 + b"]" * 254 + b"}", None, "json_too_deep"),
        (b"[1, 2]", None, "not_object"),
        (b'"text"', None, "not_object"),
        (b"NaN", None, "not_object"),
        (b"null", None, "not_object"),
        (b"{'loss': 0.69}", None, "not_json"),
        (b'{"a": 1} {"b": 2}', None, "not_json"),
        (b'text {"a": 1}', None, "not_json"),
        (b'{"a": 1', None, "not_json"),
        (b'{"a": "\x01"}', None, "not_json"),
        (b"", None, "not_json"),
    ],
)
def test_objects_are_read_and_the_rest_has_a_reason(text: bytes, fields: dict[str, Any] | None, reason: str) -> None:
    assert read_object(text) == (fields, reason)


def test_a_bare_nan_is_read() -> None:
    fields, reason = read_object(b'{"loss": NaN}')
    assert fields is not None
    assert math.isnan(fields["loss"])
    assert reason == "json_non_standard"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"event": "a", "message": "b"}, "a"),
        ({"event": "", "message": "b"}, "b"),
        ({"event": None, "message": "b"}, "b"),
        ({"event": {"a": 1}, "message": "b"}, "b"),
        ({"event": 5, "message": ["b"]}, None),
        ({"msg": "a"}, None),
    ],
)
def test_the_message_is_the_first_string_that_is_not_empty(fields: dict[str, Any], message: str | None) -> None:
    assert message_in(fields, ("event", "message")) == message


NASTY = [
    b'{"event": null, "level": "info"}',
    b'{"event": "", "level": ["error"]}',
    b'{"event": {"nested": {}}, "level": {"a": 1}, "timestamp": {}}',
    b'{"event": "a", "event": "b", "timestamp": 99999999999999999999999999}',
    b'{"event": "\\ud800", "level": "\\udfff", "timestamp": "\\ud800"}',
    b'{"event": "' + b"x" * 100_000 + b'", "level": "' + b"y" * 5000 + b'"}',
    b'{"": "", "level": true, "timestamp": false}',
    b'{"level": 1e308, "timestamp": -1e308}',
    b'{"timestamp": NaN}',
    b'{"timestamp": "2026-01-27T15:46:41.479516Z", "level": "INFO\\u0000"}',
    b'{"a": ' + DEEP + b"}",
    b'{"level": ' + b"[" * 1020 + b"]" * 1020 + b"}",
    DEEP,
    b"{" * 100_000,
    b'{"a":' * 50_000,
    b'"\\',
    b"\x00\x00{}",
    "\ufeff{}".encode(),
]


@pytest.mark.parametrize("output", [(), (s.Output(),), (s.Output(from_="level"),)])
def test_nasty_lines_pass_through_without_a_loss(
    make_chunk: Callable[..., Chunk],
    make_resolved: Callable[..., ResolvedSource],
    seen: Any,
    output: tuple[Any, ...],
) -> None:
    stages = (s.Json(), s.Timestamp(), s.Labels(from_={"level": "level", "a": "a", "event": "event"}), *output)
    processed = compile_pipeline(make_resolved(*stages))(make_chunk(NASTY), Carry())
    entries = seen(processed)
    assert [entry.where for entry in entries] == list(range(len(NASTY)))
    if not output:
        assert [entry.line for entry in entries] == NASTY


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from(["event", "message", "level", "timestamp", "x"]), VALUES, max_size=5)


@given(st.lists(DOCUMENTS, max_size=6), st.integers(0, 200), st.booleans())
def test_for_every_json_document_whole_or_torn_each_line_is_one_entry(
    make_chunk: Callable[..., Chunk],
    make_resolved: Callable[..., ResolvedSource],
    seen: Any,
    documents: list[dict[str, Any]],
    torn: int,
    ascii_only: bool,
) -> None:
    texts = [json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "replace") for document in documents]
    lines = [*texts, *(text[:torn] for text in texts if text[:torn].decode("utf-8", "ignore").encode() == text[:torn])]
    lines = [line for line in lines if line]
    stages = (s.Json(), s.Timestamp(), s.Labels(from_={"level": "level", "x": "x"}))
    processed = compile_pipeline(make_resolved(*stages))(make_chunk(lines), Carry())
    assert [entry.line for entry in seen(processed)] == lines
    shipped = compile_pipeline(make_resolved(*stages, s.Output()))(make_chunk(lines), Carry())
    assert [entry.where for entry in seen(shipped)] == list(range(len(lines)))
    assert all(entry.line.decode() is not None for entry in seen(shipped))
