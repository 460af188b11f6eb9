"""One page with all tables and pictures, from the JSON document alone: nothing else is loaded, light or dark as wanted.

python -m benchmarks.report NUMBERS.json REPORT.html      writes the page anew
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.machine import words
from benchmarks.svg import Points, bars, curves
from benchmarks.table import formed

STYLE = Path(__file__).with_name("report.css")


def page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    experiments = document["experiments"]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>What shipping costs</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>{STYLE.read_text()}</style></head><body><main><h1>What shipping costs</h1>",
            f"<p>{escape(document['machine']['at'])} · {_settings(document['settings'])}</p>",
            f"<p>{escape(words(document['machine']))}</p>",
            *_verdict(experiments),
            *(section for experiment in experiments for section in _experiment(experiment)),
            "</main></body></html>\n",
        ]
    )


def _settings(settings: Mapping[str, Any]) -> str:
    quick = ", quick" if settings["quick"] else ""
    return f"{settings['lines']:,} lines, {settings['rounds']} rounds{quick}"


def _verdict(experiments: list[dict[str, Any]]) -> Iterator[str]:
    """All that must hold, in one list."""
    yield '<ul class="checks">'
    for experiment in experiments:
        yield from (_check(check, experiment["name"]) for check in experiment["checks"])
    yield "</ul>"


def _check(check: Mapping[str, Any], name: str) -> str:
    kind, mark = ("kept", "✓ kept") if check["passed"] else ("missed", "✗ missed")
    value, limit = (formed(check["form"], check[number]) for number in ("value", "limit"))
    return (
        f'<li class="{kind}"><b>{mark}</b> <a href="#{name}">{escape(check["says"])}</a>: '
        f"<b>{value}</b>, at most {limit}</li>"
    )


def _experiment(experiment: Mapping[str, Any]) -> Iterator[str]:
    yield f'<section id="{experiment["name"]}"><h2>{escape(experiment["title"])}</h2>'
    yield f"<p>{escape(experiment['says'])}</p>"
    yield from (f'<p class="missed">Lines are missing or changed: {escape(case)}</p>' for case in experiment["lost"])
    if experiment["rows"]:
        yield from _table(experiment)
        yield '<div class="pictures">'
        yield from (_picture(picture, experiment["rows"]) for picture in experiment["pictures"])
        yield "</div>"
    yield from (f'<p class="absent">Absent: {escape(what)}</p>' for what in experiment["absent"])
    yield "</section>"


def _table(experiment: Mapping[str, Any]) -> Iterator[str]:
    columns = experiment["columns"]
    heads = "".join(f"<th>{escape(column['head'])}</th>" for column in columns)
    yield f'<div class="wide"><table><tr><th>case</th><th>agent</th>{heads}</tr>'
    for row in experiment["rows"]:
        numbers = row["numbers"]
        cells = (
            formed(column["form"], numbers[column["key"]]) if column["key"] in numbers else "" for column in columns
        )
        rest = "".join(f"<td>{cell}</td>" for cell in cells)
        yield f"<tr><th>{escape(row['case'])}</th><th>{escape(row['agent'])}</th>{rest}</tr>"
    yield "</table></div>"


def _picture(picture: Mapping[str, Any], rows: list[dict[str, Any]]) -> str:
    there = [row for row in rows if picture["key"] in row["numbers"] and (row["x"] or not picture["x"])]
    if picture["x"]:
        lines: dict[str, list[tuple[float, float]]] = {}
        for row in there:
            lines.setdefault(row["agent"], []).append((row["x"], row["numbers"][picture["key"]]))
        drawn: Mapping[str, Points] = lines
        return curves(picture["y"], picture["x"], drawn, picture["target"])
    several = len({row["agent"] for row in there}) > 1
    names = (f"{row['case']}, {row['agent']}" if several else row["case"] for row in there)
    values = [row["numbers"][picture["key"]] for row in there]
    return bars(picture["y"], list(zip(names, values, strict=True)), picture["target"])


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(json.loads(Path(sys.argv[1]).read_text())))
