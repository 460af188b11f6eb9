"""What an ingester's report tells of each entry of the stream it speaks of."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.pushes import NOW, SECOND, A, behind, push

from shipper.delivery.report import Report, named_stream, read_report, sort_out


def test_a_time_printed_without_its_last_zeros_is_read():
    report = read_report(push((A, [(NOW, b"x")])), behind(["2027-01-15 08:00:00", "2027-01-15 08:00:00.5"], 2, 2))
    assert report is not None
    assert report.reasons == {NOW: "too_far_behind", NOW + SECOND // 2: "too_far_behind"}


def test_a_stream_is_recognised_with_the_labels_that_servers_add():
    sent = push((A, [(NOW, b"a")]), ('{job="b", level="error"}', [(NOW, b"b")]))
    printed = '{job="b", level="error", service_name="b", __stream_shard__="3"}'
    assert named_stream(sent, printed) == '{job="b", level="error"}'
    assert named_stream(sent, '{job="c"}') == ""


def sorted_out(sent, report):
    """Lines that are known not to be stored, presumably are, and are in doubt."""
    parts = sort_out(sent.streams[A], report)

    def lines(*, doubt, presumed):
        chosen = [part for part in parts if (part.doubt, part.presumed) == (doubt, presumed)]
        return Counter(entry.line for part in chosen for entry in part.decode())

    return lines(doubt=False, presumed=False), lines(doubt=True, presumed=True), lines(doubt=True, presumed=False)


def test_a_report_of_one_shard_leaves_the_whole_stream_in_doubt():
    sent = push((A, [(NOW + n, b"%d" % n) for n in range(4)]))
    shard = Report(A, ignored=2, received=2, reasons={NOW: "rate", NOW + 2: "rate"})
    assert sorted_out(sent, shard) == (Counter(), Counter(), Counter([b"0", b"1", b"2", b"3"]))


def test_a_stream_of_which_nothing_was_taken_is_in_no_doubt():
    sent = push((A, [(NOW + n // 2, b"%d" % n) for n in range(30)]))
    report = Report(A, ignored=30, received=30, reasons={NOW + n: "rate" for n in range(5)})
    assert sorted_out(sent, report) == (Counter(b"%d" % n for n in range(30)), Counter(), Counter())


@given(files=st.lists(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=12), min_size=1))
def test_for_every_part_that_was_taken_no_entry_is_sent_again_unasked_and_none_is_presumed_in_vain(files):
    """Each entry is a time, and whether the ingester takes it."""
    lines = [
        [(NOW + at, b"%d of %d" % (index, number), taken) for index, (at, taken) in enumerate(file)]
        for number, file in enumerate(files)
    ]
    sent = push(*((A, [(at, line) for at, line, _ in file]) for file in lines))
    everything = [entry for file in lines for entry in file]
    ignored = [at for at, _, taken in everything if not taken]
    report = Report(A, len(ignored), len(everything), dict.fromkeys(ignored[:10], "rate"))
    missing, stored, unsure = sorted_out(sent, report)
    assert missing + stored + unsure == Counter(line for _, line, _ in everything)
    assert missing <= Counter(line for _, line, taken in everything if not taken)
    assert stored <= Counter(line for _, line, taken in everything if taken)
