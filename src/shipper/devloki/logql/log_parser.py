"""The log half of LogQL: selectors and pipelines, from tokens to syntax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from shipper.devloki.logql.reader import Reader
from shipper.devloki.logql.syntax import (
    ChooseLabels,
    Combined,
    Comparison,
    LabelFilter,
    LineFilter,
    LineOperator,
    LogQuery,
    Matcher,
    MatchOperator,
    Parse,
    Stage,
    Unwrap,
)
from shipper.devloki.logql.tokens import byte_count, duration_seconds

_LINE_OPERATORS: Final = ("|=", "|~", "!=", "!~")
_NUMBER_OPERATORS: Final = ("==", "=", "!=", ">", ">=", "<", "<=")
_CONVERSIONS: Final[dict[str, Callable[[str], float]]] = {
    "duration": duration_seconds,
    "duration_seconds": duration_seconds,
    "bytes": byte_count,
}
_OTHER_STAGES: Final = ("pattern", "regexp", "unpack", "line_format", "label_format", "decolorize", "distinct")


def selector(reader: Reader) -> tuple[Matcher, ...]:
    """`{name="value", …}`; at least one matcher must refuse the empty value, as in Loki."""
    start = reader.expect("{")
    matchers = []
    while not reader.at("}"):
        matchers.append(_matcher(reader))
        if not reader.accept(","):
            break
    reader.expect("}")
    if all(matcher.matches("") for matcher in matchers):
        reader.fail(
            start,
            "queries require at least one regexp or equality matcher that does not have an empty-compatible value. For "
            'instance, app=~".*" does not meet this requirement, but app=~".+" will',
        )
    return tuple(matchers)


def log_query(reader: Reader) -> LogQuery:
    """A selector and its stages, up to something that is no stage."""
    matchers = selector(reader)
    return LogQuery(matchers=matchers, stages=stages(reader))


def stages(reader: Reader) -> tuple[Stage, ...]:
    """The stages that follow; stops before `| unwrap`, `[`, or what is not a stage."""
    read: list[Stage] = []
    while reader.at("|", *_LINE_OPERATORS):
        if reader.at("|") and reader.ahead(1).text == "unwrap":
            break
        read.append(_stage(reader))
    return tuple(read)


def unwrap(reader: Reader) -> Unwrap | None:
    """`| unwrap label` or `| unwrap duration(label)`, if it is next."""
    if not (reader.at("|") and reader.ahead(1).text == "unwrap"):
        return None
    reader.take()
    reader.take()
    token = reader.expect_kind("name", "a label name")
    if not reader.accept("("):
        return Unwrap(name=token.text, convert=float)
    if token.text not in _CONVERSIONS:
        reader.fail(token, f"unknown conversion {token.text}, expected one of {', '.join(_CONVERSIONS)}")
    name = reader.expect_kind("name", "a label name").text
    reader.expect(")")
    return Unwrap(name=name, convert=_CONVERSIONS[token.text])


def _matcher(reader: Reader) -> Matcher:
    name = reader.expect_kind("name", "a label name").text
    if not reader.at("=", "!=", "=~", "!~"):
        reader.unexpected("one of = != =~ !~")
    return _string_filter(reader, name)


def _string_filter(reader: Reader, name: str) -> Matcher:
    text = reader.take().text
    operator = cast(MatchOperator, "=" if text == "==" else text)
    if operator in ("=", "!="):
        return Matcher(name=name, operator=operator, value=reader.string())
    value, pattern = reader.pattern(whole=True)
    return Matcher(name=name, operator=operator, value=value, pattern=pattern)


def _stage(reader: Reader) -> Stage:
    if reader.at(*_LINE_OPERATORS):
        return _line_filter(reader)
    reader.expect("|")
    token = reader.token
    if reader.at("json", "logfmt") and not reader.ahead(1).text.startswith(("=", "!", ">", "<")):
        return _parse(reader)
    if reader.at("drop", "keep") and reader.ahead(1).kind == "name":
        return _choose_labels(reader)
    if reader.at(*_OTHER_STAGES):
        reader.fail(token, f"devloki is a stand-in and does not know the stage {token.text}")
    return _label_filter(reader)


def _parse(reader: Reader) -> Parse:
    token = reader.take()
    if reader.token.kind == "name" and not reader.at("and", "or", "by", "without", "offset"):
        reader.fail(reader.token, f"devloki is a stand-in and knows {token.text} without parameters only")
    return Parse(format="json" if token.text == "json" else "logfmt")


def _line_filter(reader: Reader) -> LineFilter:
    operator = cast(LineOperator, reader.take().text)
    texts, patterns = [], []
    while True:
        if operator in ("|~", "!~"):
            text, pattern = reader.pattern()
            patterns.append(pattern)
        else:
            text = reader.string()
        texts.append(text.encode())
        if not reader.accept("or"):
            return LineFilter(operator=operator, texts=tuple(texts), patterns=tuple(patterns))


def _choose_labels(reader: Reader) -> ChooseLabels:
    keep = reader.take().text == "keep"
    names = {reader.expect_kind("name", "a label name").text}
    while reader.accept(","):
        names.add(reader.expect_kind("name", "a label name").text)
    return ChooseLabels(keep=keep, names=frozenset(names))


def _label_filter(reader: Reader) -> LabelFilter:
    left = _conjunction(reader)
    while reader.accept("or"):
        left = Combined(operator="or", left=left, right=_conjunction(reader))
    return left


def _conjunction(reader: Reader) -> LabelFilter:
    left = _condition(reader)
    while reader.accept("and", ","):
        left = Combined(operator="and", left=left, right=_condition(reader))
    return left


def _condition(reader: Reader) -> LabelFilter:
    if reader.accept("("):
        inner = _label_filter(reader)
        reader.expect(")")
        return inner
    name = reader.expect_kind("name", "a stage or a label name").text
    if not reader.at(*_NUMBER_OPERATORS, "=~", "!~"):
        reader.unexpected("a comparison")
    if reader.ahead(1).kind == "string" and reader.at("=", "==", "!=", "=~", "!~"):
        return _string_filter(reader, name)
    return _comparison(reader, name)


def _comparison(reader: Reader, name: str) -> Comparison:
    operator = reader.take().text
    operator = "==" if operator == "=" else operator
    token = reader.token
    if token.kind == "duration":
        number, convert = duration_seconds(reader.take().text), duration_seconds
    elif token.kind == "bytes":
        number, convert = byte_count(reader.take().text), byte_count
    else:
        return Comparison(name=name, operator=operator, number=reader.number(), convert=float)
    return Comparison(name=name, operator=operator, number=number, convert=convert)
