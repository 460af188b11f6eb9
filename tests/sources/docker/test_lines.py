"""Messages to lines: pieces, what a container left unfinished, for every way to feed them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.chunk import Moment
from shipper.sources.docker.frames import Message
from shipper.sources.docker.lines import PIECE, Assembly, Lines, joined, parted
from shipper.sources.framing import Framer

T = 10**18
X = b"x" * PIECE


def moments(messages: Sequence[Message]) -> list[Moment]:
    return [Moment(time, at, time) for at, (time, _) in enumerate(messages)]


def assembled(
    messages: Sequence[Message], cuts: Sequence[int] = (), *, always: bool = False, most: int = 1 << 20
) -> Lines:
    assembly, lines = Assembly(Framer(most), always=always), Lines()
    marks = moments(messages)
    for start, end in zip([0, *cuts], [*cuts, len(messages)], strict=True):
        lines = joined(lines, assembly.feed(messages[start:end], marks[start:end]))
    return joined(lines, assembly.finish())


def texts(lines: Lines) -> list[tuple[int, bytes, int]]:
    """When each line was written, its text, and the index of its last message."""
    return [
        (time - T, line, moment.count)
        for time, line, moment in zip(lines.times, lines.framed.lines, lines.moments, strict=True)
    ]


@pytest.mark.parametrize(
    ("messages", "always", "expected"),
    [
        pytest.param([(T, b"a\n"), (T + 1, b"b\r\n")], False, [(0, b"a", 0), (1, b"b", 1)], id="a message each"),
        pytest.param([(T, X), (T, X), (T, b"y\n"), (T + 1, b"b\n")], False, [(0, X + X + b"y", 2), (1, b"b", 3)],
                     id="pieces of one time"),
        pytest.param([(T, X), (T + 5, b"y\n")], False, [(0, X + b"y", 1)], id="full pieces of an old engine"),
        pytest.param([(T, b"tail"), (T + 5, b"next\n")], False, [(0, b"tail", 0), (5, b"next", 1)],
                     id="left unfinished by a container that was started again"),
        pytest.param([(T, b"a"), (T + 5, b"b\n")], True, [(0, b"ab", 1)], id="Podman ends each line itself"),
        pytest.param([(T, b"a\n"), (T + 1, b"tail")], False, [(0, b"a", 0), (1, b"tail", 1)], id="at the end"),
        pytest.param([(T, b"a\n"), (T + 1, b"")], False, [(0, b"a", 0)], id="nothing at the end"),
    ],
)  # fmt: skip
def test_messages_make_lines(messages: list[Message], *, always: bool, expected: list[tuple[int, bytes, int]]) -> None:
    assert texts(assembled(messages, always=always)) == expected
    for cut in range(len(messages) + 1):
        assert texts(assembled(messages, [cut], always=always)) == expected


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([b"a\n", b"b", b"\n", X, b"\r\n"])), max_size=12),
    st.lists(st.integers(0, 12), max_size=3),
)
def test_for_every_messages_and_every_feed_the_lines_are_the_same_and_take_the_bytes_of_the_texts(
    steps: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    times = [sum(gap for gap, _ in steps[: at + 1]) for at in range(len(steps))]
    messages = [(T + time, text) for time, (_, text) in zip(times, steps, strict=True)]
    whole = assembled(messages)
    assert texts(assembled(messages, sorted(min(cut, len(messages)) for cut in cuts))) == texts(whole)
    assert whole.framed.size == sum(len(text) for _, text in messages)


def test_a_line_over_the_limit_is_cut_and_the_lines_around_it_survive() -> None:
    lines = assembled([(T, b"a\n"), *[(T + 1, X)] * 20, (T + 1, b"\n"), (T + 2, b"b\n")], most=64)
    cut = " … [cut, 327647 bytes]".encode()
    assert [len(line) for _, line, _ in texts(lines)] == [1, 64 - len(cut) + len(cut), 1]
    assert lines.framed.fallbacks() == {"cut": 1}


def test_lines_can_be_parted_and_joined_again() -> None:
    whole = assembled([(T, b"a\n"), (T + 1, b"b\n"), (T + 2, b"c\n")])
    first, others = parted(whole, 2)
    assert (texts(first), texts(others)) == (texts(whole)[:2], texts(whole)[2:])
    assert texts(joined(first, others)) == texts(whole)
