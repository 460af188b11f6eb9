"""A query request's parameters, read as Loki reads them.

Rule: times are nanoseconds; a wrong parameter is refused with its name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Final, cast

from shipper.devloki.limits import HOUR, SECOND
from shipper.devloki.logql.logs import Direction
from shipper.devloki.logql.syntax import QueryError
from shipper.devloki.logql.tokens import duration_ns

BEGINNING: Final = -(1 << 62)
END_OF_TIME: Final = 1 << 62
_DEFAULT_LIMIT: Final = 100
_MAX_POINTS: Final = 11_000

Parameters = Mapping[str, str]


def timestamp(text: str, name: str) -> int:
    """Nanoseconds, seconds (up to ten digits, or with a fraction) or RFC 3339."""
    try:
        if text.lstrip("-").isdigit():
            return int(text) * SECOND if len(text) <= 10 else int(text)
        if text.replace(".", "", 1).lstrip("-").isdigit():
            whole, _, fraction = text.partition(".")
            return int(whole or "0") * SECOND + int(fraction[:9].ljust(9, "0"))
        return _rfc3339(text)
    except ValueError as error:
        raise QueryError(f"could not parse '{name}' parameter: cannot parse {text!r} to a valid timestamp") from error


def _rfc3339(text: str) -> int:
    head, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if dot else ""
    moment = datetime.fromisoformat(head + rest[len(digits) :])
    if moment.tzinfo is None:
        raise ValueError("no zone")
    return round(moment.timestamp()) * SECOND + int(digits[:9].ljust(9, "0"))


def time_range(parameters: Parameters, now: int, *, default: int | None = HOUR) -> tuple[int, int]:
    """`start` and `end`; without a start, `since` or `default` before the end; None: from the beginning on."""
    unbounded = default is None and "since" not in parameters
    end = timestamp(parameters["end"], "end") if "end" in parameters else END_OF_TIME if unbounded else now
    if "start" in parameters:
        start = timestamp(parameters["start"], "start")
    elif unbounded:
        start = BEGINNING
    else:
        start = min(end, now) - (_duration(parameters["since"], "since") if "since" in parameters else default or 0)
    if end <= start:
        raise QueryError("end timestamp must not be before or equal to start time")
    return start, end


def limit(parameters: Parameters, most: int) -> int:
    """`limit`, at most `most` (0: no limit)."""
    text = parameters.get("limit", str(_DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise QueryError(f"could not parse 'limit' parameter: {text!r} is not a number")
    value = int(text)
    if value <= 0:
        raise QueryError("limit must be a positive value")
    if most and value > most:
        raise QueryError(f"max entries limit per query exceeded, limit > max_entries_limit ({value} > {most})")
    return value


def direction(parameters: Parameters) -> Direction:
    """`direction`, backward by default."""
    text = parameters.get("direction", "backward").lower()
    if text not in ("forward", "backward"):
        raise QueryError(f"invalid direction '{text}'")
    return cast(Direction, text)


def steps(parameters: Parameters, start: int, end: int) -> range:
    """The times of a metric query: from start to end in steps."""
    default = max(1, math.floor((end - start) / SECOND / 250)) * SECOND
    step = _duration(parameters["step"], "step") if "step" in parameters else default
    if step <= 0:
        raise QueryError("zero or negative query resolution step widths are not accepted. Try a positive integer")
    if (end - start) // step > _MAX_POINTS:
        raise QueryError(
            "exceeded maximum resolution of 11,000 points per time series. "
            "Try increasing the value of the step parameter"
        )
    return range(start, end + 1, step)


def _duration(text: str, name: str) -> int:
    try:
        return round(float(text) * SECOND)
    except (ValueError, OverflowError):
        pass
    try:
        return duration_ns(text)
    except ValueError as error:
        raise QueryError(f"could not parse '{name}' parameter: cannot parse {text!r} to a valid duration") from error
