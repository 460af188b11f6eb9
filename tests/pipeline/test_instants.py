"""Instants: what a written time means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shipper.pipeline.instants import Instants

SECOND = 1_000_000_000
JANUARY = 1_769_528_801_000_000_000
"""2026-01-27T15:46:41Z."""
CLOCK = JANUARY + 3600 * SECOND


def at(text: str, nanos: int = 0) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND + nanos


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("2026-01-27T15:46:41.479516Z", JANUARY + 479_516_000),
        ("2026-01-27T15:46:41Z", JANUARY),
        ("2026-01-27 15:46:41,479", JANUARY + 479_000_000),
        ("2026-01-27 15:46:41.123456789", JANUARY + 123_456_789),
        ("2026-01-27T15:46:41.1234567899Z", JANUARY + 123_456_789),
        ("2026-01-27t15:46:41.5z", JANUARY + 500_000_000),
        ("2026-01-28T00:46:41+09:00", JANUARY),
        ("2026-01-28T00:46:41.000001+0900", JANUARY + 1_000),
        ("2026-01-28 00:46:41+09", JANUARY),
        ("2026-01-27 15:46:41 +0000", JANUARY),
        ("2026-01-27T10:16:41-05:30", JANUARY),
        ("2026-01-27T15:46:41 UTC", JANUARY),
        (" 2026-01-27T15:46:41Z ", JANUARY),
        ("20260127T154641Z", JANUARY),
        ("2026/01/27 15:46:41", JANUARY),
        ("2026-01-27T15:46Z", JANUARY - 41 * SECOND),
        ("2026-01-27T15:45:60Z", JANUARY - 41 * SECOND),
        ("01-27 15:46:41", JANUARY),
        ("Jan 27 15:46:41", JANUARY),
        ("Jan  7 15:46:41", JANUARY - 20 * 86_400 * SECOND),
        ("27/Jan/2026:15:46:41 +0000", JANUARY),
        ("1769528801", JANUARY),
        ("1769528801.479516", JANUARY + 479_516_000),
        ("1769528801479", JANUARY + 479_000_000),
        ("1769528801479.5", JANUARY + 479_500_000),
        ("1769528801479516", JANUARY + 479_516_000),
        ("1769528801479516001", JANUARY + 479_516_001),
        ("1.769528801e+09", JANUARY),
    ],
)
def test_auto_reads_the_usual_variants(text: str, nanos: int) -> None:
    assert Instants(["auto"], "UTC").read(text, CLOCK) == nanos


@pytest.mark.parametrize(
    ("value", "nanos"),
    [
        (1769528801, JANUARY),
        (1769528801.479516, JANUARY + 479_516_000),
        (1769528801479, JANUARY + 479_000_000),
        (1769528801479516, JANUARY + 479_516_000),
        (1769528801479516001, JANUARY + 479_516_001),
    ],
)
def test_auto_reads_numbers_by_their_size(value: float, nanos: int) -> None:
    assert Instants(["auto"], "UTC").read(value, CLOCK) == nanos


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        [],
        {},
        "",
        " ",
        "x",
        "2026-01-27",
        "2026-13-27T15:46:41Z",
        "2026-02-29T15:46:41Z",
        "0000-01-01T00:00:00Z",
        "2026-01-27T24:00:00Z",
        "2026-01-27T15:61:41Z",
        "2026-01-27T15:46:41+99:00",
        "1999-12-31T23:59:59Z",
        "Foo 27 15:46:41",
        0,
        -1,
        1.5,
        "12",
        float("nan"),
        float("inf"),
        10**40,
        "٢٠٢٦-01-27T15:46:41Z",
        "2026-01-27T15:46:41.²Z",
        "9" * 5000,
    ],
)
def test_what_is_no_plausible_time_is_none(value: object) -> None:
    assert Instants(["auto"], "UTC").read(value, CLOCK) is None


def test_a_time_is_plausible_up_to_a_day_after_the_clock() -> None:
    instants = Instants(["auto"], "UTC")
    assert instants.read("2026-01-28T16:46:41Z", CLOCK) == CLOCK + 86_400 * SECOND
    assert instants.read("2026-01-28T16:46:41.000000001Z", CLOCK) is None


@pytest.mark.parametrize(
    ("formats", "value", "nanos"),
    [
        (["unix"], "1769528801.5", JANUARY + 500_000_000),
        (["unix"], 1769528801, JANUARY),
        (["unix"], 1769528801000, None),
        (["unix_ms"], "1769528801479", JANUARY + 479_000_000),
        (["unix_us"], 1769528801479516, JANUARY + 479_516_000),
        (["unix_ns"], "1769528801479516001", JANUARY + 479_516_001),
        (["rfc3339"], "1769528801", None),
        (["rfc3339"], 1769528801, None),
        (["rfc3339"], "2026-01-27T15:46:41Z", JANUARY),
        (["%d.%m.%Y %H:%M:%S", "unix"], "27.01.2026 15:46:41", JANUARY),
        (["%d.%m.%Y %H:%M:%S", "unix"], "1769528801", JANUARY),
        (["%d.%m.%Y %H:%M:%S", "unix"], "2026-01-27T15:46:41Z", None),
    ],
)
def test_a_format_reads_its_own_and_a_list_tries_each(formats: list[str], value: object, nanos: int | None) -> None:
    assert Instants(formats, "UTC").read(value, CLOCK) == nanos


@pytest.mark.parametrize(
    ("text", "clock", "expected"),
    [
        ("01-27 15:46:41", "2026-02-01T00:00:00+00:00", "2026-01-27T15:46:41+00:00"),
        ("12-31 23:59:59", "2026-01-01T00:00:05+00:00", "2025-12-31T23:59:59+00:00"),
        ("01-01 00:00:05", "2025-12-31T23:59:59+00:00", "2026-01-01T00:00:05+00:00"),
        ("01-02 00:00:05", "2025-12-31T23:59:59+00:00", "2025-01-02T00:00:05+00:00"),
        ("02-29 12:00:00", "2026-03-01T00:00:00+00:00", "2024-02-29T12:00:00+00:00"),
        ("02-29 12:00:00", "2028-02-29T13:00:00+00:00", "2028-02-29T12:00:00+00:00"),
        ("Feb 29 12:00:00", "2101-01-01T00:00:00+00:00", "2096-02-29T12:00:00+00:00"),
    ],
)
def test_a_missing_year_is_the_latest_not_more_than_a_day_ahead(text: str, clock: str, expected: str) -> None:
    instants = Instants(["auto"], "UTC")
    for _ in range(2):  # once read, once remembered
        assert instants.read(text, at(clock)) == at(expected)


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        ("Asia/Seoul", "2026-01-28 00:46:41,5", "2026-01-27T15:46:41+00:00"),
        ("Asia/Seoul", "01-28 00:46:41", "2026-01-27T15:46:41+00:00"),
        ("Asia/Seoul", "2026-01-27T15:46:41Z", "2026-01-27T15:46:41+00:00"),
        ("Europe/Berlin", "2025-07-01 12:00:00", "2025-07-01T10:00:00+00:00"),
        ("Europe/Berlin", "2025-03-30 02:30:00", "2025-03-30T01:30:00+00:00"),
        ("Europe/Berlin", "2025-10-26 02:30:00", "2025-10-26T00:30:00+00:00"),
    ],
)
def test_a_time_without_a_zone_is_in_the_sources_zone(zone: str, text: str, expected: str) -> None:
    fraction = 500_000_000 if text.endswith(",5") else 0
    assert Instants(["auto"], zone).read(text, CLOCK) == at(expected, fraction)


MOMENTS = st.datetimes(datetime(2000, 1, 2), datetime(2026, 1, 27), timezones=st.just(UTC))


@given(MOMENTS, st.integers(0, 999_999_999), st.integers(-14 * 4, 14 * 4))
def test_for_every_moment_and_offset_what_is_written_is_read_to_the_nanosecond(
    moment: datetime, nanos: int, quarters: int
) -> None:
    shifted = moment + timedelta(minutes=15 * quarters)
    sign, minutes = "-" if quarters < 0 else "+", abs(15 * quarters)
    text = f"{shifted:%Y-%m-%dT%H:%M:%S}.{nanos:09d}{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    seconds = int((moment.replace(microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    assert Instants(["auto"], "UTC").read(text, CLOCK) == seconds * SECOND + nanos


@given(
    MOMENTS.map(lambda moment: moment.replace(tzinfo=None, microsecond=0)),
    st.sampled_from(["Asia/Seoul", "America/New_York"]),
)
def test_for_every_local_time_the_zone_decides_as_python_does(moment: datetime, zone: str) -> None:
    expected = int(moment.replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND
    assert Instants(["auto"], zone).read(f"{moment:%Y-%m-%d %H:%M:%S}", CLOCK) == expected


TEXTS = st.sampled_from(
    [
        "2026-01-27T15:46:41.479516Z",
        "2026-01-27T15:46:41.479517Z",
        "2026-01-27T15:46:40,479516Z",
        "2026-01-27 15:46:41.000000Z",
        "2026-01-27T15:46:41.4795e1Z",
        "2026-01-27T15:46:41.47 516Z",
        "1999-12-31T23:59:59.479516Z",
        "2026-01-27T15:46:41.4Z",
        "2026-01-27T15:46:41Z",
        "2026-13-27T15:46:41.479516Z",
        "2026-01-27T15:46:41.47951xZ",
        "x",
        "",
        "2026-01-27T15:46:41.479516+09:00",
        "2026-01-27T15:46:41.47951²Z",
        "2029-01-27T15:46:41.479516Z",
        "01-27 15:46:41",
    ]
)


@example(["2026-01-27T15:46:41.479516Z", "2026-01-27T15:46:41.4795e1Z"], "auto")
@example(["2026-01-27T15:46:41.479516Z", "2026-01-27T15:46:41.47 516Z"], "auto")
@example(["2026-01-27T15:46:41.479516Z", "2026-01-27T15:46:41.479516z"], "rfc3339")
@given(st.lists(st.one_of(TEXTS, st.none()), max_size=6), st.sampled_from(["auto", "rfc3339", "unix"]))
def test_for_every_column_it_is_read_as_each_value_is(texts: list[str | None], name: str) -> None:
    each = [Instants([name], "UTC").read(text, CLOCK) if text else None for text in texts]
    unreadable = any(text and time is None for text, time in zip(texts, each, strict=True))
    assert Instants([name], "UTC").column(texts, CLOCK) == (None if unreadable else each)


@given(st.text(max_size=40), st.sampled_from(["UTC", "Asia/Seoul", "Europe/Berlin"]))
def test_for_every_text_reading_never_raises(text: str, zone: str) -> None:
    Instants(["auto", "rfc3339", "unix", "%Y-%m-%d %H:%M:%S", "%b %e %I:%M %p %z"], zone).read(text, CLOCK)


def test_a_missing_year_is_that_of_the_last_change_of_the_file() -> None:
    clock, changed = 1_795_000_000 * 10**9, 1_735_700_000 * 10**9  # November 2026; 1 January 2025
    instants = Instants(("%m-%d %H:%M:%S",), "UTC")
    assert instants.read("12-31 10:00:00", clock, changed) == 1_735_639_200 * 10**9
    assert instants.read("12-31 10:00:00", clock + 1) == 1_767_175_200 * 10**9
