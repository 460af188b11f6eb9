"""Printing: nothing that a log line holds can move the cursor."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.cli.terminal import aligned, counted, escaped, number, print_note, print_table, shortened, width


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


@pytest.mark.parametrize(
    ("terminal", "printed"),
    [
        (False, "  ! one two three four five six seven eight nine ten eleven\\t\n    [[a]]\n    b = 'c'\n"),
        (True, "  ! one two three four five six seven\n    eight nine ten eleven\\t\n    [[a]]\n    b = 'c'\n"),
    ],
)
def test_a_note_is_broken_between_words_on_a_terminal_alone(
    terminal: bool, printed: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if terminal:
        _terminal(monkeypatch, 40)
    print_note("one two three four five six seven eight nine ten eleven\t", ["[[a]]", "b = 'c'"], mark="  ! ")
    assert capsys.readouterr().out == printed


def test_one_of_a_thing_has_no_plural() -> None:
    assert [counted(count, "file") for count in (0, 1, 1200)] == ["0 files", "1 file", "1 200 files"]


BOOKS = ("source", "files", "lines read", "delivered", "dropped", "dead-lettered", "in flight")


def _terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Let stdout be a terminal of so many columns."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))


@pytest.mark.parametrize("columns", [40, 80])
def test_on_a_terminal_no_heading_and_no_number_is_broken(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _terminal(monkeypatch, columns)
    print_table(BOOKS, [["inference", 12, 123456789, 12345678, 1234567, 12345, 123456]], indent=2)
    assert click.unstyle(capsys.readouterr().out).splitlines() == [
        "  source     files   lines read   delivered    dropped  dead-lettered  in flight",
        "  " + "─" * 78,
        "  inference     12  123 456 789  12 345 678  1 234 567         12 345    123 456",
    ]


def test_of_a_table_that_is_too_wide_the_last_columns_stand_below(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _terminal(monkeypatch, 80)
    print_table(("id", "why"), [[1, "word " * 20], [20, "short"]], below=1)
    assert click.unstyle(capsys.readouterr().out).splitlines() == [
        "id",
        "──",
        " 1",
        "    word word word word word word word word word word word word word word word",
        "    word word word word word",
        "20",
        "    short",
    ]
    print_table(("id", "why"), [[20, "short"]], below=1)
    assert click.unstyle(capsys.readouterr().out).splitlines() == ["id  why", "─" * 9, "20  short"]
