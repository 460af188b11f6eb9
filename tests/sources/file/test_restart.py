"""Stopping and starting: positions, replays, and what rotated while the agent was down."""

from __future__ import annotations

import gzip
import os
import shutil

import pytest

from shipper.chunk import Carry
from shipper.sources.file.content import PIECE


def numbers(first, end):
    return "".join(f"line {index}\n" for index in range(first, end))


def named(first, end):
    return [f"line {index}" for index in range(first, end)]


def arrived(bench):
    return [line.decode() for lines in bench.lines.values() for line in lines]


def test_reading_goes_on_where_everything_was_settled(bench):
    bench.write("app.log", numbers(0, 5))
    bench.start("app.log").later()
    bench.write("app.log", numbers(5, 9))
    bench.start().later()
    bench.start().later()
    assert bench.texts() == named(0, 9)


def test_a_partial_line_over_a_restart_is_one_line(bench):
    bench.write("app.log", "one\ntw")
    bench.start("app.log").later()
    bench.start().later()
    bench.write("app.log", "o\n")
    bench.later()
    assert bench.texts() == ["one", "two"]


def test_spans_settled_out_of_order_are_not_read_again(bench):
    bench.commits = False
    bench.start("app.log")
    for number in range(3):
        bench.write("app.log", f"{number}\n")
        bench.later()
    first, second, third = (chunk.span for chunk in bench.chunks)
    bench.journal.commit(second)
    bench.crash().later()
    assert sorted(bench.texts()) == ["0", "1", "2"]
    again = bench.chunks[-2:]
    assert [(chunk.span.replay, chunk.span.start, chunk.span.row) for chunk in again] == [
        (True, 0, first.row),
        (True, 4, third.row),
    ]


def test_a_replayed_span_is_the_span_that_was_begun(bench):
    bench.commits = False
    bench.write("app.log", "1\n2\nrest")
    bench.start("app.log").later()
    before = bench.chunks[0]
    bench.now += 500
    bench.write("app.log", " of it\n")
    bench.crash().later()
    again = bench.chunks[0]
    fields = ("start", "end", "clock", "after_eof", "hit_eof", "fingerprint", "row")
    assert [getattr(again.span, name) for name in fields] == [getattr(before.span, name) for name in fields]
    assert (again.lines, again.lengths, again.surplus) == (before.lines, before.lengths, {})
    assert (again.plain, before.plain, before.surplus) == (True, True, {})
    assert bench.texts() == ["1", "2", "rest of it"]


def test_a_final_rest_is_replayed_as_the_final_rest_it_was(bench):
    path = bench.write("app.log", "1\nrest")
    bench.start("app.log").later()
    bench.commits = False
    path.rename(bench.root / "app.log.1")
    bench.later()
    bench.later(6)
    assert bench.texts() == ["1", "rest"]
    bench.crash().later()
    assert bench.texts() == ["1", "rest"]
    assert (bench.chunks[-1].span.start, bench.chunks[-1].span.end, bench.chunks[-1].surplus) == (2, 6, {0: -1})


def test_bytes_of_an_open_span_that_are_gone_are_named_and_the_span_closed(bench):
    path = bench.write("app.log", "1\n")
    bench.start("app.log").later()
    bench.commits = False
    bench.write("app.log", "2\n")
    bench.later()
    row = bench.chunks[-1].span.row
    path.write_text("other\nstuff\n")
    bench.crash()
    bench.commits = True
    bench.later()
    assert [span.row for span in bench.abandoned] == [row]
    assert bench.texts() == ["1", "other", "stuff"]
    assert "replay_missing" in bench.failing()


