"""Patterns, one text at a time and many at once."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.pipeline.patterns import Pattern

PATTERNS = (
    *("a", "^a", "b$", "^$", "a.b", "a[^c]*c", r"\bab", r"\Bb", r"\Aab", r"c\z", "(?i)AB", "(?s)a.c", "(?-s)a.b", "b*"),
    *("(?P<one>a)(?P<two>b)?", "한", r"\s+c", "(?:^|b)c", r"(?m)^b", r"\Qa\E"),
)
TEXTS = st.lists(st.text("abcA \n한", max_size=5).map(str.encode), max_size=40)


@pytest.mark.parametrize("pattern", PATTERNS)
@given(TEXTS, st.integers(0, 60))
@settings(max_examples=settings().max_examples // 4)
def test_for_every_texts_those_that_match_are_among_what_is_named(pattern: str, texts: list[bytes], more: int) -> None:
    texts += [b"-"] * more
    plain = re2.compile(pattern.encode())
    named = list(Pattern(pattern).among(texts))
    assert named == sorted(set(named))
    assert {index for index, text in enumerate(texts) if plain.search(text)} <= set(named)


def test_of_many_texts_only_those_that_may_match_are_named() -> None:
    texts = [b"line %d" % number for number in range(100)]
    assert list(Pattern("secret").among(texts)) == []
    assert list(Pattern("7$").among([b"7", *texts[10:60]])) == [0, 8, 18, 28, 38, 48]


@given(TEXTS)
def test_for_every_text_the_places_are_those_of_the_plain_search(texts: list[bytes]) -> None:
    pattern, plain = Pattern("(?P<one>a)(?P<two>b)?"), re2.compile(b"(?P<one>a)(?P<two>b)?")
    assert pattern.names == [("one", 1), ("two", 2)]
    for text in texts:
        match, spans = plain.search(text), pattern.search(text)
        assert (match is None) == (spans is None)
        if match is not None and spans is not None:
            assert [match.span(index) for index in range(3)] == list(spans)
