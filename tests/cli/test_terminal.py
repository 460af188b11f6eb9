"""Printing: nothing that a log line holds can move the cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.cli.terminal import aligned, escaped, number, print_table, shortened, width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 한국어", "plain 한국어"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\tb\rc\nd", r"a\tb\rc\nd"),
        ("\x00\x7f\x85", r"\x00\x7f\x85"),
        ("\u2028\u202e", r"\u2028\u202e"),
        ("\U000e0001", r"\U000e0001"),
        ("\ud800", r"\ud800"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(st.text())
def test_for_every_text_what_is_shown_is_printable(text: str) -> None:
    assert escaped(text).isprintable()


@given(st.text(alphabet=st.characters(categories=["L", "N"])), st.integers(2, 30))
def test_for_every_text_what_is_shortened_fits_its_columns(text: str, columns: int) -> None:
    assert width(shortened(text, columns)) <= columns


def test_whole_numbers_are_written_in_groups_of_three() -> None:
    assert [number(cell) for cell in (0, 1234567, 1.5, True, "1234")] == ["0", "1 234 567", "1.5", "True", "1234"]


def test_columns_stand_below_each_other_also_with_wide_characters() -> None:
    rows = [["name", "n"], ["한국어", "1"], ["abc", "12"]]
    assert aligned(rows, [False, True]) == ["name     n", "한국어   1", "abc     12"]


def test_a_piped_table_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("file", "size"), [["a\x1b.log", 12345], ["b", 6]], indent=2)
    assert capsys.readouterr().out == "  file         size\n  a\\x1b.log  12 345\n  b               6\n"


def test_an_empty_table_is_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("file", "size"), [])
    assert capsys.readouterr().out == "file  size\n"
