"""Globs as a table, and against brute force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.sources.file.globs import Excludes, expand, parse

MATCHES = [
    ("/l/*.log", "/l/a.log", True),
    ("/l/*.log", "/l/b/a.log", False),
    ("/l/*.log", "/l/.hidden.log", False),
    ("/l/.*.log", "/l/.hidden.log", True),
    ("/l/**/*.log", "/l/a.log", True),
    ("/l/**/*.log", "/l/b/c/a.log", True),
    ("/l/**/*.log", "/l/.b/a.log", False),
    ("/l/**", "/l/b/c/a", True),
    ("/l/**/x/**/a", "/l/1/x/2/3/a", True),
    ("/l/**/x/**/a", "/l/1/y/2/3/a", False),
    ("/l/a?.log", "/l/ab.log", True),
    ("/l/a?.log", "/l/a/.log", False),
    ("/l/[a-c]*.log", "/l/b1.log", True),
    ("/l/[!a-c]*.log", "/l/b1.log", False),
    ("/l/[^a-c]*.log", "/l/d1.log", True),
    ("/l/[]]x", "/l/]x", True),
    ("/l/[x", "/l/[x", True),
    ("/l/{app,web}.log", "/l/web.log", True),
    ("/l/{app,web{1,2}}.log", "/l/web2.log", True),
    ("/l/{app.log", "/l/{app.log", True),
    ("/l/{app}.log", "/l/{app}.log", True),
    (r"/l/\*.log", "/l/*.log", True),
    (r"/l/\*.log", "/l/a.log", False),
    ("/l/app.log", "/l/appxlog", False),
    ("/l/a\nb*", "/l/a\nb\nc", True),
    ("/l/*.log", "/l/caf\udce9.log", True),
    ("/*/x.log", "/l/x.log", True),
    ("/l/../m/x.log", "/m/x.log", True),
]


@pytest.mark.parametrize(("pattern", "path", "matches"), MATCHES)
def test_match(pattern, path, matches):
    assert any(glob.matches(path) for glob in parse(pattern)) == matches


def test_braces_are_expanded_in_order():
    assert expand("a{b,c{d,e}}f{1,2}") == ["abf1", "abf2", "acdf1", "acdf2", "acef1", "acef2"]
    assert expand(r"a\{b,c}") == [r"a\{b,c}"]
    assert expand("a{b,}") == ["ab", "a"]


def test_the_fixed_directory_is_the_longest_without_a_pattern():
    assert [(glob.directory, glob.parts) for glob in parse("/var/log/{a,b*}/c/*.log")] == [
        ("/var/log/a/c", ("*.log",)),
        ("/var/log", ("b*", "c", "*.log")),
    ]
    assert [(glob.directory, glob.parts) for glob in parse("/var/log/app.log")] == [("/var/log", ("app.log",))]


def test_a_relative_pattern_is_below_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [glob.directory for glob in parse("logs/*.log")] == [str(tmp_path / "logs")]


def test_an_exclude_with_a_slash_means_a_path_and_one_without_a_name():
    excludes = Excludes(("*.{gz,bz2}", "/l/tmp/**"))
    paths = ["/l/a.gz", "/l/x/b.bz2", "/l/tmp/x/a.log", "/l/a.log", "/tmp/a.log"]
    assert [path in excludes for path in paths] == [True, True, True, False, False]


@given(st.text(alphabet="ab*?[]{},\\!^-./", max_size=12), st.text(alphabet="ab./-", max_size=8))
def test_for_every_pattern_and_path_matching_answers_without_an_error(pattern, path):
    assert all(glob.matches("/" + path) in (True, False) for glob in parse("/" + pattern))


def twin(parts, names):
    """Matching by trying everything."""
    if not parts or not names:
        return not parts and not names
    if parts[0] != "**":
        return same(parts[0], names[0]) and twin(parts[1:], names[1:])
    shown = not names[0].startswith(".")
    if len(parts) == 1:
        return shown and (len(names) == 1 or twin(parts, names[1:]))
    return twin(parts[1:], names) or (shown and twin(parts, names[1:]))


def same(part, name):
    return name.startswith(".") <= part.startswith(".") and spelt(part, name)


def spelt(part, name):
    if part[:1] == "*":
        return spelt(part[1:], name) or (name != "" and spelt(part, name[1:]))
    if not part or not name:
        return part == name
    return part[0] in ("?", name[0]) and spelt(part[1:], name[1:])


PARTS = st.lists(
    st.text(alphabet="ab*?.", min_size=1, max_size=5).filter(lambda part: part != "."), min_size=1, max_size=5
)
PATHS = st.lists(st.text(alphabet="ab.", min_size=1, max_size=5), min_size=1, max_size=5)


@given(PARTS.filter(lambda parts: ".." not in parts), PATHS)
def test_for_every_pattern_and_path_the_answer_is_the_plain_twins(parts, names):
    (glob,) = parse("/l*/" + "/".join(parts))
    assert glob.matches("/" + "/".join(["log", *names])) == twin(["l*", *parts], ["log", *names])


def test_a_pattern_of_many_stars_is_answered_at_once():
    (name,), (path,) = parse("/" + "*a" * 40 + "*b"), parse("/*" + "/**/a" * 40 + "/b")
    assert not name.matches("/" + "a" * 250)
    assert not path.matches("/x" + "/a" * 250)
