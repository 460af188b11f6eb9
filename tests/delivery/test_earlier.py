"""Which pushes wait for earlier ones, against the plain comparison of every stream with every push before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.pushes import NOW, A, B, piece

from shipper.delivery.batch import Push
from shipper.delivery.earlier import Earlier
from shipper.delivery.streams import BEHIND

AGES = st.integers(-2 * BEHIND, 2 * BEHIND) | st.sampled_from([-BEHIND, -1, 0, 1, BEHIND, BEHIND + 1])
STREAMS = st.dictionaries(st.sampled_from([A, B]), st.lists(AGES, min_size=1, max_size=3), max_size=2)


def push_of(streams, tenant):
    return Push(
        tenant, {labels: [piece(labels, [(NOW + age, b"x")]) for age in ages] for labels, ages in streams.items()}
    )


def waits(push, before):
    return any(
        one.first < max(mine.last for mine in pieces) - BEHIND
        for labels, pieces in push.streams.items()
        for other in before
        if other.tenant == push.tenant
        for one in other.streams.get(labels, [])
    )


@given(st.lists(st.tuples(STREAMS, st.sampled_from(["", "t"])), max_size=6))
def test_for_every_queue_a_push_waits_if_an_earlier_one_has_much_older_entries_of_a_stream_of_its(queue):
    pushes = [push_of(streams, tenant) for streams, tenant in queue]
    earlier = Earlier()
    assert [earlier.hold_up(push) for push in pushes] == [waits(push, pushes[:n]) for n, push in enumerate(pushes)]
