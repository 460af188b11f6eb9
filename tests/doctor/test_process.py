"""Mistakes in what is in the lines, and in what the pipeline makes of them."""

from __future__ import annotations

import time

import pytest
from tests.doctor.machine import DAY, HOUR, Machine, limited, stamp
from tests.doctor.mistake import Book, Mistake

book = Book()


@book.doubtful("source", "lines", "have a level in 'severity'", r'message = \[.*"msg"\](.|\n)*from = "ts"')
def json_under_other_keys(machine: Machine) -> None:
    machine.write({"msg": "hello", "severity": "WARN", "ts": stamp()})


@book.doubtful("source", "lines", "none of the lines is a JSON object", 'pipeline = "text" reads them')
def text_in_a_json_pipeline(machine: Machine) -> None:
    machine.write("2026-01-27 15:46:41 INFO started", "2026-01-27 15:46:42 INFO ready")


@book.doubtful("source", "lines", "30 of 30 lines are JSON objects, and this pipeline", 'pipeline = "json"')
def json_in_a_plaintext_pipeline(machine: Machine) -> None:
    machine.pipeline = "plaintext"


@book.doubtful("source", "lines", "have bytes that are no text in the encoding", "set `encoding` of the source")
def latin_1(machine: Machine) -> None:
    machine.write(b'{"event": "gr\xfc\xdfe"}')


@book.broken("source", "lines", "would become dead letters, too_old", 'max_age = "0"|too_old = "restamp"')
def lines_months_old(machine: Machine) -> None:
    machine.write(machine.line(90 * DAY))


@book.doubtful("source", "lines", "1 of 2 lines would become dead letters, too_old", "max_age")
def a_backlog_months_old(machine: Machine) -> None:
    machine.write(machine.line(90 * DAY), machine.line())


@book.doubtful("source", "lines", "the last line's time is 19 hours in the future", "mend the clock of the service")
def lines_of_the_future(machine: Machine) -> None:
    machine.write(machine.line(-19.5 * HOUR - 100))


@book.doubtful("source", "lines", "have a time that the pipeline cannot read", "`format` of the timestamp stage")
def unit_of_times_wrong(machine: Machine) -> None:
    machine.pipeline = "mine"
    machine.more = (
        '[[pipeline.mine]]\nstage = "json"\n[[pipeline.mine]]\nstage = "timestamp"\nfrom = "ts"\nformat = "unix"'
    )
    machine.write({"event": "hello", "ts": int(time.time() * 1000)})


@book.doubtful("source", "lines", "times are 5 hours behind .* without a zone", r'timezone = "Etc/GMT\+5"')
def local_times_west_of_utc(machine: Machine) -> None:
    machine.write(*({**machine.line(), "timestamp": stamp(5 * HOUR)[:19]} for _ in range(3)))


@book.doubtful("source", "lines", "times are 9 hours ahead of the moment", r'timezone = "Etc/GMT-9" in the source')
def local_times_east_of_utc(machine: Machine) -> None:
    machine.write({**machine.line(), "timestamp": stamp(-9 * HOUR)[:19]})


@book.broken("source", "lines", r"the pipeline drops every line there is \(drop 30\)", "see the drop, keep")
def everything_dropped(machine: Machine) -> None:
    machine.pipeline = "mine"
    machine.more = '[[pipeline.mine]]\nstage = "drop"\npattern = "done"'


@book.doubtful("source", "lines", r"no line matches the start of multiline, '\^\\d\{4\}-'", "the first line of each")
def multiline_that_never_begins(machine: Machine) -> None:
    machine.pipeline = "plaintext"
    machine.source = "multiline = { start = '^\\d{4}-' }"
    machine.write("INFO one", "  more", "INFO two")


@book.doubtful("source", "labels", "label request_id has 30 values; each makes a stream", "use a metadata stage")
def request_ids_as_a_label(machine: Machine) -> None:
    promote(machine, "request_id")


@book.doubtful("source", "labels", "label ray has 30 values that look like identifiers", "use a metadata stage")
def identifiers_under_a_name_of_their_own(machine: Machine) -> None:
    promote(machine, "ray")


@book.doubtful("source", "labels", "has 17 labels, and Loki takes 15", "promote fewer")
def too_many_labels(machine: Machine) -> None:
    fields = ", ".join(f'"l{number}"' for number in range(15))
    machine.pipeline = "mine"
    machine.more = f'[[pipeline.mine]]\nstage = "json"\n[[pipeline.mine]]\nstage = "labels"\nfrom = [{fields}]'


@book.broken("source", "labels", r"streams have 3 labels, and Loki takes 2 \(max_label_names", "remove labels")
def more_labels_than_this_loki_takes(machine: Machine) -> None:
    limited(machine, max_label_names=2)


@pytest.mark.parametrize("mistake", book.mistakes, ids=str)
def test_a_mistake_is_named_with_its_cure(machine: Machine, mistake: Mistake, loki: str) -> None:
    mistake.check(machine, loki)


def promote(machine: Machine, field: str) -> None:
    machine.pipeline = "mine"
    machine.more = f'[[pipeline.mine]]\nstage = "json"\n[[pipeline.mine]]\nstage = "labels"\nfrom = ["{field}"]'
    machine.write(*(machine.line(**{field: f"{number:016x}"}) for number in range(30)))
