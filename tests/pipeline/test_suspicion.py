"""Times that are steadily ahead by whole quarter hours."""

from __future__ import annotations

import pytest

from shipper.pipeline.suspicion import ZoneSuspicion, quarters_ahead

MINUTE = 60 * 1_000_000_000
NOW = 1_769_528_801_000_000_000


@pytest.mark.parametrize(
    ("minutes", "quarters"),
    [(0, 0), (-540, 0), (12, 0), (13, 1), (15, 1), (17, 1), (18, 0), (540, 36), (541.5, 36), (840, 56), (855, 0)],
)
def test_quarters_are_whole_within_two_minutes_up_to_fourteen_hours(minutes: float, quarters: int) -> None:
    assert quarters_ahead(int(minutes * MINUTE)) == quarters


def test_twenty_lines_in_a_row_raise_it_and_one_in_time_ends_it() -> None:
    suspicion = ZoneSuspicion()
    seoul = [NOW + 540 * MINUTE + number for number in range(19)]
    suspicion.observe([None, *seoul, None], NOW)
    assert suspicion.ahead is None
    suspicion.observe([NOW + 539 * MINUTE], NOW)
    assert suspicion.ahead == 540 * MINUTE
    suspicion.observe([None], NOW)
    assert suspicion.ahead == 540 * MINUTE
    suspicion.observe([NOW - MINUTE], NOW)
    assert suspicion.ahead is None


def test_lines_ahead_by_different_quarters_are_no_sign() -> None:
    suspicion = ZoneSuspicion()
    suspicion.observe([NOW + number % 3 * 60 * MINUTE for number in range(90)], NOW)
    assert suspicion.ahead is None
