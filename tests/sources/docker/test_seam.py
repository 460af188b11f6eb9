"""Each message passes once, whatever the connections bring."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from shipper.chunk import Moment
from shipper.sources.docker.frames import Message
from shipper.sources.docker.seam import BACK, Passed, Seam

T = 10**18


def told(*times: int) -> list[Message]:
    return [(T + time, b"%d\n" % time) for time in times]


def read(seam: Seam, messages: Sequence[Message], *, live: bool = False) -> Passed:
    seam.connect(live=live)
    return seam.take(messages)


def test_at_the_beginning_everything_passes() -> None:
    seam = Seam(Moment())
    assert seam.since == 0
    assert read(seam, told(1, 2, 2)) == Passed(
        told(1, 2, 2), [Moment(T + 1, 1, T + 1), Moment(T + 2, 1, T + 2), Moment(T + 2, 2, T + 2)]
    )


def test_a_later_connection_goes_on_behind_the_last_message_and_asks_from_a_while_before() -> None:
    seam = Seam(Moment(T + 2, 2, T + 2))
    assert seam.since == T + 2 - BACK
    assert read(seam, told(1, 2, 2, 2, 3)) == Passed(told(2, 3), [Moment(T + 2, 3, T + 2), Moment(T + 3, 1, T + 3)])


def test_messages_written_after_the_clock_stepped_back_pass() -> None:
    seam = Seam(Moment())
    assert read(seam, told(10, 20)).messages == told(10, 20)
    assert read(seam, told(10, 20, 5, 6)).messages == told(5, 6)
    assert seam.moment == Moment(T + 6, 1, T + 20)
    assert read(seam, told(10, 20, 5, 6, 15)).messages == told(15)


def test_where_the_last_message_is_gone_what_is_later_than_all_passes_as_a_gap() -> None:
    seam = Seam(Moment(T + 5, 1, T + 5))
    assert read(seam, told(7, 8)) == Passed(
        told(7, 8), [Moment(T + 7, 1, T + 7), Moment(T + 8, 1, T + 8)], gap=(T + 5, T + 7)
    )


def test_reading_may_begin_at_a_time_instead_of_behind_a_message() -> None:
    seam = Seam(Moment(T + 5, 0, T + 5))
    assert (seam.since, read(seam, told(3, 4)).messages) == (T + 5, [])
    assert read(seam, told(4, 5, 6)) == Passed(told(5, 6), [Moment(T + 5, 1, T + 5), Moment(T + 6, 1, T + 6)])


def test_lines_that_a_follower_is_sent_again_are_doubted_and_the_log_decides() -> None:
    seam = Seam(Moment())
    followed = read(seam, told(1, 2, 3, 1, 2, 3, 4), live=True)
    assert (followed.messages, followed.doubted) == (told(1, 2, 3), True)
    assert read(seam, told(1, 2, 3, 4)).messages == told(4)


def test_a_followed_message_of_the_same_time_is_doubted_until_the_log_has_shown_one() -> None:
    seam = Seam(Moment())
    assert read(seam, told(1, 1), live=True).doubted
    assert read(seam, told(1, 1, 2)).messages == told(1, 2)
    assert read(seam, told(2, 2, 2), live=True) == Passed(
        told(2, 2), [Moment(T + 2, 2, T + 2), Moment(T + 2, 3, T + 2)]
    )


def test_pieces_of_one_line_have_one_time_and_are_not_doubted() -> None:
    pieces = [(T + 1, b"x" * 16384), (T + 1, b"y\n")]
    assert read(Seam(Moment()), pieces, live=True).messages == pieces


@given(st.lists(st.integers(0, 4), max_size=30), st.lists(st.integers(1, 12), max_size=10))
def test_for_every_log_read_in_any_portions_over_any_connections_each_message_passes_once(
    gaps: list[int], reads: list[int]
) -> None:
    times = [sum(gaps[: at + 1]) for at in range(len(gaps))]
    log = [(T + time, b"%d\n" % number) for number, time in enumerate(times)]
    seam, passed = Seam(Moment()), []
    for upto in [*reads, len(log)]:
        seam.connect(live=False)
        sent = [message for message in log if message[0] >= seam.since]
        unread = len(sent) - (len(log) - len(passed))
        for message in sent[: unread + upto]:
            passed += seam.take([message]).messages
    assert passed == log