@pytest.mark.parametrize("pattern", ["app.log", "app.log*", "*"])
def test_what_rotated_while_down_is_read_first_and_in_order(bench, pattern):
    path = bench.write("app.log", numbers(0, 10))
    bench.start(pattern).later()
    bench.source.close()
    bench.write("app.log", numbers(10, 20))
    path.rename(bench.root / "app.log.1")
    bench.write("app.log", numbers(20, 30))
    (bench.root / "app.log.1").rename(bench.root / "app.log.2")
    path.rename(bench.root / "app.log.1")
    bench.write("app.log", numbers(30, 40))
    bench.start().later()
    assert bench.texts() == named(0, 40)
    bench.later(11, steps=10)
    bench.start().later(11, steps=3)
    assert arrived(bench) == named(0, 40)


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
def test_what_was_rotated_and_compressed_while_down_is_finished(bench, pattern):
    path = bench.write("app.log", numbers(0, 10))
    bench.start(pattern, exclude=("*.gz",)).later()
    bench.source.close()
    bench.write("app.log", numbers(10, 20))
    with gzip.open(bench.root / "app.log.1.gz", "wb") as packed:
        packed.write(path.read_bytes())
    path.unlink()
    bench.write("app.log", numbers(20, 30))
    bench.start().later()
    assert bench.texts() == named(0, 30)
    bench.later(11, steps=10)
    bench.start().later(11, steps=3)
    assert arrived(bench) == named(0, 30)


