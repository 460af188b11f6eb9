"""Rotation, truncation, deletion: what is read, in which order, and what is counted as gone."""

from __future__ import annotations

import gzip
import logging
import logging.handlers
import os
import shutil

import pytest

from shipper.sources.file.fingerprint import take

BANNER = "".join(f"banner line {index:03} of every generation\n" for index in range(30))
"""More than the 1 KiB that a fingerprint's head sees."""


def numbers(first, end):
    return "".join(f"line {index}\n" for index in range(first, end))


def named(first, end):
    return [f"line {index}" for index in range(first, end)]


def rotate(bench, name="app.log", backups=5):
    """Rename as size-based handlers do: the oldest goes, the others move up."""
    path = bench.root / name
    (bench.root / f"{name}.{backups}").unlink(missing_ok=True)
    for number in range(backups - 1, 0, -1):
        older = bench.root / f"{name}.{number}"
        if older.exists():
            older.rename(bench.root / f"{name}.{number + 1}")
    path.rename(bench.root / f"{name}.1")


# ── rename ──


def test_a_partial_line_is_completed_through_the_old_descriptor_after_the_rename(bench):
    path = bench.write("app.log", "one\ntw")
    bench.start("app.log").later()
    with path.open("ab") as writer:
        rotate(bench)
        bench.write("app.log", "three\n")
        bench.later()
        assert bench.texts() == ["one"], "the new file waits for the old one's last line"
        writer.write(b"o\n")
    bench.later()
    assert bench.texts() == ["one", "two", "three"]


def test_an_unterminated_rest_is_final_after_rotate_wait_once_as_it_is(bench):
    bench.write("app.log", "one\ntw")
    bench.start("app.log").later()
    rotate(bench)
    bench.write("app.log", "three\n")
    bench.later()
    assert bench.texts() == ["one"]
    assert not bench.source.caught_up()
    bench.later(5)
    assert bench.texts() == ["one", "tw", "three"]
    assert bench.source.caught_up()
    bench.later(10, steps=10)
    bench.start().later(2, steps=5)
    assert bench.texts() == ["one", "tw", "three"]


def test_a_rest_that_keeps_growing_holds_the_new_file_up_for_rotate_wait_only(bench):
    path = bench.write("app.log", "one\ntw")
    bench.start("app.log").later()
    with path.open("ab", buffering=0) as writer:
        rotate(bench)
        bench.write("app.log", "three\n")
        for _ in range(6):
            writer.write(b"o")
            bench.later()
        assert bench.texts() == ["one", "three"]
        writer.write(b"\n")
        bench.later()
    assert bench.texts() == ["one", "three", "twoooooo"]


def test_a_writer_that_keeps_the_old_descriptor_is_read_on(bench):
    path = bench.write("app.log", "1\n")
    bench.start("app.log").later()
    with path.open("ab", buffering=0) as writer:
        rotate(bench)
        bench.write("app.log", "2\n")
        bench.later()
        writer.write(b"late\n")
        bench.later()
        assert bench.texts() == ["1", "2", "late"]
        bench.later(30)
        writer.write(b"later\n")
        bench.later(2)
    assert bench.texts() == ["1", "2", "late", "later"]


def test_a_rotated_file_is_finished_after_a_minute_at_rest(bench):
    bench.write("app.log", "1\n")
    bench.start("app.log").later()
    rotate(bench)
    bench.write("app.log", "2\n")
    bench.later(1, steps=70)
    assert [(known.offset, known.finished) for known in bench.journal.known()] == [(2, True), (2, False)]
    assert [status.open for status in bench.source.files()] == [False, False]


def test_a_chain_of_three_between_two_steps_is_read_in_order_under_the_own_name(bench):
    bench.write("app.log", numbers(0, 10))
    bench.start("app.log").later()
    bench.write("app.log", numbers(10, 20))
    for generation in range(2, 5):
        rotate(bench)
        bench.write("app.log", numbers(generation * 10, generation * 10 + 10))
    bench.later()
    assert bench.texts() == named(0, 50)
    assert {chunk.span.origin.path for chunk in bench.chunks} == {str(bench.root / "app.log")}
    assert len({chunk.span.origin.generation for chunk in bench.chunks}) == 4


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
def test_a_chain_is_read_once_whether_or_not_the_glob_matches_rotated_names(bench, pattern):
    bench.write("app.log", numbers(0, 10))
    bench.start(pattern).later()
    for generation in range(1, 8):
        for _ in range(2):
            rotate(bench)
            bench.write("app.log", f"{generation}\n")
        bench.later(11)
    arrived = [line for lines in bench.lines.values() for line in lines]
    assert [line.decode() for line in arrived] == named(0, 10) + [str(g) for g in range(1, 8) for _ in range(2)]


