"""The line of every key."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config.positions import line_of, lines_of


def test_every_form_of_key_has_its_line():
    text = (
        '# a = "comment"\n'
        "top = 1\n"
        '"quoted \\" key" = 2\n'
        "'it' = 3\n"
        "[loki]\n"
        'url = "http://x" # [not.a.table]\n'
        'backoff = { min = "1s", max = "2s" }\n'
        'dotted.key . "x.y" = 4\n'
        'text = """\n'
        "[[source]]\n"
        'name = "not a key" \\\n'
        '"""\n'
        "after = [\n"
        "  1, # one ]\n"
        "  # two\n"
        "  [2, { a = 3, b = '''x\n"
        "y''' } ],\n"
        "  ']',\n"
        "]\n"
        "[[source]]\n"
        'name = "a"\n'
        "[source.labels]\n"
        'job = "x"\n'
        "[[source]]\n"
        'name = "b"\n'
        "[[source.deep]]\n"
        "x = 1\n"
        "[[source.deep]]\n"
        "x = 2\n"
        "[a.b.c]\n"
        "d = 2026-01-27 15:40:01\n"
    )
    assert tomllib.loads(text)["source"][1]["deep"] == [{"x": 1}, {"x": 2}]
    assert dict(lines_of(text)) == {
        (): 1,
        ("top",): 2,
        ('quoted " key',): 3,
        ("it",): 4,
        ("loki",): 5,
        ("loki", "url"): 6,
        ("loki", "backoff"): 7,
        ("loki", "backoff", "min"): 7,
        ("loki", "backoff", "max"): 7,
        ("loki", "dotted"): 8,
        ("loki", "dotted", "key"): 8,
        ("loki", "dotted", "key", "x.y"): 8,
        ("loki", "text"): 9,
        ("loki", "after"): 13,
        ("loki", "after", 0): 14,
        ("loki", "after", 1): 16,
        ("loki", "after", 1, 0): 16,
        ("loki", "after", 1, 1): 16,
        ("loki", "after", 1, 1, "a"): 16,
        ("loki", "after", 1, 1, "b"): 16,
        ("loki", "after", 2): 18,
        ("source",): 20,
        ("source", 0): 20,
        ("source", 0, "name"): 21,
        ("source", 0, "labels"): 22,
        ("source", 0, "labels", "job"): 23,
        ("source", 1): 24,
        ("source", 1, "name"): 25,
        ("source", 1, "deep"): 26,
        ("source", 1, "deep", 0): 26,
        ("source", 1, "deep", 0, "x"): 27,
        ("source", 1, "deep", 1): 28,
        ("source", 1, "deep", 1, "x"): 29,
        ("a",): 30,
        ("a", "b"): 30,
        ("a", "b", "c"): 30,
        ("a", "b", "c", "d"): 31,
    }


def test_a_path_that_is_not_written_has_the_line_of_the_table_around_it():
    lines = lines_of("[a]\n[a.b]\nx = 1\n")
    assert [line_of(lines, path) for path in [("a", "b", "y"), ("c",), ()]] == [2, 1, 1]


WORDS = st.text("abc.\"'#[]{}=\\\n \t한", max_size=6)


def _basic(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _multiline(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""\n{escaped}"""'


def _literal(text: str) -> str:
    kept = text.replace("'", "")
    return f"'''\n{kept}'''"


SCALARS = st.one_of(
    st.sampled_from(["1", "-2.5e3", "true", "2026-01-27T15:40:01Z", "0xf", "inf"]),
    WORDS.map(_basic),
    WORDS.map(_multiline),
    WORDS.map(_literal),
)
SPACE = st.sampled_from(["", " ", "\n", " # ]}\n", "\n\n"])


@st.composite
def _lists(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    members = [draw(SPACE) + draw(inner) + draw(SPACE) for _ in range(draw(st.integers(0, 3)))]
    comma = draw(st.sampled_from(["", ","])) if members else ""
    return f"[{','.join(members)}{comma}{draw(SPACE)}]"


@st.composite
def _tables(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    keys = draw(st.lists(WORDS, max_size=3, unique=True))
    return "{" + ", ".join(f"{_basic(key)} = {draw(inner)}" for key in keys) + "}"


VALUES = st.recursive(SCALARS, lambda inner: st.one_of(_lists(inner), _tables(inner)), max_leaves=8)


@st.composite
def documents(draw: st.DrawFn) -> str:
    text = ""
    for number in range(draw(st.integers(0, 4))):
        header = draw(st.sampled_from(["", f"[t{number}.u]\n", "[[list]]\n", "[[list.sub]]\n", "[list.'x y']\n"]))
        body = "".join(f"k{number}{place} = {draw(VALUES)}\n" for place in range(draw(st.integers(0, 3))))
        text += draw(st.sampled_from(["", "\n", "# [x]\n"])) + header + body
    return text


def _paths(value: object, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path}.union(*(_paths(member, (*path, part)) for part, member in inner))


@given(documents())
def test_for_every_valid_text_each_path_has_a_line_and_no_other_has(text):
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = lines_of(text)
    assert set(lines) == _paths(document)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@pytest.mark.parametrize("depth", [200])
def test_deep_nesting_needs_no_recursion(depth):
    text = f"x = {'[' * depth}{']' * depth}"
    assert len(lines_of(text)) == depth + 1
