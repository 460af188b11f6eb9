"""LogQL, read: what is understood, and how the rest is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.devloki.logql.parser import parse_query
from shipper.devloki.logql.syntax import (
    Binary,
    Combined,
    Comparison,
    Grouping,
    LineFilter,
    LogQuery,
    Matcher,
    Number,
    Parse,
    QueryError,
    RangeAggregation,
    VectorAggregation,
)

SECOND = 1_000_000_000
A = Matcher(name="a", operator="=", value="x")
LOGS = LogQuery(matchers=(A,))
RATE = RangeAggregation(operation="rate", query=LOGS, range=60 * SECOND)


def all_of(*names: str) -> Grouping:
    return Grouping(without=False, names=frozenset(names))


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ('{a="x"}', LOGS),
        ("{a=`x`} # the rest is a comment", LOGS),
        ('{a="x", b!="y"}', LogQuery(matchers=(A, Matcher(name="b", operator="!=", value="y")))),
        ('{a="x"} |= "e\\"" or "f"', LogQuery(matchers=(A,), stages=(LineFilter(operator="|=", texts=(b'e"', b"f")),))),
        (
            '{a="x"} != "e" | json',
            LogQuery(matchers=(A,), stages=(LineFilter(operator="!=", texts=(b"e",)), Parse(format="json"))),
        ),
        (
            '{a="x"} | json | n > 400',
            LogQuery(
                matchers=(A,),
                stages=(Parse(format="json"), Comparison(name="n", operator=">", number=400.0, convert=float)),
            ),
        ),
        (
            '{a="x"} | a="x" or a="x" and n=1',
            LogQuery(
                matchers=(A,),
                stages=(
                    Combined(
                        operator="or",
                        left=A,
                        right=Combined(
                            operator="and",
                            left=A,
                            right=Comparison(name="n", operator="==", number=1.0, convert=float),
                        ),
                    ),
                ),
            ),
        ),
        ('rate({a="x"}[1m])', RATE),
        (
            'rate({a="x"}[60s] offset 1h)',
            RangeAggregation(operation="rate", query=LOGS, range=60 * SECOND, offset=3600 * SECOND),
        ),
        ('sum(rate({a="x"}[1m])) by (a, b)', VectorAggregation(operation="sum", inner=RATE, grouping=all_of("a", "b"))),
        (
            'sum without (a) (rate({a="x"}[1m]))',
            VectorAggregation(operation="sum", inner=RATE, grouping=Grouping(without=True, names=frozenset("a"))),
        ),
        (
            'rate({a="x"}[1m]) + 2 * -3 / 4',
            Binary(
                operator="+",
                left=RATE,
                right=Binary(
                    operator="/",
                    left=Binary(operator="*", left=Number(value=2.0), right=Number(value=-3.0)),
                    right=Number(value=4.0),
                ),
            ),
        ),
        (
            "2 ^ 3 ^ 2",
            Binary(
                operator="^",
                left=Number(value=2.0),
                right=Binary(operator="^", left=Number(value=3.0), right=Number(value=2.0)),
            ),
        ),
    ],
)
def test_a_query_is_read_to_its_syntax(text, query):
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'line 1, col 1: syntax error: unexpected end of input, expected a selector "{", a function or a number'),
        ('{a="x"', 'line 1, col 7: syntax error: unexpected end of input, expected "}"'),
        ('{a="x"} |', "line 1, col 10: syntax error: unexpected end of input, expected a stage or a label name"),
        ('{a="x"}\n  | json n', "line 2, col 10: devloki is a stand-in and knows json without parameters only"),
        ('{a="x"} | pattern "<a>"', "line 1, col 11: devloki is a stand-in and does not know the stage pattern"),
        ("{a}", 'line 1, col 3: syntax error: unexpected "}", expected one of = != =~ !~'),
        ('{a=~"(x"}', "line 1, col 5: error parsing regexp: missing ): (x"),
        ('{a=~"(?=x)"}', "line 1, col 5: error parsing regexp: invalid perl operator: (?="),
        ("{a=$}", "line 1, col 4: unexpected character '$'"),
        ('rate({a="x"})', 'line 1, col 13: syntax error: unexpected ")", expected a range as in "[5m]"'),
        ('rate({a="x"}[5])', 'line 1, col 14: syntax error: unexpected "5", expected a duration as in "5m"'),
        (
            'label_replace(rate({a="x"}[5m]))',
            "line 1, col 1: devloki is a stand-in and does not know the function label_replace",
        ),
        ('avg_over_time({a="x"}[5m])', "line 1, col 1: invalid aggregation avg_over_time without unwrap"),
        ('count_over_time({a="x"} | unwrap n [5m])', "line 1, col 1: invalid aggregation count_over_time with unwrap"),
        ('{a="x"} {b="y"}', 'line 1, col 9: syntax error: unexpected "{"'),
        (
            '{a=~".*"}',
            "line 1, col 1: queries require at least one regexp or equality matcher that does not have an "
            'empty-compatible value. For instance, app=~".*" does not meet this requirement, but app=~".+" will',
        ),
    ],
)
def test_a_wrong_query_is_refused_with_its_place(text, words):
    with pytest.raises(QueryError) as refused:
        parse_query(text)
    assert str(refused.value) == f"parse error at {words}"


PIECES = st.sampled_from(
    [*"{}()[]|=,+-*/ ", "a", '"x"', "5m", "7", "json", "sum", "rate", "by", "unwrap", "|=", "!=", "=~", "or"]
)


@given(st.lists(PIECES, max_size=14).map(" ".join) | st.text(max_size=20))
def test_for_every_text_reading_gives_a_query_or_a_query_error(text):
    refused = ""
    try:
        parse_query(text)
    except QueryError as error:
        refused = str(error)
    assert not refused or refused.startswith("parse error at line ")
