"""What a page of documentation has in it: headings, fences, links, commands.

Rule 1: reading only; what is in a fence is no heading and no link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (
    *sorted(ROOT.glob("README*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "examples/README.md",
)
_FENCE: Final = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK: Final = re.compile(r"!?\[[^\]\[]*\]\(([^()\s]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A fenced block: its language, its text, and the line of the page it begins at."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def fences(page: Path, language: str = "") -> list[Fence]:
    """The fences of a page, or those of one language."""
    return [fence for fence in _fences(page) if language in ("", fence.language)]


def _fences(page: Path) -> Iterator[Fence]:
    text = page.read_text()
    for match in _FENCE.finditer(text):
        indent = len(match[1])
        body = "".join(line[indent:] if line[:indent].isspace() else line for line in match[3].splitlines(True))
        yield Fence(page=page, line=text.count("\n", 0, match.start()) + 1, language=match[2], text=body)


def prose(page: Path) -> str:
    """A page without its fences."""
    return _FENCE.sub("", page.read_text())


def headings(page: Path) -> list[tuple[int, str]]:
    """Depth and text of each heading."""
    return [(len(match[1]), match[2].strip()) for match in _HEADING.finditer(prose(page))]


def anchors(page: Path) -> set[str]:
    """What `#…` may name on a page: headings as GitHub writes them."""
    found: dict[str, int] = {}
    names = set()
    for _, text in headings(page):
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        names.add(f"{slug}-{found[slug]}" if slug in found else slug)
        found[slug] = found.get(slug, 0) + 1
    return names


def links(page: Path) -> list[str]:
    """Where a page leads to."""
    return [match[1] for match in _LINK.finditer(prose(page))]
