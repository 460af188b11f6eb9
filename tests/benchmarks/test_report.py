"""The table and the page: made of the numbers alone, complete, and drawn within their frames."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from benchmarks.report import page
from benchmarks.results import Check, Column, Picture, Result, Row, document
from benchmarks.svg import HEIGHT, WIDTH, bars, ceiling, curves, short
from benchmarks.table import shown
from hypothesis import given
from hypothesis import strategies as st

MACHINE = {
    "processor": "A & B", "cores": 2, "memory_gib": 23.5, "kernel": "6.1", "python": "3.11", "load": [0.1, 0.1, 0.1],
    "noise": 0.02, "at": "2026-01-27 15:40:00 +0000",
}  # fmt: skip
RESULT = Result(
    name="files",
    title="Cost over <files>",
    says="What was done.",
    columns=(
        Column(key="ratio", head="x floor"),
        Column(key="memory", head="peak", form="{:.0f} MiB"),
        Column(key="core", head="of a core", form="{:.1f} %"),
    ),
    rows=(
        Row(case="1 file", x=1, numbers={"ratio": 2.0, "memory": 50 << 20, "core": 0.005}),
        Row(case="1 file", x=1, agent="vector", numbers={"ratio": 3.5, "memory": 90 << 20}),
        Row(case="1000 files", x=1000, numbers={"ratio": 2.25, "memory": 60 << 20, "core": 0.02}),
        Row(case="1000 files", x=1000, agent="vector", numbers={"ratio": 4.0, "memory": 95 << 20}),
    ),
    pictures=(Picture(key="ratio", x="files", y="times the floor", target=2.5),),
    checks=(
        Check(says="ratio", value=2.25, limit=2.5),
        Check(says="idle CPU", value=0.02, limit=0.005, form="{:.1f} %"),
    ),
    lost=("1000 files",),
    absent=("alloy is not on PATH",),
)
SAID = """
== Cost over <files>
   What was done.

   case        agent    x floor    peak  of a core
   1 file      shipper     2.00  50 MiB      0.5 %
   1 file      vector      3.50  90 MiB
   1000 files  shipper     2.25  60 MiB      2.0 %
   1000 files  vector      4.00  95 MiB
   kept    ratio: 2.25 (at most 2.50)
   MISSED  idle CPU: 2.0 % (at most 0.5 %)
   LINES ARE MISSING OR CHANGED: 1000 files
   absent: alloy is not on PATH"""


def _page(result: Result) -> str:
    settings = {"quick": True, "lines": 1000, "rounds": 1}
    return page(json.loads(json.dumps(document(MACHINE, settings, [result]))))


def test_the_table_says_all_of_it() -> None:
    assert shown(RESULT) == SAID


def test_the_page_says_all_of_it_and_loads_nothing() -> None:
    made = _page(RESULT)
    text = re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", made, flags=re.DOTALL))
    for words in ("Cost over &lt;files&gt;", "A &amp; B", "✓ kept ratio : 2.25", "✗ missed idle CPU : 2.0 %", "95 MiB"):
        assert words in text
    assert "missing or changed: 1000 files" in text
    assert "Absent: alloy" in text
    assert not re.search(r"<(script|link|img)|src=|url\(|@import", made)


def test_every_picture_is_well_formed_and_has_every_point() -> None:
    pictures = [ET.fromstring(found) for found in re.findall(r"<svg.*?</svg>", _page(RESULT))]
    dots = [element for element in pictures[0].iter() if element.tag.endswith("circle")]
    assert len(pictures) == 1
    assert len(dots) == 4


def test_what_has_no_place_on_an_axis_is_drawn_as_bars() -> None:
    rows = (Row(case="json", numbers={"ratio": 2.0}), Row(case="plain", numbers={}))
    made = _page(
        Result(name="x", title="X", says="", columns=(), rows=rows, pictures=(Picture(key="ratio", y="times"),))
    )
    assert made.count('<rect class="bar') == 1


@given(st.lists(st.tuples(st.integers(1, 10**10), st.floats(0, 1e12)), min_size=1, unique_by=lambda point: point[0]))
def test_every_point_of_a_curve_lies_in_its_picture(points: list[tuple[float, float]]) -> None:
    drawn = ET.fromstring(curves("title", "axis", {"<one>": sorted(points)}, target=1.0))
    for dot in (element for element in drawn.iter() if element.tag.endswith("circle")):
        assert 0 <= float(dot.attrib["cx"]) <= WIDTH
        assert 0 <= float(dot.attrib["cy"]) <= HEIGHT


def test_bars_are_as_long_as_their_numbers() -> None:
    drawn = ET.fromstring(bars("title", [("one", 1.0), ("four", 4.0), ("none", 0.0)]))
    lengths = [float(element.attrib["width"]) for element in drawn.iter() if element.tag.endswith("rect")]
    assert lengths[1] == pytest.approx(4 * lengths[0], rel=0.01)
    assert lengths[2] == 0


@given(st.floats(1e-9, 1e15))
def test_a_scale_ends_above_its_largest_value_and_not_far_above(value: float) -> None:
    assert value * 0.999 <= ceiling(value) <= value * 2


def test_numbers_are_short() -> None:
    assert [short(value) for value in (0, 0.02, 12.34, 1500, 2_000_000, 1e10)] == [
        "0",
        "0.02",
        "12.3",
        "1.5 k",
        "2 M",
        "10 G",
    ]
