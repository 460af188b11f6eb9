"""Blocks: duplicates, sealing, and reading back."""

from hypothesis import given
from hypothesis import strategies as st

from shipper.devloki.block import BLOCK_SIZE, Entry, Head, pack
from shipper.devloki.limits import TokenBucket
from shipper.devloki.store import Stream

METADATA = st.sampled_from([(), (("k", "v"),)])
ENTRIES = st.lists(st.builds(Entry, st.integers(0, 20), st.binary(max_size=3), METADATA), min_size=1)
TIMES = st.integers(-1, 21)


@given(ENTRIES, TIMES, TIMES)
def test_for_every_block_the_packed_entries_are_those_put_in(entries, start, end):
    assert pack(entries).between(start, end) == [entry for entry in entries if start <= entry.time < end]


@given(ENTRIES)
def test_for_every_push_a_small_stream_holds_each_entry_once_in_order(entries):
    stream = Stream((), "{}", TokenBucket(0, 0))
    stored = stream.append(entries) + stream.append(entries)
    assert stored == list(dict.fromkeys(entries))
    assert list(stream.between(0, 21)) == stored
    assert stream.newest == max(entry.time for entry in entries)


def test_a_head_is_full_at_256_kib_of_lines():
    head = Head()
    head.add(Entry(1, b"x" * (BLOCK_SIZE - 1)))
    assert not head.full
    head.add(Entry(2, b"x"))
    assert head.full


def test_a_head_of_empty_lines_is_full_at_65536_of_them():
    head = Head()
    added = [head.add(Entry(index, b"")) and head.full for index in range(65_536)]
    assert added == [False] * 65_535 + [True]


def test_a_stream_reads_back_over_sealed_blocks_and_the_head():
    entries = [Entry(index, b"x" * 100_000) for index in range(8)]
    stream = Stream((), "{}", TokenBucket(0, 0))
    stream.append(entries)
    assert list(stream.between(1, 7)) == entries[1:7]


def test_unflushed_entries_are_visible_from_a_time_on():
    stream = Stream((), "{}", TokenBucket(0, 0))
    first, second = [Entry(index, b"x" * 200_000) for index in range(5)], [Entry(5, b"y")]
    stream.append(first)
    assert list(stream.between(0, 9, oldest_unflushed=3)) == first[3:]
    stream.flush()
    stream.append(second)
    assert list(stream.between(0, 9, oldest_unflushed=6)) == first
