"""Label sets: read as Loki reads them, refused in its words, written as it writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.devloki.labels import LabelsError, format_labels, parse_labels, quote

NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(NAMES, VALUES))
def test_for_every_label_set_what_is_written_is_read_back_equal(labels):
    pairs = tuple(sorted(labels.items()))
    assert parse_labels(format_labels(pairs)) == pairs


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("", ()),
        ("{}", ()),
        ('{b="2", a="1"}', (("a", "1"), ("b", "2"))),
        ('{a="1",}', (("a", "1"),)),
        (' { a = "1" } ', (("a", "1"),)),
        ('{a="",b="x"}', (("b", "x"),)),
        ('{a="1",a="0"}', (("a", "1"), ("a", "0"))),
        (r'{a="\"\\\n\t\x41\u00e9\101"}', (("a", '"\\\n\tAéA'),)),
        ("{a='x', b=`\\n`}", (("a", "x"), ("b", "\\n"))),
        ('up{a="1"}', (("__name__", "up"), ("a", "1"))),
        (r'{a="\ud800"}', (("a", "\ufffd"),)),
    ],
)
def test_a_label_set_is_sorted_by_name_without_empty_values(text, labels):
    assert parse_labels(text) == labels


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{job=}", '1:6: parse error: unexpected "}" in label set, expected string'),
        ('job="x"', '1:4: parse error: unexpected "="'),
        ('{1a="x"}', "1:2: parse error: unexpected character inside braces: '1'"),
        ('{a-b="x"}', "1:3: parse error: unexpected character inside braces: '-'"),
        ('{a="x', "1:4: parse error: unterminated quoted string"),
        ("{a=`x", "1:4: parse error: unterminated raw string"),
        ('{a="x" b="y"}', '1:8: parse error: unexpected identifier "b" in label set, expected "," or "}"'),
        ('{a!="x"}', '1:3: parse error: unexpected "!=" in label set, expected "="'),
        ('{a=~"x"}', '1:3: parse error: unexpected "=~" in label set, expected "="'),
        ('{a="x"', "1:7: parse error: unexpected end of input inside braces"),
        ('{a="x"} y', '1:9: parse error: unexpected identifier "y"'),
        ('{a="x",\n?="y"}', "2:1: parse error: unexpected character inside braces: '?'"),
    ],
)
def test_what_is_no_label_set_is_refused_with_its_place(text, words):
    with pytest.raises(LabelsError) as refused:
        parse_labels(text)
    assert str(refused.value) == words


@given(st.text())
def test_for_every_text_reading_gives_labels_or_a_label_error(text):
    refused = ""
    try:
        parse_labels(text)
    except LabelsError as error:
        refused = str(error)
    assert not refused or ": parse error: " in refused


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", '"plain"'),
        ("서비스", '"서비스"'),
        ('a"b\\c\n', r'"a\"b\\c\n"'),
        ("\x01\u200b\U000e0001", r'"\x01\u200b\U000e0001"'),
    ],
)
def test_a_value_is_quoted_as_go_quotes_it(value, written):
    assert quote(value) == written
