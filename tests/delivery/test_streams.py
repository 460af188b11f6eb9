"""Which streams go alone."""

from __future__ import annotations

from shipper.delivery.streams import BEHIND, FAST, KNOWN_FOR, WINDOW, Meter, Streams

SECOND = 1_000_000_000
KEY = ("", '{job="a"}')


def known(at=0.0):
    streams = Streams()
    streams.plan(KEY, 10, 100 * BEHIND, 100 * BEHIND, at)
    streams.accepted(KEY, at)
    return streams


def test_a_stream_is_risky_until_loki_took_it():
    streams = Streams()
    assert streams.plan(KEY, 10, 0, 0, 0.0)
    assert streams.plan(KEY, 10, 0, 0, 1.0)
    streams.accepted(KEY, 1.0)
    assert not streams.plan(KEY, 10, 0, 0, 2.0)


def test_a_stream_that_was_silent_for_long_is_risky_again():
    assert not known().plan(KEY, 10, 100 * BEHIND, 100 * BEHIND, KNOWN_FOR)
    assert known().plan(KEY, 10, 100 * BEHIND, 100 * BEHIND, KNOWN_FOR + 1)


def test_entries_far_behind_the_newest_or_far_apart_are_risky():
    assert not known().plan(KEY, 10, 99 * BEHIND, 99 * BEHIND, 1.0)
    assert known().plan(KEY, 10, 99 * BEHIND - 1, 99 * BEHIND - 1, 1.0)
    assert known().plan(KEY, 10, 100 * BEHIND, 101 * BEHIND + 1, 1.0)


def test_a_fast_stream_is_risky_while_it_is_fast():
    streams = known()
    for step in range(1, 100):
        risky = streams.plan(KEY, FAST // 5, 100 * BEHIND, 100 * BEHIND, step / 10)
    assert risky
    assert not streams.plan(KEY, 10, 100 * BEHIND, 100 * BEHIND, 60.0)


def test_a_limited_stream_stays_alone_for_a_while():
    streams = known()
    streams.limited(KEY, 1.0)
    assert streams.plan(KEY, 10, 100 * BEHIND, 100 * BEHIND, 2.0)


def test_a_steady_rate_is_measured_as_it_is():
    meter = Meter()
    for step in range(1000):
        meter.add(100.0, step / 10)
    assert abs(meter.rate(99.9) - 1000) < 1000 * 0.1 / WINDOW


def test_the_registry_forgets_streams_of_hours_ago():
    streams = Streams()
    for number in range(4096):
        streams.plan(("", str(number)), 1, 0, 0, 0.0)
    streams.plan(("", "new"), 1, 0, 0, 8000.0)
    assert len(streams) == 1
