"""Links and anchors of the documentation lead somewhere."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.docs.pages import PAGES, ROOT, anchors, headings, links


def _broken(page: Path, link: str) -> bool:
    if link.startswith(("http://", "https://")):
        return False
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_one_title_and_links_that_resolve(page):
    assert [depth for depth, _ in headings(page)].count(1) == 1
    assert [link for link in links(page) if _broken(page, link)] == []


def test_every_page_is_in_the_index():
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages - {link.partition("#")[0] for link in links(ROOT / "docs/README.md")} == set()


def test_the_picture_says_what_it_shows_and_follows_the_theme():
    text = (ROOT / "docs/architecture.svg").read_text()
    picture = ET.fromstring(text)
    assert {child.tag.rpartition("}")[2] for child in picture} >= {"title", "desc"}
    assert "prefers-color-scheme: dark" in text
