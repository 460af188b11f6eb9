"""Answers to metric queries: numbers from entries, at one time or at steps.

Rule 1: a range at time t covers t - range < time <= t, as in Loki.
Rule 2: every stored copy counts, also those a log query shows once (loki/README.md, fact 2).
Rule 3: a line that could not be parsed fails the query, unless the query filters `__error__`.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from shipper.devloki.labels import Labels, format_labels
from shipper.devloki.logql.parser import COMPARISONS
from shipper.devloki.logql.pipeline import ERROR, Row, Source, run
from shipper.devloki.logql.syntax import (
    Binary,
    MetricQuery,
    Number,
    QueryError,
    RangeAggregation,
    Unwrap,
    VectorAggregation,
)

Vector = dict[Labels, float]

_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else math.copysign(math.inf, left) if left else math.nan,
    "%": lambda left, right: math.fmod(left, right) if right else math.nan,
    "^": lambda left, right: float(left**right),
}
_COMPARISON: Final[dict[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(slots=True)
class _Series:
    """One series' samples, by time."""

    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def window(self, after: int, until: int) -> Sequence[float]:
        return self.values[bisect_right(self.times, after) : bisect_right(self.times, until)]


class Evaluation:
    """One metric query over the times it is asked for; entries are read once."""

    def __init__(self, source: Source, times: Sequence[int]) -> None:
        self._source = source
        self._times = times
        self._series: dict[int, dict[Labels, _Series]] = {}

    def at(self, query: MetricQuery, time: int) -> Vector | float:
        """The answer at one of the times; raises QueryError."""
        match query:
            case Number():
                return query.value
            case RangeAggregation():
                return self._range(query, time)
            case VectorAggregation():
                return _aggregated(query, self.at(query.inner, time))
            case Binary():
                return _combined(query, self.at(query.left, time), self.at(query.right, time))

    def _range(self, query: RangeAggregation, time: int) -> Vector:
        until = time - query.offset
        windows = {labels: series.window(until - query.range, until) for labels, series in self._samples(query).items()}
        seconds = query.range / 1_000_000_000
        return {
            labels: _reduced(query.operation, values, seconds, query.parameter)
            for labels, values in windows.items()
            if values
        }

    def _samples(self, query: RangeAggregation) -> dict[Labels, _Series]:
        known = self._series.get(id(query))
        if known is None:
            start = min(self._times) - query.offset - query.range + 1
            end = max(self._times) - query.offset + 1
            known = self._series[id(query)] = _collected(query, run(query.query, self._source, start, end))
        return known


def _collected(query: RangeAggregation, rows: Iterable[Row]) -> dict[Labels, _Series]:
    value = _sample_value(query)
    collected: dict[Labels, _Series] = {}
    for row in sorted(rows, key=lambda row: row.entry.time):
        sample = value(row)
        if sample is None:
            continue
        labels = tuple(sorted(row.labels.items()))
        _refuse_errors(labels)
        labels = query.grouping.of(labels) if query.grouping else labels
        series = collected.setdefault(labels, _Series())
        series.times.append(row.entry.time)
        series.values.append(sample)
    return collected


def _refuse_errors(labels: Labels) -> None:
    error = next((value for name, value in labels if name == ERROR), None)
    if error:
        raise QueryError(
            f"pipeline error: '{error}' for series: '{format_labels(labels)}'.\nUse a label filter to intentionally "
            f'skip this error. (e.g | {ERROR}!="{error}").'
        )


def _sample_value(query: RangeAggregation) -> Callable[[Row], float | None]:
    unwrap = query.unwrap
    if unwrap:
        return lambda row: _unwrapped(row, unwrap)
    if query.operation.startswith("bytes"):
        return lambda row: float(len(row.entry.line))
    return lambda row: 1.0


def _unwrapped(row: Row, unwrap: Unwrap) -> float | None:
    text = row.labels.get(unwrap.name)
    if text is None:
        return None if ERROR not in row.labels else 0.0
    try:
        value = unwrap.convert(text)
    except ValueError:
        row.labels[ERROR] = "SampleExtractionErr"
        return 0.0
    del row.labels[unwrap.name]
    return value


