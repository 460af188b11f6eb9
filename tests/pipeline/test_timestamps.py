"""The timestamps of a lane: rules 1 to 3 of shipper.pipeline.timestamps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.chunk import Carry, Chunk
from shipper.pipeline.timestamps import MOST_RUNS, Times, latest_runs

SECOND = 1_000_000_000
T = 1_000 * SECOND
MakeChunk = Callable[..., Chunk]


def issue(
    make_chunk: MakeChunk,
    times: Sequence[int | None],
    carry: Carry | None = None,
    *,
    clock: int = 0,
    after_eof: bool = False,
) -> list[int]:
    chunk = make_chunk([], clock=clock or T, after_eof=after_eof)
    return Times(carry or Carry(), chunk.span).issue(times, range(len(times)))


@pytest.mark.parametrize(
    ("times", "issued"),
    [
        ([T, T + 5, T + 6], [T, T + 5, T + 6]),
        ([T, T, T], [T, T + 1, T + 2]),
        ([T, T, T + 1], [T, T + 1, T + 2]),
        ([T, None, None, T + 9], [T, T + 1, T + 2, T + 9]),
        ([T, None, T], [T, T + 1, T + 2]),
        ([T + 9, T, T + 1], [T + 9, T, T + 1]),
        ([T, T + 9, T], [T, T + 9, T + 1]),
        ([T, T + 1, T + 9, T], [T, T + 1, T + 9, T + 2]),
        ([T + 3, T, None, None, None], [T + 3, T, T + 1, T + 2, T + 4]),
        ([T + 1, T, T], [T + 1, T, T + 2]),
    ],
)
def test_order_is_kept_ties_are_spread_and_earlier_times_stay(
    make_chunk: MakeChunk, times: list[int | None], issued: list[int]
) -> None:
    assert issue(make_chunk, times) == issued


@pytest.mark.parametrize(
    ("times", "issued"),
    [
        ([T + 50], [T + 50]),
        ([T], [T + 9]),
        ([T - 1], [T - 1]),
        ([None, T + 50], [T + 9, T + 50]),
        ([None, None], [T + 9, T + 10]),
    ],
)
def test_what_the_lane_carried_counts_as_issued_before(
    make_chunk: MakeChunk, times: list[int | None], issued: list[int]
) -> None:
    carry = Carry(issued=T + 8, parsed=T, recent=((T, T + 8),))
    assert issue(make_chunk, times, carry) == issued


@pytest.mark.parametrize(
    ("times", "carried", "clock", "after_eof", "issued"),
    [
        ([None, None], 0, T, True, [T, T + 1]),
        ([None, T - 90, None], 0, T, True, [T - 90, T - 89, T - 88]),
        ([None], T, T + 10 * SECOND, True, [T + 1]),
        ([None], T, T + 11 * SECOND, True, [T + 11 * SECOND]),
        ([None], T, T + 11 * SECOND, False, [T + 1]),
        ([None], T + 11 * SECOND, T, True, [T]),
        (
            [None, None, T + 7 * SECOND],
            T,
            T + 11 * SECOND,
            True,
            [T + 7 * SECOND, T + 7 * SECOND + 1, T + 7 * SECOND + 2],
        ),
        ([None, T - 5, T], T, T + 11 * SECOND, True, [T - 5, T - 4, T + 1]),
    ],
)
def test_a_line_without_a_time_at_the_head_of_a_span(
    make_chunk: MakeChunk, times: list[int | None], carried: int, clock: int, after_eof: bool, issued: list[int]
) -> None:
    carry = Carry(issued=carried, parsed=carried, recent=((carried, carried),)) if carried else Carry()
    assert issue(make_chunk, times, carry, clock=clock, after_eof=after_eof) == issued


def test_the_clock_counts_from_the_first_entrys_line(make_chunk: MakeChunk) -> None:
    times = Times(Carry(), make_chunk([], clock=T).span)
    assert times.issue([None, None], [3, 7]) == [T + 3, T + 4]


def test_the_carry_says_what_was_issued_and_parsed_last(make_chunk: MakeChunk) -> None:
    times = Times(Carry(issued=T, parsed=T, recent=((T, T),)), make_chunk([], clock=T).span)
    times.issue([T, T + 5, T + 2, None], range(4))
    assert times.carry("error", "traceback") == Carry(
        issued=T + 3,
        parsed=T + 2,
        recent=((T, T + 1), (T + 5, T + 5), (T + 2, T + 3)),
        level="error",
        record="traceback",
    )


def test_only_the_latest_runs_are_carried_and_always_the_highest() -> None:
    issued = [T + 10_000, *(T + 2 * number for number in range(400))]
    runs = latest_runs(((1, 1),), issued)
    assert runs == ((T + 10_000, T + 10_000), *((T + 2 * n, T + 2 * n) for n in range(400 - MOST_RUNS + 1, 400)))
    assert latest_runs(runs, [T + 798 + 1])[0] == (T + 10_000, T + 10_000)


def test_a_value_moved_by_hand_counts_as_issued(make_chunk: MakeChunk) -> None:
    times = Times(Carry(), make_chunk([], clock=T).span)
    times.issue([T, T + 1], range(2))
    assert [times.free(T), times.free(T), times.free(T + 9)] == [T + 2, T + 3, T + 9]


NEAR = st.one_of(st.none(), st.integers(T, T + 12))


@given(st.lists(st.tuples(st.lists(NEAR, max_size=12), st.booleans()), max_size=6))
def test_for_every_lane_no_timestamp_is_issued_twice_and_a_plain_twin_agrees(
    make_chunk: MakeChunk, spans: list[tuple[list[int | None], bool]]
) -> None:
    carry, everything, twin = Carry(), [], Twin()
    for number, (own, after_eof) in enumerate(spans):
        clock = T + number * 7 * SECOND
        times = Times(carry, make_chunk([], clock=clock, after_eof=after_eof).span)
        issued = times.issue(own, range(len(own)))
        assert issued == twin.issue(own, clock, after_eof)
        everything += issued
        carry = times.carry("", "")
    assert len(everything) == len(set(everything))


class Twin:
    """The rules as they are written, one value after the other, with a set as memory."""

    def __init__(self) -> None:
        self.last = self.parsed = 0
        self.taken: set[int] = set()

    def issue(self, times: Sequence[int | None], clock: int, after_eof: bool) -> list[int]:
        issued: list[int] = []
        for index, own in enumerate(times):
            value = self._value(own, [time for time in times if time is not None], index, clock, after_eof)
            while value in self.taken:
                value += 1
            self.taken.add(value)
            self.last = value
            issued.append(value)
        return issued

    def _value(self, own: int | None, timed: list[int], index: int, clock: int, after_eof: bool) -> int:
        near = self.last and (not after_eof or abs(clock - self.last) <= 10 * SECOND)
        if own is None and (index or near):
            return self.last + 1
        if own is None and not timed:
            return clock
        time = timed[0] if own is None else own
        before, self.parsed = self.parsed, time
        return time if time > self.last or time < before else self.last + 1


@pytest.mark.parametrize(
    ("carry", "times", "clocks", "issued"),
    [
        pytest.param(Carry(), [None, None], [T, T + 5], [T, T + 5], id="the clock of each line is its time"),
        pytest.param(Carry(), [None, None, None], [T, T, T], [T, T + 1, T + 2], id="lines of one time are spread"),
        pytest.param(Carry(T + 7), [None, None], [T, T + 9], [T + 8, T + 9], id="a little earlier stays behind"),
        pytest.param(Carry(T + 11 * SECOND), [None], [T], [T], id="much earlier is believed"),
        pytest.param(Carry(), [T - 2, None, T - 1, None], [T, T + 1, T + 3, T + 4], [T - 2, T + 1, T + 2, T + 4],
                     id="among lines with times of their own the order is kept"),
        pytest.param(Carry(T, 0, ((T, T),)), [None], [T], [T + 1], id="what was issued before is passed over"),
    ],
)  # fmt: skip
def test_where_the_origin_knows_when_a_line_was_written_that_is_its_clock(
    make_chunk: MakeChunk, carry: Carry, times: list[int | None], clocks: list[int], issued: list[int]
) -> None:
    given = Times(carry, make_chunk([], clock=T).span, clocks)
    assert given.issue(times, range(len(times))) == issued
    assert (given.untimed, given.carry("", "").issued) == ((), issued[-1])