def test_siblings_that_were_there_before_the_first_start_are_not_read(bench):
    bench.write("app.log.2", "ancient\n")
    bench.write("app.log.1", "old\n")
    bench.write("app.log", "1\n")
    bench.start("app.log").later()
    rotate(bench)
    bench.write("app.log", "2\n")
    bench.later()
    assert bench.texts() == ["1", "2"]
    bench.start().later()
    rotate(bench)
    bench.write("app.log", "3\n")
    bench.later()
    assert bench.texts() == ["1", "2", "3"]


def test_for_every_generation_with_the_same_first_lines_nothing_is_taken_for_another(bench):
    bench.write("app.log", BANNER)
    bench.start("app.log").later()
    expected = BANNER.splitlines()
    for generation in range(6):
        bench.write("app.log", f"generation {generation}\n")
        rotate(bench, backups=2)
        bench.write("app.log", BANNER)
        expected += [f"generation {generation}", *BANNER.splitlines()]
        bench.later()
        bench.start().later()
        assert bench.texts() == expected


def test_a_freed_inode_number_is_no_identity(bench):
    path = bench.write("app.log", "1\n")
    bench.start("app.log").later()
    for number in range(2, 12):
        inode = path.stat().st_ino
        path.unlink()
        bench.write("app.log", f"{number}\n")
        bench.later(7)
        bench.start().later()
        path = bench.root / "app.log"
        assert bench.texts() == [str(n) for n in range(1, number + 1)], f"inode {inode} and {path.stat().st_ino}"


def test_a_deleted_file_is_read_to_its_end_through_its_descriptor(bench):
    path = bench.write("app.log", numbers(0, 1000))
    bench.start("app.log")
    bench.step(0)
    path.unlink()
    bench.later(1)
    assert bench.texts() == named(0, 1000)
    assert bench.source.deleted_bytes_held() == len(numbers(0, 1000))
    bench.later(6)
    assert bench.source.deleted_bytes_held() == 0
    assert [known.finished for known in bench.journal.known()] == [True]


def test_looking_without_reading_keeps_what_is_rotated_and_deleted_until_it_is_read(bench):
    bench.write("app.log", "0\n")
    bench.start("app.log").later()
    for number in range(1, 5):
        bench.write("app.log", f"{number}\n")
        rotate(bench, backups=1)
        bench.write("app.log", f"{number}b\n")
        for _ in range(3):
            bench.now += 1
            bench.step(0)
    assert bench.texts() == ["0"]
    bench.later()
    assert bench.texts() == ["0", "1", "1b", "2", "2b", "3", "3b", "4", "4b"]


def test_a_dated_rotation_is_a_rotation(bench):
    path = bench.write("app.log", "1\n")
    bench.start("app.log").later()
    bench.write("app.log", "2\n")
    path.rename(bench.root / "app-20260127.log")
    bench.write("app.log", "3\n")
    path.rename(bench.root / "app.log-20260128")
    bench.write("app.log", "4\n")
    bench.later()
    assert bench.texts() == ["1", "2", "3", "4"]


def test_rotating_file_handler_at_high_rate_loses_and_doubles_nothing(bench):
    handler = logging.handlers.RotatingFileHandler(bench.root / "app.log", maxBytes=2000, backupCount=5)
    logger = logging.Logger("writer")
    logger.addHandler(handler)
    bench.start("*.log")
    for index in range(3000):
        logger.info("line %d", index)
        if index % 400 == 0:
            bench.step(0)
        if index % 700 == 0:
            bench.later(0.5)
    handler.close()
    bench.later(1, steps=3)
    assert bench.texts() == named(0, 3000)
    assert bench.unread == 0


# ── copies ──