def _reduced(operation: str, values: Sequence[float], seconds: float, parameter: float | None) -> float:
    match operation:
        case "rate" | "bytes_rate":
            return sum(values) / seconds
        case "avg_over_time":
            return sum(values) / len(values)
        case "min_over_time":
            return min(values)
        case "max_over_time":
            return max(values)
        case "first_over_time":
            return values[0]
        case "last_over_time":
            return values[-1]
        case "quantile_over_time":
            return _quantile(sorted(values), parameter or 0.0)
    return sum(values)  # count_over_time, bytes_over_time, sum_over_time


def _quantile(values: Sequence[float], quantile: float) -> float:
    if not 0 <= quantile <= 1:
        return math.inf if quantile > 1 else -math.inf
    rank = quantile * (len(values) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(values) - 1)
    return values[lower] + (values[upper] - values[lower]) * (rank - lower)


def _aggregated(query: VectorAggregation, inner: Vector | float) -> Vector:
    if not isinstance(inner, dict):
        raise QueryError(f"invalid aggregation {query.operation}: expected a vector, got a number")
    groups: dict[Labels, list[tuple[Labels, float]]] = {}
    for labels, value in inner.items():
        groups.setdefault(query.grouping.of(labels), []).append((labels, value))
    if query.operation in ("topk", "bottomk"):
        return _extreme(query, groups.values())
    return {labels: _group_value(query.operation, [value for _, value in group]) for labels, group in groups.items()}


def _group_value(operation: str, values: Sequence[float]) -> float:
    match operation:
        case "avg":
            return sum(values) / len(values)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "count":
            return float(len(values))
    return sum(values)


def _extreme(query: VectorAggregation, groups: Iterable[list[tuple[Labels, float]]]) -> Vector:
    count = int(query.parameter or 0)
    largest = query.operation == "topk"
    return {
        labels: value
        for group in groups
        for labels, value in sorted(group, key=lambda pair: pair[1], reverse=largest)[:count]
    }


def _combined(query: Binary, left: Vector | float, right: Vector | float) -> Vector | float:
    if query.operator in ("and", "or", "unless"):
        return _set_operation(query, left, right)
    if not isinstance(left, dict) and not isinstance(right, dict):
        return _scalar(query.operator, left, right)
    if not isinstance(left, dict):
        return _kept(query, {labels: (left, value, value) for labels, value in _vector(right).items()})
    if not isinstance(right, dict):
        return _kept(query, {labels: (value, right, value) for labels, value in left.items()})
    partners = {_matched(query, labels): value for labels, value in right.items()}
    return _kept(
        query,
        {
            _matched(query, labels): (value, partners[_matched(query, labels)], value)
            for labels, value in left.items()
            if _matched(query, labels) in partners
        },
    )


def _vector(value: Vector | float) -> Vector:
    if not isinstance(value, dict):
        raise QueryError("unexpected literal: and, or and unless stand between vectors")
    return value


def _matched(query: Binary, labels: Labels) -> Labels:
    return query.matching.of(labels) if query.matching else labels


def _scalar(name: str, left: float, right: float) -> float:
    return float(_COMPARISON[name](left, right)) if name in COMPARISONS else _ARITHMETIC[name](left, right)


def _kept(query: Binary, pairs: dict[Labels, tuple[float, float, float]]) -> Vector:
    """Arithmetic gives a number for each pair; a comparison keeps the vector's own, or 0 and 1 with `bool`."""
    if query.operator not in COMPARISONS:
        return {labels: _scalar(query.operator, left, right) for labels, (left, right, _) in pairs.items()}
    compare = _COMPARISON[query.operator]
    if query.as_bool:
        return {labels: float(compare(left, right)) for labels, (left, right, _) in pairs.items()}
    return {labels: own for labels, (left, right, own) in pairs.items() if compare(left, right)}


def _set_operation(query: Binary, left: Vector | float, right: Vector | float) -> Vector:
    ours, theirs = _vector(left), _vector(right)
    their_labels = {_matched(query, labels) for labels in theirs}
    if query.operator == "or":
        our_labels = {_matched(query, labels) for labels in ours}
        return ours | {labels: value for labels, value in theirs.items() if _matched(query, labels) not in our_labels}
    wanted = query.operator == "and"
    return {labels: value for labels, value in ours.items() if (_matched(query, labels) in their_labels) == wanted}
