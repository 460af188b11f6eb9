"""docs/troubleshooting.md names every failure once, and no others."""

from __future__ import annotations

import re
from typing import Final

from tests.docs.pages import ROOT

from shipper.failures import HINTS

PAGE: Final = ROOT / "docs/troubleshooting.md"


def _names(heading: str, text: str) -> list[str]:
    """What stands in the first column of the tables below a heading of the second depth."""
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def test_every_failure_is_on_the_page_once():
    names = _names("Failures", PAGE.read_text())
    assert sorted(names) == sorted(HINTS)


def test_pages_name_no_failure_that_is_not_there():
    names = set()
    for page in (ROOT / "docs").glob("*.md"):
        names |= set(re.findall(r"`((?:loki|docker|journal|symlink|dead_letters)_\w+)`", page.read_text()))
    assert names - HINTS.keys() == set()
