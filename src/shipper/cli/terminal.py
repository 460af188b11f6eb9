"""How commands print: tables on a terminal, aligned text when piped, one JSON document where `--json` asks for it.

Rule 1: log text never reaches a terminal unescaped: control characters are shown, not obeyed.
Rule 2: no heading and no number is ever broken or cut off, however narrow the terminal is.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Any

import click

ELLIPSIS = "…"


def escaped(text: str) -> str:
    r"""The text with everything that is not printable written out (`\x1b`, `\t`, `\u2028`); harmless on a terminal."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _written_out(character) for character in text)


def _written_out(character: str) -> str:
    short = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(character)
    if short:
        return short
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shortened(text: str, columns: int) -> str:
    """The text cut to so many columns, with an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    kept, used = [], 1
    for character in text:
        used += _character_width(character)
        if used > columns:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS


def width(text: str) -> int:
    """Columns the text takes: Korean and its neighbours two each."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def print_json(document: Any) -> None:
    """Print one JSON document."""
    import orjson

    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def print_note(sentence: str, lines: Sequence[str] = (), *, mark: str = "", colour: str | None = None) -> None:
    """Print a sentence behind a mark, broken between its words on a terminal; `lines` go below it as they are.

    `colour`: of the mark, on a terminal.
    """
    text, blank = escaped(sentence), " " * len(mark)
    if sys.stdout.isatty():
        columns = max(40, _columns() - 1)
        text = textwrap.fill(
            mark + text, columns, subsequent_indent=blank or "  ", break_long_words=False, break_on_hyphens=False
        )
    else:
        text = mark + text
    if colour:
        text = click.style(mark, fg=colour) + text.removeprefix(mark)
    click.echo("\n".join([text, *(blank + escaped(line) for line in lines)]))


def counted(count: int, word: str) -> str:
    """`1 file`, `1 200 files`."""
    return f"{number(count)} {word}{'' if count == 1 else 's'}"


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    title: str = "",
    indent: int = 0,
    below: int = 0,
) -> None:
    """Print a table; a column whose cells are all numbers is aligned to the right.

    On a terminal too narrow for it the last `below` columns stand below the others, each on a line of its own.
    """
    texts = [[escaped(number(cell)) for cell in row] for row in rows]
    right = [
        bool(rows) and all(isinstance(row[column], int | float) for row in rows) for column in range(len(headings))
    ]
    lines = aligned([list(headings), *texts], right)
    stacked = below if sys.stdout.isatty() and max(map(width, lines)) + indent > _columns() else 0
    beside = len(headings) - stacked
    if stacked:
        lines = aligned([list(headings)[:beside], *(text[:beside] for text in texts)], right[:beside])
    left = " " * indent
    if title:
        click.echo(left + title)
    for line in _head(lines):
        click.echo(left + line)
    for line, text in zip(lines[1:], texts, strict=True):
        click.echo(left + line)
        for cell in text[beside:]:
            print_note(cell, mark=f"{left}    ")


def _head(lines: Sequence[str]) -> list[str]:
    """The headings; on a terminal with a rule below them."""
    if not sys.stdout.isatty():
        return [lines[0]]
    return [click.style(lines[0], bold=True), "─" * max(map(width, lines))]


def _columns() -> int:
    return shutil.get_terminal_size().columns


def number(cell: object) -> str:
    """A cell's text: whole numbers in groups of three."""
    if isinstance(cell, bool) or not isinstance(cell, int):
        return str(cell)
    return f"{cell:,}".replace(",", " ")


def aligned(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """Rows of texts as lines whose columns stand below each other, two spaces between them."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(right))]
    return ["  ".join(map(_cell, row, widths, right)).rstrip() for row in rows]


def _cell(text: str, columns: int, right: bool) -> str:
    filling = " " * (columns - width(text))
    return filling + text if right else text + filling
