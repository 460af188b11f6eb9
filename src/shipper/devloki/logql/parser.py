"""LogQL, from text to syntax: log queries and metric queries.

Rule: text that is not understood is refused with the place; nothing is guessed or passed over.
"""

from __future__ import annotations

from typing import Final

from shipper.devloki.logql.log_parser import log_query, selector, stages, unwrap
from shipper.devloki.logql.reader import Reader
from shipper.devloki.logql.syntax import (
    Binary,
    Grouping,
    LogQuery,
    Matcher,
    MetricQuery,
    Number,
    Query,
    RangeAggregation,
    VectorAggregation,
)
from shipper.devloki.logql.tokens import Token, duration_ns

COUNTING: Final = ("count_over_time", "rate", "bytes_over_time", "bytes_rate")
UNWRAPPING: Final = (
    *("sum_over_time", "avg_over_time", "min_over_time", "max_over_time"),
    *("first_over_time", "last_over_time", "quantile_over_time"),
)
AGGREGATIONS: Final = ("sum", "avg", "min", "max", "count", "topk", "bottomk")
_WITH_PARAMETER: Final = ("topk", "bottomk")
_LEVELS: Final = (("or",), ("and", "unless"), ("==", "!=", ">", ">=", "<", "<="), ("+", "-"), ("*", "/", "%"), ("^",))
COMPARISONS: Final = _LEVELS[2]


def parse_query(text: str) -> Query:
    """Parse a query; raises QueryError, which names the place."""
    reader = Reader(text)
    query: Query = log_query(reader) if reader.at("{") else _binary(reader, 0)
    if reader.token.kind != "end":
        reader.unexpected()
    return query


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """Parse a selector alone; raises QueryError."""
    reader = Reader(text)
    matchers = selector(reader)
    if reader.token.kind != "end":
        reader.unexpected()
    return matchers


def _binary(reader: Reader, level: int) -> MetricQuery:
    if level == len(_LEVELS):
        return _primary(reader)
    left = _binary(reader, level + 1)
    while reader.at(*_LEVELS[level]):
        operator = reader.take().text
        as_bool = reader.accept("bool")
        matching = _matching(reader)
        right = _binary(reader, level if operator == "^" else level + 1)
        left = Binary(operator=operator, left=left, right=right, as_bool=as_bool, matching=matching)
    return left


def _matching(reader: Reader) -> Grouping | None:
    if not reader.at("on", "ignoring"):
        return None
    ignoring = reader.take().text == "ignoring"
    return Grouping(without=ignoring, names=reader.names())


def _primary(reader: Reader) -> MetricQuery:
    token = reader.token
    if reader.accept("("):
        inner = _binary(reader, 0)
        reader.expect(")")
        return inner
    if token.kind == "number" or reader.at("-"):
        return Number(value=reader.number())
    if reader.at(*AGGREGATIONS):
        return _vector_aggregation(reader)
    if reader.at(*COUNTING, *UNWRAPPING):
        return _range_aggregation(reader)
    if token.kind == "name" and reader.ahead(1).text == "(":
        reader.fail(token, f"devloki is a stand-in and does not know the function {token.text}")
    return reader.unexpected('a selector "{", a function or a number')


def _vector_aggregation(reader: Reader) -> VectorAggregation:
    operation = reader.take().text
    grouping = reader.grouping()
    reader.expect("(")
    parameter = None
    if operation in _WITH_PARAMETER:
        parameter = reader.number()
        reader.expect(",")
    inner = _binary(reader, 0)
    reader.expect(")")
    grouping = grouping or reader.grouping() or Grouping(without=False, names=frozenset())
    return VectorAggregation(operation=operation, inner=inner, grouping=grouping, parameter=parameter)


def _range_aggregation(reader: Reader) -> RangeAggregation:
    function = reader.take()
    reader.expect("(")
    parameter = None
    if function.text == "quantile_over_time":
        parameter = reader.number()
        reader.expect(",")
    matchers = selector(reader)
    length = _range(reader)
    pipeline = stages(reader)
    unwrapped = unwrap(reader)
    if unwrapped:
        pipeline += stages(reader)
    length = length or _range(reader)
    if length is None:
        reader.unexpected('a range as in "[5m]"')
    offset = duration_ns(reader.expect_kind("duration", "a duration").text) if reader.accept("offset") else 0
    reader.expect(")")
    grouping = reader.grouping()
    _check_unwrap(reader, function, unwrapped is not None)
    return RangeAggregation(
        operation=function.text,
        query=LogQuery(matchers=matchers, stages=pipeline),
        range=length,
        offset=offset,
        unwrap=unwrapped,
        parameter=parameter,
        grouping=grouping,
    )


def _range(reader: Reader) -> int | None:
    if not reader.accept("["):
        return None
    length = duration_ns(reader.expect_kind("duration", 'a duration as in "5m"').text)
    reader.expect("]")
    return length


def _check_unwrap(reader: Reader, function: Token, unwrapped: bool) -> None:
    if function.text in UNWRAPPING and not unwrapped:
        reader.fail(function, f"invalid aggregation {function.text} without unwrap")
    if function.text in COUNTING and function.text != "rate" and unwrapped:
        reader.fail(function, f"invalid aggregation {function.text} with unwrap")
