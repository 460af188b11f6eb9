"""Parameters of queries, read as Loki reads them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.devloki.logql.syntax import QueryError
from shipper.devloki.query_params import BEGINNING, END_OF_TIME, direction, limit, steps, time_range, timestamp

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("1700000000", NOW),
        ("1700000000000000001", NOW + 1),
        ("1700000000.5", NOW + SECOND // 2),
        ("1700000000.123456789", NOW + 123_456_789),
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14T22:13:20.000000001Z", NOW + 1),
        ("2023-11-15T07:13:20.25+09:00", NOW + SECOND // 4),
    ],
)
def test_a_timestamp_is_nanoseconds_seconds_or_rfc3339(text, ns):
    assert timestamp(text, "start") == ns


@pytest.mark.parametrize("text", ["", "yesterday", "1.2.3", "2023-11-14T22:13:20", "12-05"])
def test_what_is_no_timestamp_is_refused_with_the_parameters_name(text):
    with pytest.raises(QueryError) as refused:
        timestamp(text, "start")
    assert str(refused.value) == f"could not parse 'start' parameter: cannot parse {text!r} to a valid timestamp"


@given(st.text())
def test_for_every_text_a_timestamp_is_a_number_or_refused(text):
    with contextlib.suppress(QueryError):
        assert isinstance(timestamp(text, "start"), int)


@pytest.mark.parametrize(
    ("parameters", "default", "expected"),
    [
        ({}, 3600 * SECOND, (NOW - 3600 * SECOND, NOW)),
        ({"since": "5m"}, 3600 * SECOND, (NOW - 300 * SECOND, NOW)),
        ({"since": "60"}, None, (NOW - 60 * SECOND, NOW)),
        ({"start": "5", "end": "6"}, None, (5 * SECOND, 6 * SECOND)),
        ({}, None, (BEGINNING, END_OF_TIME)),
        ({"end": "6"}, None, (BEGINNING, 6 * SECOND)),
        ({"end": "1700000100"}, 60 * SECOND, (NOW - 60 * SECOND, NOW + 100 * SECOND)),
    ],
)
def test_a_time_range_has_lokis_defaults(parameters, default, expected):
    assert time_range(parameters, NOW, default=default) == expected


def test_a_range_that_ends_before_it_starts_is_refused():
    with pytest.raises(QueryError, match="end timestamp must not be before or equal to start time"):
        time_range({"start": "6", "end": "6"}, NOW)


@pytest.mark.parametrize(
    ("text", "most", "words"),
    [
        ("5001", 5000, "max entries limit per query exceeded, limit > max_entries_limit (5001 > 5000)"),
        ("0", 5000, "limit must be a positive value"),
        ("x", 5000, "could not parse 'limit' parameter: 'x' is not a number"),
        ("²", 5000, "could not parse 'limit' parameter: '²' is not a number"),
    ],
)
def test_a_limit_beyond_what_is_allowed_is_refused(text, most, words):
    with pytest.raises(QueryError) as refused:
        limit({"limit": text}, most)
    assert str(refused.value) == words


def test_a_limit_is_100_if_not_given_and_free_where_there_is_no_most():
    assert [limit({}, 5000), limit({"limit": "5000"}, 5000), limit({"limit": "90000"}, 0)] == [100, 5000, 90000]


def test_the_direction_is_backward_if_not_given():
    assert [direction({}), direction({"direction": "FORWARD"})] == ["backward", "forward"]
    with pytest.raises(QueryError, match="invalid direction 'up'"):
        direction({"direction": "up"})


def test_steps_include_both_ends():
    assert list(steps({"step": "10s"}, 0, 20 * SECOND)) == [0, 10 * SECOND, 20 * SECOND]
    assert steps({}, 0, 500 * SECOND).step == 2 * SECOND


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("0", "zero or negative query resolution step widths are not accepted. Try a positive integer"),
        ("x", "could not parse 'step' parameter: cannot parse 'x' to a valid duration"),
        ("1e400", "could not parse 'step' parameter: cannot parse '1e400' to a valid duration"),
        (
            "1ms",
            "exceeded maximum resolution of 11,000 points per time series. "
            "Try increasing the value of the step parameter",
        ),
    ],
)
def test_a_step_that_cannot_be_is_refused(step, words):
    with pytest.raises(QueryError) as refused:
        steps({"step": step}, 0, 500 * SECOND)
    assert str(refused.value) == words
