"""Loki's words name the offenders: the recorded refusals, and the bounds of what words can tell."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.pushes import NOW, SECOND, A, B, behind, push

from shipper.delivery.isolate import isolate
from shipper.delivery.replies import Kind, classify
from shipper.delivery.report import read_report

RECORDED = json.loads((Path(__file__).parents[1] / "devloki" / "conformance.json").read_text())["versions"]
MOMENT = {"2.9.0": 1795169315832392235, "3.4.6": 1795169366961429816}
"""When the cases were pushed: 2026-11-20 10:08:35.832392235 and 10:09:26.961429816, as the recorded words print it."""


def named(isolation):
    return [
        (offence.reason, [(item.entry.timestamp, item.entry.line) for item in offence.items])
        for offence in isolation.offences
    ]


def written(value):
    """A text of the recording, where long ones are told by what they repeat."""
    return value["repeat"] * value["n"] if isinstance(value, dict) else value


def metadata_of(entry):
    """The metadata of a recorded entry."""
    pairs = entry.get("metadata", [])
    if isinstance(pairs, dict):
        return [(f"name{index}", "v") for index in range(pairs["pairs"])]
    return [(name, written(value)) for name, value in pairs]


def recorded_push(version, case):
    def at(entry):
        return MOMENT[version] + entry["at"]["seconds_from_now"] * SECOND + entry["at"]["ns"]

    return push(
        *(
            (
                stream["labels"],
                [(at(entry), written(entry["line"]).encode(), metadata_of(entry)) for entry in stream["entries"]],
            )
            for stream in case["request_streams"]
        )
    )


def refused_cases():
    for version, cases in RECORDED.items():
        for case in cases:
            if case["status"] == 400 and case.get("request_streams"):
                kind = classify(400, {}, case["body"].encode()).kind
                if kind is Kind.REFUSED and case["case"] != "zero_timestamp":
                    yield pytest.param(version, case, id=f"{version} {case['case']}")


@pytest.mark.parametrize(("version", "case"), list(refused_cases()))
def test_what_a_recorded_refusal_names_is_what_was_not_stored(version, case):
    sent = recorded_push(version, case)
    stored = Counter(value[1] for stream in case.get("stored") or [] for value in stream["values"])
    expected = [
        entry.line
        for part in sent.pieces
        for entry in part.decode()
        if not any(line.encode() == entry.line for line in stored)
    ]
    isolation = isolate(sent, case["body"])
    found = [line for _, items in named(isolation) for _, line in items]
    assert (sorted(found), isolation.complete) == (sorted(expected), True)


def too_old(at, oldest, stream=A):
    return f"entry for stream '{stream}' has timestamp too old: {at}, oldest acceptable timestamp is: {oldest}"


def test_of_the_second_that_the_bound_stands_for_the_count_tells_how_many_are_meant():
    sent = push((A, [(NOW - 5, b"sure"), (NOW + 10, b"meant"), (NOW + 20, b"not"), (NOW + SECOND, b"later")]))
    bound = "2027-01-15T08:00:00Z"
    words = f"2 errors like: {too_old('2027-01-15T07:59:59Z', bound)}"
    assert named(isolate(sent, words)) == [("too_old", [(NOW - 5, b"sure"), (NOW + 10, b"meant")])]


def test_counts_of_several_examples_of_one_kind_add_up():
    sent = push((A, [(NOW - 5, b"1"), (NOW + 10, b"2"), (NOW + 20, b"3"), (NOW + 30, b"4")]))
    bound = "2027-01-15T08:00:00Z"
    words = f"1 errors like: {too_old('2027-01-15T07:59:59Z', bound)}; 2 errors like: {too_old(bound, bound)}"
    isolation = isolate(sent, words)
    assert named(isolation) == [("too_old", [(NOW - 5, b"1"), (NOW + 10, b"2"), (NOW + 20, b"3")])]


def test_too_new_entries_are_the_newest_ones():
    sent = push((A, [(NOW, b"ok"), (NOW + 7200 * SECOND + 5, b"edge"), (NOW + 7300 * SECOND, b"sure")]))
    words = f"entry for stream '{A}' has timestamp too new: 2027-01-15T10:00:00Z"
    assert named(isolate(sent, words)) == [("too_new", [(NOW + 7300 * SECOND, b"sure")])]
    assert named(isolate(sent, f"2 errors like: {words}")) == [
        ("too_new", [(NOW + 7300 * SECOND, b"sure"), (NOW + 7200 * SECOND + 5, b"edge")])
    ]


def test_a_report_of_fewer_entries_than_were_sent_is_not_complete():
    sent = push((A, [(NOW, b"behind"), (NOW + 1, b"hidden"), (NOW + 2, b"fine")]))
    isolation = isolate(sent, behind(["2027-01-15 08:00:00"], 1, 2))
    assert (named(isolation), isolation.complete) == ([("too_far_behind", [(NOW, b"behind")])], False)


def test_more_than_are_listed_are_the_oldest_of_the_stream():
    sent = push((A, [(NOW + n, b"%d" % n) for n in range(30)]), (B, [(NOW - 99, b"other")]))
    words = behind([f"2027-01-15 08:00:00.{n:09d}".rstrip("0").rstrip(".") for n in range(10)], 14, 30)
    assert named(isolate(sent, words)) == [("too_far_behind", [(NOW + n, b"%d" % n) for n in range(14)])]


def test_metadata_counts_for_the_size_where_lines_alone_do_not_explain_the_refusal():
    sent = push((A, [(NOW, b"x" * 90, [("key", "v" * 20)]), (NOW + 1, b"y" * 90)]))
    words = f"Max entry size '100' bytes exceeded for stream '{A}' while adding an entry with length '113' bytes"
    assert named(isolate(sent, words)) == [("line_too_long", [(NOW, b"x" * 90)])]


def test_labels_in_which_loki_sees_a_fault_refuse_that_stream_alone():
    long = "v" * 2049
    bad = f'{{job="{long}"}}'
    sent = push((bad, [(NOW, b"bad")]), (A, [(NOW, b"good")]))
    words = f"stream '{{job=\"{long}\", service_name=\"{long}\"}}' has label value too long: '{long}'"
    assert named(isolate(sent, words)) == [("labels", [(NOW, b"bad")])]


def test_words_that_are_not_known_name_nobody():
    sent = push((A, [(NOW, b"a")]))
    assert named(isolate(sent, "the moon is in the wrong phase")) == []


def test_words_with_a_time_that_is_none_tell_nothing():
    sent = push((A, [(NOW, b"a")]))
    words = behind(["2027-13-45 08:00:00"], 1, 1)
    assert (named(isolate(sent, words)), read_report(sent, words)) == ([], None)


PHRASES = [
    too_old("2027-01-15T07:59:59Z", "2027-01-15T08:00:01Z"),
    behind(["2027-01-15 08:00:00", "2027-13-45 08:00:00.5"], 2, 9),
    behind([], 2, 2),
    "3 errors like: Max entry size '2' bytes exceeded",
    f"stream '{A}' has 16 label names; limit 15",
    f"stream '{A}' has label value too long: 'a'; ",
    *("0001-01-01T00:00:00+23:59", "9" * 5000, "'", "limit: ", "total ignored: ", " out of "),
]
WORDS = st.lists(st.sampled_from(PHRASES) | st.text(max_size=5), max_size=5).flatmap(
    lambda parts: st.builds(
        lambda text, at, end: text[at : len(text) - end],
        st.just(" ".join(parts)),
        st.integers(0, 40),
        st.sampled_from([0, 0, 1, 9]),
    )
)


@given(words=st.text(max_size=300) | WORDS, count=st.integers(1, 5))
def test_for_every_text_isolation_names_each_entry_at_most_once(words, count):
    sent = push((A, [(NOW + n, b"x" * n) for n in range(count)]))
    report = read_report(sent, words)
    assert report is None or report.labels in ("", A)
    for text in (words, too_old("2027-01-15T07:59:59Z", "2027-01-15T08:00:01Z") + words + behind([], 2, 2)):
        found = [id(item.piece) * 10 + item.index for offence in isolate(sent, text).offences for item in offence.items]
        assert len(found) == len(set(found))
