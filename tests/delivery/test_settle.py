"""The books balance after every step, and a dead letter points at its bytes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shipper.chunk import Carry, Fingerprint, Origin, Part, Processed, Refused, Span
from shipper.clock import Clock
from shipper.delivery.settle import Settlement
from shipper.delivery.settled import DeadLetter
from shipper.delivery.wire import encode_entry
from shipper.failures import Failures
from shipper.ledger import Ledger

NOW = 1_800_000_000_000_000_000
LABELS = '{job="a"}'


class Books:
    def __init__(self):
        self.ledger = Ledger()
        self.failures = Failures(lambda: NOW)
        self.done = []
        self.settlement = Settlement(
            ledger=self.ledger,
            clock=Clock(lambda: NOW),
            failures=self.failures,
            tenant="t",
            on_done=self.done.append,
        )


def processed(weights, *, surplus=None, dropped=None, refused=(), start=1000):
    lines = sum(weights)
    lengths = [10 + n for n in range(lines)]
    where = [sum(weights[:n]) for n in range(len(weights))]
    span = Span(
        origin=Origin(source="s", generation=7, path="/p.log"),
        start=start,
        end=start + 9999,
        clock=NOW,
        after_eof=False,
        hit_eof=False,
        fingerprint=Fingerprint(),
    )
    part = Part(
        tenant="",
        labels=LABELS,
        body=b"".join(encode_entry(NOW + n, b"entry %d" % n) for n in range(len(weights))),
        entries=len(weights),
        lines=lines,
        first=NOW,
        last=NOW + len(weights) - 1,
        where=where,
        weights=weights,
    )
    return Processed(
        span=span,
        lines=lines + sum((dropped or {}).values()) + sum(one.lines for one in refused),
        parts=[part] if weights else [],
        carry=Carry(issued=5),
        lengths=lengths,
        surplus=surplus or {},
        dropped=dropped or {},
        refused=list(refused),
    )


def test_a_dead_letter_holds_the_place_of_all_lines_of_its_entry():
    books = Books()
    _, [piece] = books.settlement.open(processed([2, 1, 3]))
    books.settlement.refuse(piece, "line_too_long", "words")
    letters = books.settlement.settled(piece.pending).dead_letters
    assert letters[2] == DeadLetter(
        offset=1000 + 10 + 11 + 12 + 3,
        length=13 + 14 + 15 + 3,
        lines=3,
        timestamp=NOW + 2,
        labels=LABELS,
        tenant="t",
        text=b"entry 2",
        reason="line_too_long",
        words="words",
        source="s",
        path="/p.log",
        generation=7,
        time=NOW,
    )


def test_lines_that_take_other_sizes_in_the_file_are_found_by_these():
    books = Books()
    _, [piece] = books.settlement.open(processed([1, 2], surplus={0: 89, 1: 188, 2: 287}))
    books.settlement.refuse(piece, "too_old", "words")
    assert [(letter.offset, letter.length, letter.text) for letter in piece.pending.dead_letters] == [
        (1000, 100, None),
        (1100, 500, None),
    ]


def test_what_the_pipeline_refused_is_in_flight_until_it_is_committed():
    books = Books()
    refused = Refused(
        offset=1, length=2, lines=4, timestamp=NOW, labels=LABELS, tenant="", text=b"x", reason="labels", words="ours"
    )
    pending, _ = books.settlement.open(processed([], refused=[refused], dropped={"blank": 2}))
    account = books.ledger.account("s")
    assert (account.read, account.in_flight, account.dropped) == (6, 4, Counter(blank=2))
    books.settlement.begun(pending)
    assert books.done == [pending]
    books.settlement.committed(pending)
    assert (account.in_flight, account.dead_lettered, books.ledger.imbalances()) == (0, Counter(labels=4), {})
    assert [failure.name for failure in books.failures.current()] == ["entries_refused"]


@given(
    weights=st.lists(st.integers(1, 4), min_size=1, max_size=10),
    fates=st.lists(st.sampled_from(["store", "drop", "refuse"]), min_size=10, max_size=10),
    begun_first=st.booleans(),
)
def test_for_every_mix_of_fates_the_books_balance_and_the_span_is_done_once(weights, fates, begun_first):
    books = Books()
    pending, [piece] = books.settlement.open(processed(weights))
    decoded = piece.decode()
    if begun_first:
        books.settlement.begun(pending)
    for index in range(len(weights)):
        assert books.done == []
        one = piece.pick(decoded, [index])
        {
            "store": lambda one: books.settlement.store(one),
            "drop": lambda one: books.settlement.drop(one, "too_old"),
            "refuse": lambda one: books.settlement.refuse(one, "labels", "w"),
        }[fates[index]](one)
        assert books.ledger.imbalances() == {}
    if not begun_first:
        assert books.done == []
        books.settlement.begun(pending)
    assert books.done == [pending]
    assert books.settlement.outstanding("s") == pending.size
    books.settlement.committed(pending)
    account = books.ledger.account("s")
    assert (account.in_flight, books.ledger.imbalances(), books.settlement.total_outstanding()) == (0, {}, 0)
    fate = Counter()
    for weight, name in zip(weights, fates, strict=False):
        fate[name] += weight
    assert (account.delivered, account.dropped.total(), account.dead_lettered.total()) == (
        fate["store"],
        fate["drop"],
        fate["refuse"],
    )
