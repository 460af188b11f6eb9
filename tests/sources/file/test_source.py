"""The file source over real files, stepped by hand: growth, order, fairness, records, looks, failures, status."""

from __future__ import annotations

import errno
import os
import random
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest

from shipper.config.model import FileSource as FileConfig
from shipper.config.model import ResolvedSource
from shipper.pipeline.cri import Pieces
from shipper.sources.file import content as content_module
from shipper.sources.file.preview import look
from shipper.sources.file.status import FileStatus


class Records:
    """A record begins at a line that is not indented."""

    max_wait = 3_000_000_000

    def whole(self, lines):
        starts = [index for index, line in enumerate(lines) if index == 0 or not line.startswith(b" ")]
        return starts[-1], [(first, end) for first, end in pairwise(starts) if end - first > 1]


# ── growth ──


def test_lines_arrive_as_the_file_grows_and_the_rest_waits_for_its_lf(bench):
    bench.write("app.log", "one\ntwo\nthr")
    bench.start("*.log").later()
    assert bench.texts() == ["one", "two"]
    assert bench.source.pending_rest() == [(str(bench.root / "app.log"), 8, 3)]
    assert bench.source.caught_up(), "an unterminated last line holds nobody up"
    bench.write("app.log", "ee\nfour\n")
    bench.later()
    assert bench.texts() == ["one", "two", "three", "four"]
    assert bench.source.pending_rest() == []


def test_a_big_file_is_read_in_contiguous_spans_of_a_mebibyte_and_a_line_at_most(bench):
    chance = random.Random(3)
    lines = ["x" * chance.randrange(1, 3000) for _ in range(3000)]
    bench.write("app.log", "\n".join(lines) + "\n")
    bench.start("app.log").later()
    assert bench.texts() == lines
    assert max(chunk.span.end - chunk.span.start for chunk in bench.chunks) <= (1 << 20) + 3000
    assert len(bench.chunks) > 3


def test_a_budget_bounds_what_a_step_reads(bench):
    bench.write("app.log", "some line\n" * 500_000)
    bench.start("app.log")
    first = bench.step(1)
    assert (len(first.chunks), first.more) == (1, True)
    assert not bench.source.caught_up()
    bench.later()
    assert bench.source.caught_up()


def test_a_line_of_thirty_megabytes_is_one_cut_line_in_bounded_memory(bench):
    path = bench.write("app.log", "before\n")
    with path.open("ab") as file:
        for _ in range(30):
            file.write(b"y" * 1_000_000)
        file.write(b"\nafter\n")
    bench.resolved = {"max_line_bytes": 1000}
    bench.start("app.log")
    tracemalloc.start()
    bench.later()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    texts = bench.texts()
    assert [len(text.encode()) for text in texts] == [6, 1000, 5]
    assert texts[1] == "y" * 974 + " … [cut, 29999026 bytes]"
    assert peak < 8_000_000
    assert [chunk.fallbacks for chunk in bench.chunks if chunk.fallbacks] == [{"cut": 1}]


def test_clock_bases_are_reserved_line_by_line(bench):
    bench.write("a.log", "1\n2\n3\n")
    bench.write("b.log", "4\n")
    bench.start("*.log").later()
    first, second = sorted(bench.chunks, key=lambda chunk: chunk.span.clock)
    assert second.span.clock >= first.span.clock + len(first.lines)


# ── records ──


def test_a_record_is_never_cut_and_the_last_one_waits_for_max_wait(bench):
    bench.grouper = Records()
    bench.write("app.log", "a\n 1\nb\n 1\n")
    bench.start("app.log").later()
    assert bench.texts() == ["a", " 1"]
    assert not bench.source.caught_up()
    bench.write("app.log", " 2\n")
    bench.later()
    bench.later(2)
    assert bench.texts() == ["a", " 1"]
    bench.later(1)
    assert bench.texts() == ["a", " 1", "b", " 1", " 2"]
    assert bench.source.caught_up()