def copytruncate(bench, name="app.log", copy="app.log.1"):
    shutil.copy(bench.root / name, bench.root / copy)
    os.truncate(bench.root / name, 0)


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
def test_copytruncate_with_a_backlog_is_finished_from_the_copy(bench, pattern):
    bench.write("app.log", numbers(0, 100))
    bench.start(pattern).later()
    bench.write("app.log", numbers(100, 200))
    bench.step(0)
    copytruncate(bench)
    bench.write("app.log", numbers(200, 210))
    bench.later()
    assert bench.texts() == named(0, 210)
    assert (bench.unread, bench.failing()) == (0, {})
    bench.later(11, steps=10)
    bench.start().later(11, steps=3)
    assert bench.texts() == named(0, 210)
    assert sum(map(len, bench.lines.values())) == 210


def test_a_copy_that_is_seen_before_the_truncation_is_not_shipped(bench):
    bench.write("app.log", numbers(0, 100))
    bench.start("app.log*").later()
    shutil.copy(bench.root / "app.log", bench.root / "app.log.1")
    bench.later(11)
    bench.write("app.log", numbers(100, 105))
    bench.later()
    shutil.copy(bench.root / "app.log", bench.root / "app.log.1")
    bench.later(11)
    os.truncate(bench.root / "app.log", 0)
    bench.write("app.log", numbers(105, 110))
    bench.later(11, steps=10)
    assert bench.texts() == named(0, 110)
    assert sum(map(len, bench.lines.values())) == 110


def test_bytes_that_a_truncation_took_unread_are_counted_and_named(bench):
    bench.write("app.log", numbers(0, 100))
    bench.start("app.log").later()
    lost = numbers(100, 200)
    bench.write("app.log", lost)
    bench.step(0)
    bench.now += 1
    bench.step(0)
    os.truncate(bench.root / "app.log", 0)
    bench.write("app.log", numbers(200, 210))
    bench.later()
    assert bench.texts() == named(0, 100) + named(200, 210)
    assert (bench.unread, bench.failing()) == (len(lost), {"truncated_unread": 1})


def test_truncate_and_regrow_past_the_offset_between_two_looks_is_seen(bench):
    bench.write("app.log", numbers(0, 100))
    bench.start("app.log").later()
    os.truncate(bench.root / "app.log", 0)
    bench.write("app.log", numbers(500, 900))
    bench.later()
    assert bench.texts() == named(0, 100) + named(500, 900)
    assert bench.unread == 0


def test_a_file_rewritten_in_place_at_the_same_size_is_a_new_content(bench):
    path = bench.write("app.log", "one\n")
    bench.start("app.log").later()
    path.write_bytes(b"two\n")
    os.utime(path, ns=(1, 1))
    bench.later()
    assert bench.texts() == ["one", "two"]


def test_a_writer_with_a_stale_offset_leaves_a_hole_that_is_cut_off(bench):
    path = bench.root / "app.log"
    with path.open("wb", buffering=0) as writer:
        writer.write(numbers(0, 100).encode())
        bench.start("app.log").later()
        os.truncate(path, 0)
        writer.write(b"after\n")
        bench.later()
    assert bench.texts() == [*named(0, 100), "after"]
    assert bench.chunks[-1].fallbacks == {"nul_hole": 1}


def test_the_unterminated_rest_of_a_truncated_file_is_sent_as_it_is(bench):
    bench.write("app.log", "one\ntw")
    bench.start("app.log").later()
    os.truncate(bench.root / "app.log", 0)
    bench.write("app.log", "three\n")
    bench.later()
    assert bench.texts() == ["one", "tw", "three"]


# ── compression, links, replacement ──


def compress(path):
    packed = path.with_name(path.name + ".gz")
    with path.open("rb") as plain, gzip.open(packed, "wb") as out:
        shutil.copyfileobj(plain, out)
    info = path.stat()
    os.utime(packed, ns=(info.st_atime_ns, info.st_mtime_ns))
    path.unlink()
    return packed


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
def test_compressing_a_rotated_file_ships_nothing_again(bench, pattern):
    bench.write("app.log", numbers(0, 100))
    bench.start(pattern).later()
    bench.write("app.log", numbers(100, 120))
    rotate(bench)
    compress(bench.root / "app.log.1")
    bench.write("app.log", numbers(120, 130))
    bench.later(11, steps=10)
    bench.start().later(11, steps=3)
    arrived = [line.decode() for lines in bench.lines.values() for line in lines]
    assert arrived == named(0, 130)


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("begun", [0, 2])
def test_a_compressed_copy_that_is_met_before_its_head_is_written_is_never_read_as_it_is(bench, pattern, begun):
    bench.write("app.log", numbers(0, 100))
    bench.start(pattern).later()
    rotate(bench)
    first = bench.root / "app.log.1"
    packed = first.with_name("app.log.1.gz")
    packed.write_bytes(gzip.compress(first.read_bytes())[:begun])
    bench.write("app.log", numbers(100, 110))
    bench.later()
    compress(first)
    bench.later(11, steps=10)
    assert sorted(line for lines in bench.lines.values() for line in lines) == sorted(map(str.encode, named(0, 110)))


