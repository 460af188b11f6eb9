"""The wire encoder against generated protobuf classes, which are its oracle."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.delivery import wire
from shipper.devloki.labels import parse_labels as loki_labels
from shipper.errors import WireError

from shipper.devloki.push_proto import PushRequest  # isort: skip

SECOND = 1_000_000_000
TIMESTAMPS = st.integers(315_532_800 * SECOND, 4_102_444_800 * SECOND)
LINES = st.lists(st.binary(max_size=300).map(lambda raw: raw.decode("utf-8", "replace").encode()), max_size=40)
NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def oracle(body: bytes) -> list[tuple[int, bytes, tuple[tuple[str, str], ...]]]:
    push = PushRequest.FromString(b"".join(wire.encode_push([('{a="b"}', [body])])))
    (stream,) = push.streams
    assert bytes(stream.labels) == b'{a="b"}'
    return [
        (
            entry.timestamp.seconds * SECOND + entry.timestamp.nanos,
            bytes(entry.line),
            tuple((bytes(pair.name).decode(), bytes(pair.value).decode()) for pair in entry.structuredMetadata),
        )
        for entry in stream.entries
    ]


@given(TIMESTAMPS, LINES)
def test_for_every_base_and_lines_a_column_reads_back_with_rising_timestamps(base: int, lines: list[bytes]) -> None:
    body = wire.encode_column(base, lines, list(map(len, lines)))
    assert oracle(body) == [(base + index, line, ()) for index, line in enumerate(lines)]


@pytest.mark.parametrize("nanos", [0, 16_383, 16_384, 999_999_999, 999_999_990])
def test_a_column_crosses_the_borders_of_tables_and_seconds(nanos: int) -> None:
    lines = [b"x" * (index % 200) for index in range(40_000)]
    body = wire.encode_column(1_700_000_000 * SECOND + nanos, lines, list(map(len, lines)))
    expected = [1_700_000_000 * SECOND + nanos + index for index in range(len(lines))]
    assert [(stamp, line) for stamp, line, _ in oracle(body)] == list(zip(expected, lines, strict=True))


@given(st.lists(st.tuples(TIMESTAMPS, st.binary(max_size=200), st.integers(0, 4)), max_size=30))
def test_for_every_grouping_groups_are_encoded_as_each_alone_would_be(entries: list[tuple[int, bytes, int]]) -> None:
    stamps, lines = [stamp for stamp, _, _ in entries], [line for _, line, _ in entries]
    groups = [[place for place, entry in enumerate(entries) if entry[2] == number] for number in range(5)]
    assert wire.encode_groups(stamps, lines, list(map(len, lines)), groups) == [
        wire.encode_entries([stamps[at] for at in group], [lines[at] for at in group], [len(lines[at]) for at in group])
        for group in groups
    ]


@given(st.lists(st.tuples(TIMESTAMPS, st.binary(max_size=200).map(lambda b: b.hex().encode())), max_size=30))
def test_for_every_entries_the_oracle_and_our_decoder_read_them_back(entries: list[tuple[int, bytes]]) -> None:
    stamps, lines = [stamp for stamp, _ in entries], [line for _, line in entries]
    body = wire.encode_entries(stamps, lines, list(map(len, lines)))
    assert oracle(body) == [(stamp, line, ()) for stamp, line in entries]
    decoded = wire.decode_entries(body)
    assert [(entry.timestamp, entry.line, entry.metadata) for entry in decoded] == oracle(body)
    assert b"".join(entry.raw for entry in decoded) == body


@given(TIMESTAMPS, TEXTS, st.lists(st.tuples(NAMES, TEXTS), max_size=5))
def test_for_every_metadata_an_entry_reads_back(stamp: int, line: str, metadata: list[tuple[str, str]]) -> None:
    body = wire.encode_entry(stamp, line.encode(), metadata)
    assert oracle(body) == [(stamp, line.encode(), tuple(metadata))]
    (entry,) = wire.decode_entries(body)
    assert (entry.timestamp, entry.line, entry.metadata) == (stamp, line.encode(), tuple(metadata))


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 262_144, 3_000_000])
def test_lines_of_every_varint_width_read_back(length: int) -> None:
    line = b"x" * length
    assert oracle(wire.encode_column(1_700_000_000 * SECOND, [line], [length])) == [(1_700_000_000 * SECOND, line, ())]


@given(st.lists(st.tuples(TEXTS, st.lists(st.binary(max_size=50), max_size=3)), max_size=4))
def test_for_every_stream_its_size_is_what_it_takes(streams: list[tuple[str, list[bytes]]]) -> None:
    sizes = [wire.stream_size(labels, sum(map(len, blobs))) for labels, blobs in streams]
    assert sum(sizes) == len(b"".join(wire.encode_push(streams)))


@given(st.dictionaries(NAMES, TEXTS.filter(bool), max_size=6))
def test_for_every_labels_the_format_reads_back(labels: dict[str, str]) -> None:
    assert wire.parse_labels(wire.format_labels(labels)) == labels


@given(st.dictionaries(NAMES, st.text(st.characters(exclude_categories=())), max_size=6))
def test_for_every_labels_loki_reads_back_what_can_be_encoded(labels: dict[str, str]) -> None:
    kept = {name: re.sub("[\ud800-\udfff]", "\ufffd", value) for name, value in labels.items() if value}
    assert loki_labels(wire.format_labels(labels)) == tuple(sorted(kept.items()))


def test_labels_are_sorted_quoted_as_in_go_and_without_empty_values() -> None:
    assert wire.format_labels({"v": 'a"b\nc\\', "job": "서비스", "empty": "", "s": "\ud800"}) == (
        '{job="서비스", s="\ufffd", v="a\\"b\\nc\\\\"}'
    )


@pytest.mark.parametrize("text", ["", "{", 'a="b"', "{a=b}", '{a="b}', '{1a="b"}', '{a="b" "c"}'])
def test_labels_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(WireError):
        wire.parse_labels(text)


@given(st.binary(max_size=60))
def test_for_every_bytes_the_decoder_answers_or_says_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        assert b"".join(entry.raw for entry in wire.decode_entries(data)) == data


def test_a_timestamp_outside_five_byte_seconds_is_refused() -> None:
    with pytest.raises(WireError):
        wire.encode_column(0, [b"x"], [1])