def test_the_pieces_of_a_containers_line_are_handed_on_together_and_whole_lines_at_once(bench):
    bench.grouper = Pieces(10_000)
    first, last, lone = (
        "2026-01-27T15:46:41.479516123Z stdout " + end for end in ("P one line in", "F  two", "P lost")
    )
    path = bench.write("app.log", f"{first}\n")
    bench.start("app.log").later()
    assert bench.texts() == []
    bench.write("app.log", f"{last}\n{last}\n{lone}\n")
    bench.later()
    assert [chunk.lines for chunk in bench.chunks] == [[line.encode() for line in (first, last, last)]]
    path.rename(bench.root / "app.log.20260127-154641")
    bench.write("app.log", "")
    bench.later(5)
    assert bench.texts() == [first, last, last, lone]


def test_the_record_of_a_rotated_file_is_final_after_rotate_wait(bench):
    bench.grouper = Records()
    bench.grouper.max_wait = 3600_000_000_000
    path = bench.write("app.log", "a\n 1\nrest")
    bench.start("app.log").later()
    path.rename(bench.root / "app.log.1")
    bench.write("app.log", "b\nc\n")
    bench.later()
    assert bench.texts() == []
    bench.later(5)
    assert bench.texts() == ["a", " 1", "rest", "b"]


def test_spans_of_records_begin_where_records_begin(bench):
    bench.grouper = Records()
    chance = random.Random(5)
    lines = ["start" if chance.random() < 0.2 else " " + "z" * chance.randrange(200) for _ in range(20_000)]
    lines[0] = "start"
    bench.write("app.log", "\n".join(lines) + "\n")
    bench.start("app.log").later()
    bench.later(4)
    assert bench.texts() == lines
    assert {chunk.lines[0] for chunk in bench.chunks} == {b"start"}


# ── turns ──


def test_one_hot_file_holds_no_cold_file_up(bench):
    bench.write("hot.log", "hot line\n" * 400_000)
    for number in range(100):
        bench.write(f"cold{number}.log", f"cold {number}\n")
    bench.resolved = {"filename_label": True}
    bench.start("*.log")
    bench.step(2 << 20)
    assert sum(len(lines) for name, lines in bench.lines.items() if "cold" in name) == 100


def test_files_that_share_a_stream_are_read_one_after_the_other_oldest_first(bench):
    for name, age in (("b", 300), ("a", 100), ("c", 200)):
        path = bench.write(f"{name}.log", f"{name}\n" * 300_000)
        os.utime(path, (1_000_000_000 - age, 1_000_000_000 - age))
    bench.start("*.log").later()
    order = [chunk.lines[0] for chunk in bench.chunks]
    assert order == sorted(order, key=lambda line: [b"b", b"c", b"a"].index(line))


def test_files_with_streams_of_their_own_take_turns(bench):
    for name in "ab":
        bench.write(f"{name}.log", f"{name}\n" * 600_000)
    bench.resolved = {"path_labels": r"(?P<service>\w)\.log"}
    bench.start("*.log").later()
    order = [chunk.lines[0] for chunk in bench.chunks]
    assert order[:4] in ([b"a", b"b", b"a", b"b"], [b"b", b"a", b"b", b"a"])


# ── looks ──


def test_a_touched_file_is_looked_at_at_once_and_an_idle_one_in_the_sweep(bench):
    bench.write("app.log", "1\n")
    bench.start("*.log").later(1, steps=80)
    bench.write("app.log", "2\n")
    bench.step()
    assert bench.texts() == ["1"]
    bench.source.touch(str(bench.root / "app.log"))
    bench.step()
    assert bench.texts() == ["1", "2"]


def test_a_new_file_is_found_when_touched_or_by_the_sweep(bench):
    bench.start("*.log").later()
    bench.write("a.log", "a\n")
    bench.source.touch(str(bench.root / "a.log"))
    bench.step()
    bench.write("b.log", "b\n")
    bench.later(10)
    assert (bench.texts("a.log"), bench.texts("b.log")) == (["a"], ["b"])