def test_a_compressed_file_is_read_on_behind_open_spans_that_reach_past_its_first_piece(bench):
    """At the first look only one piece is decompressed; its end is not the file's."""
    path = bench.write("app.log", "x\n" * 10)
    bench.start("app.log").later()
    bench.commits = False
    bench.write("app.log", "x\n" * (PIECE // 2 + 10))
    bench.later(1, steps=10)
    bench.source.close()
    bench.write("app.log", "unread\n")
    with gzip.open(bench.root / "app.log.1.gz", "wb") as packed:
        packed.write(path.read_bytes())
    path.unlink()
    bench.write("app.log", "new\n")
    bench.start().later(1, steps=10)
    assert bench.texts()[-3:] == ["x", "unread", "new"]


def test_copytruncate_while_down_is_finished_from_the_copy(bench):
    path = bench.write("app.log", numbers(0, 10))
    bench.start("app.log").later()
    bench.source.close()
    bench.write("app.log", numbers(10, 20))
    shutil.copy(path, bench.root / "app.log.1")
    os.truncate(path, 0)
    bench.write("app.log", numbers(20, 40))
    bench.start().later()
    assert bench.texts() == named(0, 40)


def test_open_spans_are_replayed_from_where_the_file_went(bench):
    path = bench.write("app.log", numbers(0, 10))
    bench.start("app.log").later()
    bench.commits = False
    bench.write("app.log", numbers(10, 15))
    bench.later()
    bench.source.close()
    bench.write("app.log", numbers(15, 20))
    path.rename(bench.root / "app-20260127.log")
    bench.write("app.log", numbers(20, 25))
    bench.crash().later()
    assert bench.texts() == named(0, 25)


def test_a_replaced_file_is_a_new_content_and_the_loss_is_named(bench):
    path = bench.write("app.log", numbers(0, 10))
    bench.start("app.log").later()
    bench.write("app.log", numbers(10, 20))
    bench.now += 11
    bench.step(0)
    bench.source.close()
    path.unlink()
    bench.write("app.log", numbers(50, 60))
    bench.start().later()
    assert bench.texts() == named(0, 10) + named(50, 60)
    assert bench.failing() == {"generation_lost": 1}
    assert bench.unread == len(numbers(10, 20))


def test_a_vanished_directory_is_waited_for_and_nothing_is_shipped_twice(bench):
    bench.write("mount/app.log", numbers(0, 10))
    bench.start("mount/*.log").later()
    bench.source.close()
    (bench.root / "mount").rename(bench.root / "away")
    bench.start().later(11, steps=100)
    assert bench.texts("mount/app.log") == named(0, 10)
    (bench.root / "away").rename(bench.root / "mount")
    bench.write("mount/app.log", numbers(10, 12))
    bench.later(11)
    assert bench.texts("mount/app.log") == named(0, 12)


def test_a_copied_tree_with_other_inodes_is_the_same_content(bench):
    path = bench.write("app.log", numbers(0, 10))
    bench.start("app.log").later()
    bench.source.close()
    copy = shutil.copy(path, bench.root / "copy")
    path.unlink()
    copy.rename(path)
    bench.write("app.log", numbers(10, 11))
    bench.start().later()
    assert bench.texts() == named(0, 11)


def test_start_at_end_holds_for_files_of_the_first_start_only(bench):
    bench.write("old.log", "1\n2\nrest")
    bench.start("*.log", start_at="end").later()
    assert bench.texts("old.log") == []
    bench.write("old.log", " of it\n3\n")
    bench.write("new.log", "a\n")
    bench.later(11)
    assert (bench.texts("old.log"), bench.texts("new.log")) == (["rest of it", "3"], ["a"])
    bench.source.close()
    bench.write("down.log", "x\n")
    bench.start().later()
    assert (bench.texts("old.log"), bench.texts("down.log")) == (["rest of it", "3"], ["x"])


def test_the_carry_of_a_path_is_that_of_its_newest_generation(bench):
    from dataclasses import replace

    from shipper.chunk import Carry

    path = bench.write("app.log", "1\n")
    bench.start("app.log").later()
    path.rename(bench.root / "app.log.1")
    bench.write("app.log", "2\n")
    bench.later()
    for known in list(bench.journal.generations.values()):
        bench.journal.generations[known.id] = replace(known, carry=Carry(issued=known.id * 100))
    bench.write("app.log", "3\n")
    bench.start().later()
    assert bench.chunks[-1].lane.carry == Carry(issued=200)


def test_whether_an_end_of_file_came_before_a_span(bench):
    bench.write("app.log", numbers(0, 100_000))
    bench.start("app.log")
    bench.step(1)
    bench.step(1)
    bench.later()
    flags = [(chunk.span.after_eof, chunk.span.hit_eof) for chunk in bench.chunks]
    assert flags == [(True, False), *[(False, False)] * (len(flags) - 2), (False, True)]
    bench.write("app.log", "next\n")
    bench.start().later()
    assert (bench.chunks[-1].span.after_eof, bench.chunks[-1].span.hit_eof) == (True, True)


def repoint(bench, name):
    """Let the link `app.log` lead to another file."""
    link = bench.root / "new"
    link.symlink_to(name)
    link.replace(bench.root / "app.log")


def test_a_link_that_leads_elsewhere_by_now_leaves_its_file_to_be_finished_first(bench):
    bench.write("first.txt", numbers(0, 5))
    repoint(bench, "first.txt")
    bench.start("app.log").later()
    bench.write("first.txt", numbers(5, 9))
    bench.write("second.txt", numbers(9, 12))
    repoint(bench, "second.txt")
    bench.crash().later(1, steps=10)
    assert bench.texts() == named(0, 12)


def test_a_file_at_rest_is_finished_after_its_link_was_led_elsewhere(bench):
    bench.write("first.txt", numbers(0, 5))
    repoint(bench, "first.txt")
    bench.start("app.log").later(1, steps=70)
    assert [status.open for status in bench.source.files()] == [False]
    bench.write("first.txt", numbers(5, 9))
    bench.write("second.txt", numbers(9, 12))
    repoint(bench, "second.txt")
    bench.later(10, steps=3)
    assert bench.texts() == named(0, 12)


def lane_after(bench, *, settle):
    """The lane of the path after a restart at which the first span of a newer generation was settled, or was not."""
    bench.commits = False
    bench.write("app.log", numbers(0, 5))
    bench.start("app.log*").later()
    (bench.root / "app.log").rename(bench.root / "app.log.1")
    bench.write("app.log", numbers(5, 9))
    bench.later(6, steps=2)
    older, newer = bench.chunks
    assert (older.span.row, newer.span.row) == (1, 2)
    newer.span.carry = Carry(issued=100)
    for span in settle:
        bench.journal.carries[span] = Carry(issued=span)
        bench.journal.commit(bench.chunks[span - 1].span)
    bench.start()
    bench.step()
    (chunk,) = bench.chunks[2:3]
    return chunk.lane.carry.issued, chunk.lane.heir


def test_after_a_restart_lines_follow_the_span_that_was_begun_last(bench):
    assert lane_after(bench, settle=()) == (100, 2)


def test_after_a_restart_lines_follow_a_later_span_that_is_settled_while_earlier_ones_are_not(bench):
    assert lane_after(bench, settle=(2,)) == (2, 0)


def test_after_a_restart_lines_follow_the_newest_generation_that_was_read(bench):
    bench.write("app.log", numbers(0, 5))
    bench.start("app.log*").later()
    (bench.root / "app.log").rename(bench.root / "app.log.1")
    (bench.root / "app.log").touch()
    bench.later()
    issued = bench.chunks[0].span.clock
    bench.start()
    bench.write("app.log", numbers(5, 9))
    bench.later()
    assert bench.chunks[1].lane.carry.issued == issued


def test_what_was_open_is_replayed_before_anything_new_of_its_path_is_read(bench):
    bench.write("app.log", "1\n")
    bench.start("app.log").later()
    (bench.root / "app.log").rename(bench.root / "app.log.1")
    bench.commits = False
    bench.write("app.log", "2\n")
    bench.later()
    bench.write("app.log.1", "late\n")
    bench.crash().later()
    read = [(chunk.span.origin.generation, chunk.span.replay, chunk.lines) for chunk in bench.chunks]
    assert read == [(1, False, [b"1"]), (2, True, [b"2"]), (1, False, [b"late"])]


def test_after_a_restart_lines_follow_those_read_last_though_a_generation_found_late_has_a_newer_number(bench):
    def copy_and_truncate(name):
        shutil.copy2(bench.root / "app.log", bench.root / name)
        os.truncate(bench.root / "app.log", 0)

    bench.write("app.log", "one\n")
    bench.start("app.log").later()
    copy_and_truncate("app.log.2")
    bench.later()
    bench.write("app.log", "two\n")
    copy_and_truncate("app.log.1")
    bench.write("app.log", "three\n")
    bench.later(1).later(11, steps=3)
    read = [(chunk.span.origin.generation, chunk.lines) for chunk in bench.chunks]
    assert read == [(1, [b"one"]), (3, [b"two"]), (2, [b"three"])]
    issued = bench.chunks[-1].span.clock
    bench.start()
    bench.write("app.log", "four\n")
    bench.later()
    assert bench.chunks[-1].lane.carry.issued == issued


def test_a_file_with_other_bytes_is_not_taken_for_one_that_is_sought_to_be_read_again(bench):
    bench.commits = False
    bench.write("app.log", "line 1\n")
    bench.start("app.log").later()
    (bench.root / "app.log").unlink()
    bench.write("app.log.1", "line 3\n")
    bench.write("app.log", "")
    bench.start().later(11, steps=3)
    assert bench.texts() == ["line 1", "line 3"]


def test_a_compressed_file_is_not_taken_for_a_newer_one_that_began_with_the_same_lines(bench):
    banner = "".join(f"banner line {index:03} of every generation\n" for index in range(30))
    bench.write("app.log", banner + "last\n")
    bench.start("app.log").later()
    (bench.root / "app.log").rename(bench.root / "app.log.1")
    bench.write("app.log", banner)
    bench.later(11)
    (bench.root / "app.log").unlink()
    with gzip.open(bench.root / "app.log.1.gz", "wb") as packed:
        packed.write((bench.root / "app.log.1").read_bytes())
    (bench.root / "app.log.1").unlink()
    bench.start().later(11, steps=3)
    assert bench.texts() == [*banner.splitlines(), "last", *banner.splitlines()]
