"""Answers to queries, in Loki's JSON shapes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from shipper.devloki.labels import Labels
from shipper.devloki.limits import SECOND
from shipper.devloki.logql.logs import ResultStream
from shipper.devloki.logql.metrics import Vector


def success(data: Any) -> dict[str, Any]:
    return {"status": "success", "data": data}


def result(kind: str, items: Any) -> dict[str, Any]:
    return success({"resultType": kind, "result": items, "stats": {}})


def streams_json(streams: Sequence[ResultStream]) -> list[dict[str, Any]]:
    return [
        {"stream": stream.labels, "values": [[str(time), line] for time, line in stream.values]} for stream in streams
    ]


def tail_json(streams: Sequence[ResultStream], dropped: int) -> dict[str, Any]:
    """A message of Loki's tail; what was lost is counted, not listed."""
    return {"streams": streams_json(streams), "dropped_entries": [{"count": dropped}] if dropped else []}


def vector_json(vector: Vector, time: int) -> list[dict[str, Any]]:
    return [{"metric": dict(labels), "value": _point(time, vector[labels])} for labels in sorted(vector)]


def scalar_json(value: float, time: int) -> list[Any]:
    return _point(time, value)


def matrix_json(points: Sequence[tuple[int, Vector | float]]) -> list[dict[str, Any]]:
    series: dict[Labels, list[list[Any]]] = {}
    for time, vector in points:
        values = vector if isinstance(vector, dict) else {(): vector}
        for labels, value in values.items():
            series.setdefault(labels, []).append(_point(time, value))
    return [{"metric": dict(labels), "values": series[labels]} for labels in sorted(series)]


def _point(time: int, value: float) -> list[Any]:
    seconds, rest = divmod(time, SECOND)
    return [seconds if not rest else round(time / SECOND, 3), number(value)]


def number(value: float) -> str:
    """A number without an exponent, as Prometheus writes it."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")
