"""The oracle of the torture: each thing that can be wrong with what is stored is seen, and as what it is."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from benchmarks.torture.lines import Equal, Json, Lines, Nasty, Plain, Traceback
from benchmarks.torture.logs import Log
from benchmarks.torture.loki import Entry
from benchmarks.torture.oracle import Expected, judge

LABELS = {"job": "torture"}
START = 1_795_000_000 * 10**9


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return written(tmp_path, Plain(), 10)


def written(directory: Path, lines: Lines, count: int) -> Log:
    """A log of so many lines, closed."""
    log = Log(directory / "app.log", lines)
    log.write(count)
    log.close()
    return log


def stored(log: Log) -> list[Entry]:
    """What a perfect agent leaves."""
    lines = log.lines
    return [
        Entry(START + number, lines.stored(log.name, number), {**LABELS, **lines.labels(number)})
        for number in range(log.count)
    ]


def wrong(log: Log, entries: list[Entry], *, counted: int | None = None, unread: int = 0) -> dict[str, int]:
    """What the oracle finds, without what is zero."""
    expected = Expected(logs=[log], labels={log.name: LABELS})
    verdict = judge(expected, entries, len(entries) if counted is None else counted, unread)
    found = asdict(verdict)
    columns = found.keys() - {"written", "stored", "unread", "remarks"}
    assert verdict.proven == (not any(found[column] for column in columns) and not found["remarks"])
    return {column: found[column] for column in columns if found[column]}


@pytest.mark.parametrize(
    "lines",
    [Plain(), Json(start=START), Traceback(), Equal(of=Json(start=START)), Nasty(limit=4096)],
    ids=lambda lines: type(lines).__name__,
)
def test_what_is_stored_whole_and_once_is_proven(tmp_path: Path, lines: Lines) -> None:
    log = written(tmp_path, lines, 50)
    assert wrong(log, stored(log)) == {}
    assert log.path.read_bytes() == b"".join(lines.written("app", number) + b"\n" for number in range(50))


def test_lines_joined_to_one_entry_are_as_good(log: Log) -> None:
    entries = stored(log)
    joined = [replace(entries[0], text="\n".join(entry.text for entry in entries[:4])), *entries[4:]]
    assert wrong(log, joined) == {}


def test_a_line_that_is_not_there_is_missing(log: Log) -> None:
    assert wrong(log, stored(log)[1:]) == {"missing": 1}


def test_a_line_that_is_there_twice_is_duplicated(log: Log) -> None:
    entries = stored(log)
    assert wrong(log, [*entries, replace(entries[9], timestamp=START + 99)]) == {"duplicated": 1}


def test_a_copy_that_only_count_over_time_sees_is_duplicated(log: Log) -> None:
    assert wrong(log, stored(log), counted=12) == {"duplicated": 2}


def test_another_text_under_a_number_is_corrupted_and_its_line_missing(log: Log) -> None:
    entries = stored(log)
    other = replace(entries[3], text=entries[3].text + "!")
    assert wrong(log, [*entries[:3], other, *entries[4:]]) == {"corrupted": 1, "missing": 1}


def test_a_part_of_a_line_is_a_fragment(log: Log) -> None:
    entries = stored(log)
    part = replace(entries[3], text=entries[3].text[:20])
    assert wrong(log, [*entries[:3], part, *entries[4:]]) == {"fragments": 1, "missing": 1}


@pytest.mark.parametrize("text", ["nobody wrote this", "app:000000010 of a number that was not written"])
def test_a_line_nobody_wrote_is_invented(log: Log, text: str) -> None:
    assert wrong(log, [*stored(log), Entry(START + 99, text, LABELS)]) == {"invented": 1}


def test_a_line_before_its_predecessor_is_out_of_order(log: Log) -> None:
    entries = stored(log)
    entries[3], entries[4] = replace(entries[3], timestamp=START + 4), replace(entries[4], timestamp=START + 3)
    assert wrong(log, entries) == {"out_of_order": 1}


def test_a_line_under_other_labels_is_mislabelled(log: Log) -> None:
    entries = stored(log)
    entries[5] = replace(entries[5], labels={"job": "another"})
    assert wrong(log, entries) == {"mislabelled": 1}


def test_lines_that_the_file_system_took_are_excused_if_the_agent_counted_their_bytes(log: Log) -> None:
    size = log.path.stat().st_size
    log.truncate()
    log.close()
    assert wrong(log, [], unread=size) == {}
    assert wrong(log, [], unread=size - 1) == {"unexplained": 1}


def test_the_read_half_of_a_line_that_the_file_system_cut_is_no_fragment(log: Log) -> None:
    size, text = log.path.stat().st_size, log.lines.stored("app", 0)[:30]
    log.truncate()
    log.close()
    assert wrong(log, [Entry(START, text, LABELS)], unread=size - len(text.encode())) == {}
