"""Durations and sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config.amounts import LARGEST, format_duration, format_size, parse_duration, parse_size
from shipper.config.mistakes import Wrong

DURATIONS = {
    "0": 0,
    "1ns": 1,
    "1us": 1_000,
    "1µs": 1_000,
    "1μs": 1_000,
    "500ms": 500_000_000,
    "10s": 10_000_000_000,
    "1.5s": 1_500_000_000,
    "1h30m": 5_400_000_000_000,
    "168h": 604_800_000_000_000,
    "7d": 604_800_000_000_000,
    "1w": 604_800_000_000_000,
}
SIZES = {
    "0": 0,
    "512": 512,
    4096: 4096,
    "1KB": 1000,
    "256KiB": 262_144,
    "256kib": 262_144,
    "3.5 MiB": 3_670_016,
    "1GiB": 2**30,
}


@pytest.mark.parametrize(("text", "nanoseconds"), DURATIONS.items())
def test_a_duration_is_whole_nanoseconds(text, nanoseconds):
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(("text", "size"), SIZES.items())
def test_a_size_is_whole_bytes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("10", 'a duration such as "500ms", "10s" or "1h30m", got "10"; did you mean "10s"?'),
        (10, 'a duration such as "500ms", "10s" or "1h30m", got 10; did you mean "10s"?'),
        ("10 seconds", 'a duration such as "500ms", "10s" or "1h30m", got "10 seconds"; did you mean "10s"?'),
        ("5min", 'a duration such as "500ms", "10s" or "1h30m", got "5min"; did you mean "5m"?'),
        ("-1s", 'a duration such as "500ms", "10s" or "1h30m", got "-1s"'),
        ("", 'a duration such as "500ms", "10s" or "1h30m", got ""'),
        (True, 'a duration such as "500ms", "10s" or "1h30m", got true'),
        (1.5, 'a duration such as "500ms", "10s" or "1h30m", got 1.5'),
        ("9999999999h", 'a duration of at most 146 years, got "9999999999h"'),
    ],
)
def test_a_wrong_duration_is_told_with_its_cure(value, message):
    with pytest.raises(Wrong) as wrong:
        parse_duration(value)
    assert str(wrong.value) == f"expected {message}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1M", 'a size such as "256KiB" or "1MiB", or a number of bytes, got "1M"; did you mean "1MiB"?'),
        ("1 elephant", 'a size such as "256KiB" or "1MiB", or a number of bytes, got "1 elephant"'),
        (-1, 'a size such as "256KiB" or "1MiB", or a number of bytes, got -1'),
        (False, 'a size such as "256KiB" or "1MiB", or a number of bytes, got false'),
        ("9999999TiB", 'a size of at most 4 EiB, got "9999999TiB"'),
    ],
)
def test_a_wrong_size_is_told_with_its_cure(value, message):
    with pytest.raises(Wrong) as wrong:
        parse_size(value)
    assert str(wrong.value) == f"expected {message}"


@given(st.integers(0, LARGEST))
def test_for_every_amount_what_is_formatted_is_parsed_back(amount):
    assert (parse_duration(format_duration(amount)), parse_size(format_size(amount))) == (amount, amount)


def test_amounts_are_formatted_as_people_write_them():
    assert [format_duration(n) for n in (0, 500_000_000, 5_400_000_000_000)] == ["0", "500ms", "1h30m"]
    assert [format_size(n) for n in (0, 1000, 2**20, 3_670_016)] == ["0", "1000", "1MiB", "3.5MiB"]
