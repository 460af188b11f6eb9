"""The time window of Loki."""

from __future__ import annotations

import pytest

from shipper.pipeline.window import Window, written

HOUR = 3600 * 1_000_000_000
NOW = 1_769_528_801_000_000_000


@pytest.mark.parametrize(
    ("window", "timestamp", "verdict"),
    [
        (Window(HOUR, HOUR, "drop", "restamp"), NOW - HOUR, ("", "")),
        (Window(HOUR, HOUR, "drop", "restamp"), NOW - HOUR - 1, ("too_old", "drop")),
        (Window(HOUR, HOUR, "drop", "restamp"), NOW + HOUR, ("", "")),
        (Window(HOUR, HOUR, "drop", "restamp"), NOW + HOUR + 1, ("too_new", "restamp")),
        (Window(0, 0, "drop", "drop"), 1, ("", "")),
        (Window(0, 0, "drop", "drop"), 3 * NOW, ("", "")),
    ],
)
def test_a_timestamp_is_judged_by_the_clock(window: Window, timestamp: int, verdict: tuple[str, str]) -> None:
    assert window.judge(timestamp, NOW) == verdict
    assert window.holds(min(NOW, timestamp), max(NOW, timestamp), NOW) == (verdict == ("", ""))


def test_the_words_name_time_and_limit() -> None:
    window = Window(168 * HOUR, HOUR // 6, "drop", "drop")
    assert window.words("too_old", NOW - 200 * HOUR, NOW) == (
        "2026-01-19T07:46:41Z is older than max_age (168h before 2026-01-27T15:46:41Z)"
    )
    assert window.words("too_new", NOW + HOUR, NOW) == (
        "2026-01-27T16:46:41Z is further ahead than max_ahead (10m after 2026-01-27T15:46:41Z)"
    )


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (NOW, "2026-01-27T15:46:41Z"),
        (NOW + 479_516_000, "2026-01-27T15:46:41.479516Z"),
        (NOW + 1, "2026-01-27T15:46:41.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (10**30, f"{10**30}ns"),
    ],
)
def test_times_are_written_with_as_many_digits_as_they_have(timestamp: int, text: str) -> None:
    assert written(timestamp) == text
