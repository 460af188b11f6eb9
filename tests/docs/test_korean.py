"""The Korean pages say what the English ones say: the same sections with the same commands, names and links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from tests.docs.pages import ROOT, fences, headings

from shipper.failures import HINTS

PAIRS: Final = tuple(
    (ROOT / english, ROOT / korean)
    for english, korean in (
        ("README.md", "README.ko.md"),
        ("docs/troubleshooting.md", "docs/troubleshooting.ko.md"),
    )
)
_CODE: Final = re.compile(r"`([^`\n]+)`")
_LINK: Final = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^()\s]+)\)")
_COMMENT: Final = re.compile(r"\s+#.*$", re.MULTILINE)
_HANGUL: Final = re.compile(r"[가-힣]")


def _sections(page: Path) -> list[str]:
    """The text from each heading to the next; a comment in a fence is none."""
    sections: list[str] = []
    fenced = False
    for line in page.read_text().splitlines(keepends=True):
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            sections.append("")
        sections[-1] += line
    return sections


def _said(section: str) -> tuple[list[str], list[str]]:
    """Names and commands in a section, and where it leads; links between the pairs count as one."""
    text = re.sub(r"^```.*?^```$", "", section, flags=re.MULTILINE | re.DOTALL)
    links = [link.replace(".ko.md", ".md") for link in _LINK.findall(text)]
    return sorted(_CODE.findall(text)), sorted(links)


@pytest.mark.parametrize(("english", "korean"), PAIRS, ids=lambda page: page.name)
def test_the_sections_are_the_same(english, korean):
    assert [depth for depth, _ in headings(korean)] == [depth for depth, _ in headings(english)]
    assert all(_HANGUL.search(text) for _, text in headings(korean) if text != "shipper")


@pytest.mark.parametrize(("english", "korean"), PAIRS, ids=lambda page: page.name)
def test_each_section_has_the_same_names_commands_and_links(english, korean):
    for original, translated in zip(_sections(english), _sections(korean), strict=True):
        heading = original.splitlines()[0]
        assert (heading, _said(translated)) == (heading, _said(original))


@pytest.mark.parametrize(("english", "korean"), PAIRS, ids=lambda page: page.name)
def test_the_examples_are_the_same_but_for_their_comments(english, korean):
    def bare(page: Path) -> list[tuple[str, str]]:
        return [(fence.language, _COMMENT.sub("", fence.text)) for fence in fences(page)]

    assert bare(korean) == bare(english)


def test_every_failure_is_named_in_korean_too():
    named = set(_CODE.findall((ROOT / "docs/troubleshooting.ko.md").read_text()))
    assert HINTS.keys() - named == set()
