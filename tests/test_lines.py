"""Which of many lines have something in them."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from shipper.lines import lines_with

LINE = st.text("ab", max_size=3).map(str.encode)


@given(st.lists(LINE, max_size=300), st.sampled_from([b"a", b"ab", b"bba"]), st.integers(0, 3))
@example([b"b"] * 128 + [b"a"], b"a", 0)
def test_for_every_lines_those_with_a_mark_are_found(lines: list[bytes], mark: bytes, before: int) -> None:
    data = b"\n".join(lines)
    lengths = list(map(len, lines))
    assert list(lines_with(mark, data, lengths)) == [index for index, line in enumerate(lines) if mark in line]
    if lines:
        lengths[0] += before
        expected = [index for index, line in enumerate(lines) if mark in line]
        assert list(lines_with(mark, data, lengths, -before)) == expected


def test_what_stands_behind_the_last_line_is_in_none() -> None:
    assert list(lines_with(b"x", b"one\nx", [3])) == []
