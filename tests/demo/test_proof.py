"""The proof must be able to fail: each kind of damage is seen, and named."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from shipper.demo.proof import PAGE, Loki, Stored, Verdict, compare
from shipper.demo.record import Line, Record
from shipper.demo.writer import Tally

LINES = (Line("one", "info"), Line("two", "error"), Line("twin", "info"), Line("twin", "info"), Line("three", "info"))


def _tally() -> Tally:
    tally = Tally(rotations=3)
    for line in LINES:
        tally.note(Record(f"{line.text}\n".encode(), (line,)))
    return tally


def _stored() -> list[Stored]:
    return [Stored(number, f"app.log|{line.level}", line.level, line.text) for number, line in enumerate(LINES)]


FINE = Verdict(
    service="app",
    written=5,
    stored=5,
    missing=0,
    duplicated=0,
    invented=0,
    mislabelled=0,
    out_of_order=0,
    rotations=3,
)


def test_all_lines_once_in_order_is_proven() -> None:
    verdict = compare("app", _tally(), _stored(), 5)
    assert verdict == FINE
    assert verdict.proven


def test_a_line_of_a_joined_record_counts_as_itself() -> None:
    one, two, *others = _stored()
    joined = Stored(0, one.stream, "info", "one\nthree")
    verdict = compare("app", _tally(), [joined, two, *others[:-1]], 4)
    assert verdict == FINE


@pytest.mark.parametrize(
    ("damage", "counted", "expected"),
    [
        (
            lambda stored: stored[1:],
            4,
            replace(FINE, stored=4, missing=1, examples=("missing: one",)),
        ),
        (
            lambda stored: [*stored[:2], *stored[3:]],
            4,
            replace(FINE, stored=4, missing=1, examples=("missing: twin",)),
        ),
        (
            lambda stored: [*stored, replace(stored[0], timestamp=9)],
            6,
            replace(FINE, stored=6, duplicated=1, out_of_order=1, examples=("duplicated: one", "out of order: one")),
        ),
        (lambda stored: stored, 7, replace(FINE, duplicated=2)),
        (
            lambda stored: [*stored, Stored(9, "s", "", "what?")],
            6,
            replace(FINE, stored=6, invented=1, examples=("invented: what?",)),
        ),
        (
            lambda stored: [replace(stored[0], level="error"), *stored[1:]],
            5,
            replace(FINE, mislabelled=1),
        ),
        (lambda stored: [stored[4], *stored[:4]], 5, replace(FINE, out_of_order=1, examples=("out of order: one",))),
    ],
)
def test_every_kind_of_damage_is_seen(damage: object, counted: int, expected: Verdict) -> None:
    assert callable(damage)
    verdict = compare("app", _tally(), damage(_stored()), counted)
    assert verdict == expected
    assert not verdict.proven


def test_entries_are_paged_by_time_and_none_is_seen_twice() -> None:
    held = [(number // 3, f"line {number}") for number in range(2 * PAGE + 100)]

    def answer(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["start"])
        values = [[str(time), text] for time, text in held if time >= start][: int(request.url.params["limit"])]
        return httpx.Response(200, json={"data": {"result": [{"stream": {"level": "info"}, "values": values}]}})

    loki = Loki("http://loki", transport=httpx.MockTransport(answer))
    found = loki.entries("{}", 0, 10**9)
    loki.close()
    assert [(entry.timestamp, entry.text) for entry in found] == held
