"""What was measured, in a form that the table, the JSON document and the report are all made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A number that a row may have."""

    key: str
    head: str
    form: str = "{:.2f}"
    """How it is shown; it says the unit if the head does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case of an experiment."""

    case: str
    numbers: Mapping[str, float]
    agent: str = "shipper"
    x: float | None = None
    """Where it stands on a curve, if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A number of the rows to be drawn: over their x, one line for each agent, or as bars where there is no x."""

    key: str
    y: str
    """What the number is."""
    x: str = ""
    """What the axis says; it is logarithmic."""
    target: float | None = None
    """What it may be at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A number and what it may be at most."""

    says: str
    value: float
    limit: float
    form: str = "{:.2f}"

    @property
    def passed(self) -> bool:
        """Whether it is kept."""
        return self.value <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an experiment found."""

    name: str
    title: str
    says: str
    """What was done, in a sentence or two."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    pictures: tuple[Picture, ...] = ()
    checks: tuple[Check, ...] = ()
    lost: tuple[str, ...] = ()
    """Cases in which not every line arrived as it was written."""
    absent: tuple[str, ...] = ()
    """What could not be measured here, and why."""


def document(machine: Mapping[str, Any], settings: Mapping[str, Any], results: list[Result]) -> dict[str, Any]:
    """One JSON document of everything."""
    experiments = [
        asdict(result) | {"checks": [asdict(check) | {"passed": check.passed} for check in result.checks]}
        for result in results
    ]
    return {"machine": dict(machine), "settings": dict(settings), "experiments": experiments}
