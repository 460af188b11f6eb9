"""How mistakes are worded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config.loading import examine_text
from shipper.config.mistakes import Problem, key_text, nearest, printable, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", '"x"'),
        ('a"b', '"a\\"b"'),
        (r"\d+", r"'\d+'"),
        (5, "5"),
        (True, "true"),
        ([1], "a list"),
        ({"password": "x"}, "a table"),
        ("x" * 100, f'"{"x" * 79}…'),
    ],
)
def test_a_value_is_shown_as_it_was_written_and_tables_by_their_type(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    ("word", "names", "found"),
    [
        ("urll", ("url", "tls"), 'did you mean "url"?'),
        ("URL", ("url", "tls"), 'did you mean "url"?'),
        ("drop", ("hold", "drop-oldest"), 'did you mean "drop-oldest"?'),
        ("zzz", ("url", "tls"), ""),
        ("", ("url",), ""),
    ],
)
def test_the_nearest_name_is_offered(word, names, found):
    assert nearest(word, names) == found


def test_a_path_is_written_as_in_toml():
    assert key_text(("source", 0, "labels", "a b", "c")) == 'source[0].labels."a b".c'


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("f", 3, "a.b", "m"), "f:3: a.b: m"),
        (Problem("f", 3, "", "m"), "f:3: m"),
        (Problem("f", 0, "", "m"), "f: m"),
    ],
)
def test_a_problem_is_one_line(problem, text):
    assert str(problem) == text


def test_control_characters_of_a_file_are_written_out_in_its_mistakes():
    text = "['\u2028']\n[[source]]\nname='a'\ntype='file'\npaths=['x']"
    found = examine_text(text.encode(), "f", {}).problems
    assert [(p.key, p.message.partition(";")[0]) for p in found] == [
        ('"\\u2028"', 'expected a known key, got "\\u2028"')
    ]


@given(st.text())
def test_for_every_text_what_is_printable_stays_and_the_rest_is_written_out(text):
    written = printable(text)
    assert written.isprintable()
    assert (written == text) == text.isprintable()
