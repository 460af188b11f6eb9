"""The results for a terminal: one table an experiment, what it must show below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.results import Check, Column, Result, Row


def shown(result: Result) -> str:
    """One experiment as text."""
    return "\n".join([f"\n== {result.title}", f"   {result.says}", "", *_table(result), *_remarks(result)])


def cells(row: Row, columns: Sequence[Column]) -> list[str]:
    """The numbers of a row as they are shown; what was not measured is empty."""
    return [formed(column.form, row.numbers[column.key]) if column.key in row.numbers else "" for column in columns]


def formed(form: str, number: float) -> str:
    """A number as its form has it; `MiB`, `%` and the like are part of the form."""
    scale = {"MiB": 1 / (1 << 20), "%": 100.0}
    unit = form.rpartition(" ")[2]
    return form.format(number * scale.get(unit, 1.0))


def judged(check: Check) -> str:
    """What a check found, in words."""
    value, limit = formed(check.form, check.value), formed(check.form, check.limit)
    return f"{check.says}: {value} (at most {limit})"


def _table(result: Result) -> Iterator[str]:
    agents = {row.agent for row in result.rows} != {"shipper"}
    heads = ["case", *(["agent"] if agents else []), *(column.head for column in result.columns)]
    names = 2 if agents else 1
    rows = [[row.case, *([row.agent] if agents else []), *cells(row, result.columns)] for row in result.rows]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for cell in (heads, *rows):
        aligned = (
            text.ljust(width) if place < names else text.rjust(width)
            for place, (text, width) in enumerate(zip(cell, widths, strict=True))
        )
        yield "   " + "  ".join(aligned).rstrip()


def _remarks(result: Result) -> Iterator[str]:
    yield from (f"   {'kept  ' if check.passed else 'MISSED'}  {judged(check)}" for check in result.checks)
    yield from (f"   LINES ARE MISSING OR CHANGED: {case}" for case in result.lost)
    yield from (f"   absent: {what}" for what in result.absent)
