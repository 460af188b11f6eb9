"""Cutting and packing pushes loses no entry, repeats none, and keeps below the limit."""

from __future__ import annotations

from collections import Counter

import snappy
from hypothesis import given
from hypothesis import strategies as st

from shipper.chunk import Carry, Fingerprint, Origin, Processed, Span
from shipper.delivery.batch import Batch, Push, cost_of, halve, pack, plan, size_of, split
from shipper.delivery.packed import Packer
from shipper.delivery.piece import Pending, Piece
from shipper.delivery.streams import BEHIND, Streams
from shipper.delivery.wire import decode_entries, encode_entry, encode_push
from shipper.devloki.push_proto import PushRequest

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
A, B = '{job="a"}', '{job="b"}'


def piece(labels, entries, weights=None, tenant=""):
    origin = Origin(source="s", generation=1, path="/p")
    span = Span(origin=origin, start=0, end=1, clock=0, after_eof=False, hit_eof=False, fingerprint=Fingerprint())
    processed = Processed(span=span, lines=0, parts=[], carry=Carry(), lengths=[], surplus={})
    return Piece(
        pending=Pending(processed=processed, size=0, open=len(entries), dead_letters=[]),
        tenant=tenant,
        labels=labels,
        body=b"".join(encode_entry(at, line) for at, line in entries),
        entries=len(entries),
        lines=len(entries) if weights is None else sum(weights),
        first=min(at for at, _ in entries),
        last=max(at for at, _ in entries),
        where=range(len(entries)),
        weights=weights,
    )


def body_of(push):
    return snappy.decompress(push.encode(Packer()))


def contents(pushes):
    return Counter(
        (push.tenant, labels, message.timestamp.seconds * SECOND + message.timestamp.nanos, bytes(message.line))
        for push in pushes
        for stream in PushRequest.FromString(body_of(push)).streams
        for labels in [stream.labels.decode()]
        for message in stream.entries
    )


def expected(pieces):
    return Counter(
        (one.tenant, one.labels, entry.timestamp, entry.line) for one in pieces for entry in decode_entries(one.body)
    )


ENTRY = st.tuples(st.integers(0, 6 * BEHIND).map(lambda age: START - age), st.binary(max_size=60))
PIECES = st.lists(
    st.builds(
        piece, st.sampled_from([A, B]), st.lists(ENTRY, min_size=1, max_size=8), tenant=st.sampled_from(["", "t"])
    ),
    min_size=1,
    max_size=8,
)


@given(pieces=PIECES, limit=st.integers(60, 2000))
def test_for_every_batch_the_planned_pushes_hold_each_entry_once_below_the_limit(pieces, limit):
    pushes = plan(pieces, Streams(), now=0.0, limit=limit)
    assert contents(pushes) == expected(pieces)
    assert all(push.size == len(body_of(push)) for push in pushes)
    assert all(push.size <= limit or push.entries == 1 for push in pushes)
    assert all(len(push.streams) == 1 for push in pushes)


@given(pieces=PIECES, limit=st.integers(60, 1000))
def test_for_every_batch_a_streams_entries_are_never_far_behind_an_earlier_one(pieces, limit):
    newest = {}
    for push in plan(pieces, Streams(), now=0.0, limit=limit):
        for stream in PushRequest.FromString(body_of(push)).streams:
            key = (push.tenant, stream.labels)
            for message in stream.entries:
                at = message.timestamp.seconds * SECOND + message.timestamp.nanos
                assert at >= newest.get(key, 0) - BEHIND
                newest[key] = max(newest.get(key, 0), at)


@given(pieces=PIECES, limit=st.integers(30, 400))
def test_for_every_push_splitting_and_halving_keep_each_entry_once(pieces, limit):
    for push in pack(
        "", {labels: [p for p in pieces if p.labels == labels] for labels in {p.labels for p in pieces}}, 10**6
    ):
        assert contents(split(push, limit)) == contents([push])
        assert all(part.size <= limit or part.entries == 1 for part in split(push, limit))
        halves = halve(push)
        assert contents(halves) == contents([push])
        assert push.entries == 1 or all(half.entries < push.entries for half in halves)


@given(
    lines=st.lists(st.tuples(ENTRY, st.integers(1, 4)), min_size=1, max_size=12),
    chosen=st.sets(st.integers(0, 11)),
)
def test_for_every_choice_dividing_a_piece_keeps_entries_lines_and_places(lines, chosen):
    whole = piece(A, [entry for entry, _ in lines], [weight for _, weight in lines])
    parts = [part for part in whole.divide(whole.decode(), chosen) if part is not None]
    rows = [
        (part.where[index], part.weight(index), entry.timestamp, entry.line)
        for part in parts
        for index, entry in enumerate(part.decode())
    ]
    assert sorted(rows) == [(n, weight, at, line) for n, ((at, line), weight) in enumerate(lines)]
    assert sum(part.lines for part in parts) == whole.lines
    assert all(
        (part.first, part.last) == (min(t), max(t)) for part in parts for t in [[e.timestamp for e in part.decode()]]
    )


def test_streams_that_are_known_share_a_push_the_largest_last_and_others_go_alone():
    streams = Streams()
    for labels in (A, B):
        streams.plan(("", labels), 1, START, START, 0.0)
        streams.accepted(("", labels), 0.0)
    new = '{job="new"}'
    pieces = [piece(labels, [(START, text)]) for labels, text in ((B, b"x"), (new, b"xx"), (A, b"xxx"))]
    assert [list(push.streams) for push in plan(pieces, streams, now=1.0)] == [[new], [B, A]]


def test_a_batch_counts_the_labels():
    batch = Batch(0.0)
    one = piece(A, [(START, b"x")])
    batch.add(one.pending, [one], size_of([one]))
    assert batch.size == len(b"".join(encode_push([(A, [bytes(one.body)])])))


def test_the_cost_of_entries_is_about_their_lines():
    one = piece(A, [(START + n, b"x" * 200) for n in range(100)])
    assert 20_000 <= cost_of([one]) <= 20_500


def test_a_push_keeps_its_history_when_its_pieces_change():
    push = Push(
        "t", {A: [piece(A, [(START, b"x"), (START, b"y")])]}, attempts=3, limited=2, troubles={("too_large", "s")}
    )
    assert [(half.tenant, half.attempts, half.limited, half.troubles) for half in halve(push)] == [
        ("t", 3, 2, {("too_large", "s")})
    ] * 2
