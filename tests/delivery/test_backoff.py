"""Pauses grow, jitter and obey the server within reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.delivery.backoff import LONGEST, Backoff, retry_after

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND


def test_bounds_double_from_the_least_to_the_greatest():
    backoff = Backoff(0.5, 30.0, lambda low, high: high)
    assert [backoff.pause(n) for n in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


@given(failures=st.integers(0, 10**6), floor=st.floats(0, 300))
def test_for_every_number_of_failures_a_pause_is_between_the_floor_and_the_bound(failures, floor):
    assert floor <= Backoff(0.5, 30.0).pause(failures, floor) <= max(30.0, floor)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("7", 7.0),
        ("0", 0.0),
        ("86400", LONGEST),
        ("Fri, 15 Jan 2027 08:00:20 GMT", 20.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("Sat, 16 Jan 2027 08:00:00 GMT", LONGEST),
        ("soon", 0.0),
        ("-5", 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value, seconds):
    assert retry_after(value, NOW) == pytest.approx(seconds)


@given(st.text(max_size=40))
def test_for_every_text_retry_after_is_a_bounded_number(value):
    assert 0.0 <= retry_after(value, NOW) <= LONGEST
