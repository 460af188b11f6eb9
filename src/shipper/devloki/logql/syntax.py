"""What a query says, as data: the tree `parser` makes and `pipeline` and `metrics` evaluate.

Times are nanoseconds. Patterns are compiled when the tree is made, so a bad one is a parse error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


class QueryError(ValueError):
    """The query is wrong or cannot be answered; the message is the reply."""


MatchOperator = Literal["=", "!=", "=~", "!~"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """`name="value"`: a label that is not there counts as the empty string."""

    name: str
    operator: MatchOperator
    value: str
    pattern: Any = None
    """The compiled RE2 pattern of =~ and !~, which match the whole value."""

    def matches(self, value: str) -> bool:
        if self.operator == "=":
            return value == self.value
        if self.operator == "!=":
            return value != self.value
        return (self.pattern.fullmatch(value) is not None) == (self.operator == "=~")


LineOperator = Literal["|=", "!=", "|~", "!~"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFilter:
    """`|= "text" or "other"`; patterns are searched for anywhere in the line."""

    operator: LineOperator
    texts: tuple[bytes, ...]
    patterns: tuple[Any, ...] = ()

    def keeps(self, line: bytes) -> bool:
        if self.patterns:
            found = any(pattern.search(line) is not None for pattern in self.patterns)
        else:
            found = any(text in line for text in self.texts)
        return found == (self.operator[0] == "|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parse:
    """`| json` or `| logfmt`: fields of the line become labels."""

    format: Literal["json", "logfmt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`label > 400`: a label against a number (also a duration or a size, already converted)."""

    name: str
    operator: str
    number: float
    convert: Callable[[str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """Two label filters joined by `and` or `or`."""

    operator: Literal["and", "or"]
    left: LabelFilter
    right: LabelFilter


LabelFilter = Matcher | Comparison | Combined


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseLabels:
    """`| drop a, b` or `| keep a, b`."""

    keep: bool
    names: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwrap:
    """`| unwrap label`: the label's number is the sample's value."""

    name: str
    convert: Callable[[str], float]


Stage = LineFilter | Parse | Matcher | Comparison | Combined | ChooseLabels


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """A selector and the stages its lines go through."""

    matchers: tuple[Matcher, ...]
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """`by (a, b)` or `without (a, b)`."""

    without: bool
    names: frozenset[str]

    def of(self, labels: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple(pair for pair in labels if (pair[0] in self.names) != self.without)


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeAggregation:
    """`rate({…} [5m])`: one number per series from the entries of the last while."""

    operation: str
    query: LogQuery
    range: int
    offset: int = 0
    unwrap: Unwrap | None = None
    parameter: float | None = None
    grouping: Grouping | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorAggregation:
    """`sum by (level) (…)`."""

    operation: str
    inner: MetricQuery
    grouping: Grouping
    parameter: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """`left / right`; between vectors, series with equal labels (those of `matching`, if given) meet."""

    operator: str
    left: MetricQuery
    right: MetricQuery
    as_bool: bool = False
    matching: Grouping | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number by itself."""

    value: float


MetricQuery = RangeAggregation | VectorAggregation | Binary | Number
Query = LogQuery | MetricQuery
