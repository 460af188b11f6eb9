"""`shipper demo`: its options and its document; the run itself is in tests/demo/test_show.py."""

from __future__ import annotations

import click
import pytest

from shipper.cli.demo import Seconds, document
from shipper.demo.proof import Verdict
from shipper.demo.show import Report


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10.0), ("500ms", 0.5), ("2m", 120.0), ("1.5", 1.5), ("3 s", 3.0)]
)
def test_a_duration_is_written_with_its_unit_or_in_seconds(text: str, seconds: float) -> None:
    assert Seconds().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "s", "0s", "-1s", "10h", "ten"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write it like 10s, 500ms or 2m"):
        Seconds().convert(text, None, None)


def _verdict(service: str, missing: int) -> Verdict:
    return Verdict(
        service=service,
        written=5,
        stored=5 - missing,
        missing=missing,
        duplicated=0,
        invented=0,
        mislabelled=0,
        out_of_order=0,
        rotations=3,
    )


def test_one_missing_line_or_a_failed_agent_is_no_proof() -> None:
    fine, torn = _verdict("a", 0), _verdict("b", 1)
    reports = [
        Report(verdicts=verdicts, seconds=0.5, agent_exit=code, failures=())
        for verdicts, code in (((fine,), 0), ((fine, torn), 0), ((fine,), 1))
    ]
    assert [report.proven for report in reports] == [True, False, False]
    counts = {"written": 10, "stored": 9, "missing": 1, "duplicated": 0, "invented": 0, "mislabelled": 0}
    assert document(reports[1])["total"] == {**counts, "out_of_order": 0, "rotations": 6}
