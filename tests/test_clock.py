"""The agent's clock: reserved ranges never overlap, and a clock far back is followed."""

from hypothesis import example, given
from hypothesis import strategies as st

from shipper.clock import FOLLOW_BACK, Clock


@example([(0, 0), (-FOLLOW_BACK + 9_999, 10_000), (0, 0)])
@given(st.lists(st.tuples(st.integers(-FOLLOW_BACK, FOLLOW_BACK), st.integers(0, 10_000)), max_size=50))
def test_for_every_small_step_of_the_clock_ranges_rise_and_never_overlap(steps: list[tuple[int, int]]) -> None:
    now = 1_795_000_000_000_000_000
    clock = Clock(lambda: now)
    end = 0
    for step, count in steps:
        now = max(now + step, end - FOLLOW_BACK)  # never further behind what is reserved than is waited out
        base = clock.reserve(count)
        assert base >= end
        end = base + count


def test_a_clock_that_steps_back_by_more_than_a_minute_is_followed() -> None:
    now = 1_795_000_000_000_000_000
    clock = Clock(lambda: now)
    clock.reserve(10)
    now -= 3600 * 10**9
    assert clock.reserve(10) == now


def test_a_reservation_starts_at_the_wall_clock() -> None:
    clock = Clock(lambda: 5_000_000_000)
    assert [clock.reserve(3), clock.reserve(2), clock.now()] == [5_000_000_000, 5_000_000_003, 5_000_000_000]