def test_directories_that_appear_later_are_found(bench):
    bench.start("logs/**/*.log", "other/{x,y}.log").later()
    assert bench.source.watch_roots() == {bench.root}
    bench.write("logs/a/b/app.log", "1\n")
    bench.write("other/y.log", "2\n")
    bench.later(10)
    assert (bench.texts("logs/a/b/app.log"), bench.texts("other/y.log")) == (["1"], ["2"])
    assert bench.source.watch_plan() == {bench.root / "logs": True, bench.root / "other": False}


def test_a_touched_directory_brings_a_sweep_within_a_second(bench):
    bench.start("logs/*/*.log").later()
    bench.write("logs/a/app.log", "1\n")
    bench.source.touch(str(bench.root / "logs" / "a"))
    bench.later(1)
    assert bench.texts("logs/a/app.log") == ["1"]


def test_the_next_look_is_in_a_second_for_active_files_and_in_ten_for_idle_ones(bench):
    bench.write("app.log", "1\n")
    bench.start("*.log")
    assert bench.step().look_in == 1.0
    bench.later(1, steps=80)
    assert bench.step().look_in > 1.0


def test_two_globs_and_two_names_of_one_file_are_one_file(bench):
    bench.write("app.log", "1\n")
    (bench.root / "link.log").symlink_to("app.log")
    os.link(bench.root / "app.log", bench.root / "hard.log")
    bench.start("*.log", "app.*", "l*.log").later()
    bench.write("app.log", "2\n")
    bench.later(10)
    assert sorted(line for lines in bench.lines.values() for line in lines) == [b"1", b"2"]


def test_idle_files_are_closed_and_read_on_when_they_grow(bench):
    for number in range(50):
        bench.write(f"{number}.log", "1\n")
    bench.start("*.log").later(1, steps=70)
    assert {status.open for status in bench.source.files()} == {False}
    bench.write("7.log", "2\n")
    bench.later(10)
    assert bench.texts("7.log") == ["1", "2"]


# ── names, encodings ──


