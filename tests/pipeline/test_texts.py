"""Texts: cutting, colours, and the text that a field's value has."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.pipeline.texts import cut, encodable, field_text, scalar_text, without_colours


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=400), st.integers(64, 500))
def test_for_every_text_a_cut_is_valid_within_its_limit_and_says_what_is_missing(text: str, limit: int) -> None:
    whole = text.encode()
    made = cut(whole, limit)
    if len(whole) <= limit:
        assert made == whole
        return
    kept, mark = made.decode().rsplit(" … [cut, ", 1)
    assert len(made) <= limit
    assert whole.startswith(kept.encode())
    assert mark == f"{len(whole) - len(kept.encode())} bytes]"


def test_a_cut_goes_before_the_character_that_does_not_fit() -> None:
    assert cut("가".encode() * 40, 64) == ("가" * 14 + " … [cut, 78 bytes]").encode()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (b"\x1b[32mINFO\x1b[0m:     ok", b"INFO:     ok"),
        (b"\x1b[1;36m(APIServer pid=77)\x1b[0;0m INFO", b"(APIServer pid=77) INFO"),
        (b"a\x1b[Ab\x1b[2Kc\x1b[?25l", b"abc"),
        (b"a \x1b alone", b"a \x1b alone"),
        (b"plain", b"plain"),
    ],
)
def test_colours_and_cursor_movements_are_removed(text: bytes, plain: bytes) -> None:
    assert without_colours(text) == plain


def nested(levels: int, *inside: object) -> list[object]:
    value = list(inside)
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "scalar", "field"),
    [
        ("a", "a", "a"),
        ("", "", ""),
        (True, "true", "true"),
        (5, "5", "5"),
        (0.7, "0.7", "0.7"),
        (1e22, "1e+22", "1e+22"),
        (math.nan, "NaN", "NaN"),
        (10**30, "1" + "0" * 30, "1" + "0" * 30),
        (None, None, None),
        ({"a": [1, "가"]}, None, '{"a":[1,"가"]}'),
        ([10**30, "\ud800"], None, f'[{10**30},"\ufffd"]'),
        (nested(254), None, "[" * 254 + "]" * 254),
        (nested(255), None, None),
        (nested(254, "\ud800"), None, "[" * 254 + '"\ufffd"' + "]" * 254),
        (nested(1024), None, None),
    ],
)
def test_values_have_texts(value: object, scalar: str | None, field: str | None) -> None:
    assert (scalar_text(value), field_text(value)) == (scalar, field)


@given(st.text(st.characters()))
def test_for_every_text_what_is_made_encodable_can_be_encoded(text: str) -> None:
    assert len(encodable(text).encode().decode()) == len(text)
