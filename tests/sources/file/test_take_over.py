"""A source that takes the place of another in the same process, as a reload wants it."""

from __future__ import annotations

from pathlib import Path

import pytest


def open_files(root: Path) -> int:
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(str(link.readlink()).startswith(f"{root}/") for link in links)


def look(bench):
    bench.now += 1
    bench.step(0)


def test_what_was_handed_over_is_not_read_again_and_what_was_not_is(bench):
    bench.commits = False
    bench.write("app.log", "one\ntwo\n")
    bench.start("*.log").later()
    bench.write("app.log", "three\nfour, ha")
    bench.change().later()
    bench.write("app.log", "lf\n")
    bench.later()
    assert bench.texts() == ["one", "two", "three", "four, half"]
    bench.settle()
    assert bench.crash().later().texts() == ["one", "two", "three", "four, half"]


def test_the_lines_under_way_are_made_again_after_a_crash(bench):
    bench.commits = False
    bench.write("app.log", "one\n")
    bench.start("*.log").later()
    bench.write("app.log", "two\n")
    bench.change().later()
    assert bench.crash().later().texts() == ["one", "two"]


def test_times_go_on_behind_the_lines_under_way(bench):
    bench.commits = False
    bench.write("app.log", "one\n")
    bench.start("*.log").later()
    (chunk,) = bench.chunks
    bench.write("app.log", "two\n")
    bench.change().later()
    assert bench.chunks[-1].lane.carry.issued == chunk.span.clock
    assert bench.chunks[-1].lane.heir == 0


@pytest.mark.parametrize("looked", [True, False])
def test_a_file_deleted_before_it_was_read_is_read_to_its_end(bench, looked):
    path = bench.write("app.log", "one\n")
    bench.start("*.log").later()
    bench.write("app.log", "two\n")
    if looked:
        look(bench)
    path.unlink()
    if looked:
        look(bench)
    bench.write("app.log", "new\n")
    bench.change().later(steps=20)
    assert bench.texts() == ["one", "two", "new"]
    assert bench.unread == 0
    assert bench.journal.lost == 0
    assert open_files(bench.root) == bench.source.extent().open == 1


def test_a_file_that_is_deleted_just_before_the_first_look_is_read_too(bench):
    path = bench.write("app.log", "one\n")
    bench.start("*.log").later()
    bench.write("app.log", "two\n")
    bench.change()
    path.unlink()
    assert bench.later(steps=20).texts() == ["one", "two"]


def test_a_file_renamed_to_a_name_that_nobody_looks_for_is_read_to_its_end(bench):
    path = bench.write("app.log", "one\n")
    bench.start("*.log").later()
    bench.write("app.log", "two\n")
    path.rename(bench.root / "elsewhere")
    assert bench.change().later(steps=20).texts() == ["one", "two"]


def test_a_path_that_is_no_longer_meant_is_not_read_on(bench):
    for name in ("app.log", "web.log"):
        bench.write(name, "one\n")
    bench.start("*.log").later()
    for name in ("app.log", "web.log"):
        bench.write(name, "two\n")
    bench.change("web.log").later(steps=3)
    assert bench.texts("app.log") == ["one"]
    assert bench.texts("web.log") == ["one", "two"]
    assert open_files(bench.root) == 1
    assert bench.change("*.log").later().texts("app.log") == ["one", "two"]


def test_a_content_that_was_replaced_meanwhile_is_a_new_one(bench):
    path = bench.write("app.log", "one\ntwo\n")
    bench.start("*.log").later()
    path.write_text("another\n")
    assert bench.change().later(steps=3).texts() == ["one", "two", "another"]


def test_two_changes_without_a_look_between_them_keep_what_was_open(bench):
    path = bench.write("app.log", "one\n")
    bench.start("*.log").later()
    bench.write("app.log", "two\n")
    bench.change()
    path.unlink()
    bench.change()
    assert bench.later(steps=20).texts() == ["one", "two"]
    bench.source.close()
    assert open_files(bench.root) == 0


def test_what_is_open_and_never_looked_at_is_closed_with_the_source(bench):
    bench.write("app.log", "one\n")
    bench.start("*.log").later()
    bench.change()
    assert open_files(bench.root) == 1
    bench.source.close()
    assert open_files(bench.root) == 0
