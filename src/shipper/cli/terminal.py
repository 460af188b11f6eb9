"""How commands print: tables on a terminal, aligned text when piped, one JSON document where `--json` asks for it.

Rule 1: log text never reaches a terminal unescaped: control characters are shown, not obeyed.
Rule 2: rich is imported only when a table goes to a terminal.
"""

from __future__ import annotations

import sys
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


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "", indent: int = 0) -> None:
    """Print a table; a column whose cells are all numbers is aligned to the right."""
    texts = [[escaped(number(cell)) for cell in row] for row in rows]
    right = [
        bool(rows) and all(isinstance(row[column], int | float) for row in rows) for column in range(len(headings))
    ]
    if sys.stdout.isatty():
        _rich_table(headings, texts, right, title)
        return
    if title:
        click.echo(" " * indent + title)
    for line in aligned([list(headings), *texts], right):
        click.echo(" " * indent + line)


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


def _rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left")
    for heading, aligned_right in zip(headings, right, strict=True):
        table.add_column(Text(heading), justify="right" if aligned_right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
