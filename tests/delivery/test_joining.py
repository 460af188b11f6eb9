"""A push that waits alone takes in what follows of its stream, and nothing else changes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.pushes import NOW, SECOND, A, B, piece

from shipper.delivery.batch import Push
from shipper.delivery.joining import joined
from shipper.delivery.wire import decode_entries

LIMIT = 1 << 20


def push(*streams, tenant="", **history):
    """Streams are (labels, seconds after NOW…)."""
    pieces = {labels: [piece(labels, [(NOW + at * SECOND, b"%d" % at) for at in times])] for labels, *times in streams}
    return Push(tenant, pieces, **history)


def contents(pushes):
    return [
        {labels: [entry.line for one in ours for entry in decode_entries(one.body)] for labels, ours in each.items()}
        for each in [one.streams for one in pushes]
    ]


def test_what_follows_of_a_stream_that_waits_alone_goes_with_it():
    queue = [push((A, 1)), push((B, 1))]
    assert joined(queue, [push((A, 2, 3)), push((B, 2))], LIMIT) == []
    assert contents(queue) == [{A: [b"1", b"2", b"3"]}, {B: [b"1", b"2"]}]
    assert [one.extent for one in queue] == [(NOW + SECOND, NOW + 3 * SECOND), (NOW + SECOND, NOW + 2 * SECOND)]


def test_it_goes_in_order_of_time():
    queue = [push((A, 5))]
    assert joined(queue, [push((A, 2))], LIMIT) == []
    assert contents(queue) == [{A: [b"2", b"5"]}]


@pytest.mark.parametrize(
    "earlier",
    [
        push((A, 1), in_flight=True),
        push((A, 1), sent_at=1.0),
        push((A, 1), ready_at=1.0),
        push((A, 1), attempts=1),
        push((A, 1), limited=1),
        push((A, 1), bisected_at=0.0),
        push((A, 1), tenant="other"),
        push((A, 1), (B, 1)),
        push((B, 1)),
    ],
)
def test_nothing_goes_with_a_push_that_was_touched_or_has_other_streams(earlier):
    later = push((A, 2))
    assert joined([earlier], [later], LIMIT) == [later]


def test_what_is_in_doubt_is_asked_about_by_itself():
    doubtful, later = push((A, 1)), push((A, 2))
    doubtful.pieces[0].doubt = True
    assert joined([doubtful], [later], LIMIT) == [later]
    assert joined([later], [doubtful], LIMIT) == [doubtful]


def test_nothing_overtakes_a_push_behind_the_one_that_waits():
    queue, later = [push((A, 1)), push((A, 2), (B, 2))], push((A, 3))
    assert joined(queue, [later], LIMIT) == [later]
    queue = [push((A, 1)), push((A, 2), attempts=1)]
    assert joined(queue, [later], LIMIT) == [later]


def test_no_push_grows_beyond_the_limit_and_what_follows_goes_with_the_last_one():
    one = push((A, 1))
    queue = [one]
    behind = joined(queue, [push((A, 2)), push((A, 3)), push((A, 4))], 2 * one.size)
    assert contents(queue + behind) == [{A: [b"1", b"2"]}, {A: [b"3", b"4"]}]


STREAMS = st.lists(st.sampled_from([A, B]), min_size=1, unique=True)


@given(
    queued=st.lists(st.tuples(STREAMS, st.booleans()), max_size=5),
    added=st.lists(st.tuples(STREAMS, st.booleans()), max_size=5),
)
def test_for_every_queue_each_stream_goes_in_the_order_it_came(queued, added):
    pushes = [
        push(*[(labels, number) for labels in streams], ready_at=float(tried))
        for number, (streams, tried) in enumerate(queued + added)
    ]
    expected = {labels: [number for number, one in enumerate(pushes) if labels in one.streams] for labels in (A, B)}
    queue = pushes[: len(queued)]
    queue += joined(queue, pushes[len(queued) :], LIMIT)
    found = {labels: [int(line) for one in contents(queue) for line in one.get(labels, [])] for labels in (A, B)}
    assert found == expected
    assert Counter(len(one.pieces) for one in queue).total() <= len(pushes)
