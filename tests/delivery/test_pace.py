"""Yielding to 429 and coming back."""

from __future__ import annotations

import pytest

from shipper.delivery.pace import CALM, STATED, Pace

TENANT = ("", "")
STREAM = ("", '{job="a"}')


def test_there_is_no_limit_until_the_first_refusal():
    pace = Pace()
    pace.take({TENANT: 10**9}, 0.0)
    assert pace.wait([TENANT], 0.0) == 0.0


def test_after_a_refusal_the_rate_is_the_one_in_lokis_words():
    pace = Pace()
    pace.limited(TENANT, 1000, sent_at=0.0, stated=100.0, now=1.0)
    assert pace.wait([TENANT], 1.0) == pytest.approx(1000 / (100 * STATED))
    assert pace.wait([STREAM], 1.0) == 0.0


def test_without_words_the_rate_is_what_was_accepted_lately_less_a_fifth():
    pace = Pace()
    for second in range(60):
        pace.accepted({TENANT: 1_000_000}, float(second))
    pace.limited(TENANT, 1_000_000, sent_at=60.0, stated=0.0, now=60.0)
    assert 1_000_000 / pace.wait([TENANT], 60.0) == pytest.approx(800_000, rel=0.15)


def test_several_refusals_of_pushes_sent_before_the_cut_are_one():
    pace = Pace()
    pace.limited(TENANT, 100_000, sent_at=0.0, stated=0.0, now=1.0)
    before = pace.wait([TENANT], 1.0)
    pace.limited(TENANT, 100_000, sent_at=0.5, stated=0.0, now=1.0)
    assert pace.wait([TENANT], 1.0) == before
    pace.limited(TENANT, 100_000, sent_at=1.0, stated=0.0, now=1.0)
    assert pace.wait([TENANT], 1.0) > before


def test_success_raises_the_rate_and_debt_decides_when_the_next_push_goes():
    pace = Pace()
    pace.limited(TENANT, 100_000, sent_at=0.0, stated=0.0, now=0.0)
    waits = []
    now = 0.0
    for _ in range(50):
        now += pace.wait([TENANT], now)
        pace.take({TENANT: 100_000}, now)
        pace.accepted({TENANT: 100_000}, now)
        waits.append(pace.wait([TENANT], now))
    assert waits[-1] < waits[0] / 2
    assert waits == sorted(waits, reverse=True)


def test_a_limit_that_nobody_waits_for_is_forgotten():
    pace = Pace()
    pace.limited(STREAM, 1000, sent_at=0.0, stated=0.0, now=0.0)
    pace.wait([STREAM], 0.01)
    assert pace.accepted({TENANT: 10, STREAM: 10}, CALM / 2) == []
    assert pace.accepted({TENANT: 10, STREAM: 10}, CALM + 1.0) == [STREAM]
    assert pace.scopes() == []
