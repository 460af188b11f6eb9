"""Bytes that the file system took: each is counted once, whatever dies between the loss and the journal.

Every byte that was ever seen either arrived, or was lost before it was read, or belonged to a span that was begun and
could not be read again after a crash. The counts are compared as they stand in the journal, not in memory.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.sources.file.conftest import PLENTY, Bench


def numbers(first, end):
    return "".join(f"line {index}\n" for index in range(first, end))


def look(bench):
    """Look without reading; the journal is told of what is unread."""
    bench.now += 1
    bench.step(0)


def accounted(bench):
    """Bytes that arrived, bytes lost unread, bytes of abandoned spans."""
    return sum(chunk.span.size for chunk in bench.chunks), bench.journal.lost, bench.journal.missing


@pytest.mark.parametrize("written", [True, False])
def test_a_truncation_is_counted_once_whether_or_not_the_journal_had_it_before_a_kill(bench, written):
    bench.write("app.log", numbers(0, 100))
    bench.start("app.log").later()
    bench.write("app.log", numbers(100, 200))
    look(bench)
    os.truncate(bench.root / "app.log", 0)
    bench.write("app.log", numbers(200, 210))
    bench.now += 1
    step = bench.source.step(0)
    assert step.truncated_unread == len(numbers(100, 200))
    if written:
        for note in step.notes:
            bench.journal.note(note)
    bench.crash().later(1, steps=3)
    assert accounted(bench) == (len(numbers(0, 100) + numbers(200, 210)), len(numbers(100, 200)), 0)


def test_what_was_read_and_not_begun_before_a_truncation_is_counted_at_the_next_start(bench):
    bench.write("app.log", numbers(0, 10))
    bench.start("app.log").later()
    bench.write("app.log", numbers(10, 30))
    look(bench)
    bench.source.step(PLENTY)
    os.truncate(bench.root / "app.log", 0)
    bench.now += 1
    for note in bench.source.step(0).notes:
        bench.journal.note(note)
    bench.crash().later(1, steps=3)
    assert accounted(bench) == (len(numbers(0, 10)), len(numbers(10, 30)), 0)


def test_a_deleted_file_that_was_held_is_lost_with_its_process_and_counted_at_the_next_start(bench):
    bench.write("app.log", numbers(0, 10))
    bench.start("app.log").later()
    bench.commits = False
    bench.write("app.log", numbers(10, 15))
    bench.later()
    bench.write("app.log", numbers(15, 40))
    look(bench)
    (bench.root / "app.log").unlink()
    look(bench)
    bench.write("app.log", numbers(40, 50))
    look(bench)
    bench.crash()
    bench.commits = True
    bench.later(1, steps=2)
    read = numbers(0, 10) + numbers(40, 50)
    assert accounted(bench) == (len(read), len(numbers(15, 40)), len(numbers(10, 15)))
    bench.crash().later(1, steps=2)
    assert accounted(bench) == (len(read), len(numbers(15, 40)), len(numbers(10, 15)))


def test_a_deleted_file_of_which_nothing_was_read_is_finished_from_its_compressed_copy(bench):
    bench.write("app.log", numbers(0, 10))
    bench.start("app.log").later()
    (bench.root / "app.log").rename(bench.root / "app.log.2")
    bench.write("app.log", numbers(10, 40))
    look(bench)
    (bench.root / "app.log").rename(bench.root / "app.log.1")
    look(bench)
    with gzip.open(bench.root / "app.log.1.gz", "wb") as out:
        out.write((bench.root / "app.log.1").read_bytes())
    (bench.root / "app.log.1").unlink()
    look(bench)
    bench.crash().later(1, steps=3)
    assert accounted(bench) == (len(numbers(0, 40)), 0, 0)
    assert bench.texts() == [f"line {index}" for index in range(40)]


@pytest.mark.parametrize("lines", [10, 300])
@pytest.mark.parametrize("packed", [False, True])
def test_a_copy_that_is_shorter_than_what_was_seen_lacks_exactly_the_difference(bench, packed, lines):
    path = bench.write("app.log", numbers(0, lines))
    bench.start("app.log").later()
    bench.write("app.log", numbers(lines, lines + 20))
    copy = Path(shutil.copy(path, bench.root / "app.log.1"))
    bench.write("app.log", numbers(lines + 20, lines + 40))
    look(bench)
    if packed:
        with gzip.open(bench.root / "app.log.1.gz", "wb") as out:
            out.write(copy.read_bytes())
        copy.unlink()
    os.truncate(path, 0)
    bench.later(1, steps=3)
    lost = numbers(lines + 20, lines + 40)
    assert accounted(bench) == (len(numbers(0, lines + 20)), len(lost), 0)


@pytest.mark.parametrize("down", [False, True])
def test_an_end_that_was_cut_off_is_counted_once(bench, down):
    path = bench.write("app.log", numbers(0, 300))
    bench.start("app.log").later()
    bench.write("app.log", numbers(300, 350))
    look(bench)
    if down:
        bench.crash()
    os.truncate(path, len(numbers(0, 330)))
    look(bench)
    bench.crash().later(1, steps=3)
    assert accounted(bench) == (len(numbers(0, 330)), len(numbers(330, 350)), 0)


class Losses(RuleBasedStateMachine):
    """A file that loses what was not read, behind an agent that dies at any moment.

    A truncation or deletion comes right after a look, since bytes that nobody ever saw cannot be counted; while the
    agent is down it befalls a file of which something was read, since any other is known by its inode alone.
    """

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.bench = Bench(self.root)
        self.written = 0
        self.count = 0
        self.append(3)
        self.bench.start("app.log")
        look(self.bench)

    @property
    def path(self):
        return self.root / "app.log"

    def teardown(self):
        self.bench.source.close()
        shutil.rmtree(self.root)

    @rule(lines=st.integers(1, 30))
    def append(self, lines):
        text = numbers(self.count, self.count + lines)
        self.bench.write("app.log", text)
        self.written += len(text)
        self.count += lines

    @rule()
    def append_half_a_line(self):
        self.bench.write("app.log", "half")
        self.written += len("half")

    @rule(budget=st.sampled_from([0, 1, PLENTY]))
    def step(self, budget):
        self.bench.now += 1
        self.bench.step(budget)

    @rule(commits=st.booleans())
    def let_loki_answer(self, commits):
        self.bench.commits = commits
        if commits:
            self.bench.settle()

    @rule(down=st.booleans())
    def truncate(self, down):
        if not self.path.exists():
            return
        self.look_closely(read=down)
        if down:
            self.bench.crash()
        os.truncate(self.path, 0)
        self.look_closely()

    @rule(down=st.booleans())
    def delete(self, down):
        if not self.path.exists():
            return
        self.look_closely(read=down)
        self.path.unlink()
        if not down:
            self.look_closely()
        self.bench.crash()
        self.append(2)
        self.look_closely()

    @rule()
    def rotate(self):
        if self.path.exists():
            self.path.rename(self.root / f"app.log.{10**6 - self.count}")
            self.append(1)

    @rule()
    def die(self):
        self.bench.crash()

    @rule(budget=st.sampled_from([0, PLENTY]))
    def die_before_anything_of_a_step_is_written(self, budget):
        self.bench.now += 1
        self.bench.source.step(budget)
        self.bench.crash()

    @rule(budget=st.sampled_from([0, PLENTY]))
    def die_when_a_steps_notes_are_written_and_no_more(self, budget):
        self.bench.now += 1
        for note in self.bench.source.step(budget).notes:
            self.bench.journal.note(note)
        self.bench.crash()

    @invariant()
    def every_byte_is_somewhere_once(self):
        """What is settled, lost or abandoned never exceeds what was written."""
        assert sum(accounted(self.bench)) <= self.written

    def look_closely(self, *, read=False):
        if read:
            self.append(1)
            self.bench.later(6, steps=2)
            self.append(1)
        for _ in range(2):
            look(self.bench)


def test_every_byte_arrives_or_is_counted_once():
    class Ending(Losses):
        def teardown(self):
            self.append(1)
            self.bench.commits = True
            self.bench.later(11, steps=8)
            self.bench.settle()
            arrived, lost, missing = accounted(self.bench)
            super().teardown()
            assert (arrived + lost + missing, self.written) == (self.written, self.written), (arrived, lost, missing)

    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Ending,
        settings=settings(
            max_examples=int(os.environ.get("SHIPPER_TEST_EXAMPLES", "60")),
            stateful_step_count=25,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