def descriptors():
    """How many are open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def append(raw, data):
    """`Path` takes no bytes."""
    descriptor = os.open(raw, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, data)
    os.close(descriptor)


def test_a_name_that_is_not_utf8_is_read_and_its_label_can_be_encoded(bench):
    raw = os.fsencode(bench.root) + b"/caf\xe9.log"
    append(raw, b"1\n")
    bench.start("*.log").later()
    assert [chunk.span.origin.path for chunk in bench.chunks] == [str(bench.root / "caf\ufffd.log")]
    append(raw, b"2\n")
    bench.start().later()
    assert [line for lines in bench.lines.values() for line in lines] == [b"1", b"2"]


def test_another_encoding_arrives_as_utf8(bench):
    bench.resolved = {"encoding": "cp949"}
    bench.write("app.log", "한글\n".encode("cp949"))
    bench.start("app.log").later()
    assert bench.texts() == ["한글"]


def test_a_span_is_framed_again_as_its_own_configuration_said(bench):
    bench.commits = False
    bench.resolved = {"max_line_bytes": 100}
    bench.write("app.log", "x" * 200 + "\n")
    bench.start("app.log").later()
    bench.chunks[0].span.epoch = "old"
    before = bench.texts()
    earlier = ResolvedSource(name="src", type="file", labels={}, **bench.resolved)
    bench.resolved = {"max_line_bytes": 70}
    bench.epochs = {"old": earlier}
    bench.write("app.log", "y" * 200 + "\n")
    bench.crash().later()
    assert bench.texts()[0] == before[0]
    assert [len(text.encode()) for text in bench.texts()] == [100, 70]


# ── failures ──


def test_what_is_no_file_is_named_and_the_others_go_on(bench):
    (bench.root / "dir.log").mkdir()
    os.mkfifo(bench.root / "fifo.log")
    (bench.root / "dangling.log").symlink_to("nowhere")
    (bench.root / "outside.log").symlink_to("/etc/hostname")
    bench.write("app.log", "1\n")
    bench.start("*.log").later()
    assert bench.texts() == ["1"]
    assert bench.failing() == {"not_a_regular_file": 2, "symlink_dangling": 1, "symlink_outside": 1}
    (bench.root / "dir.log").rmdir()
    (bench.root / "dangling.log").unlink()
    bench.later(10)
    assert bench.failing() == {"not_a_regular_file": 1, "symlink_outside": 1}


def test_a_link_root_is_a_place_links_may_lead_to(bench, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "app").write_text("1\n")
    (bench.root / "app.log").symlink_to(outside / "app")
    bench.start("*.log", link_roots=(str(outside),)).later()
    assert (bench.texts(), bench.failing()) == (["1"], {})


def refuse(monkeypatch, name, error):
    """Let opening files of one name fail."""
    genuine = os.open

    def failing(path, flags, *args, **kwargs):
        if str(path).endswith(name):
            raise OSError(error, os.strerror(error), path)
        return genuine(path, flags, *args, **kwargs)

    monkeypatch.setattr(content_module.os, "open", failing)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (errno.EACCES, "file_unreadable"),
        (errno.EMFILE, "too_many_open_files"),
        (errno.EIO, "io_error"),
        (errno.ESTALE, "io_error"),
    ],
)
def test_a_file_that_cannot_be_opened_is_named_until_it_heals(bench, monkeypatch, error, name):
    bench.write("bad.log", "1\n")
    bench.write("good.log", "2\n")
    with monkeypatch.context() as patch:
        refuse(patch, "bad.log", error)
        bench.start("*.log").later()
        assert (bench.texts("bad.log"), bench.texts("good.log")) == ([], ["2"])
        assert bench.failing() == {name: 1}
    bench.later(10)
    assert (bench.texts("bad.log"), bench.failing()) == (["1"], {})


def test_a_read_that_fails_is_tried_again(bench, monkeypatch):
    bench.write("app.log", "1\n")
    bench.start("*.log").later()
    bench.write("app.log", "2\n")
    with monkeypatch.context() as patch:

        def failing(*args):
            raise OSError(errno.EIO, "Input/output error")

        patch.setattr(content_module.os, "pread", failing)
        bench.later(1, steps=3)
        assert (bench.texts(), bench.failing()) == (["1"], {"io_error": 1})
    bench.later(2)
    assert (bench.texts(), bench.failing()) == (["1", "2"], {})


# ── status, preview ──


def test_the_status_of_each_file(bench):
    path = bench.write("app.log", "1\nrest")
    bench.start("*.log").later()
    path.rename(bench.root / "app.log.1")
    bench.write("app.log", "2\n")
    bench.later()
    name = str(bench.root / "app.log")
    assert bench.source.files() == [
        FileStatus(
            path=name, seen_at=name + ".1", generation=1, size=6, offset=2, open=True, rotated=True, deleted=False
        ),
        FileStatus(path=name, seen_at=name, generation=2, size=2, offset=0, open=True, rotated=False, deleted=False),
    ]


def test_a_preview_shows_first_lines_and_opens_nothing_for_long(tmp_path):
    (tmp_path / "b.log").write_text("1\n2\n3\n4\nrest")
    (tmp_path / "a.log").write_text("rest only")
    (tmp_path / "link.log").symlink_to("b.log")
    before = descriptors()
    shown = look(
        ResolvedSource(name="src", type="file", labels={}),
        FileConfig(name="src", paths=(str(tmp_path / "*.log"),)),
        3,
    )
    assert [(path, chunk.lines, chunk.span.start, chunk.span.end) for path, chunk in shown] == [
        (str(tmp_path / "a.log"), [], 0, 0),
        (str(tmp_path / "b.log"), [b"1", b"2", b"3"], 0, 6),
    ]
    assert descriptors() == before


def test_closing_gives_back_every_descriptor(bench):
    before = descriptors()
    for number in range(20):
        bench.write(f"{number}.log", "1\n")
    bench.start("*.log").later()
    assert descriptors() == before + 20
    bench.source.close()
    assert descriptors() == before
