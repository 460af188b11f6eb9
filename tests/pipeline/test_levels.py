"""Levels: seven words for everything that programs write."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.pipeline.levels import LEVELS, level_of

SPELLINGS = {
    "trace": ["trace", "TRACE", "Trc", 1, 4, "3", "TRACE2"],
    "debug": ["debug", "DEBUG", " Debug ", "dbg", 5, 8, 10, "10", "DEBUG4", "D"],
    "info": [
        "info",
        "INFO",
        "INFO ",
        "INFO:",
        "[info]",
        "information",
        "notice",
        "NOTICE",
        9,
        11,
        12,
        20,
        20.0,
        "20",
        "I",
    ],
    "warning": ["warn", "warning", "WARN", "WARNING", "WARNI", "wrn", 13, 16, 30, "30", "W"],
    "error": ["err", "error", "ERROR", "Exception", "exception", "severe", 17, 19, 40, "40", "ERROR3", "E"],
    "critical": [
        "critical",
        "CRITICAL",
        "CRITI",
        "crit",
        "fatal",
        "FATAL",
        "panic",
        "emerg",
        21,
        24,
        50,
        "50",
        "FATAL4",
        "C",
    ],
}


@pytest.mark.parametrize(("level", "spelling"), [(level, word) for level, words in SPELLINGS.items() for word in words])
def test_each_spelling_means_its_level(level: str, spelling: object) -> None:
    assert level_of(spelling) == level


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        True,
        False,
        [],
        ["info"],
        {"level": "info"},
        "an error occurred",
        "errors",
        "level",
        0,
        25,
        60,
        -10,
        30.5,
        math.nan,
        math.inf,
        10**30,
        "３０",
        "info\x00",
        "INFO5",
        "INFO1",
        "notset",
        "None",
    ],
)
def test_anything_else_means_no_level(value: object) -> None:
    assert level_of(value) == ""


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.text())))
def test_for_every_value_the_result_is_a_level_or_none(value: object) -> None:
    assert level_of(value) in (*LEVELS, "")
