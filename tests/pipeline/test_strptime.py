"""strptime formats, compiled to one regular expression."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.pipeline.instants import Zone
from shipper.pipeline.strptime import compile_strptime, pattern_of

SECOND = 1_000_000_000
JANUARY = 1_769_528_801_000_000_000
"""Tuesday, 2026-01-27T15:46:41Z."""


@pytest.mark.parametrize(
    ("text", "value", "nanos"),
    [
        ("%Y-%m-%d %H:%M:%S", "2026-01-27 15:46:41", JANUARY),
        ("%Y-%m-%d %H:%M:%S.%f", "2026-01-27 15:46:41.5", JANUARY + 500_000_000),
        ("%Y-%m-%d %H:%M:%S,%f", "2026-01-27 15:46:41,123456789", JANUARY + 123_456_789),
        ("%d/%b/%Y:%H:%M:%S %z", "27/Jan/2026:15:46:41 +0000", JANUARY),
        ("%A, %d %B %Y %I:%M:%S %p", "Tuesday, 27 January 2026 03:46:41 PM", JANUARY),
        ("%a %b %e %T %Y", "Tue Jan 27 15:46:41 2026", JANUARY),
        ("%b %e %H:%M:%S", "Jan 27 15:46:41", JANUARY),
        ("%b %d %H:%M:%S", "Jan  7 15:46:41", JANUARY - 20 * 86_400 * SECOND),
        ("%y%m%d %H%M%S", "260127 154641", JANUARY),
        ("%Y-%j %H:%M:%S", "2026-027 15:46:41", JANUARY),
        ("%FT%T%z", "2026-01-28T00:46:41+09:00", JANUARY),
        ("%F %T %Z", "2026-01-27 15:46:41 UTC", JANUARY),
        ("%s", "1769528801", JANUARY),
        ("%s.%f", "1769528801.25", JANUARY + 250_000_000),
        ("100%% %Y-%m-%d %R", "100% 2026-01-27 15:46", JANUARY - 41 * SECOND),
        ("(%H:%M:%S) %m-%d", "(15:46:41) 01-27", JANUARY),
        ("%Y-%m-%d", "2026-13-01", None),
        ("%Y-%m-%d", "2026-02-30", None),
        ("%Y-%m-%d", "2026-01-27 ", None),
        ("%H:%M", "24:00", None),
    ],
)
def test_a_format_reads_what_it_says(text: str, value: str, nanos: int | None) -> None:
    assert compile_strptime(text, Zone("UTC"))(value, JANUARY) == nanos


def test_a_time_without_a_zone_is_in_the_sources_zone() -> None:
    assert compile_strptime("%Y-%m-%d %H:%M:%S", Zone("Asia/Seoul"))("2026-01-28 00:46:41", JANUARY) == JANUARY


def test_an_unknown_directive_is_named() -> None:
    with pytest.raises(ValueError, match="unknown directive '%Q' in the time format '%Q'"):
        pattern_of("%Q")


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2026, 1, 27)).map(lambda moment: moment.replace(tzinfo=UTC)),
    st.sampled_from(
        ["%Y-%m-%d %H:%M:%S.%f", "%d %B %Y %I:%M:%S %p %f", "%a, %d %b %y %H:%M:%S.%f +00:00", "%j/%Y %T %f"]
    ),
)
def test_for_every_moment_what_strftime_writes_is_read(moment: datetime, text: str) -> None:
    whole = int(moment.replace(microsecond=0).timestamp()) * SECOND + moment.microsecond * 1000
    assert compile_strptime(text.replace("+00:00", "%z"), Zone("UTC"))(moment.strftime(text), JANUARY) == whole


DIRECTIVES = st.lists(
    st.sampled_from([*(f"%{letter}" for letter in "aAbBdDeFfhHIjmMpRsSTyYzZ%"), "-", " ", ":"]), max_size=6
)
TIMES = st.lists(
    st.sampled_from([*"0159-+: ,.Z%", "31", "60", "000", "366", "9999", "Feb", "monday", "pm", "UTC", "٣"])
)


@given(DIRECTIVES.map("".join), TIMES.map("".join), st.sampled_from(["UTC", "America/New_York"]))
def test_for_every_format_and_text_the_answer_is_a_time_or_none(form: str, text: str, zone: str) -> None:
    time = compile_strptime(form, Zone(zone))(text, JANUARY)
    assert time is None or -(10**20) < time < 10**21
