"""Bytes to lines: against a plain twin, for every way to cut them, in bounded memory."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shipper.chunk import line_sizes
from shipper.sources.framing import Framed, Framer, are_utf8, empty, join, split
from shipper.sources.line import tidy

CONTENT = st.lists(
    st.one_of(
        st.binary(max_size=5),
        st.sampled_from(
            [
                b"\n",
                b"\r\n",
                b"\r",
                b"\0\0",
                b"text",
                b" ",
                "한글".encode(),
                b"\xed\x95",
                b"\xef\xbb\xbf",
                b"x" * 90,
                b'{"a":1}',
            ]
        ),
    ),
    max_size=14,
).map(b"".join)


def twin(content: bytes, limit: int, encoding: str = "utf-8") -> list[tuple[bytes, int, tuple[str, ...]]]:
    """Lines with their sizes and reasons, the last one without its LF if it has none."""
    rows = []
    for index, raw in enumerate(content.split(b"\n")):
        is_last = index == content.count(b"\n")
        if is_last and not raw:
            continue
        size = len(raw) + (not is_last)
        rows.append((*tidy(raw.removeprefix(b"\xef\xbb\xbf") if index == 0 else raw, limit, encoding), size))
    return [(text, size, reasons) for text, reasons, size in rows]


def rows(framed: Framed) -> list[tuple[bytes, int, tuple[str, ...]]]:
    sizes = line_sizes(framed.lengths, framed.surplus)
    return [
        (line, size, tuple(reason for at, reason in framed.marks if at == index))
        for index, (line, size) in enumerate(zip(framed.lines, sizes, strict=True))
    ]


def feed_all(framer: Framer, pieces: list[bytes]) -> Framed:
    framed = empty()
    for piece in pieces:
        framed = join(framed, framer.feed(piece))
    return join(framed, framer.finish())


@given(
    st.lists(st.integers(0, 400), max_size=8), st.sampled_from([b"one\rtwo", b"hole\0", b"line\r", "한".encode()[:2]])
)
def test_for_every_place_among_many_lines_an_odd_one_is_found(places: list[int], odd: bytes) -> None:
    lines = [b"x" * (index % 7) for index in range(400)]
    for place in places:
        lines[place : place + 1] = [odd]
    content = b"\n".join(lines)
    for first in (b"", b"begun before "):
        framer = Framer(1000)
        framed = join(framer.feed(first), framer.feed(content))
        assert rows(join(framed, framer.finish())) == twin(first + content, 1000)


@given(st.lists(st.binary(max_size=4) | st.text(max_size=2).map(str.encode)))
def test_for_every_lines_it_is_known_whether_all_are_utf8(lines: list[bytes]) -> None:
    try:
        b"\n".join(lines).decode()
    except UnicodeDecodeError:
        assert not are_utf8(lines)
    else:
        assert are_utf8(lines)


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "iso2022_kr", "latin-1", "utf-7"])
def test_for_every_content_and_every_way_to_cut_it_the_lines_are_those_of_the_plain_twin(encoding):
    @given(CONTENT, st.lists(st.integers(0, 200), max_size=6), st.integers(64, 100), st.integers(0, 40))
    @example(b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n", [1, 2], 64, 3)
    @example(b"one\r\n\ntwo\rthree\n", [3, 4, 9], 64, 0)
    def check(content, cuts, limit, hold):
        places = sorted({min(cut, len(content)) for cut in cuts} | {0, len(content)})
        pieces = [content[first:end] for first, end in pairwise(places)]
        framed = feed_all(Framer(limit, encoding, hold=hold), pieces)
        assert rows(framed) == twin(content, limit, encoding)
        assert framed.lengths == [len(line) for line in framed.lines]
        assert framed.size == len(content)
        assert framed.plain == all(line.strip() for line in framed.lines)

    check()


@given(CONTENT, st.integers(0, 10))
def test_for_every_content_the_parts_of_a_split_are_the_whole(content, count):
    framed = feed_all(Framer(100), [content])
    first, second = split(framed, min(count, len(framed.lines)))
    assert rows(join(first, second)) == rows(framed)
    assert first.size + second.size == framed.size
    assert Counter(first.fallbacks()) + Counter(second.fallbacks()) == Counter(framed.fallbacks())


def test_ordinary_lines_are_plain_and_have_no_surplus():
    framed = Framer(1000).feed("one\n둘\nthree\nrest".encode())
    assert (framed.lines, framed.lengths, framed.surplus, framed.plain) == (
        [b"one", "둘".encode(), b"three"],
        [3, 3, 5],
        {},
        True,
    )


def test_a_blank_line_is_kept_and_not_plain():
    framed = Framer(1000).feed(b"one\n \ntwo\n")
    assert (framed.lines, framed.surplus, framed.plain) == ([b"one", b" ", b"two"], {}, False)


def test_a_bom_is_skipped_at_the_start_of_the_content_only():
    assert rows(Framer(99).feed(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n")) == [(b"a", 5, ()), (b"\xef\xbb\xbfb", 5, ())]
    assert rows(Framer(99, at_start=False).feed(b"\xef\xbb\xbfa\n")) == [(b"\xef\xbb\xbfa", 5, ())]


@pytest.mark.parametrize(
    "piece",
    [b"\rEpoch 1: 50% |#####     | 10/20", b"\0" * 4096, b"word " * 1000, "한글".encode() * 500],
    ids=["redraws", "hole", "long", "korean"],
)
def test_a_line_of_50_megabytes_is_held_in_bounded_memory(piece):
    limit, total = 64 * 1024, 50_000_000
    block = piece * (400_000 // len(piece))
    framer = Framer(limit)
    tracemalloc.start()
    try:
        for _ in range(total // len(block)):
            assert framer.feed(block).lines == []
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert framer.rest_size == total // len(block) * len(block)
    assert held < 4 * limit
    assert peak < 8_000_000
    framed = framer.feed(b" end\n")
    assert (len(framed.lines), framed.size) == (1, framer.rest_size + total // len(block) * len(block) + 5)
    assert len(framed.lines[0]) <= limit


def test_a_long_file_read_in_odd_pieces_equals_its_twin():
    chance = random.Random(7)
    kinds = [
        b"plain line",
        b"",
        b"\rbar 1\rbar 2",
        b"\xff\xfe",
        "한국어 줄".encode(),
        b"z" * 300,
        b"crlf\r",
        b"\0\0hole",
    ]
    content = b"".join(chance.choice(kinds) + b"\n" for _ in range(5000))
    pieces, at = [], 0
    while at < len(content):
        size = chance.choice([1, 7, 64, 1000])
        pieces.append(content[at : at + size])
        at += size
    assert rows(feed_all(Framer(128, hold=50), pieces)) == twin(content, 128)