def test_a_symbolic_link_that_is_repointed_is_followed_and_back_again(bench):
    for name, first in (("a", 0), ("b", 100)):
        bench.write(f"data/{name}", numbers(first, first + 3))
    link = bench.root / "app.log"
    expected = []
    bench.start("app.log")
    position = {"a": 3, "b": 103}
    expected = named(0, 3)
    link.symlink_to("data/a")
    bench.later()
    for turn in range(6):
        name = "ba"[turn % 2]
        link.unlink()
        link.symlink_to(f"data/{name}")
        if turn == 0:
            expected += named(100, 103)
        bench.write(f"data/{name}", numbers(position[name], position[name] + 2))
        expected += named(position[name], position[name] + 2)
        position[name] += 2
        bench.later()
        assert bench.texts() == expected


def test_a_file_put_back_with_the_same_content_is_not_shipped_again(bench):
    path = bench.write("app.log", numbers(0, 1000))
    bench.start("app.log").later()
    copy = path.with_name("tmp")
    shutil.copy(path, copy)
    copy.rename(path)
    bench.write("app.log", "new\n")
    bench.later()
    assert bench.texts() == [*named(0, 1000), "new"]


def test_delete_and_recreate_reads_both(bench):
    path = bench.write("app.log", "1\n2\n")
    bench.start("app.log").later()
    bench.write("app.log", "3\n")
    path.unlink()
    bench.write("app.log", "1\n2\n")
    bench.later()
    assert bench.texts() == ["1", "2", "3", "1", "2"]


def test_an_idle_closed_file_that_is_written_and_rotated_between_two_looks_is_found(bench):
    bench.write("app.log", "1\n")
    bench.start("app.log").later(1, steps=70)
    assert [status.open for status in bench.source.files()] == [False]
    bench.write("app.log", "2\n")
    rotate(bench)
    bench.write("app.log", "3\n")
    rotate(bench)
    bench.write("app.log", "4\n")
    bench.later(10)
    assert bench.texts() == ["1", "2", "3", "4"]


def test_an_idle_closed_file_that_is_truncated_and_regrown_is_a_new_content(bench):
    bench.write("app.log", numbers(0, 10))
    bench.start("app.log").later(1, steps=70)
    os.truncate(bench.root / "app.log", 0)
    bench.write("app.log", numbers(50, 90))
    bench.later(10)
    assert bench.texts() == named(0, 10) + named(50, 90)


@pytest.mark.parametrize("first", ["", "one\n"])
def test_a_rest_that_outlived_its_content_is_no_evidence_for_any_other_file(bench, first):
    bench.write("app.log", f"{first}half")
    bench.start("app.log").later()
    os.truncate(bench.root / "app.log", 0)
    bench.later(1, steps=8)
    content = f"{first}half".encode()
    known = take(lambda at, size: content[at : at + size], len(content))
    assert (bench.texts()[-1], bench.chunks[-1].span.fingerprint) == ("half", known)


def test_what_was_written_copied_and_truncated_after_a_look_at_the_empty_file_comes_before_what_follows(bench):
    bench.write("app.log", "one\n")
    bench.start("app.log").later()
    copytruncate(bench)
    bench.later()
    (bench.root / "app.log.1").rename(bench.root / "app.log.2")
    bench.write("app.log", "two\n")
    copytruncate(bench)
    bench.write("app.log", "three\n")
    bench.later(1).later(11, steps=3)
    assert bench.texts() == ["one", "two", "three"]


def test_an_empty_file_that_was_written_to_and_renamed_comes_before_those_that_followed_it(bench):
    bench.write("app.log", "")
    bench.start("app.log").later()
    for number in range(4):
        bench.write("app.log", f"line {number}\n")
        changed = bench.root.stat().st_mtime_ns + number * 10**6
        os.utime(bench.root / "app.log", ns=(changed, changed))
        if number < 3:
            rotate(bench)
    bench.later(1).later(11, steps=3)
    assert bench.texts() == named(0, 4)
